"""From a plan to what must be written, after any crash."""

from __future__ import annotations

from typing import Any

import msgspec

from stellwerk.api.validation import validate
from stellwerk.lifecycle.actions import CreateJob, EmitEvent, PatchJob, PatchStatus, Transaction
from stellwerk.lifecycle.job import placement_mark
from stellwerk.lifecycle.observed import JobView, WorkloadState
from stellwerk.lifecycle.reservations import reservation_of
from stellwerk.lifecycle.transactions import actions_for, needs_decision
from stellwerk.lifecycle.wire import WorkloadStatus
from stellwerk.model.decision import Decision, Mode
from stellwerk.model.workload import Workload, WorkloadKey
from tests.builders import LATER, NOW, SPEC, decision, identity, own_job, plan_of, state, status_after, user_job

REF = {"class": "Batch", "workloadRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "report"}}


def choose(seen: WorkloadState, mode: Mode = Mode.FIT) -> Decision:
    assert isinstance(seen.workload, Workload)
    return decision(mode, seen.workload)


def due(seen: WorkloadState, *made: Decision) -> Transaction | None:
    found = actions_for(plan_of(*made), [seen], NOW)
    assert len(found) <= 1
    return found[0] if found else None


def kinds(transaction: Transaction | None) -> list[str]:
    return [] if transaction is None else [type(action).__name__ for action in transaction.actions]


def written(transaction: Transaction | None, old: WorkloadStatus) -> WorkloadStatus:
    assert transaction is not None
    first = transaction.actions[0]
    assert isinstance(first, PatchStatus)
    return status_after(old, first.body)


def test_a_fit_is_written_first_then_the_job_then_told() -> None:
    seen = state()
    made = choose(seen)
    transaction = due(seen, made)
    assert kinds(transaction) == ["PatchStatus", "CreateJob", "EmitEvent"]
    assert transaction is not None
    assert transaction.assumes == made.chosen
    first = transaction.actions[0]
    assert isinstance(first, PatchStatus)
    assert (first.uid, first.resource_version) == ("uid-train", "7")


def test_the_status_that_is_written_is_valid_against_the_schema() -> None:
    for mode in (Mode.FIT, Mode.WAIT, Mode.NEVER):
        seen = state()
        status = written(due(seen, choose(seen, mode)), WorkloadStatus())
        manifest = {
            "apiVersion": "stellwerk.dev/v1alpha1",
            "kind": "AIWorkload",
            "metadata": {"name": "train", "namespace": "team"},
            "spec": SPEC,
            "status": msgspec.to_builtins(status),
        }
        assert validate(manifest).errors == ()


def test_a_wait_is_written_and_told_and_creates_nothing() -> None:
    seen = state()
    transaction = due(seen, choose(seen, Mode.WAIT))
    assert kinds(transaction) == ["PatchStatus", "EmitEvent"]
    assert transaction is not None
    assert transaction.assumes is None
    event = transaction.actions[-1]
    assert isinstance(event, EmitEvent)
    assert (event.type, event.reason) == ("Normal", "Waiting")
    assert event.message.startswith("CapacityFull: needs 16 x H100 in one pool; ")


def test_what_can_never_run_is_a_warning_with_the_way_out() -> None:
    seen = state()
    transaction = due(seen, choose(seen, Mode.NEVER))
    assert transaction is not None
    event = transaction.actions[-1]
    assert isinstance(event, EmitEvent)
    assert event.type == "Warning"
    assert "; to admit it: ask for " in event.message


def test_nothing_is_written_while_nothing_changes() -> None:
    seen = state()
    waiting = choose(seen, Mode.WAIT)
    status = written(due(seen, waiting), WorkloadStatus())
    again = state(status=status)
    assert actions_for(plan_of(choose(again, Mode.WAIT), cycle=6), [again], LATER) == ()


def test_a_place_on_record_without_a_job_gets_its_job_after_a_crash() -> None:
    seen = state()
    made = choose(seen)
    transaction = due(seen, made)
    assert transaction is not None
    before = [action for action in transaction.actions if isinstance(action, CreateJob)]
    crashed = state(status=written(transaction, WorkloadStatus()))
    assert not needs_decision(crashed)
    recovered = due(crashed)
    assert recovered is not None
    assert list(recovered.actions) == before


def test_a_users_job_is_patched_with_its_version_and_told_too() -> None:
    seen = state(REF, job=user_job())
    transaction = due(seen, choose(seen))
    assert kinds(transaction) == ["PatchStatus", "PatchJob", "EmitEvent", "EmitEvent"]
    assert transaction is not None
    patch = transaction.actions[1]
    assert isinstance(patch, PatchJob)
    assert (patch.key, patch.resource_version) == (user_job().key, "11")
    told = [action.involved.kind for action in transaction.actions if isinstance(action, EmitEvent)]
    assert told == ["AIWorkload", "Job"]


def released(status: WorkloadStatus, **facts: Any) -> JobView:
    assert status.placement is not None
    return user_job(annotations={"stellwerk.dev/placement": placement_mark(status.placement, "uid-train")}, **facts)


def test_a_users_job_is_released_after_a_crash_and_not_twice() -> None:
    seen = state(REF, job=user_job())
    status = written(due(seen, choose(seen)), WorkloadStatus())
    assert kinds(due(state(REF, status=status, job=user_job()))) == ["PatchJob"]
    assert due(state(REF, status=status, job=released(status, suspend=False))) is None


def test_a_users_job_that_is_suspended_again_is_not_released_against_their_will() -> None:
    seen = state(REF, job=user_job())
    status = written(due(seen, choose(seen)), WorkloadStatus())
    transaction = due(state(REF, status=status, job=released(status)))
    assert kinds(transaction) == ["PatchStatus", "EmitEvent", "EmitEvent"]


def test_a_job_that_completes_is_one_write_and_no_event() -> None:
    status = written(due(state(), choose(state())), WorkloadStatus())
    assert kinds(due(state(status=status, job=own_job(identity(), finished="Complete")))) == ["PatchStatus"]


def test_a_job_that_fails_is_a_warning() -> None:
    status = written(due(state(), choose(state())), WorkloadStatus())
    transaction = due(state(status=status, job=own_job(identity(), finished="Failed")))
    assert kinds(transaction) == ["PatchStatus", "EmitEvent"]


def test_a_deleted_job_is_explained_and_not_made_again() -> None:
    status = written(due(state(), choose(state())), WorkloadStatus())
    transaction = due(state(status=status, job_lost=True))
    assert kinds(transaction) == ["PatchStatus", "EmitEvent"]
    after = written(transaction, status)
    assert due(state(status=after)) is None


def test_running_needs_one_write_over_a_whole_life_besides_the_decision_and_the_end() -> None:
    status = written(due(state(), choose(state())), WorkloadStatus())
    assert due(state(status=status, job=own_job(identity()))) is None
    assert due(state(status=status, job=own_job(identity(), ready=1))) is None
    ready = due(state(status=status, job=own_job(identity(), ready=2)))
    assert kinds(ready) == ["PatchStatus"]
    status = written(ready, status)
    assert due(state(status=status, job=own_job(identity(), ready=1, succeeded=1))) is None
    assert due(state(status=status, job=own_job(identity(), succeeded=2))) is None


def test_what_is_being_deleted_is_left_to_the_garbage_collector() -> None:
    assert due(state(deleting=True), choose(state())) is None
    assert not needs_decision(state(deleting=True))


def test_a_patch_takes_away_what_the_status_no_longer_says() -> None:
    seen = state()
    waiting = written(due(seen, choose(seen, Mode.WAIT)), WorkloadStatus())
    again = state(status=waiting)
    transaction = due(again, choose(again))
    assert transaction is not None
    first = transaction.actions[0]
    assert isinstance(first, PatchStatus)
    assert first.body["status"]["decision"]["unblock"] is None
    assert written(transaction, waiting).decision == written(due(seen, choose(seen)), WorkloadStatus()).decision


def test_only_valid_unplaced_unfinished_work_needs_a_decision() -> None:
    assert needs_decision(state())
    assert needs_decision(state(REF, job=user_job()))
    assert not needs_decision(state({**SPEC, "expectedRuntime": "soon"}))
    assert not needs_decision(state(REF))
    assert not needs_decision(state(REF, job=user_job(suspend=False)))
    assert not needs_decision(state(REF, job=user_job(finished="Complete")))


def test_a_users_job_that_still_stops_is_not_changed_before_kubernetes_allows_it() -> None:
    seen = state(REF, job=user_job())
    status = written(due(seen, choose(seen)), WorkloadStatus())
    assert due(state(REF, status=status, job=user_job(started=True))) is None


def test_a_job_that_the_api_server_refuses_gives_its_place_back_and_says_what_was_refused() -> None:
    status = written(due(state(), choose(state())), WorkloadStatus())
    refused = state(status=status, refusal='pods "train" is forbidden: exceeded quota')
    assert not needs_decision(refused)
    transaction = due(refused)
    assert kinds(transaction) == ["PatchStatus", "EmitEvent"]
    after = written(transaction, status)
    placed = after.condition("Placed")
    assert placed is not None
    assert (placed.status, placed.reason) == ("False", "WriteRefused")
    assert "exceeded quota" in placed.message
    assert after.placement is None
    assert due(state(status=after, refusal=refused.refusal)) is None
    assert needs_decision(state(status=after))


def test_a_users_job_that_grew_before_its_release_is_decided_anew() -> None:
    """Else a gang would start of which only a part has room."""
    seen = state(REF, job=user_job())
    status = written(due(seen, choose(seen)), WorkloadStatus())
    grown = state(REF, status=status, job=user_job(parallelism=64))
    assert needs_decision(grown)
    assert reservation_of(grown, 0) is None
    refused = written(due(grown, choose(grown, Mode.NEVER)), status)
    assert refused.placement is None
    assert not refused.is_true("Placed")


def test_a_users_job_that_was_replaced_under_its_name_is_not_released_into_the_old_place() -> None:
    """What was decided was decided for another Job."""
    seen = state(REF, job=user_job())
    status = written(due(seen, choose(seen)), WorkloadStatus())
    replaced = state(REF, status=status, job=user_job(uid="another"))
    transaction = due(replaced)
    assert "PatchJob" not in kinds(transaction)
    finished = written(transaction, status).condition("Finished")
    assert finished is not None
    assert (finished.status, finished.reason) == ("True", "ChildDeleted")


def test_nothing_in_kube_system_is_touched_by_a_reference_either() -> None:
    """A label there opts nothing in, and neither does an AIWorkload."""
    forbidden = msgspec.structs.replace(identity(), key=WorkloadKey("kube-system", "train"))
    for spec in (REF, SPEC):
        seen = state(spec, identity=forbidden, job=user_job() if spec is REF else None)
        assert not needs_decision(seen)
        assert set(kinds(due(seen))) <= {"PatchStatus", "EmitEvent"}
