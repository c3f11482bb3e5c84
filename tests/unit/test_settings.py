"""Settings come from environment and file, and refuse what cannot work with the field's name."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from stellwerk.settings import FILE_VARIABLE, Settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FILE_VARIABLE, raising=False)


def test_the_defaults_are_valid() -> None:
    """No configuration at all works."""
    assert Settings().lease.duration_seconds > Settings().lease.renew_seconds


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The order is environment, file, default."""
    file = tmp_path / "stellwerk.yaml"
    file.write_text("batch: {idle_seconds: 0.5, maximum_seconds: 2}\n")
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    monkeypatch.setenv("STELLWERK_BATCH__IDLE_SECONDS", "0.25")

    batch = Settings().batch

    assert (batch.idle_seconds, batch.maximum_seconds) == (0.25, 2.0)


def test_an_unknown_key_in_the_file_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A typo is an error, not a silent default."""
    file = tmp_path / "stellwerk.yaml"
    file.write_text("batch: {idle_secnods: 0.5}\n")
    monkeypatch.setenv(FILE_VARIABLE, str(file))

    with pytest.raises(ValidationError, match="idle_secnods"):
        Settings()


@pytest.mark.parametrize(
    ("variables", "want"),
    [
        pytest.param(
            {"STELLWERK_LEASE__RENEW_SECONDS": "11"}, "duration_seconds > renew_seconds", id="renew later than expiry"
        ),
        pytest.param(
            {"STELLWERK_WRITES__TIMEOUT_SECONDS": "5"},
            "writes.timeout_seconds must not exceed",
            id="write outlives the lease",
        ),
        pytest.param({"STELLWERK_HTTP__PORT": "70000"}, "http.port", id="port out of range"),
        pytest.param({"STELLWERK_LOGS__FORMAT": "xml"}, "'json' or 'console'", id="unknown format"),
    ],
)
def test_what_cannot_work_is_refused_with_its_field(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], want: str
) -> None:
    """The message names the field and what is allowed."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=want):
        Settings()
