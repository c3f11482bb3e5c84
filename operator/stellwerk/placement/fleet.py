"""The fleet of one cycle: pools with their nodes, what is free there, and who may go where."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from copy import copy
from typing import Final

import msgspec

from stellwerk.economics.cost import Site
from stellwerk.model.capacity import Accelerator, Node, Pool, Taint, Toleration
from stellwerk.model.requirements import NODE_NAME
from stellwerk.model.resources import CPU, MEMORY, PODS, UNBOUNDED, Resources
from stellwerk.model.snapshot import Reservation, Snapshot
from stellwerk.model.workload import PodShape, Workload
from stellwerk.placement.company import Company
from stellwerk.placement.devices import copies_when_empty, laid_out
from stellwerk.placement.packing import Bins, Sliced
from stellwerk.placement.quota import Allowance

_FIRST: Final = (CPU, MEMORY, PODS)
"""Resources in the order in which they are packed tight, after the accelerator."""

Kind = tuple[tuple[Taint, ...], tuple[str | None, ...]]
"""What tells classes of nodes apart: blocking taints, and labels that some pod asks about."""


class PoolView:
    """A pool in one planning cycle; its free room shrinks as gangs are placed."""

    def __init__(self, pool: Pool, nodes: Sequence[Node], free: Mapping[str, Resources], keys: Sequence[str]) -> None:
        """Look at a pool.

        Args:
            pool: What is known of it.
            nodes: All its nodes, usable or not.
            free: What is free, by node name.
            keys: Label keys that pods of this cycle ask about.
        """
        self.pool = pool
        self.nodes = tuple(sorted(nodes, key=lambda node: node.name))
        self.tolerations = tuple(tolerating(taint) for taint in pool.taints)
        self._kinds: dict[Kind, int] = {}
        self._models: list[Node] = []
        kinds = [(node, self._kind(node, keys)) for node in self.nodes]
        self._kind_by_name = {node.name: kind for node, kind in kinds}
        self.capacity = Counter((node.allocatable, kind) for node, kind in kinds)
        self.usable_nodes = sum(node.usable for node in self.nodes)
        usable = [(node.name, free[node.name], kind) for node, kind in kinds if node.usable]
        self.bins = Bins(self._axis(), usable, self._sliced(free))
        self.site = Site(pool, self._typical_node())
        self.company = Company(Snapshot(), ())
        self.allowance = Allowance({})
        self.secondary = False
        """Another view is of the same nodes, and comes first: this one is for another of their accelerators."""

    def seen_for(self, accelerator: Accelerator) -> PoolView:
        """Return a view of the same nodes and the same room for another of their accelerators."""
        twin = copy(self)
        every = (self.pool.accelerator, *self.pool.further)
        rest = tuple(one for one in every if one is not None and one != accelerator)
        twin.pool = msgspec.structs.replace(self.pool, accelerator=accelerator, further=rest)
        twin.site = Site(twin.pool, self.site.node)
        twin.secondary = True
        return twin

    @property
    def classes(self) -> int:
        """How many classes of nodes there are."""
        return len(self._models)

    def kind_of(self, node: str) -> int:
        """Return the class of one of its nodes."""
        return self._kind_by_name[node]

    def accepting(self, pod: PodShape) -> frozenset[int]:
        """Return the classes of nodes that such a pod tolerates and selects."""
        return self.tolerated(pod) & self.selected(pod)

    def tolerated(self, pod: PodShape) -> frozenset[int]:
        """Return the classes of nodes whose taints the pod or the pool's declaration tolerates."""
        tolerations = (*self.tolerations, *pod.tolerations)
        return frozenset(kind for kind, node in enumerate(self._models) if not untolerated(node.guards, tolerations))

    def selected(self, pod: PodShape) -> frozenset[int]:
        """Return the classes of nodes whose labels meet the pod's requirements."""
        return frozenset(
            kind for kind, node in enumerate(self._models) if pod.requirements.matches(node.labels, node.name)
        )

    def blocking_taints(self, pod: PodShape) -> tuple[Taint, ...]:
        """Return the taints of the pool's nodes that keep the pod away, each once."""
        tolerations = (*self.tolerations, *pod.tolerations)
        found = {taint for node in self._models for taint in untolerated(node.guards, tolerations)}
        return tuple(sorted(found, key=str))

    def room_when_empty(self, request: Resources, pod: PodShape) -> int:
        """Return how many pods would fit if nothing ran on any node, usable now or not."""
        has = self.pool.accelerator if self.pool.accelerator and self.pool.accelerator.slices > 1 else None
        return room_when_empty(request, self.capacity, self.accepting(pod), has)

    @property
    def accelerators(self) -> tuple[int, int]:
        """Free and all accelerators; those of unusable nodes are not free."""
        if self.pool.accelerator is None:
            return 0, 0
        resource = self.pool.accelerator.resource
        everything = sum(offer.get(resource) * n for (offer, _), n in self.capacity.items())
        return self.bins.free(resource), everything

    def _kind(self, node: Node, keys: Sequence[str]) -> int:
        labels = tuple(node.name if key == NODE_NAME else node.labels.get(key) for key in keys)
        kind = (node.guards, labels)
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = len(self._models)
            self._models.append(node)
        return found

    def _sliced(self, free: Mapping[str, Resources]) -> Sliced | None:
        """Return the devices of the usable nodes, where they are handed out in slices."""
        has = self.pool.accelerator
        if has is None or has.slices == 1:
            return None
        name = has.resource
        devices = {
            node.name: laid_out(free[node.name].get(name), node.allocatable.get(name), has.slices)
            for node in self.nodes
            if node.usable
        }
        return Sliced(has.slices, devices)

    def _axis(self) -> list[str]:
        names = {name for offer, _ in self.capacity for name, _ in offer.amounts}
        accelerator = self.pool.accelerator
        first = ([accelerator.resource] if accelerator else []) + list(_FIRST)
        return [name for name in first if name in names] + sorted(names.difference(first))

    def _typical_node(self) -> Resources | None:
        """Return what most nodes offer; of equally many, the larger."""
        offers: Counter[Resources] = Counter()
        for (offer, _), nodes in self.capacity.items():
            offers[offer] += nodes
        return max(offers, key=lambda offer: (offers[offer], offer.amounts), default=None)


