"""Which gangs of a cycle must be kept to their nodes, because others that are not bound yet could take their room.

kube-scheduler binds pods wherever it likes within what they demand; the nodes that the packing found are a preference
that other scores may outweigh. Where all unbound pods of a pool are alike that does not matter: whichever node a pod
takes, room for one is gone. Where they differ, a pod may sit down where only another gang's would have fitted. Then
the gangs of the cycle are kept to their nodes, each pod to its own (`Placement.nodes_required`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from stellwerk.model.capacity import Node
from stellwerk.model.decision import Decision, Mode
from stellwerk.model.placement import PlacedSet, Placement
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import PodFacts, PodShape, Workload
from stellwerk.placement.fleet.company import Company
from stellwerk.placement.fleet.poolview import tolerating, untolerated

_MANY: Final = 8
"""Of so many kinds of pods it is not worked out whether they could be in each other's way: they are kept apart."""

Where = tuple[str, str]
"""Cluster and pool."""


class _Crowd(msgspec.Struct, frozen=True):
    """Like pods that are to be bound in one pool."""

    pod: Resources
    pods: int
    shape: PodShape | None
    """None for those that an earlier cycle placed."""
    minds: bool = False
    """Neighbours keep it from nodes that have room."""


def pinned(decisions: Sequence[Decision], pending: Iterable[Workload], snapshot: Snapshot) -> tuple[Decision, ...]:
    """Return the decisions, with the placements that need it kept to their nodes."""
    workloads = {one.uid: one for one in pending}
    crowds = _crowds(decisions, workloads, snapshot)
    mixed = {where: found for where, found in crowds.items() if len(_merged(found)) > 1}
    if not mixed:
        return tuple(decisions)
    risky = {where for where, found in mixed.items() if not _safe(found, where, snapshot)}
    return tuple(_kept(one, risky) for one in decisions)


def _crowds(
    decisions: Iterable[Decision], workloads: Mapping[str, Workload], snapshot: Snapshot
) -> dict[Where, list[_Crowd]]:
    crowds: defaultdict[Where, list[_Crowd]] = defaultdict(list)
    company = Company(snapshot, ())
    for one in snapshot.reserved:
        crowds[one.cluster, one.pool].append(_Crowd(one.pod, one.pods, None))
    for decision in decisions:
        placement, workload = decision.chosen, workloads.get(decision.uid)
        if decision.mode is not Mode.FIT or placement is None or workload is None:
            continue
        shapes = {one.name: (one.pod, one.facts) for one in workload.others}
        parts: list[tuple[Placement | PlacedSet, PodShape, PodFacts | None]] = [
            (placement, workload.pod, workload.facts)
        ]
        parts += [(one, *shapes[one.name]) for one in placement.pod_sets if one.name in shapes]
        for part, shape, facts in parts:
            has = part.accelerator
            extra = Resources.of({has.resource: has.amount}) if has else Resources()
            minds = company.matters(shape, workload.key.namespace, facts)
            crowds[placement.cluster, part.pool].append(_Crowd(shape.requests + extra, part.replicas, shape, minds))
    return crowds


def _safe(crowds: Sequence[_Crowd], where: Where, snapshot: Snapshot) -> bool:
    """Tell whether each gang finds its room, wherever in the pool the others sit down."""
    crowds = _merged(crowds)
    if len(crowds) > _MANY or any(one.minds for one in crowds):
        return False
    pool = next((one for one in snapshot.pools if (one.cluster, one.name) == where), None)
    nodes = [node for node in snapshot.nodes if pool is not None and node.usable and pool.selects(node)]
    tolerations = tuple(tolerating(taint) for taint in pool.taints) if pool else ()
    for one in crowds:
        needed = one.pods + sum(other.pods * _displaced(one.pod, other.pod) for other in crowds if other is not one)
        for node in nodes:
            if _takes(node, one.shape, tolerations):
                needed -= one.pod.copies_in(node.allocatable - snapshot.usage.get(node.name, Resources()))
            if needed <= 0:
                break  # most pools have room to spare, and most of them soon
        else:
            return False
    return True


def _merged(crowds: Iterable[_Crowd]) -> list[_Crowd]:
    """Take like pods together: they are never in each other's way."""
    pods: defaultdict[tuple[Resources, PodShape | None, bool], int] = defaultdict(int)
    for one in crowds:
        pods[one.pod, one.shape, one.minds] += one.pods
    return [_Crowd(pod, count, shape, minds) for (pod, shape, minds), count in pods.items()]


def _takes(node: Node, shape: PodShape | None, tolerations: tuple[object, ...]) -> bool:
    if shape is None:
        return True
    stood = (*tolerations, *shape.tolerations)
    return shape.requirements.matches(node.labels, node.name) and not untolerated(node.guards, stood)  # type: ignore[arg-type]


def _displaced(pod: Resources, other: Resources) -> int:
    """Return for how many of one kind a pod of another kind may at most take the room."""
    takes = dict(other.amounts)
    return max((-(-takes.get(name, 0) // amount) for name, amount in pod.amounts if amount > 0), default=0)


def _kept(decision: Decision, risky: set[Where]) -> Decision:
    placement = decision.chosen
    if decision.mode is not Mode.FIT or placement is None:
        return decision
    sets = tuple(
        msgspec.structs.replace(one, nodes_required=True)
        if (placement.cluster, one.pool) in risky and _nameable(one)
        else one
        for one in placement.pod_sets
    )
    main = (placement.cluster, placement.pool) in risky and _nameable(placement)
    required = placement.nodes_required or main
    chosen = msgspec.structs.replace(placement, nodes_required=required, pod_sets=sets)
    return msgspec.structs.replace(decision, chosen=chosen)


def _nameable(one: Placement | PlacedSet) -> bool:
    """Tell whether all its pods have a node that is named: the list may have been cut short."""
    return bool(one.preferred_nodes) and sum(one.pods_per_node) == one.replicas
