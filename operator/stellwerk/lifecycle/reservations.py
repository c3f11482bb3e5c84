"""Room that is given to a workload and not yet taken by bound pods."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stellwerk.lifecycle.observed import JobView, WorkloadState
from stellwerk.lifecycle.resizing import pods_wanted
from stellwerk.lifecycle.standing import holds_place
from stellwerk.model.placement import Placement
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Reservation
from stellwerk.model.workload import PodShape, Workload

Pods = tuple[int, int]
"""Live pods of one Job: on a node, and on none yet."""


def reservation_of(
    state: WorkloadState, bound: int, unbound: int = 0, further: Sequence[Pods] = ()
) -> Reservation | None:
    """Return what a placed, unfinished workload still reserves, or None.

    Args:
        state: what was last seen of it.
        bound: how many of its live pods are on a node.
        unbound: how many are there and on no node yet. The Job may be seen earlier than its pods: it then counts as
            succeeded what still counts as bound, and only the pods themselves tell how many are to come. Never
            more count than were given room: who labels other pods as its Job's gets nothing by it.
        further: the same of its further pod sets, in the order of the spec.

    """
    placement = state.status.placement
    if not isinstance(state.workload, Workload) or placement is None or state.deleting:
        return None
    if not holds_place(state):
        return None
    wanted = placement.replicas if state.job is None else min(placement.replicas, pods_wanted(state, state.job))
    left = _left(state.job, wanted, (bound, unbound))
    sets = [
        min(placed.replicas, _left(job, placed.replicas if job is None else job.pods_wanted, pods))
        for placed, job, pods in zip(placement.pod_sets, state.set_jobs, further, strict=False)
    ]
    return reserve(state.workload, placement, min(left, placement.replicas), sets)


def reserve(
    workload: Workload, placement: Placement, pods: int, further: Sequence[int] | None = None
) -> Reservation | None:
    """Return the room of a placement that is to be kept; None where no pod is left to bind.

    Args:
        workload: whose room it is.
        placement: where.
        pods: how many of its main pods are to come.
        further: how many of each further pod set; None for all of them.

    """
    counts = [placed.replicas for placed in placement.pod_sets] if further is None else further
    shapes = {one.name: one.pod for one in workload.others}
    others = tuple(
        seat
        for placed, count in zip(placement.pod_sets, counts, strict=False)
        if count and placed.name in shapes
        for part in (placement.of_set(placed),)
        for seat in _seats(_room(workload.uid, part, shapes[placed.name], count), part)
    )
    if not pods and not others:
        return None
    main, *seats = _seats(_room(workload.uid, placement, workload.pod, pods), placement)
    return msgspec.structs.replace(main, others=(*seats, *others))


def _seats(room: Reservation, placement: Placement) -> list[Reservation]:
    """Split the room of pods that are kept to their nodes by node, while none of them is bound yet."""
    exact = placement.nodes_required and room.pods == sum(placement.pods_per_node)
    if not exact or not room.pods:
        return [room]
    seats = zip(placement.preferred_nodes, placement.pods_per_node, strict=True)
    return [msgspec.structs.replace(room, pods=pods, preferred_nodes=(node,)) for node, pods in seats]


def _left(job: JobView | None, wanted: int, pods: Pods) -> int:
    """Return how many pods of one Job are still to be bound."""
    bound, unbound = pods
    return 0 if job is not None and job.finished else max(unbound, wanted - bound, 0)


def _room(uid: str, placement: Placement, pod: PodShape, pods: int) -> Reservation:
    accelerator = placement.accelerator
    extra = Resources.of({accelerator.resource: accelerator.amount}) if accelerator else Resources()
    return Reservation(
        uid=uid,
        cluster=placement.cluster,
        pool=placement.pool,
        pod=pod.requests.without(*(name for name, _ in extra.amounts)) + extra,
        pods=pods,
        preferred_nodes=placement.preferred_nodes,
    )
