"""What a workload has had is counted once, with the change that ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from stellwerk.lifecycle.actions import PatchStatus
from stellwerk.lifecycle.observed import Eviction, Resize, WorkloadState
from stellwerk.lifecycle.transactions import actions_for
from stellwerk.lifecycle.wire import ServiceStatus, WorkloadStatus
from stellwerk.model.workload import Workload
from tests.builders import NOW, SPEC, decision, identity, own_job, plan_of, state, status_after

MINUTE = timedelta(minutes=1)
GPUS, PODS = 8, 4
GANG_MINUTE = 60 * GPUS * PODS
"""Accelerator-seconds of a minute of the gang."""


def after(seen: WorkloadState, minute: int, **facts: Any) -> WorkloadState:
    """Let the operator see something in that minute, and return the state with what it then writes."""
    told = msgspec.structs.replace(seen, **facts)
    made = () if seen.status.placement is not None else (decision(workload=of(seen)),)
    status = told.status
    for transaction in actions_for(plan_of(*made), [told], NOW + minute * MINUTE):
        for action in transaction.actions:
            if isinstance(action, PatchStatus):
                status = status_after(status, action.body)
    return msgspec.structs.replace(told, status=status, eviction=None, resize=None)


def of(seen: WorkloadState) -> Workload:
    assert isinstance(seen.workload, Workload)
    return seen.workload


def gang(**spec: Any) -> WorkloadState:
    """A gang of 4 x 8 that was placed at once, and that has run since the first minute."""
    template = {"replicas": PODS, "accelerators": [{"model": "H100", "count": GPUS}]}
    placed = after(state({**SPEC, **template, **spec}, status=WorkloadStatus()), 0)
    assert placed.status.placement is not None
    return after(placed, 1, job=own_job(identity(), parallelism=PODS, ready=PODS))


def service(seen: WorkloadState) -> tuple[int, int] | None:
    had = seen.status.service
    return None if had is None else (had.accelerator_seconds, had.lost_seconds)


WHY = Eviction("Preempted", "for team/urgent")


def test_while_the_pods_run_nothing_is_written() -> None:
    running = gang()
    assert running.status.is_true("Ready")
    assert service(running) is None
    assert after(running, 30).status == running.status


def test_stopping_counts_the_time_that_the_pods_ran_and_without_checkpoints_all_is_lost() -> None:
    stopped = after(gang(), 31, eviction=WHY)
    assert not stopped.status.is_true("Placed")
    assert service(stopped) == (30 * GANG_MINUTE, 30 * GANG_MINUTE)


@pytest.mark.parametrize(("interval", "lost"), [("10m", 5), ("2h", 15)])
def test_with_checkpoints_half_an_interval_is_lost_and_never_more_than_half_of_what_was_done(
    interval: str, lost: int
) -> None:
    stopped = after(gang(checkpointInterval=interval), 31, eviction=WHY)
    assert service(stopped) == (30 * GANG_MINUTE, lost * GANG_MINUTE)


def test_pods_that_never_ran_count_nothing() -> None:
    placed = after(state({**SPEC, "checkpointInterval": "10m"}), 0)
    stopped = after(placed, 50, eviction=WHY)
    assert not stopped.status.is_true("Placed")
    assert service(stopped) is None


def test_a_pod_that_fails_ends_a_count_and_loses_nothing_of_what_others_did() -> None:
    running = gang(checkpointInterval="10m")
    limping = after(running, 11, job=own_job(identity(), parallelism=PODS, ready=PODS - 1))
    assert service(limping) == (10 * GANG_MINUTE, 0)
    whole = after(limping, 20, job=running.job)
    assert service(whole) == (10 * GANG_MINUTE, 0), "the minutes between count for nobody"
    assert service(after(whole, 26, eviction=WHY)) == (16 * GANG_MINUTE, 3 * GANG_MINUTE)


def test_an_elastic_gang_counts_by_the_size_that_it_had() -> None:
    running = gang(minReplicas=1)
    place = running.status.placement
    assert place is not None
    smaller = Resize(msgspec.structs.replace(place, replicas=1), "now 1 pod")
    shrunk = after(running, 11, resize=smaller)
    assert shrunk.status.placement is not None
    assert (shrunk.status.placement.replicas, service(shrunk)) == (1, (10 * GANG_MINUTE, 0))
    job = own_job(identity(), parallelism=1, ready=1)
    stopped = after(msgspec.structs.replace(shrunk, job=job), 15, eviction=WHY)
    assert service(stopped) == (11 * GANG_MINUTE, 11 * GANG_MINUTE)


def test_the_end_adds_the_last_stretch_and_loses_nothing() -> None:
    running = gang()
    ended = after(running, 61, job=own_job(identity(), parallelism=PODS, finished="Complete"))
    assert ended.status.is_true("Finished")
    assert service(ended) == (60 * GANG_MINUTE, 0)
    assert after(ended, 90).status == ended.status


def test_asking_again_before_the_write_is_seen_counts_nothing_twice() -> None:
    running = gang()
    first, second = (after(running, 31, eviction=WHY) for _ in range(2))
    assert service(first) == service(second)
    told = msgspec.structs.replace(first, eviction=WHY)
    assert after(told, 40).status.service == first.status.service


def test_a_clock_that_stepped_back_takes_nothing_away() -> None:
    before = ServiceStatus(100, 50)
    running = gang(checkpointInterval="10m")
    had = msgspec.structs.replace(running, status=msgspec.structs.replace(running.status, service=before))
    assert after(had, -5, eviction=WHY).status.service == before
