"""Gangs of several pod sets: a Job for each, made together, ended together, and nothing remembered."""

from __future__ import annotations

from typing import Any

import msgspec

from stellwerk.api.conditions import ConditionType
from stellwerk.api.labels import POD_SET_LABEL
from stellwerk.api.reasons import Reason
from stellwerk.lifecycle.actions import CreateJob, DeleteJob, PatchStatus, Transaction
from stellwerk.lifecycle.ending import ending_of
from stellwerk.lifecycle.eviction import is_leaving
from stellwerk.lifecycle.job import build_job
from stellwerk.lifecycle.observed import Eviction, JobView, WorkloadState
from stellwerk.lifecycle.podsets import set_job_name
from stellwerk.lifecycle.reservations import reservation_of
from stellwerk.lifecycle.transactions import actions_for, needs_decision
from stellwerk.lifecycle.wire import WorkloadStatus
from stellwerk.model.decision import Decision, Mode
from stellwerk.model.workload import Workload
from tests.builders import (
    LATER,
    NOW,
    SPEC,
    decide,
    identity,
    nodes,
    plan_of,
    pool,
    snapshot,
    state,
    status_after,
)

LOADER: dict[str, Any] = {
    "name": "loader",
    "replicas": 3,
    "template": {
        "metadata": {"labels": {"part": "io"}},
        "spec": {"containers": [{"name": "load", "image": "load:1", "resources": {"requests": {"cpu": "1"}}}]},
    },
}
GANG = {**SPEC, "podSets": [LOADER, {**LOADER, "name": "log", "replicas": 1}]}


def decided() -> Decision:
    workload = state(GANG).workload
    assert isinstance(workload, Workload)
    found = decide(workload, snapshot([pool()], nodes(2)))
    assert found.mode is Mode.FIT, found.message
    return found


def write(seen: WorkloadState, *decisions: Decision) -> Transaction:
    (transaction,) = actions_for(plan_of(*decisions), [seen], NOW)
    return transaction


def placed(**facts: Any) -> WorkloadState:
    first = state(GANG)
    patch = write(first, decided()).actions[0]
    assert isinstance(patch, PatchStatus)
    return state(GANG, status=status_after(first.status, patch.body), **facts)


def job(name: str = "", **facts: Any) -> JobView:
    """The Job of the main pod set, or of another one, running as decided."""
    workload, placement = state(GANG).workload, decided().chosen
    assert isinstance(workload, Workload)
    assert placement is not None
    made = build_job(workload, GANG, placement)
    size = made["spec"]["parallelism"] if not name else {"loader": 3, "log": 1}[name]
    key = msgspec.structs.replace(
        workload.key, name=made["metadata"]["name"] if not name else set_job_name("train", workload.uid, name)
    )
    told = {
        "annotations": made["metadata"]["annotations"],
        "owner_uids": (workload.uid,),
        "started": True,
        "parallelism": size,
        "completions": size,
        "active": size,
        "ready": size,
        **facts,
    }
    return JobView(key, f"job-{name or 'main'}", **told)


def running(main: dict[str, Any] | None = None, loader: dict[str, Any] | None = None, **facts: Any) -> WorkloadState:
    return placed(job=job(**(main or {})), set_jobs=(job("loader", **(loader or {})), job("log")), **facts)


def of(kind: type, transaction: Transaction) -> list[Any]:
    return [action for action in transaction.actions if isinstance(action, kind)]


def settled(seen: WorkloadState) -> WorkloadState:
    """Write what is due of the status, and show it."""
    found = actions_for(plan_of(), [seen], NOW)
    patches = [one for transaction in found for one in transaction.actions if isinstance(one, PatchStatus)]
    status = seen.status
    for patch in patches:
        status = status_after(status, patch.body)
    return msgspec.structs.replace(seen, status=status)


