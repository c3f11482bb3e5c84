"""Room that is given to a workload and not yet taken by bound pods."""

from __future__ import annotations

from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.resizing import pods_wanted
from stellwerk.lifecycle.standing import holds_place
from stellwerk.model.decision import Placement
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Reservation
from stellwerk.model.workload import Workload


def reservation_of(state: WorkloadState, bound: int, unbound: int = 0) -> Reservation | None:
    """Return what a placed, unfinished workload still reserves, or None.

    Args:
        state: what was last seen of it.
        bound: how many of its live pods are on a node.
        unbound: how many are there and on no node yet. The Job may be seen earlier than its pods: it then counts as
            succeeded what still counts as bound, and only the pods themselves tell how many are to come. Never
            more count than were given room: who labels other pods as its Job's gets nothing by it.

    """
    placement = state.status.placement
    if not isinstance(state.workload, Workload) or placement is None or state.deleting:
        return None
    if not holds_place(state):
        return None
    if state.job is not None and state.job.finished:
        return None
    wanted = placement.replicas if state.job is None else min(placement.replicas, pods_wanted(state, state.job))
    left = max(unbound, wanted - bound, 0)
    return reserve(state.workload, placement, min(left, placement.replicas))


def reserve(workload: Workload, placement: Placement, pods: int) -> Reservation | None:
    """Return the room of `pods` pods of a placement; None where no pod is left to bind."""
    if pods == 0:
        return None
    accelerator = placement.accelerator
    extra = Resources.of({accelerator.resource: accelerator.amount}) if accelerator else Resources()
    return Reservation(
        uid=workload.uid,
        cluster=placement.cluster,
        pool=placement.pool,
        pod=workload.pod.requests.without(*(name for name, _ in extra.amounts)) + extra,
        pods=pods,
        preferred_nodes=placement.preferred_nodes,
    )
