"""What a workload has had: the time that its pods ran, counted when they stop or change their number.

The count is written with the change that ends it, in the same body: no crash counts a second twice or loses
one, and no write is made for it alone.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from stellwerk.api.conditions import ConditionType
from stellwerk.economics.service import held, lost_seconds
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.wire import ServiceStatus, WorkloadStatus
from stellwerk.model.workload import Workload


def with_service(state: WorkloadState, new: WorkloadStatus, now: datetime) -> WorkloadStatus:
    """Return the status that is to be written, with what its pods had until now if they stop or change.

    Args:
        state: What was last seen of it; its status says since when the pods have run, and on what.
        new: What the status will say, conditions included.
        now: The time of the change.
    """
    old, workload = state.status, state.workload
    if old.placement is None or not isinstance(workload, Workload):
        return new
    stays = new.placement is not None and new.placement.replicas == old.placement.replicas
    if stays and new.is_true(ConditionType.READY):
        return new
    ran, accelerators = _ran(old, now), held(workload, old.placement)
    gone = new.placement is None or new.is_true(ConditionType.EVICTED)
    before = old.service or ServiceStatus()
    had = before.accelerator_seconds + int(accelerators * ran)
    lost = before.lost_seconds
    if gone:
        lost = _lost(workload, int(accelerators), ran, ServiceStatus(had, lost))
    service = ServiceStatus(had, lost)
    return new if service == before else msgspec.structs.replace(new, service=service)


def _ran(status: WorkloadStatus, now: datetime) -> int:
    """Return for how many seconds the pods have run since this was last counted; 0 if they do not run."""
    ready = status.condition(ConditionType.READY)
    if ready is None or ready.status != "True":
        return 0
    since = max(ready.last_transition_time, status.resized_at or "")
    return max(0, int((now - datetime.fromisoformat(since)).total_seconds()))


def _lost(workload: Workload, accelerators: int, ran: int, all_of_it: ServiceStatus) -> int:
    """Return what is lost of all that the workload had, now that it is stopped."""
    if workload.checkpoint_interval_s is None:
        return all_of_it.accelerator_seconds
    again = int(lost_seconds(ran, workload.checkpoint_interval_s)) * accelerators
    return min(all_of_it.accelerator_seconds, all_of_it.lost_seconds + again)
