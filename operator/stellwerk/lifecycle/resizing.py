"""More or fewer pods for an elastic workload that runs: the status first, then its Job, whatever the cause.

The Job of an elastic workload is Indexed, and Kubernetes lets `parallelism` and `completions` of such a Job change
together: a Job that grows gets new indexes at the end, one that shrinks loses its highest indexes. What is due follows
from the difference between the placement on record and the Job, so that a crash between the two writes loses nothing.

Whoever wants a workload resized sets `WorkloadState.resize`; nothing else is needed.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from stellwerk.api.moment import rfc3339
from stellwerk.api.reasons import Reason
from stellwerk.lifecycle.actions import Action, EmitEvent, PatchJob
from stellwerk.lifecycle.messages import workload_ref
from stellwerk.lifecycle.observed import JobView, WorkloadState
from stellwerk.lifecycle.records import MESSAGE_LIMIT, cost_status
from stellwerk.lifecycle.standing import holds_place
from stellwerk.lifecycle.wire import WorkloadStatus
from stellwerk.model.workload import Workload


def must_resize(state: WorkloadState) -> bool:
    """Tell whether somebody asks for another size of a workload that has a place and may change it."""
    return state.resize is not None and is_elastic(state) and holds_place(state)


def is_elastic(state: WorkloadState) -> bool:
    """Tell whether the number of pods may change while they run."""
    return isinstance(state.workload, Workload) and state.workload.min_replicas is not None


def resized(state: WorkloadState, seen: WorkloadStatus, now: datetime) -> WorkloadStatus:
    """Return the status, but for its conditions, of a workload that has a place, with the size that it gets now.

    Args:
        state: What was last seen of it; `resize` says what it gets, if it changes.
        seen: Its status with generation and child as seen.
        now: The time of the change.
    """
    wish = state.resize
    if wish is None or not must_resize(state):
        return seen
    cost = seen.cost if wish.cost is None else cost_status(wish.cost)
    return msgspec.structs.replace(seen, placement=wish.placement, cost=cost, resized_at=rfc3339(now))


def resize_actions(state: WorkloadState, new: WorkloadStatus) -> list[Action]:
    """Return the patch of the Job that does not have the size on record, if there is one."""
    job, placement = state.job, new.placement
    if not is_elastic(state) or job is None or placement is None or job.finished or job.deleting:
        return []
    if job.parallelism == job.completions == placement.replicas or job.completions is None:
        return []
    size = {"parallelism": placement.replicas, "completions": placement.replicas}
    return [PatchJob(job.key, job.resource_version, {"spec": size})]


def resize_event(state: WorkloadState) -> EmitEvent | None:
    """Tell people of a change that is written now."""
    wish, before = state.resize, state.status.placement
    if wish is None or before is None or not must_resize(state):
        return None
    grows = wish.placement.replicas > before.replicas
    reason = Reason.GROWN if grows else Reason.SHRUNK
    return EmitEvent(workload_ref(state), "Normal", reason, wish.message[:MESSAGE_LIMIT])


def pods_wanted(state: WorkloadState, job: JobView) -> int:
    """Return how many pods should run now; of an elastic workload as its status says, whatever its Job says yet."""
    placement = state.status.placement
    if placement is None or not is_elastic(state):
        return job.pods_wanted
    return max(0, placement.replicas - job.succeeded)