class Fleet:
    """All pools of a snapshot, reservations taken off."""

    def __init__(self, snapshot: Snapshot, pending: Iterable[Workload]) -> None:
        """Look at a snapshot with the eyes of the `pending` workloads."""
        self.health = snapshot.cluster_health
        free = {node.name: node.allocatable - snapshot.usage.get(node.name, Resources()) for node in snapshot.nodes}
        leftover = _take_reserved(free, snapshot.reserved)
        keys = sorted({key for shape in _shapes(pending) for key in shape.requirements.keys})
        owned = nodes_by_pool(snapshot.nodes, snapshot.pools)
        firsts = [
            PoolView(pool, owned.get((pool.cluster, pool.name), []), free, keys)
            for pool in sorted(snapshot.pools, key=lambda pool: (pool.cluster, pool.name))
        ]
        self.views = tuple(
            view for first in firsts for view in (first, *(first.seen_for(one) for one in first.pool.further))
        )
        self._take_rest(leftover)
        self.company = Company(snapshot, pending)
        self.allowance = Allowance(snapshot.namespaces)
        for view in self.views:
            view.company, view.allowance = self.company, self.allowance

    def concern(self, workload: Workload) -> Hashable:
        """Return what the decision on a workload depends on besides its shape: neighbours, rules of its namespace."""
        return self.company.concern(workload), self.allowance.concern(workload)

    def _take_rest(self, leftover: Sequence[tuple[Reservation, int]]) -> None:
        """Take room for reserved pods whose preferred nodes are gone or full, in pieces if there is no other way."""
        views = {(view.pool.cluster, view.pool.name): view for view in self.views}
        for reservation, pods in leftover:
            view = views.get((reservation.cluster, reservation.pool))
            if view is not None:
                every = frozenset(kind for _, kind in view.capacity)
                found = view.bins.place(reservation.pod, pods, every, at_least=0) or ()
                view.bins.claim(reservation.pod, pods - sum(one.pods for one in found), every)


def nodes_by_pool(nodes: Iterable[Node], pools: Iterable[Pool]) -> dict[tuple[str, str], list[Node]]:
    """Give each node to one pool, so that no room is counted twice.

    Where several pools select a node, the one with the most labels in its selector gets it, and of
    those the first by name. Keys are cluster and name of the pool.
    """
    ranked = sorted(pools, key=lambda pool: (-len(pool.node_selector), pool.name))
    owned: defaultdict[tuple[str, str], list[Node]] = defaultdict(list)
    for node in nodes:
        for pool in ranked:
            if pool.selects(node):
                owned[pool.cluster, pool.name].append(node)
                break
    return owned


def tolerating(taint: Taint) -> Toleration:
    """Return the toleration for a declared taint; one without value covers every value."""
    operator = "Equal" if taint.value else "Exists"
    return Toleration(taint.key, operator, taint.value, taint.effect)


def untolerated(taints: Iterable[Taint], tolerations: Sequence[Toleration]) -> list[Taint]:
    """Return the taints that a pod with these tolerations does not stand."""
    return [taint for taint in taints if not any(toleration.tolerates(taint) for toleration in tolerations)]


def _shapes(pending: Iterable[Workload]) -> set[PodShape]:
    return {shape for workload in pending for shape in (workload.pod, *(one.pod for one in workload.others))}


def _take_reserved(free: dict[str, Resources], reserved: Iterable[Reservation]) -> list[tuple[Reservation, int]]:
    """Take reserved pods off their preferred nodes; return what found no room there."""
    leftover: list[tuple[Reservation, int]] = []
    for reservation in sorted(reserved, key=lambda one: one.uid):
        left = reservation.pods
        for name in reservation.preferred_nodes:
            if left and name in free:
                pods = min(left, reservation.pod.copies_in(free[name]))
                free[name] -= reservation.pod * pods
                left -= pods
        if left:
            leftover.append((reservation, left))
    return leftover


def room_when_empty(
    request: Resources,
    capacity: Mapping[tuple[Resources, int], int],
    kinds: frozenset[int],
    sliced: Accelerator | None = None,
) -> int:
    """Return how many pods would fit if nothing ran, at most `UNBOUNDED`.

    Args:
        request: What one pod asks for.
        capacity: How many nodes offer what, by allocatable resources and class.
        kinds: Classes of nodes that the pods accept.
        sliced: The accelerator, where it is handed out in slices.
    """
    room = 0
    for (offered, kind), nodes in capacity.items():
        if kind in kinds:
            copies = request.copies_in(offered)
            if sliced is not None:
                name = sliced.resource
                on_devices = copies_when_empty(offered.get(name), request.get(name), sliced.slices)
                copies = copies if on_devices is None else min(copies, on_devices)
            room += copies * nodes
    return min(UNBOUNDED, room)
