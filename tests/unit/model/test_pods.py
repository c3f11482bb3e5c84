"""The effective request of a pod, moment by moment."""

from __future__ import annotations

from typing import Any

import pytest

from stellwerk.model.pods import pod_requests
from tests.builders import resources


def container(restart: str | None = None, **requests: str) -> dict[str, Any]:
    made: dict[str, Any] = {"name": "c", "resources": {"requests": requests}}
    return made if restart is None else {**made, "restartPolicy": restart}


def test_containers_run_together() -> None:
    pod = {"containers": [container(cpu="1", memory="1Gi"), container(cpu="2")]}
    assert pod_requests(pod) == resources(cpu="3", memory="1Gi", pods=1)


def test_a_limit_stands_in_for_an_absent_request_of_the_same_resource() -> None:
    both = {"requests": {"cpu": "1"}, "limits": {"cpu": "4", "nvidia.com/gpu": "8"}}
    assert pod_requests({"containers": [{"resources": both}]}) == resources(cpu="1", gpu=8, pods=1)


def test_an_init_container_counts_only_where_it_needs_more_than_the_containers() -> None:
    small = {"initContainers": [container(cpu="1")], "containers": [container(cpu="2")]}
    large = {"initContainers": [container(cpu="8", memory="1Gi")], "containers": [container(cpu="2", memory="4Gi")]}
    assert pod_requests(small) == resources(cpu="2", pods=1)
    assert pod_requests(large) == resources(cpu="8", memory="4Gi", pods=1)


def test_a_sidecar_runs_beside_the_containers() -> None:
    pod = {"initContainers": [container("Always", cpu="1")], "containers": [container(cpu="2")]}
    assert pod_requests(pod) == resources(cpu="3", pods=1)


def test_an_init_container_runs_beside_the_sidecars_started_before_it_only() -> None:
    before = [container("Always", cpu="3"), container(cpu="4")]
    after = [container(cpu="4"), container("Always", cpu="3")]
    assert pod_requests({"initContainers": before, "containers": [container(cpu="1")]}) == resources(cpu="7", pods=1)
    assert pod_requests({"initContainers": after, "containers": [container(cpu="1")]}) == resources(cpu="4", pods=1)


def test_overhead_comes_on_top() -> None:
    pod = {"containers": [container(cpu="1")], "overhead": {"cpu": "250m", "memory": "120Mi"}}
    assert pod_requests(pod) == resources(cpu="1250m", memory="120Mi", pods=1)


def test_what_the_pod_states_for_itself_overrides_the_sum_of_its_containers() -> None:
    pod = {"containers": [container(cpu="1", memory="1Gi")], "resources": {"requests": {"cpu": "3"}}}
    assert pod_requests(pod) == resources(cpu="3", memory="1Gi", pods=1)


def test_a_pod_that_asks_for_nothing_still_takes_the_place_of_a_pod() -> None:
    assert pod_requests({"containers": [{"name": "c"}]}) == resources(pods=1)


def test_nulls_as_go_writes_them_are_read_as_absent() -> None:
    pod = {"containers": [{"resources": {"requests": None, "limits": None}}], "initContainers": None, "overhead": None}
    assert pod_requests(pod) == resources(pods=1)


def test_what_is_no_quantity_is_refused() -> None:
    with pytest.raises(ValueError, match="no quantity"):
        pod_requests({"containers": [container(cpu="much")]})
