"""Whether the pods of a placed workload run, and what keeps them from it."""

from __future__ import annotations

from typing import Final

from stellwerk.api.conditions import ConditionType
from stellwerk.api.reasons import Reason
from stellwerk.lifecycle.ending import Claim
from stellwerk.lifecycle.job import carries
from stellwerk.lifecycle.observed import JobView, WorkloadState
from stellwerk.lifecycle.podsets import parts_of
from stellwerk.lifecycle.records import MESSAGE_LIMIT
from stellwerk.model.workload import Workload

_FALSE: Final = "False"


def ready_of(state: WorkloadState) -> Claim:
    """Return what the condition Ready of a placed workload should say."""
    jobs = [part.job for part in parts_of(state)]
    there = [job for job in jobs if job is not None]
    if edited := next((told for job in there if (told := _edit_of(state, job))), None):
        return Claim(ConditionType.READY, _FALSE, Reason.CHILD_EDITED, edited)
    if len(there) == len(jobs) and all(job.started and job.all_running for job in there):
        return Claim(ConditionType.READY, "True", Reason.PODS_READY)
    if state.pods_unschedulable_message:
        quoted = state.pods_unschedulable_message[:MESSAGE_LIMIT]
        return Claim(ConditionType.READY, _FALSE, Reason.PODS_UNSCHEDULABLE, quoted)
    if refused := next((told for job in there if (told := _refusal_of(job))), None):
        return Claim(ConditionType.READY, _FALSE, Reason.PODS_NOT_CREATED, refused)
    return Claim(ConditionType.READY, _FALSE, Reason.PODS_PENDING)


def _edit_of(state: WorkloadState, job: JobView) -> str | None:
    """Return what somebody changed of a placed Job so that it does not run as decided, or None."""
    placement, workload = state.status.placement, state.workload
    own = "template" in state.spec and workload.uid in job.owner_uids
    if placement is None or not (own or carries(job, placement, workload.uid)):
        return None
    if job.suspend:
        return f"somebody suspended Job {job.key.name}; set spec.suspend to false to let it go on"
    elastic = isinstance(workload, Workload) and workload.min_replicas is not None
    if job is state.job and not elastic and job.size > placement.replicas:
        return (
            f"somebody raised the size of Job {job.key.name} to {job.size} pods, and {placement.replicas} were placed;"
            f" set spec.parallelism to {placement.replicas}, or submit a workload of that size"
        )
    return None


def _refusal_of(job: JobView) -> str | None:
    """Return that a Job's controller made no pod although it tried, or None.

    The controller writes the start time together with the pods that it got, so a Job that has one and nothing to show
    for it was refused all of them.
    """
    shown = job.active + job.succeeded + job.failed + job.terminating
    if not job.started or job.suspend or job.deleting or shown or not job.pods_wanted:
        return None
    return (
        f"Job {job.key.name} has none of its {job.pods_wanted} pods: the API server refuses them, for a quota, a"
        " missing PriorityClass or ServiceAccount, or an admission rule;"
        f" kubectl describe job {job.key.name} tells which"
    )
