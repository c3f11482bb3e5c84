"""The next status of a workload: level-triggered, so that any earlier state and any crash lead to the same."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import msgspec

from stellwerk.api.conditions import ConditionType
from stellwerk.api.moment import rfc3339
from stellwerk.api.reasons import Reason
from stellwerk.lifecycle.ending import Claim, ending_of
from stellwerk.lifecycle.eviction import evicted, is_evicted, is_leaving, must_go, told_of
from stellwerk.lifecycle.job import carries
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.podsets import children_seen, parts_of
from stellwerk.lifecycle.readiness import ready_of
from stellwerk.lifecycle.records import MESSAGE_LIMIT, carbon_status, cost_status, decision_status
from stellwerk.lifecycle.resizing import resized
from stellwerk.lifecycle.service import with_service
from stellwerk.lifecycle.standing import holds_place
from stellwerk.lifecycle.wire import ChildStatus, Condition, DecisionStatus, WorkloadStatus
from stellwerk.model.decision import Decision
from stellwerk.model.workload import InvalidWorkload

TRUE: Final = "True"
FALSE: Final = "False"
UNKNOWN: Final = "Unknown"

WORDS_LAST: Final = timedelta(minutes=1)
"""For so long the words of a wait stand although they could be better; its reason is always right."""


_VALID: Final = Claim(ConditionType.ACCEPTED, TRUE, Reason.VALID)
_NOT_EVICTED: Final = Claim(ConditionType.EVICTED, FALSE, Reason.NOT_EVICTED)
_NOT_FINISHED: Final = Claim(ConditionType.FINISHED, FALSE, Reason.NOT_FINISHED)
_NO_PODS: Final = Claim(ConditionType.READY, FALSE, Reason.NOT_PLACED)


def next_status(state: WorkloadState, decision: Decision | None, now: datetime, cycle: int) -> WorkloadStatus:
    """Return the status that follows from what was seen and decided; all five conditions are set.

    Args:
        state: What was last seen of the workload.
        decision: What this cycle decided for it, if it was planned.
        now: The time for transitions.
        cycle: Number of this cycle, for the decision record.
    """
    if state.status.is_true(ConditionType.FINISHED):
        return state.status
    body, claims = _judged(state, decision, now, cycle)
    return with_service(state, _with(body, claims, rfc3339(now)), now)


def _judged(
    state: WorkloadState, decision: Decision | None, now: datetime, cycle: int
) -> tuple[WorkloadStatus, list[Claim]]:
    """Return everything but the conditions, and what these should say; the first that applies rules."""
    old = state.status
    if ending := ending_of(state):
        return _seen(state, old), _ended(old, ending)
    if must_go(state):
        return evicted(state, _seen(state, old), now, cycle), _claims_of_eviction(state)
    if state.refusal is not None and not _released(state):
        return _refused(state, state.refusal, now, cycle), _claims_of_refusal(old, state.refusal)
    if holds_place(state):
        kept = _kept(old, ConditionType.EVICTED)
        claims = [_VALID, _kept(old, ConditionType.PLACED), ready_of(state), kept, _NOT_FINISHED]
        return resized(state, _seen(state, old), now), claims
    if is_leaving(state):
        return _seen(state, old), _undecided(old)
    return _without_place(state, decision, now, cycle)


def _without_place(
    state: WorkloadState, decision: Decision | None, now: datetime, cycle: int
) -> tuple[WorkloadStatus, list[Claim]]:
    old = state.status
    if refusal := refusal_of(state, decision):
        placed = Claim(ConditionType.PLACED, FALSE, Reason.NOT_ACCEPTED)
        record = DecisionStatus("Never", refusal.reason, refusal.message, cycle=cycle, decided_at=rfc3339(now))
        if decision is not None:
            record = decision_status(decision, now, cycle)
        body = msgspec.structs.replace(_seen(state, old), placement=None, cost=None, carbon=None, decision=record)
        return body, [refusal, placed, _NO_PODS, _kept(old, ConditionType.EVICTED), _NOT_FINISHED]
    if decision is None:
        return _seen(state, old), _undecided(old)
    return _decided(state, decision, now, cycle), _claims_of(old, decision)


def refusal_of(state: WorkloadState, decision: Decision | None) -> Claim | None:
    """Return why the workload is not accepted, or None if it is."""
    workload, job = state.workload, state.job
    if isinstance(workload, InvalidWorkload):
        return Claim(ConditionType.ACCEPTED, FALSE, workload.reason, workload.message)
    if workload.source == "job" and job is not None and not job.suspend:
        message = f"Job {job.key.name} is not suspended: it was started without a decision, so it is left alone"
        return Claim(ConditionType.ACCEPTED, FALSE, Reason.NOT_OPTED_IN, message)
    if decision is not None and not decision.accepted:
        return Claim(ConditionType.ACCEPTED, FALSE, decision.reason, decision.message)
    return None


def same_meaning(old: WorkloadStatus, new: WorkloadStatus) -> bool:
    """Tell whether a write would tell nobody anything new.

    Numbers in messages, the candidates of a wait that goes on, the cycle and its time do not count, nor
    does the child alone: it is written with the next thing that happens. Where a wait goes on for the same
    reason, its other words count only once they are a minute old: pools that fill and empty all day would
    else be told to everything that waits.
    """
    if is_evicted(new) and old.child != new.child:
        return False  # which Job must go is on record before it goes
    if _meaning(old) == _meaning(new):
        return True
    return _fresh_wait(old, new) and _meaning(old, words=False) == _meaning(new, words=False)


def _fresh_wait(old: WorkloadStatus, new: WorkloadStatus) -> bool:
    before, after = old.decision, new.decision
    if before is None or after is None or after.mode == "Fit" or not (before.decided_at and after.decided_at):
        return False
    return datetime.fromisoformat(after.decided_at) - datetime.fromisoformat(before.decided_at) < WORDS_LAST


def _meaning(status: WorkloadStatus, *, words: bool = True) -> WorkloadStatus:
    decision = status.decision
    if decision is not None:
        decision = msgspec.structs.replace(
            decision,
            message=_without_numbers(decision.message) if words else "",
            unblock=_without_numbers(decision.unblock or "") if words else "",
            candidates=(),
            changes=(),
            considered=0,
            cycle=0,
            decided_at=None,
        )
    conditions = tuple(
        msgspec.structs.replace(
            c, message=_without_numbers(c.message) if words or c.type != ConditionType.PLACED else ""
        )
        for c in status.conditions
    )
    return msgspec.structs.replace(status, decision=decision, conditions=conditions, child=None, children=())


def _without_numbers(text: str) -> str:
    return re.sub(r"\d+", "#", text)


def _seen(state: WorkloadState, old: WorkloadStatus) -> WorkloadStatus:
    """Note the generation and the child that were seen."""
    job = state.job
    child = None if is_evicted(old) else old.child
    if job is not None:
        child = ChildStatus("batch/v1", "Job", job.key.name, job.uid)
    children = children_seen(state, forget=is_evicted(old))
    generation = state.workload.identity.generation
    return msgspec.structs.replace(old, observed_generation=generation, child=child, children=children)


def _decided(state: WorkloadState, decision: Decision, now: datetime, cycle: int) -> WorkloadStatus:
    fits = decision.chosen is not None and decision.cost is not None
    return msgspec.structs.replace(
        _seen(state, state.status),
        placement=decision.chosen,
        cost=cost_status(decision.cost) if fits and decision.cost else None,
        carbon=carbon_status(decision.cost.carbon) if fits and decision.cost else None,
        decision=decision_status(decision, now, cycle),
    )


def _released(state: WorkloadState) -> bool:
    """Tell whether the Job is there as decided, whatever the last answer was; with several pod sets, all Jobs."""
    placement = state.status.placement
    if state.job is None or placement is None or not all(part.job is not None for part in parts_of(state)):
        return False
    return carries(state.job, placement, state.workload.uid)


def _refused(state: WorkloadState, refusal: str, now: datetime, cycle: int) -> WorkloadStatus:
    """Take the placement back: nothing runs there, so nothing is reserved there."""
    record = DecisionStatus("Wait", Reason.WRITE_REFUSED, refusal, cycle=cycle, decided_at=rfc3339(now))
    return msgspec.structs.replace(_seen(state, state.status), placement=None, cost=None, carbon=None, decision=record)


def _claims_of_refusal(old: WorkloadStatus, refusal: str) -> list[Claim]:
    placed = Claim(ConditionType.PLACED, FALSE, Reason.WRITE_REFUSED, refusal[:MESSAGE_LIMIT])
    return [_VALID, placed, _NO_PODS, _kept(old, ConditionType.EVICTED), _NOT_FINISHED]


def _claims_of_eviction(state: WorkloadState) -> list[Claim]:
    why = state.eviction
    reason, message = (why.reason, why.message[:MESSAGE_LIMIT]) if why else (Reason.GIVEN_UP, "")
    placed = Claim(ConditionType.PLACED, FALSE, Reason.GIVEN_UP, message)
    return [_VALID, placed, _NO_PODS, Claim(ConditionType.EVICTED, TRUE, reason, message), _NOT_FINISHED]


def _claims_of(old: WorkloadStatus, decision: Decision) -> list[Claim]:
    message = decision.message[:MESSAGE_LIMIT]
    if decision.chosen is None:
        placed = Claim(ConditionType.PLACED, FALSE, decision.reason, message)
        return [_VALID, placed, _NO_PODS, _kept(old, ConditionType.EVICTED), _NOT_FINISHED]
    placed = Claim(ConditionType.PLACED, TRUE, decision.reason, message)
    ready = Claim(ConditionType.READY, FALSE, Reason.PODS_PENDING)
    stays = Claim(ConditionType.EVICTED, FALSE, Reason.NOT_EVICTED, told_of(old))
    return [_VALID, placed, ready, stays, _NOT_FINISHED]


def _undecided(old: WorkloadStatus) -> list[Claim]:
    if old.conditions:
        return [_kept(old, type_) for type_ in ConditionType]
    placed = Claim(ConditionType.PLACED, UNKNOWN, Reason.NOT_DECIDED)
    return [_VALID, placed, _NO_PODS, _NOT_EVICTED, _NOT_FINISHED]


def _ended(old: WorkloadStatus, ending: Claim) -> list[Claim]:
    """Say that it has ended: its place is free, and what it cost stays on record."""
    placed = Claim(ConditionType.PLACED, FALSE, Reason.RELEASED)
    ready = Claim(ConditionType.READY, FALSE, Reason.PODS_DONE)
    accepted = _kept(old, ConditionType.ACCEPTED)
    return [accepted, placed, ready, _kept(old, ConditionType.EVICTED), ending]


def _kept(old: WorkloadStatus, type_: ConditionType) -> Claim:
    condition = old.condition(type_)
    if condition is not None:
        return Claim(type_, condition.status, condition.reason, condition.message)
    first = {ConditionType.ACCEPTED: _VALID, ConditionType.EVICTED: _NOT_EVICTED}
    return first.get(type_, Claim(type_, UNKNOWN, Reason.NOT_DECIDED))


def _with(status: WorkloadStatus, claims: list[Claim], moment: str) -> WorkloadStatus:
    """Write the claims as conditions; the time of a transition changes only with its status."""
    conditions = []
    for claim in claims:
        before = status.condition(claim.type)
        flipped = before is None or before.status != claim.status
        conditions.append(
            Condition(
                type=claim.type,
                status=claim.status,
                reason=claim.reason,
                message=claim.message,
                last_transition_time=moment if before is None or flipped else before.last_transition_time,
                observed_generation=status.observed_generation,
            )
        )
    return msgspec.structs.replace(status, conditions=tuple(conditions))
