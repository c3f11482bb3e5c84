"""Giving a place up: the one way in which a placed workload loses its pool, whatever the cause.

A place is given up in steps, each of which follows from what is seen, so that a crash between any two loses nothing:

1. The status says `Evicted=True` and `Placed=False`, by compare-and-swap, and names the Job that must go.
2. The workload's own Job is deleted (with its uid as precondition, pods first); a user's Job is suspended.
3. It is planned again only when no pod of that Job is left: the Job is gone, or has no active or terminating pod. A
   user's Job first gets back the pod template that it had before it was placed.

Whoever wants a place given up sets `WorkloadState.eviction`; nothing else is needed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from stellwerk.api.conditions import ConditionType
from stellwerk.api.moment import rfc3339
from stellwerk.api.reasons import Reason
from stellwerk.lifecycle.actions import Action, DeleteJob, PatchJob, ResetJobStart
from stellwerk.lifecycle.observed import JobView, WorkloadState
from stellwerk.lifecycle.podsets import has_remains
from stellwerk.lifecycle.records import MESSAGE_LIMIT
from stellwerk.lifecycle.restoring import is_restored, restore_patch
from stellwerk.lifecycle.standing import holds_place
from stellwerk.lifecycle.wire import DecisionStatus, WorkloadStatus

_AGAIN: Final = "placed again after "


def must_go(state: WorkloadState) -> bool:
    """Tell whether somebody asks for the place that the workload has now."""
    return state.eviction is not None and holds_place(state)


def is_evicted(status: WorkloadStatus) -> bool:
    """Tell whether the workload has lost its place, has not got another one and has not ended."""
    lost = status.is_true(ConditionType.EVICTED) and not status.is_true(ConditionType.PLACED)
    return lost and not status.is_true(ConditionType.FINISHED)


def is_leaving(state: WorkloadState) -> bool:
    """Tell whether an evicted workload's Jobs may still have pods, or are not yet as they were before it was placed."""
    if not is_evicted(state.status):
        return False
    if has_remains(state):
        return True
    job = state.job
    if job is None:
        return False
    return _is_own(state, job) or not (job.suspend and not job.started and not _has_pods(job) and is_restored(job))


def evicted(state: WorkloadState, seen: WorkloadStatus, now: datetime, cycle: int) -> WorkloadStatus:
    """Return the status, but for its conditions, of a workload that gives its place up now.

    Args:
        state: What was last seen of it; `eviction` says why.
        seen: Its status with generation and child as seen.
        now: The time of the decision.
        cycle: Number of this cycle.
    """
    why = state.eviction
    if why is None:
        raise ValueError(f"{state.workload.key} has no reason to give its place up")
    record = DecisionStatus("Wait", why.reason, why.message[:MESSAGE_LIMIT], cycle=cycle, decided_at=rfc3339(now))
    return msgspec.structs.replace(seen, placement=None, cost=None, carbon=None, decision=record)


def leaving_actions(state: WorkloadState, new: WorkloadStatus) -> list[Action]:
    """Return the next step by which the Job of an evicted workload loses its pods, if one is due now.

    Args:
        state: What was last seen of it.
        new: Its status as written, or as it stands; the Job on record there is the one that must go.
    """
    job = state.job
    if job is None or job.deleting or not is_evicted(new) or new.child is None or new.child.uid != job.uid:
        return []
    step = DeleteJob(job.key, job.uid) if _is_own(state, job) else _step_of(job)
    return [] if step is None else [step]


def told_of(status: WorkloadStatus) -> str:
    """Return what the condition Evicted says of a workload that has got a place again."""
    before = status.condition(ConditionType.EVICTED)
    if before is None or before.status != "True":
        return before.message if before is not None and before.reason == Reason.NOT_EVICTED else ""
    return f"{_AGAIN}{before.reason}: {before.message}"[:MESSAGE_LIMIT]


def _step_of(job: JobView) -> Action | None:
    """Return what brings a user's Job one step back to how it was before it was placed."""
    if job.finished is None and not job.suspend:
        return PatchJob(job.key, job.resource_version, {"spec": {"suspend": True}})
    if job.finished or _has_pods(job):
        return None
    if job.started:  # Kubernetes before 1.36 leaves the start time of a suspended Job, and then its template is fixed
        return ResetJobStart(job.key, job.resource_version)
    return None if is_restored(job) else PatchJob(job.key, job.resource_version, restore_patch(job))


def was_evicted(status: WorkloadStatus, reason: Reason) -> bool:
    """Tell whether the last time that the workload lost its place was for this reason, placed again or not."""
    evicted_ = status.condition(ConditionType.EVICTED)
    if evicted_ is None:
        return False
    return evicted_.reason == reason or evicted_.message.startswith(f"{_AGAIN}{reason}:")


def _is_own(state: WorkloadState, job: JobView) -> bool:
    """Whether the Job was made from the workload's template: it may be deleted, a user's may not."""
    return state.workload.uid in job.owner_uids and "template" in state.spec


def _has_pods(job: JobView) -> bool:
    return job.active > 0 or job.terminating > 0
