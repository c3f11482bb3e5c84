"""A place is given up step by step, so that a second copy never starts before the first is gone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stellwerk.api.labels import ORIGINAL_ANNOTATION, PLACEMENT_ANNOTATION
from stellwerk.api.reasons import Reason
from stellwerk.api.validation import validate
from stellwerk.lifecycle.actions import CreateJob, DeleteJob, PatchConfigStatus, PatchJob, PatchStatus, ResetJobStart
from stellwerk.lifecycle.eviction import is_evicted, is_leaving
from stellwerk.lifecycle.job import job_patch
from stellwerk.lifecycle.observed import Eviction, JobView, WorkloadState
from stellwerk.lifecycle.reservations import reservation_of
from stellwerk.lifecycle.restoring import restore_patch
from stellwerk.lifecycle.transactions import actions_for, needs_decision
from stellwerk.model.decision import Mode
from stellwerk.model.workload import Workload
from tests.builders import (
    NOW,
    SPEC,
    USER_TEMPLATE,
    decision,
    identity,
    merged,
    own_job,
    plan_of,
    state,
    status_after,
    user_job,
)

REF = {"class": "Batch", "workloadRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "report"}}
WHY = Eviction(Reason.STOCK_OUT, "2 pods found no node of pool for 10 minutes")


def steps(seen: WorkloadState, mode: Mode | None = None) -> tuple[WorkloadState, list[Any]]:
    """Ask for actions and return the state after the status was written, and the actions on the Job."""
    made = []
    if mode is not None and needs_decision(seen):
        assert isinstance(seen.workload, Workload)
        made = [decision(mode, seen.workload)]
    found = actions_for(plan_of(*made), [seen], NOW)
    actions = found[0].actions if found else ()
    status = seen.status
    for action in actions:
        if isinstance(action, PatchStatus):
            status = status_after(status, action.body)
    others = [one for one in actions if isinstance(one, CreateJob | PatchJob | DeleteJob | ResetJobStart)]
    return msgspec.structs.replace(seen, status=status), others


def placed_own() -> WorkloadState:
    """A workload of a template, placed, whose Job runs."""
    seen, (created,) = steps(state(), Mode.FIT)
    assert isinstance(created, CreateJob)
    name = created.manifest["metadata"]["name"]
    return msgspec.structs.replace(seen, job=own_job(identity(), name, resource_version="20"))


def placed_user() -> WorkloadState:
    """A user's Job, placed and running."""
    seen, (released,) = steps(state(REF, job=user_job()), Mode.FIT)
    assert isinstance(released, PatchJob)
    return with_job(seen, patched(user_job(), released.body), started=True, active=2, suspend=False)


def with_job(seen: WorkloadState, job: JobView | None, **facts: Any) -> WorkloadState:
    changed = None if job is None else msgspec.structs.replace(job, **facts)
    if "template" not in seen.spec:
        return state(REF, job=changed, status=seen.status, eviction=seen.eviction)
    return msgspec.structs.replace(seen, job=changed)


def patched(job: JobView, body: Any) -> JobView:
    """The Job after a merge patch."""
    template = merged(job.template, body.get("spec", {}).get("template", {}))
    annotations = merged(job.annotations, body.get("metadata", {}).get("annotations", {}))
    return msgspec.structs.replace(job, template=template, annotations=annotations)


def asked(seen: WorkloadState) -> WorkloadState:
    return msgspec.structs.replace(seen, eviction=WHY)


def conditions(seen: WorkloadState) -> dict[str, tuple[str, str]]:
    return {one.type: (one.status, one.reason) for one in seen.status.conditions}


