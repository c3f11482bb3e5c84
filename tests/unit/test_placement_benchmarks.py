"""One command for the placement benchmarks: it hands every benchmark its data and its own arguments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.bench import placement


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    heard: dict[str, list[str]] = {}

    def listening(name: str, code: int) -> placement.Benchmark:
        def main(argv: Sequence[str]) -> int:
            heard[name] = list(argv)
            return code

        return placement.BENCHMARKS[name]._replace(main=main)

    codes = {"openb": 0, "muri": 2, "fleetcost": 0, "speed": 0}
    monkeypatch.setattr(placement, "BENCHMARKS", {name: listening(name, code) for name, code in codes.items()})
    return heard


def test_all_run_and_the_worst_exit_code_counts(called: dict[str, list[str]]) -> None:
    assert placement.main([]) == 2
    assert list(called) == ["openb", "muri", "fleetcost", "speed"]
    assert "--data" not in called["speed"], "it makes its own"


def test_each_finds_its_part_of_a_folder_of_all_data(called: dict[str, list[str]], tmp_path: Path) -> None:
    traces = tmp_path / "traces" / "openb"
    traces.mkdir(parents=True)
    placement.main(["openb", "muri", "--data", str(tmp_path)])
    assert called["openb"] == ["--data", str(traces)]
    assert called["muri"] == ["--data", str(tmp_path)], "a folder of its own traces will do as well"


def test_names_of_traces_go_to_the_benchmark(called: dict[str, list[str]], tmp_path: Path) -> None:
    placement.main(["openb", "--json", str(tmp_path / "out"), "--", "default", "--seeds", "2"])
    assert called["openb"][:3] == ["default", "--seeds", "2"]
    assert called["openb"][-2:] == ["--json", str(tmp_path / "out" / "openb.json")]


def test_an_unknown_name_is_refused_with_those_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        placement.main(["openbb"])
    assert "known: openb, muri, fleetcost, speed" in capsys.readouterr().err


def test_arguments_of_one_benchmark_are_not_given_to_several(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        placement.main(["openb", "muri", "--", "default"])
    assert "name just one" in capsys.readouterr().err
