"""The next status: five conditions, decision record, and no write where nothing is new."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stellwerk.lifecycle.job import placement_mark
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.records import decision_status
from stellwerk.lifecycle.status import next_status, same_meaning
from stellwerk.lifecycle.wire import ChildStatus, WorkloadStatus
from stellwerk.model.decision import Decision, Mode
from stellwerk.model.workload import AcceleratorOption, Workload
from tests.builders import (
    LATER,
    NOW,
    SPEC,
    decide,
    decision,
    gang,
    identity,
    nodes,
    own_job,
    pool,
    snapshot,
    state,
    user_job,
)

REF = {"class": "Batch", "workloadRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "report"}}


def claims(status: WorkloadStatus) -> dict[str, str]:
    return {c.type: f"{c.status} {c.reason}" for c in status.conditions}


def decided(mode: Mode, **facts: Any) -> tuple[WorkloadState, Decision]:
    seen = state(**facts)
    assert isinstance(seen.workload, Workload)
    return seen, decision(mode, seen.workload)


def placed(**facts: Any) -> WorkloadState:
    """A workload whose decision has been written."""
    seen, made = decided(Mode.FIT)
    return state(status=next_status(seen, made, NOW, 1), **facts)


def test_the_first_visit_sets_all_five_conditions_even_without_a_decision() -> None:
    status = next_status(state(), None, NOW, 1)
    assert claims(status) == {
        "Accepted": "True Valid",
        "Placed": "Unknown NotDecided",
        "Ready": "False NotPlaced",
        "Evicted": "False NotEvicted",
        "Finished": "False NotFinished",
    }
    assert {c.last_transition_time for c in status.conditions} == {"2026-11-22T12:00:00Z"}
    assert {c.observed_generation for c in status.conditions} == {1}
    assert status.observed_generation == 1


def test_a_fit_records_place_cost_and_the_whole_decision() -> None:
    seen, made = decided(Mode.FIT)
    status = next_status(seen, made, NOW, 42)
    assert claims(status)["Placed"] == "True CheapestFeasible"
    assert claims(status)["Ready"] == "False PodsPending"
    assert status.placement == made.chosen
    assert status.cost is not None
    assert sum(float(part.amount) for part in status.cost.parts) == pytest.approx(float(status.cost.total))
    record = status.decision
    assert record is not None
    assert (record.mode, record.reason, record.cycle, record.decided_at) == (
        "Fit",
        "CheapestFeasible",
        42,
        "2026-11-22T12:00:00Z",
    )
    assert [(c.pool, c.verdict, c.reason) for c in record.candidates] == [("pool", "Chosen", "CheapestFeasible")]
    assert record.unblock is None


def test_candidates_name_what_was_asked_for_and_cost_nothing_where_it_is_not_to_be_had() -> None:
    asked = gang(accelerators=(AcceleratorOption("A100", 4), AcceleratorOption("any", 8)))
    fleet = snapshot([pool(), pool("cpu", accelerator=None)], [*nodes(1), *nodes(1, "cpu", gpu=0)])
    record = decision_status(decide(asked, fleet), NOW, 1)
    found = {(c.pool, c.accelerator, c.count): c for c in record.candidates}
    assert set(found) == {("pool", "H100", 8), ("pool", "A100", 4), ("cpu", "A100", 4), ("cpu", "any", 8)}
    assert found["pool", "H100", 8].per_hour == "25.150712", "the share of the node that it takes"
    others = [c for key, c in found.items() if key != ("pool", "H100", 8)]
    assert {c.reason for c in others} == {"AcceleratorMismatch"}
    assert {(c.per_hour, c.total) for c in others} == {(None, None)}


@pytest.mark.parametrize(("mode", "reason"), [(Mode.WAIT, "CapacityFull"), (Mode.NEVER, "TooBigForPool")])
def test_what_is_not_placed_says_why_and_what_would_help(mode: Mode, reason: str) -> None:
    seen, made = decided(mode)
    status = next_status(seen, made, NOW, 1)
    assert claims(status)["Placed"] == f"False {reason}"
    assert claims(status)["Ready"] == "False NotPlaced"
    assert status.placement is None
    assert status.cost is None
    assert status.decision is not None
    assert (status.decision.mode, status.decision.unblock) == (mode.wire, made.unblock)


def test_an_unknown_cost_is_written_as_unknown() -> None:
    seen, made = decided(Mode.FIT)
    assert made.cost is not None
    free = msgspec.structs.replace(made.cost, per_hour=None, total=None, parts=())
    status = next_status(seen, msgspec.structs.replace(made, cost=free), NOW, 1)
    assert status.cost is not None
    assert (status.cost.per_hour, status.cost.total) == ("unknown", "unknown")


def test_a_policy_that_may_not_be_used_is_not_accepted_and_the_reason_shows_in_the_record() -> None:
    seen, made = decided(Mode.WAIT)
    refused = msgspec.structs.replace(made, accepted=False, mode=Mode.NEVER, reason="PolicyNotFound", candidates=())
    status = next_status(seen, refused, NOW, 1)
    assert claims(status)["Accepted"] == "False PolicyNotFound"
    assert claims(status)["Placed"] == "False NotAccepted"
    assert status.decision is not None
    assert status.decision.reason == "PolicyNotFound"


def test_an_invalid_spec_is_not_accepted_with_the_sentence_that_says_why() -> None:
    status = next_status(state({**SPEC, "expectedRuntime": "soon"}), None, NOW, 1)
    assert claims(status)["Accepted"] == "False InvalidSpec"
    accepted = status.condition("Accepted")
    assert accepted is not None
    assert "soon" in accepted.message
    assert status.decision is not None
    assert status.decision.reason == "InvalidSpec"


def test_transition_times_change_only_when_the_status_of_a_condition_flips() -> None:
    before = placed()
    after = next_status(placed(job=own_job(identity(), ready=2)), None, LATER, 2)
    times = {c.type: c.last_transition_time for c in after.conditions}
    assert times["Ready"] == "2026-11-22T12:30:00Z"
    assert {times[name] for name in ("Accepted", "Placed", "Evicted", "Finished")} == {"2026-11-22T12:00:00Z"}
    assert claims(before.status)["Ready"] == "False PodsPending"


def test_ready_when_all_pods_run_and_the_child_is_recorded_with_it() -> None:
    status = next_status(placed(job=own_job(identity(), ready=2)), None, LATER, 2)
    assert claims(status)["Ready"] == "True PodsReady"
    assert status.child == ChildStatus("batch/v1", "Job", "train-12345678", "job-uid-train-12345678")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"ready": 1}, "PodsPending"),
        ({"ready": 1, "succeeded": 1}, "PodsReady"),
        ({"ready": 0, "succeeded": 2}, "PodsReady"),
        ({"started": False, "ready": 0}, "PodsPending"),
    ],
)
def test_pods_that_are_done_need_not_run(facts: dict[str, Any], reason: str) -> None:
    ready = next_status(placed(job=own_job(identity(), **facts)), None, LATER, 2).condition("Ready")
    assert ready is not None
    assert ready.reason == reason


def test_what_the_scheduler_says_of_a_pod_is_quoted() -> None:
    seen = placed(job=own_job(identity()), pods_unschedulable_message="0/5 nodes are available")
    ready = next_status(seen, None, LATER, 2).condition("Ready")
    assert ready is not None
    assert (ready.reason, ready.message) == ("PodsUnschedulable", "0/5 nodes are available")


@pytest.mark.parametrize(
    ("facts", "reason", "message"),
    [
        ({"finished": "Complete"}, "JobComplete", "Job train-12345678 completed"),
        (
            {"finished": "Failed", "finished_reason": "BackoffLimitExceeded", "finished_message": "too many"},
            "JobFailed",
            "Job train-12345678 failed (BackoffLimitExceeded: too many)",
        ),
    ],
)
def test_a_finished_job_finishes_the_workload_and_frees_its_place(
    facts: dict[str, Any], reason: str, message: str
) -> None:
    status = next_status(placed(job=own_job(identity(), **facts)), None, LATER, 2)
    assert claims(status)["Finished"] == f"True {reason}"
    assert claims(status)["Placed"] == "False Released"
    assert claims(status)["Ready"] == "False PodsDone"
    finished = status.condition("Finished")
    assert finished is not None
    assert finished.message == message
    assert status.cost is not None  # what it cost stays on record


def test_a_finished_workload_never_changes_again() -> None:
    done = next_status(placed(job=own_job(identity(), finished="Complete")), None, LATER, 2)
    again = state(status=done, job=own_job(identity(), finished="Failed"))
    assert next_status(again, None, LATER, 3) == done


@pytest.mark.parametrize("known_from", ["status", "memory"])
def test_a_child_that_was_deleted_is_explained_and_not_made_again(known_from: str) -> None:
    seen = placed(job_lost=known_from == "memory")
    if known_from == "status":
        child = ChildStatus("batch/v1", "Job", "train-12345678", "u")
        seen = msgspec.structs.replace(seen, status=msgspec.structs.replace(seen.status, child=child))
    status = next_status(seen, None, LATER, 2)
    assert claims(status)["Finished"] == "True ChildDeleted"
    assert claims(status)["Placed"] == "False Released"


def test_a_job_that_somebody_suspends_again_is_explained_and_left_alone() -> None:
    seen = state(REF, job=user_job())
    assert isinstance(seen.workload, Workload)
    first = next_status(seen, decision(Mode.FIT, seen.workload), NOW, 1)
    assert first.placement is not None
    mark = {"stellwerk.dev/placement": placement_mark(first.placement, seen.workload.uid)}
    ready = next_status(state(REF, status=first, job=user_job(annotations=mark)), None, LATER, 2).condition("Ready")
    assert ready is not None
    assert ready.reason == "ChildEdited"
    assert "suspended Job report" in ready.message


def test_a_users_job_that_was_started_without_a_decision_is_left_alone() -> None:
    status = next_status(state(REF, job=user_job(suspend=False, started=True)), None, NOW, 1)
    assert claims(status)["Accepted"] == "False NotOptedIn"


# --------------------------------------------------------------------- what is worth a write


def test_a_wait_that_goes_on_is_not_written_again_when_only_numbers_change() -> None:
    seen, made = decided(Mode.WAIT)
    first = next_status(seen, made, NOW, 1)
    later = msgspec.structs.replace(made, message=made.message.replace("0 free", "3 free"), considered=9)
    assert made.message != later.message
    assert same_meaning(first, next_status(state(status=first), later, LATER, 2))


def test_a_new_reason_is_worth_a_write() -> None:
    seen, made = decided(Mode.WAIT)
    first = next_status(seen, made, NOW, 1)
    changed = msgspec.structs.replace(made, reason="ClusterUnavailable")
    assert not same_meaning(first, next_status(state(status=first), changed, LATER, 2))


def test_a_new_generation_is_worth_a_write() -> None:
    seen = placed()
    newer = state(identity=identity(generation=2), status=seen.status, job=own_job(identity()))
    assert not same_meaning(seen.status, next_status(newer, None, LATER, 2))


def test_the_child_alone_is_not_worth_a_write() -> None:
    seen = placed(job=own_job(identity()))
    after = next_status(seen, None, LATER, 2)
    assert after.child is not None
    assert same_meaning(seen.status, after)