def test_an_evicted_workload_says_so_first_and_then_its_job_is_deleted_by_uid() -> None:
    before = placed_own()
    found = actions_for(plan_of(), [asked(before)], NOW)[0].actions
    assert [type(one).__name__ for one in found] == ["PatchStatus", "DeleteJob", "EmitEvent"]
    first = found[0]
    assert isinstance(first, PatchStatus)
    assert first.resource_version == "7"
    seen, (gone,) = steps(asked(before))
    assert before.job is not None
    assert gone == DeleteJob(before.job.key, before.job.uid)
    assert conditions(seen)["Placed"] == ("False", "GivenUp")
    assert conditions(seen)["Evicted"] == ("True", "StockOut")
    assert conditions(seen)["Ready"] == ("False", "NotPlaced")
    assert seen.status.placement is None
    assert seen.status.child is not None
    assert seen.status.child.uid == before.job.uid
    assert reservation_of(seen, bound=0) is None


def test_the_status_of_an_evicted_workload_is_valid_against_the_schema() -> None:
    seen, _ = steps(asked(placed_own()))
    manifest = {
        "apiVersion": "stellwerk.dev/v1alpha1",
        "kind": "AIWorkload",
        "metadata": {"name": "train", "namespace": "team"},
        "spec": SPEC,
        "status": msgspec.to_builtins(seen.status),
    }
    assert validate(manifest).errors == ()


def test_nothing_is_planned_or_created_while_the_old_job_is_there() -> None:
    seen, _ = steps(asked(placed_own()))
    assert seen.job is not None
    assert not needs_decision(seen)
    leaving = with_job(seen, seen.job, deleting=True)
    assert is_leaving(leaving)
    assert not needs_decision(leaving)
    assert actions_for(plan_of(), [leaving], NOW) == ()


def test_a_crash_between_status_and_deletion_is_made_up_for() -> None:
    seen, first = steps(asked(placed_own()))
    again, second = steps(msgspec.structs.replace(seen, eviction=None))
    assert second == first
    assert again.status == seen.status


def test_once_the_job_is_gone_it_is_planned_again_and_gets_a_new_job() -> None:
    seen, _ = steps(asked(placed_own()))
    empty = msgspec.structs.replace(seen, job=None, eviction=None)
    assert needs_decision(empty)
    waiting, none = steps(empty, Mode.WAIT)
    assert none == []
    assert conditions(waiting)["Evicted"] == ("True", "StockOut")
    again, (created,) = steps(waiting, Mode.FIT)
    assert isinstance(created, CreateJob)
    assert conditions(again)["Evicted"] == ("False", "NotEvicted")
    assert conditions(again)["Placed"][0] == "True"
    assert again.status.child is None
    told = again.status.condition("Evicted")
    assert told is not None
    assert "StockOut" in told.message


def test_a_new_place_stands_while_its_job_is_not_there_yet() -> None:
    seen, _ = steps(asked(placed_own()))
    again, (created,) = steps(msgspec.structs.replace(seen, job=None, eviction=None), Mode.FIT)
    later, (anew,) = steps(again)
    assert anew == created
    assert not later.status.is_true("Finished")
    kept, _ = steps(with_job(later, own_job(identity(), uid="another-uid")))
    assert conditions(kept)["Evicted"] == ("False", "NotEvicted")


def test_a_job_that_completes_while_it_goes_has_completed() -> None:
    seen, _ = steps(asked(placed_own()))
    done, actions = steps(with_job(seen, seen.job, deleting=True, finished="Complete"))
    assert actions == []
    assert done.status.is_true("Finished")
    assert not is_evicted(done.status)


def test_a_job_that_is_not_the_one_on_record_is_noted_before_it_is_deleted() -> None:
    seen, _ = steps(asked(placed_own()))
    other = with_job(msgspec.structs.replace(seen, eviction=None), own_job(identity(), uid="late"))
    found = actions_for(plan_of(), [other], NOW)[0].actions
    assert [type(one).__name__ for one in found] == ["PatchStatus", "DeleteJob"]