def test_every_pod_set_becomes_a_job_and_the_main_one_comes_last() -> None:
    made = of(CreateJob, write(state(GANG), decided()))
    assert [one.manifest["spec"]["parallelism"] for one in made] == [3, 1, 2]
    assert [one.manifest["metadata"]["labels"].get(POD_SET_LABEL) for one in made] == ["loader", "log", None]
    loader = made[0].manifest
    assert loader["spec"]["template"]["metadata"]["labels"]["part"] == "io"
    assert loader["spec"]["template"]["metadata"]["labels"][POD_SET_LABEL] == "loader"
    assert loader["spec"]["template"]["spec"]["containers"][0]["name"] == "load"
    assert "limits" not in loader["spec"]["template"]["spec"]["containers"][0].get("resources", {})
    assert loader["spec"]["backoffLimit"] == 1
    assert {reference["uid"] for one in made for reference in one.manifest["metadata"]["ownerReferences"]} == {
        "uid-train"
    }


def test_names_differ_by_pod_set_and_fit_into_a_host_name() -> None:
    long = "a" * 63
    names = {set_job_name(long, "u", "loader"), set_job_name(long, "u", "log"), set_job_name(long, "v", "log")}
    assert len(names) == 3
    assert all(len(name) + len("-9999") <= 63 for name in names)
    assert all("-lo" in name for name in names), "the name says which pod set it is"


def test_only_the_jobs_that_are_missing_are_made() -> None:
    seen = placed(job=None, set_jobs=(job("loader"), None))
    made = of(CreateJob, write(seen))
    assert [one.manifest["metadata"]["labels"].get(POD_SET_LABEL) for one in made] == ["log", None]


def test_nothing_is_written_once_all_run_and_are_told() -> None:
    seen = settled(settled(running()))
    assert seen.status.is_true(ConditionType.READY)
    assert [child.name for child in seen.status.children] == [job("loader").key.name, job("log").key.name]
    assert actions_for(plan_of(), [seen], LATER) == ()


def test_it_is_ready_when_all_pod_sets_are() -> None:
    assert not settled(running(loader={"ready": 2})).status.is_true(ConditionType.READY)
    assert not settled(placed(job=job(), set_jobs=(job("loader"), None))).status.is_true(ConditionType.READY)


def test_it_is_complete_when_all_pod_sets_are() -> None:
    assert ending_of(running(main={"finished": "Complete"})) is None
    seen = placed(
        job=job(finished="Complete"), set_jobs=(job("loader", finished="Complete"), job("log", finished="Complete"))
    )
    ending = ending_of(seen)
    assert ending is not None
    assert (ending.reason, ending.message.count("train")) == (Reason.JOB_COMPLETE, 3)


def test_the_first_failure_ends_it_and_stops_the_others() -> None:
    seen = running(loader={"finished": "Failed", "finished_reason": "BackoffLimitExceeded"})
    due = write(seen)
    assert [one.uid for one in of(DeleteJob, due)] == ["job-main", "job-log"]
    assert isinstance(due.actions[0], PatchStatus), "the status comes first"
    after = settled(seen)
    condition = after.status.condition(ConditionType.FINISHED)
    assert condition is not None
    assert condition.reason == Reason.JOB_FAILED
    assert "loader" in condition.message
    assert [one.uid for one in of(DeleteJob, write(after))] == ["job-main", "job-log"], "until they are gone"
    gone = msgspec.structs.replace(after, job=None, set_jobs=(seen.set_jobs[0], None))
    assert actions_for(plan_of(), [gone], LATER) == ()


def test_a_job_that_is_taken_away_ends_it() -> None:
    seen = settled(running())
    lost = msgspec.structs.replace(seen, set_jobs=(None, job("log")))
    ending = ending_of(lost)
    assert ending is not None
    assert ending.reason == Reason.CHILD_DELETED
    assert job("loader").key.name in ending.message
    replaced = msgspec.structs.replace(job("loader"), uid="other")
    assert ending_of(msgspec.structs.replace(seen, set_jobs=(replaced, job("log")))) is not None


