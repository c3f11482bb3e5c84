"""Room that is given and not yet taken."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.reservations import reservation_of
from stellwerk.lifecycle.status import next_status
from stellwerk.model.decision import Mode
from stellwerk.model.workload import Workload
from tests.builders import NOW, decision, identity, own_job, resources, state, user_job

REF = {"class": "Batch", "workloadRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "report"}}


def placed(**facts: Any) -> WorkloadState:
    seen = state()
    assert isinstance(seen.workload, Workload)
    status = next_status(seen, decision(Mode.FIT, seen.workload), NOW, 1)
    return state(status=status, **facts)


def pods(seen: WorkloadState, bound: int = 0) -> int:
    found = reservation_of(seen, bound)
    return 0 if found is None else found.pods


def test_a_placed_gang_reserves_all_its_pods_with_their_accelerators() -> None:
    found = reservation_of(placed(), 0)
    assert found is not None
    assert (found.uid, found.cluster, found.pool, found.pods) == ("uid-train", "local", "pool", 2)
    assert found.pod == resources(cpu="8", memory="64Gi", pods=1, gpu=8)
    assert found.preferred_nodes == ("pool-0000", "pool-0001")


@pytest.mark.parametrize(
    ("job", "bound", "left"),
    [
        ({}, 0, 2),
        ({}, 1, 1),
        ({}, 2, 0),
        ({"succeeded": 1}, 0, 1),
        ({"succeeded": 1}, 1, 0),
        ({"succeeded": 2}, 0, 0),
        ({"finished": "Failed"}, 0, 0),
    ],
)
def test_what_is_bound_or_done_is_not_reserved_any_more(job: dict[str, Any], bound: int, left: int) -> None:
    assert pods(placed(job=own_job(identity(), **job)), bound) == left


def test_a_pod_that_waits_for_its_node_is_reserved_although_its_job_is_seen_earlier_than_its_siblings_end() -> None:
    found = reservation_of(placed(job=own_job(identity(), succeeded=1)), bound=1, unbound=1)
    assert found is not None
    assert found.pods == 1


def test_a_job_that_runs_in_waves_keeps_its_room_between_them() -> None:
    wave = user_job(parallelism=2, completions=10, succeeded=4, suspend=False, started=True)
    seen = state(REF, job=user_job(parallelism=2, completions=10))
    assert isinstance(seen.workload, Workload)
    status = next_status(seen, decision(Mode.FIT, seen.workload), NOW, 1)
    between = state(REF, job=wave, status=status)
    assert pods(between, bound=0) == 2
    last = msgspec.structs.replace(between, job=msgspec.structs.replace(wave, succeeded=9))
    assert pods(last, bound=0) == 1


def test_what_waits_ends_or_goes_reserves_nothing() -> None:
    assert reservation_of(state(), 0) is None
    assert reservation_of(placed(deleting=True), 0) is None
    done = next_status(placed(job=own_job(identity(), finished="Complete")), None, NOW, 2)
    assert reservation_of(state(status=done), 0) is None


def test_pods_that_somebody_labels_as_a_jobs_reserve_nothing_beyond_what_it_was_given() -> None:
    found = reservation_of(placed(job=own_job(identity())), bound=2, unbound=1000)
    assert found is not None
    assert found.pods == 2
