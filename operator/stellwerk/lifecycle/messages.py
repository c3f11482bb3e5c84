"""Events: what people are told of a transition, on our object and on the user's Job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from stellwerk.api.conditions import ConditionType
from stellwerk.api.labels import API_VERSION
from stellwerk.api.reasons import Reason
from stellwerk.lifecycle.actions import EmitEvent, ObjectRef
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.wire import Condition, WorkloadStatus

_TOLD_ELSEWHERE = frozenset({Reason.NOT_ACCEPTED, Reason.RELEASED, Reason.GIVEN_UP})
_MODES_OF_TROUBLE = frozenset({"Never"})


def events_for(state: WorkloadState, new: WorkloadStatus) -> Iterator[EmitEvent]:
    """Tell of what changes with this status, once per change; a wait that goes on is not told again."""
    for type_ in ConditionType:
        condition = new.condition(type_)
        before = state.status.condition(type_)
        if condition is None or (before is not None and _same(before, condition)):
            continue
        told = _told(condition, new)
        if told is not None:
            kind, reason, message = told
            yield EmitEvent(workload_ref(state), kind, reason, message)
            if state.job is not None and state.workload.uid not in state.job.owner_uids:
                job = state.job
                reference = ObjectRef("batch/v1", "Job", job.key.namespace, job.key.name, job.uid)
                yield EmitEvent(reference, kind, reason, message)


def workload_ref(state: WorkloadState) -> ObjectRef:
    """Return the reference of an AIWorkload for events."""
    key = state.workload.key
    return ObjectRef(API_VERSION, "AIWorkload", key.namespace, key.name, state.workload.uid)


def _same(before: Condition, after: Condition) -> bool:
    return (before.status, before.reason) == (after.status, after.reason)


def _told(condition: Condition, new: WorkloadStatus) -> tuple[Literal["Normal", "Warning"], str, str] | None:
    """Return type, reason and text of the event about a changed condition; None if it speaks for itself."""
    match condition.type, condition.status, condition.reason:
        case (ConditionType.ACCEPTED, "False", _) | (ConditionType.EVICTED, "True", _):
            return "Warning", condition.reason, condition.message
        case ConditionType.PLACED, "True", _:
            return "Normal", Reason.PLACED, f"placed: {condition.message}"
        case ConditionType.PLACED, "False", reason if reason not in _TOLD_ELSEWHERE:
            return _waiting(condition, new)
        case ConditionType.READY, _, Reason.CHILD_EDITED | Reason.PODS_UNSCHEDULABLE | Reason.PODS_NOT_CREATED:
            return "Warning", condition.reason, condition.message
        case ConditionType.FINISHED, "True", reason if reason != Reason.JOB_COMPLETE:
            return "Warning", reason, condition.message
        case _:
            return None


def _waiting(condition: Condition, new: WorkloadStatus) -> tuple[Literal["Normal", "Warning"], str, str]:
    decision = new.decision
    never = decision is not None and decision.mode in _MODES_OF_TROUBLE
    unblock = f"; to admit it: {decision.unblock}" if decision is not None and decision.unblock else ""
    return "Warning" if never else "Normal", Reason.WAITING, f"{condition.reason}: {condition.message}{unblock}"
