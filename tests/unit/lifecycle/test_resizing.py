"""Elastic workloads change their size: the status first, then the Job, whatever happens between the two."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stellwerk.lifecycle.actions import EmitEvent, PatchJob, PatchStatus
from stellwerk.lifecycle.intake import workload_from
from stellwerk.lifecycle.job import build_job, job_patch
from stellwerk.lifecycle.observed import JobView, Resize, WorkloadState
from stellwerk.lifecycle.reservations import reservation_of
from stellwerk.lifecycle.transactions import actions_for
from stellwerk.lifecycle.wire import WorkloadStatus
from stellwerk.model.capacity import CapacityType
from stellwerk.model.placement import Placement
from stellwerk.model.workload import Workload
from tests.builders import LATER, NOW, SPEC, decision, identity, own_job, plan_of, state, status_after, user_job

ELASTIC = {**SPEC, "replicas": 4, "minReplicas": 1}


def placed(**facts: Any) -> WorkloadState:
    """An elastic workload that runs with two pods."""
    first = state(ELASTIC)
    assert isinstance(first.workload, Workload)
    made = decision(workload=msgspec.structs.replace(first.workload, replicas=2, min_replicas=None))
    (due,) = actions_for(plan_of(made), [first], NOW)
    status = status_after(WorkloadStatus(), due.actions[0].body)  # type: ignore[union-attr]
    told = {"job": own_job(identity(), ready=2), **facts}
    return msgspec.structs.replace(first, status=status, **told)


def wished(pods: int, **facts: Any) -> WorkloadState:
    """The same, and somebody wants it to have so many pods."""
    seen = placed(**facts)
    assert seen.status.placement is not None
    place = msgspec.structs.replace(seen.status.placement, replicas=pods)
    return msgspec.structs.replace(seen, resize=Resize(place, f"now {pods} pods"))


def due(seen: WorkloadState) -> tuple[Any, ...]:
    found = actions_for(plan_of(), [seen], LATER)
    return found[0].actions if found else ()


@pytest.mark.parametrize(("pods", "reason"), [(4, "Grown"), (1, "Shrunk")])
def test_the_status_is_written_first_then_both_sizes_of_the_job_then_the_event(pods: int, reason: str) -> None:
    status, job, *events = due(wished(pods))
    assert isinstance(status, PatchStatus)
    assert status.body["status"]["placement"] == {"replicas": pods}
    assert status.body["status"]["resizedAt"] == "2026-11-22T12:30:00Z"
    assert isinstance(job, PatchJob)
    assert job.body == {"spec": {"parallelism": pods, "completions": pods}}
    told = [event for event in events if isinstance(event, EmitEvent) and event.reason == reason]
    assert [event.message for event in told] == [f"now {pods} pods"]


def test_a_crash_between_the_two_writes_is_made_good() -> None:
    before = wished(4)
    after = msgspec.structs.replace(before, resize=None, status=status_after(before.status, due(before)[0].body))
    (job,) = [action for action in due(after) if isinstance(action, PatchJob)]
    assert job.body == {"spec": {"parallelism": 4, "completions": 4}}


def test_nothing_is_due_once_the_job_has_the_size() -> None:
    seen = wished(4)
    status = status_after(seen.status, due(seen)[0].body)
    done = msgspec.structs.replace(seen, resize=None, status=status, job=own_job(identity(), parallelism=4, ready=2))
    assert not [action for action in due(done) if isinstance(action, PatchJob)]


def test_room_for_what_grows_is_kept_before_the_job_knows() -> None:
    seen = wished(4)
    grown = msgspec.structs.replace(seen, resize=None, status=status_after(seen.status, due(seen)[0].body))
    kept = reservation_of(grown, 2)
    assert kept is not None
    assert kept.pods == 2


def test_a_workload_of_fixed_size_is_never_resized() -> None:
    fixed = msgspec.structs.replace(wished(4), workload=state(SPEC).workload)
    assert not [action for action in due(fixed) if isinstance(action, PatchJob)]


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_job_of_an_elastic_workload_is_indexed_whatever_its_size(replicas: int) -> None:
    workload = state(ELASTIC).workload
    assert isinstance(workload, Workload)
    made = build_job(workload, ELASTIC, Placement("local", "pool", CapacityType.OWNED, replicas))
    assert made["spec"]["completionMode"] == "Indexed"


def test_what_a_release_added_to_a_users_job_is_not_taken_for_his_demand() -> None:
    spec = {"class": "Batch", "replicas": 1, "workloadRef": {"name": "report"}}
    before = user_job()
    place = Placement("local", "pool", CapacityType.OWNED, 1, node_selector={"pool": "pool"}, preferred_nodes=("n1",))
    patch = job_patch(before, place, "uid-train")
    template = {"spec": {**before.template["spec"], **patch["spec"]["template"]["spec"]}}
    after: JobView = msgspec.structs.replace(
        before, suspend=False, started=True, template=template, annotations=patch["metadata"]["annotations"]
    )
    assert workload_from(identity(), spec, after) == workload_from(identity(), spec, before)
    bare = msgspec.structs.replace(after, annotations={})
    assert workload_from(identity(), spec, bare) != workload_from(identity(), spec, before)
