"""How long a placed workload waits for nodes before it gives its place up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from stellwerk.api import duration
from stellwerk.api.conditions import ConditionType
from stellwerk.api.reasons import Reason
from stellwerk.lifecycle.observed import Eviction, WorkloadState
from stellwerk.lifecycle.standing import holds_place
from stellwerk.lifecycle.wire import WorkloadStatus
from stellwerk.model.capacity import Pool
from stellwerk.model.placement import PlacedSet, Placement

_QUOTED: Final = 500


class Patience(msgspec.Struct, frozen=True):
    """How long is long enough."""

    provision_times: float = 2.0
    """Provision times of a growing pool."""
    fixed_s: float = 600.0
    """Seconds, where the pool has the nodes that it has."""

    def with_pool(self, pool: Pool) -> timedelta:
        """Return how long unbound pods wait for nodes of this pool."""
        growth = pool.growth
        return timedelta(seconds=self.fixed_s if growth is None else growth.provision_s * self.provision_times)


def overdue(state: WorkloadState, pool: Pool, patience: Patience, now: datetime, at: int = 0) -> Eviction | None:
    """Return why a workload must give up its place because pods on `pool` wait, or None while there is hope.

    The pods are those of the main pod set, or of further one number `at`, counted from 1. Two cases: nodes that the
    pool was to get did not come (StockOut), and pods that had run lost their nodes and find no others (Interrupted).
    In both kube-scheduler must have said that it finds no node.
    """
    placement, placed = state.status.placement, placed_at(state.status)
    if placement is None or placed is None or not _hangs(state, at):
        return None
    ready = _since(state.status, ConditionType.READY) or placed
    has_run = ready > placed
    limit = patience.with_pool(pool)
    waited = now - max(ready, placed)
    if waited <= limit or (pool.growth is None and not has_run):
        return None
    pods, time = _waiting(state, placement, at), duration.text(int(waited.total_seconds()))
    text = f"{pods} found no node in pool {pool.name} for {time}"
    said = (state.pods_unschedulable_message or "")[:_QUOTED]
    reason = Reason.INTERRUPTED if has_run else Reason.STOCK_OUT
    return Eviction(reason, f"{text} ({said})")


def placed_at(status: WorkloadStatus) -> datetime | None:
    """Return when the workload got the place that it has, None if it has none."""
    return _since(status, ConditionType.PLACED) if status.is_true(ConditionType.PLACED) else None


def got_new_nodes(state: WorkloadState, at: int = 0) -> bool:
    """Tell whether a pool got the nodes that it lacked when the workload was placed.

    The main pod set's, or that of further one number `at`, counted from 1.
    """
    placement = state.status.placement
    if placement is None or not state.status.is_true(ConditionType.READY):
        return False
    part: Placement | PlacedSet = placement.pod_sets[at - 1] if at else placement
    return part.new_nodes > 0


def _waiting(state: WorkloadState, placement: Placement, at: int) -> str:
    """Name the pods that wait."""
    missing = placement.replicas - state.pods_bound
    if at:
        return f"pods of pod set {placement.pod_sets[at - 1].name}"
    if missing <= 0:
        return "pods of a further pod set"
    return f"{missing} of {placement.replicas} pod{'s' if placement.replicas > 1 else ''}"


def _hangs(state: WorkloadState, at: int) -> bool:
    """Whether pods that should run find no node."""
    told = state.sets_unbound or (True,)
    if at >= len(told) or not told[at]:
        return False
    job = state.job
    if job is None or job.suspend or job.deleting or job.finished or state.deleting or not holds_place(state):
        return False
    return not state.status.is_true(ConditionType.READY) and state.pods_unschedulable_message is not None


def _since(status: WorkloadStatus, type_: ConditionType) -> datetime | None:
    condition = status.condition(type_)
    if condition is None or not condition.last_transition_time:
        return None
    return datetime.fromisoformat(condition.last_transition_time)
