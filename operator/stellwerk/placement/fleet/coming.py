"""Nodes that a growing pool has yet to get, as planning sees them: what they will be like, and how many matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from stellwerk.model.capacity import Node, Pool
from stellwerk.model.discovery import HOSTNAME_LABEL, REGION_LABEL, ZONE_LABEL
from stellwerk.model.resources import PODS, Resources
from stellwerk.model.snapshot import Reservation
from stellwerk.model.workload import Workload

_PREFIX: Final = "~new-"
"""No node of Kubernetes can have such a name, and it sorts behind all that can."""

_PODS_PER_NODE: Final = 110
"""Kubernetes' own default."""


class Needs(msgspec.Struct, frozen=True):
    """How many pods may want a node of their own: more new nodes than that change nothing."""

    pending: int
    reserved: Counter[tuple[str, str]]
    """By cluster and name of the pool."""

    @classmethod
    def of(cls, pending: Iterable[Workload], reserved: Iterable[Reservation]) -> Needs:
        """Count the pods of pending workloads and of reservations."""
        taken: Counter[tuple[str, str]] = Counter()
        for one in reserved:
            taken[one.cluster, one.pool] += one.pods
        return cls(sum(_pods(workload) for workload in pending), taken)

    def nodes_of(self, pool: Pool) -> int:
        """Return how many new nodes of a pool can matter at most."""
        return self.pending + self.reserved[pool.cluster, pool.name]


def nodes_to_come(pool: Pool, nodes: Sequence[Node], most: int) -> list[Node]:
    """Return the nodes that a pool may still get, like those that are there or as it is declared.

    Args:
        pool: With `growth`, or else nothing comes.
        nodes: Those that are there, usable or not: they count against the maximum.
        most: How many matter.

    Returns:
        Nothing where it cannot be told what a new node would offer.
    """
    growth = pool.growth
    if growth is None:
        return []
    like = _like(nodes)
    offer = growth.node or (None if like is None else like.allocatable)
    if offer is None:
        return []
    labels = {**_labels(pool, like), **growth.labels, **pool.node_selector}
    taints = tuple(dict.fromkeys((*(() if like is None else like.guards), *pool.taints)))
    count = max(0, min(growth.max_nodes - len(nodes), most))
    names = (f"{_PREFIX}{pool.name}-{number:05d}" for number in range(count))
    whole = _completed(offer, pool)
    return [Node(name, {**labels, HOSTNAME_LABEL: name}, whole, taints=taints, cluster=pool.cluster) for name in names]


def is_to_come(name: str) -> bool:
    """Tell whether a node of this name is not there yet."""
    return name.startswith(_PREFIX)


def _like(nodes: Sequence[Node]) -> Node | None:
    """Return the node that shows what the next one will be like: the most common offer; of these the first by name."""
    offers = Counter(node.allocatable for node in nodes)
    ranked = sorted(nodes, key=lambda node: (-offers[node.allocatable], node.name))
    return next(iter(ranked), None)


def _labels(pool: Pool, like: Node | None) -> dict[str, str]:
    if like is not None:
        return dict(like.labels)
    places = {REGION_LABEL: pool.region, ZONE_LABEL: pool.zone}
    return {key: place for key, place in places.items() if place}


def _completed(offer: Resources, pool: Pool) -> Resources:
    """Add what a declaration need not say: room for pods, and the accelerators that the pool is declared to have."""
    added = {} if offer.get(PODS) else {PODS: _PODS_PER_NODE}
    has = pool.accelerator
    if has is not None and not offer.get(has.resource):
        added[has.resource] = has.count * has.slices
    return offer + Resources.of(added)


def _pods(workload: Workload) -> int:
    sizes = [workload.size(option) for option in workload.options]
    return max(sizes) + sum(one.replicas for one in workload.others)