def test_a_users_job_is_suspended_emptied_and_restored_before_it_is_planned_again() -> None:
    seen = placed_user()
    seen, (suspended,) = steps(asked(seen))
    assert isinstance(suspended, PatchJob)
    assert suspended.body == {"spec": {"suspend": True}}
    assert suspended.resource_version == "11"
    for facts in ({"active": 2}, {"active": 0, "terminating": 1}):
        seen = with_job(seen, seen.job, suspend=True, started=True, **facts)
        seen, none = steps(seen, Mode.FIT)
        assert none == []
        assert is_leaving(seen)
    seen = with_job(seen, seen.job, terminating=0)
    seen, (reset,) = steps(seen, Mode.FIT)
    assert isinstance(reset, ResetJobStart)
    seen = with_job(seen, seen.job, started=False)
    seen, (restored,) = steps(seen, Mode.FIT)
    assert isinstance(restored, PatchJob)
    assert seen.job is not None
    seen = with_job(seen, patched(seen.job, restored.body))
    assert seen.job is not None
    assert seen.job.template == USER_TEMPLATE
    assert seen.job.annotations == {}
    assert not is_leaving(seen)
    seen = msgspec.structs.replace(seen, eviction=None)
    seen, (released,) = steps(seen, Mode.FIT)
    assert released.body["spec"]["suspend"] is False
    assert conditions(seen)["Evicted"] == ("False", "NotEvicted")


def test_a_users_job_whose_start_time_went_by_itself_is_restored_at_once() -> None:
    seen, _ = steps(asked(placed_user()))
    seen = with_job(seen, seen.job, suspend=True, started=False, active=0)
    _, (restored,) = steps(seen)
    assert restored.body["metadata"]["annotations"] == {PLACEMENT_ANNOTATION: None, ORIGINAL_ANNOTATION: None}


def test_an_evicted_users_job_that_somebody_starts_is_suspended_again() -> None:
    seen, _ = steps(asked(placed_user()))
    _, (suspended,) = steps(msgspec.structs.replace(seen, eviction=None))
    assert suspended.body == {"spec": {"suspend": True}}


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"nodeSelector": {"pool": "pool"}},
        {"tolerations": [{"key": "mine", "operator": "Exists"}]},
        {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}},
        {
            "affinity": {
                "nodeAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {"weight": 3, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}
                    ]
                }
            }
        },
    ],
)
def test_what_the_user_demanded_outlives_a_release_and_its_taking_back(own: dict[str, Any]) -> None:
    template = {"spec": {**USER_TEMPLATE["spec"], **own}}
    job = user_job(template=template)
    seen = state(REF, job=job)
    assert isinstance(seen.workload, Workload)
    chosen = decision(Mode.FIT, seen.workload).chosen
    assert chosen is not None
    released = patched(job, job_patch(job, chosen, seen.workload.uid))
    assert released.annotations[PLACEMENT_ANNOTATION]
    assert patched(released, restore_patch(released)).template == job.template


def test_who_has_no_place_gives_none_up() -> None:
    waiting, _ = steps(state(), Mode.WAIT)
    assert actions_for(plan_of(), [asked(waiting)], NOW) == ()


def test_a_note_that_somebody_spoilt_leaves_the_template_as_it_is() -> None:
    job = user_job(annotations={ORIGINAL_ANNOTATION: "nonsense", PLACEMENT_ANNOTATION: "local/pool/x"})
    assert "spec" not in restore_patch(job)


def test_what_must_not_be_forgotten_is_written_before_the_place_is_given_up() -> None:
    note = PatchConfigStatus("ComputePool", "pool", {"status": {"supply": {"stockOuts": 1}}})
    seen = msgspec.structs.replace(placed_own(), eviction=msgspec.structs.replace(WHY, remember=note))
    found = actions_for(plan_of(), [seen], NOW)[0].actions
    assert [type(one).__name__ for one in found] == ["PatchConfigStatus", "PatchStatus", "DeleteJob", "EmitEvent"]
    left, _ = steps(seen)
    assert actions_for(plan_of(), [with_job(left, left.job, deleting=True)], NOW) == ()
