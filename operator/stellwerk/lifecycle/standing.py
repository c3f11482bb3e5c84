"""Whether the place on record still is the workload's: others may have changed, replaced or taken its Job."""

from __future__ import annotations

from stellwerk.api.conditions import ConditionType
from stellwerk.api.reasons import Reason
from stellwerk.lifecycle.job import carries
from stellwerk.lifecycle.observed import JobView, WorkloadState
from stellwerk.model.workload import InvalidWorkload, Workload


def holds_place(state: WorkloadState) -> bool:
    """Tell whether the placement on record stands: given, not over, and for what the Job asks for now."""
    status = state.status
    if not status.is_true(ConditionType.PLACED) or status.is_true(ConditionType.FINISHED):
        return False
    return not is_taken(state) and not _outgrown(state)


def is_taken(state: WorkloadState) -> bool:
    """Tell whether its Job runs for another AIWorkload."""
    return isinstance(state.workload, InvalidWorkload) and state.workload.reason == Reason.JOB_TAKEN


def awaits_release(job: JobView) -> bool:
    """Tell whether a user's Job may be changed: Kubernetes only allows it before the Job has started."""
    return job.suspend and not job.started and not job.deleting


def _outgrown(state: WorkloadState) -> bool:
    """Whether somebody changed how much a user's Job asks for after it was decided on and before it was released."""
    workload, job, placement = state.workload, state.job, state.status.placement
    if not isinstance(workload, Workload) or workload.source != "job" or job is None or placement is None:
        return False
    if not awaits_release(job) or carries(job, placement, workload.uid):
        return False
    given = placement.accelerator.count if placement.accelerator else 0
    asked = {(workload.size(option), option.count if option else 0) for option in workload.options}
    return (placement.replicas, given) not in asked