def test_a_refused_job_takes_the_others_down_before_it_is_planned_again() -> None:
    seen = placed(job=None, set_jobs=(job("loader"), None), refusal="no such PriorityClass")
    due = write(seen)
    assert [one.uid for one in of(DeleteJob, due)] == ["job-loader"]
    after = msgspec.structs.replace(settled(seen), refusal=None)
    assert after.status.placement is None
    assert not needs_decision(after), "the Job of a new place would bear the same name"
    assert needs_decision(msgspec.structs.replace(after, set_jobs=(None, None)))


def test_an_evicted_gang_loses_all_jobs_before_it_is_planned_again() -> None:
    seen = msgspec.structs.replace(settled(settled(running())), eviction=Eviction(Reason.GIVEN_UP, "nodes never came"))
    due = write(seen)
    assert {one.uid for one in of(DeleteJob, due)} == {"job-main", "job-loader", "job-log"}
    after = msgspec.structs.replace(settled(seen), eviction=None)
    for jobs in ((job(), (None, None)), (None, (job("loader"), None))):
        left = msgspec.structs.replace(after, job=jobs[0], set_jobs=jobs[1])
        assert not needs_decision(left)
    assert needs_decision(msgspec.structs.replace(after, job=None, set_jobs=(None, None)))


def test_an_evicted_gang_loses_the_jobs_that_have_ended_too_for_it_begins_anew() -> None:
    whole = running(loader={"finished": "Complete", "active": 0, "succeeded": 3})
    seen = msgspec.structs.replace(settled(settled(whole)), eviction=Eviction(Reason.MIGRATED, "cheaper elsewhere"))
    assert {one.uid for one in of(DeleteJob, write(seen))} == {"job-main", "job-loader", "job-log"}
    after = msgspec.structs.replace(settled(seen), eviction=None)
    left = msgspec.structs.replace(after, job=None, set_jobs=(whole.set_jobs[0], None))
    assert [one.uid for one in of(DeleteJob, write(left))] == ["job-loader"]
    assert is_leaving(left), "its new place is held until the last Job is gone"
    assert not is_leaving(msgspec.structs.replace(left, set_jobs=(None, None)))


def test_a_gang_that_failed_keeps_the_jobs_that_have_ended() -> None:
    seen = running(loader={"finished": "Failed"}, main={"finished": "Complete"})
    assert {one.uid for one in of(DeleteJob, write(settled(seen)))} == {"job-log"}


def test_room_is_kept_for_the_pods_of_every_set_until_they_are_bound() -> None:
    seen = running()
    everything = reservation_of(seen, 0, 0, [(0, 0), (0, 0)])
    assert everything is not None
    assert everything.pods + sum(one.pods for one in everything.others) == 2 + 3 + 1
    some = reservation_of(seen, 2, 0, [(1, 2), (1, 0)])
    assert some is not None
    assert (some.pods, [one.pods for one in some.others]) == (0, [2])
    assert reservation_of(seen, 2, 0, [(3, 0), (1, 0)]) is None


def test_a_job_whose_size_somebody_raised_is_told() -> None:
    seen = settled(
        state(GANG, status=placed().status, set_jobs=(job("loader"), job("log")), job=job(parallelism=5, completions=5))
    )
    ready = seen.status.condition(ConditionType.READY)
    assert ready is not None
    assert ready.reason == Reason.CHILD_EDITED
    assert "5 pods, and 2 were placed" in ready.message


def test_a_job_that_gets_none_of_its_pods_is_told() -> None:
    seen = settled(running(loader={"ready": 0, "active": 0}, main={"active": 2}))
    ready = seen.status.condition(ConditionType.READY)
    assert ready is not None
    assert ready.reason == Reason.PODS_NOT_CREATED
    assert "none of its 3 pods" in ready.message
    later = settled(running(loader={"ready": 0, "active": 3}, main={"active": 2}))
    condition = later.status.condition(ConditionType.READY)
    assert condition is not None
    assert condition.reason == Reason.PODS_PENDING


def test_the_status_of_a_gang_is_read_back_as_it_was_written() -> None:
    status = placed().status
    assert status.placement is not None
    assert [one.name for one in status.placement.pod_sets] == ["loader", "log"]
    assert msgspec.convert(msgspec.to_builtins(status), WorkloadStatus) == status
    assert identity().key.name == "train"
