"""The endpoint tells the truth of its probes and speaks OpenMetrics."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge

from stellwerk.control.endpoints import Endpoints, Probes


@pytest.fixture
def wrong() -> dict[str, list[str]]:
    """What is wrong, by probe; tests fill it in."""
    return {"alive": [], "ready": []}


@pytest.fixture
def url(wrong: dict[str, list[str]]) -> Iterator[str]:
    """The base URL of a running endpoint with one metric."""
    registry = CollectorRegistry()
    Gauge("stellwerk_answer", "Forty-two.", registry=registry).set(42)
    endpoints = Endpoints(
        ("127.0.0.1", 0), registry, Probes(alive=lambda: wrong["alive"], ready=lambda: wrong["ready"])
    )
    endpoints.start()
    yield f"http://127.0.0.1:{endpoints.port}"
    endpoints.stop()


def _get(url: str, accept: str = "") -> tuple[int, str, str]:
    request = urllib.request.Request(url, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


@pytest.mark.parametrize("probe", ["healthz", "readyz"])
def test_a_probe_with_nothing_wrong_answers_200(url: str, probe: str) -> None:
    """Nothing wrong means ok."""
    assert _get(f"{url}/{probe}")[::2] == (200, "ok\n")


@pytest.mark.parametrize(("probe", "check"), [("healthz", "alive"), ("readyz", "ready")])
def test_a_failing_probe_answers_503_and_names_what_is_wrong(
    url: str, wrong: dict[str, list[str]], probe: str, check: str
) -> None:
    """Each probe asks its own check."""
    wrong[check] = ["stream pods is silent for 120 s"]

    assert _get(f"{url}/{probe}")[::2] == (503, "stream pods is silent for 120 s\n")


def test_metrics_are_openmetrics_when_asked_for(url: str) -> None:
    """Prometheus asks for OpenMetrics and gets it, with its end marker."""
    status, content_type, body = _get(f"{url}/metrics", "application/openmetrics-text; version=1.0.0")

    assert status == 200
    assert content_type.startswith("application/openmetrics-text")
    assert "stellwerk_answer 42.0" in body
    assert body.endswith("# EOF\n")


def test_an_unknown_path_is_not_found(url: str) -> None:
    """Only the three documented paths exist."""
    assert _get(f"{url}/debug")[0] == 404
