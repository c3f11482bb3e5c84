"""A pool in one planning cycle: its nodes by class, what is free there, and who may go where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime
from fractions import Fraction
from typing import Final, NamedTuple, Protocol

import msgspec

from stellwerk.economics.cost import Site
from stellwerk.model.capacity import Accelerator, Node, Pool, Taint, Toleration
from stellwerk.model.requirements import NODE_NAME
from stellwerk.model.resources import CPU, MEMORY, PODS, UNBOUNDED, Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import PodShape
from stellwerk.placement.fleet.company import Company
from stellwerk.placement.fleet.quota import Allowance
from stellwerk.placement.packing.bins import Assignment, Bins, Sliced
from stellwerk.placement.packing.devices import copies_when_empty, laid_out

_FIRST: Final = (CPU, MEMORY, PODS)
"""Resources in the order in which they are packed tight, after the accelerator."""

Kind = tuple[tuple[Taint, ...], tuple[str | None, ...]]
"""What tells classes of nodes apart: blocking taints, and labels that some pod asks about."""


class Left(NamedTuple):
    """What is left of the nodes."""

    free: Mapping[str, Resources]
    """By node name."""
    pods: Mapping[str, Sequence[int]] = {}
    """Slices that single pods use, where it is known, by node name; part of what is not free."""


class Pricing(Protocol):
    """What room is worth in money."""

    @property
    def epoch(self) -> int:
        """Changes with the prices."""

    def per_hour(self, worth: int, currency: str) -> Fraction | None:
        """Return what so many units of worth are in micro-units per hour; None where no accelerator has a price."""


class PoolView:
    """A pool in one planning cycle; its free room shrinks as gangs are placed."""

    def __init__(
        self,
        pool: Pool,
        nodes: Sequence[Node],
        left: Left,
        keys: Sequence[str],
        new: Sequence[Node] = (),
    ) -> None:
        """Look at a pool.

        Args:
            pool: What is known of it.
            nodes: All its nodes, usable or not.
            left: What is left of them.
            keys: Label keys that pods of this cycle ask about.
            new: Nodes that it has yet to get; only `grown` looks at them.
        """
        self.pool = pool
        self.nodes = tuple(sorted(nodes, key=lambda node: node.name))
        self.tolerations = tuple(tolerating(taint) for taint in pool.taints)
        self._kinds: dict[tuple[bool, Kind], int] = {}
        self._models: list[Node] = []
        kinds = [(node, self._kind(node, keys)) for node in self.nodes]
        self.there = frozenset(range(len(self._models)))
        """Classes of the nodes that are there."""
        coming = [(node, self._kind(node, keys, coming=True)) for node in new]
        self._kind_by_name = {node.name: kind for node, kind in (*kinds, *coming)}
        self.capacity = Counter((node.allocatable, kind) for node, kind in kinds)
        self._new = tuple(new)
        self._coming = Counter((node.allocatable, kind) for node, kind in coming)
        self.usable_nodes = sum(node.usable for node in self.nodes)
        usable = [(node.name, left.free[node.name], kind) for node, kind in kinds if node.usable]
        usable += [(node.name, node.allocatable, kind) for node, kind in coming]
        self.bins = Bins(self._axis(), usable, self._sliced(left, new))
        self.site = Site(pool, _typical_node(self.capacity))
        self.company = Company(Snapshot(), ())
        self.allowance = Allowance({})
        self.opportunity: Pricing | None = None
        """What its room is worth to others; None where nobody asks."""
        self.secondary = False
        """Another view is of the same nodes, and comes first: this one is for another of their accelerators."""
        self.grows = False
        """This view is of the pool with the nodes that it has yet to get."""
        self.stocked_out: datetime | None = None
        """Until then nothing is placed on nodes that it has yet to get."""

    def grown(self, stocked_out: datetime | None = None) -> PoolView:
        """Return a view of the same room and that of the nodes that the pool has yet to get."""
        twin = copy(self)
        twin.grows, twin.stocked_out = True, stocked_out
        twin.nodes = self.nodes + self._new
        twin.capacity = self.capacity + self._coming
        twin.usable_nodes += sum(self._coming.values())
        growth = self.pool.growth
        twin.site = Site(self.pool, _typical_node(twin.capacity), 0 if growth is None else growth.provision_s)
        return twin

    def place(
        self, request: Resources, pods: int, kinds: frozenset[int], *, at_least: int | None = None
    ) -> list[Assignment] | None:
        """Take room for a gang as `Bins.place` does, of the nodes that are there first."""
        least = pods if at_least is None else at_least
        if not self.grows:
            return self.bins.place(request, pods, kinds, at_least=least)
        if self.bins.room(request, kinds) < least:
            return None
        found = self.bins.place(request, pods, kinds & self.there, at_least=0) or []
        left = pods - sum(one.pods for one in found)
        more = self.bins.place(request, left, kinds - self.there, at_least=0) if left else None
        return [*found, *(more or ())]

    @property
    def can_grow(self) -> bool:
        """Whether it has nodes yet to get."""
        return bool(self._coming)

    @property
    def open(self) -> frozenset[int]:
        """Classes of the nodes that this view is of."""
        return frozenset(range(len(self._models))) if self.grows else self.there

    def seen_for(self, accelerator: Accelerator) -> PoolView:
        """Return a view of the same nodes and the same room for another of their accelerators."""
        twin = copy(self)
        every = (self.pool.accelerator, *self.pool.further)
        rest = tuple(one for one in every if one is not None and one != accelerator)
        twin.pool = msgspec.structs.replace(self.pool, accelerator=accelerator, further=rest)
        twin.site = msgspec.structs.replace(self.site, pool=twin.pool)
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
        return frozenset(kind for kind in self.open if not untolerated(self._models[kind].guards, tolerations))

    def selected(self, pod: PodShape) -> frozenset[int]:
        """Return the classes of nodes whose labels meet the pod's requirements."""
        models = ((kind, self._models[kind]) for kind in self.open)
        return frozenset(kind for kind, node in models if pod.requirements.matches(node.labels, node.name))

    def blocking_taints(self, pod: PodShape) -> tuple[Taint, ...]:
        """Return the taints of the pool's nodes that keep the pod away, each once."""
        tolerations = (*self.tolerations, *pod.tolerations)
        found = {taint for kind in self.open for taint in untolerated(self._models[kind].guards, tolerations)}
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
        return self.bins.free(resource, self.open), everything

    def _kind(self, node: Node, keys: Sequence[str], *, coming: bool = False) -> int:
        labels = tuple(node.name if key == NODE_NAME else node.labels.get(key) for key in keys)
        kind = (coming, (node.guards, labels))
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = len(self._models)
            self._models.append(node)
        return found

    def _sliced(self, left: Left, new: Sequence[Node]) -> Sliced | None:
        """Return the devices of the usable nodes, where they are handed out in slices."""
        has = self.pool.accelerator
        if has is None or has.slices == 1 or has.resource not in self._axis():
            return None
        name = has.resource
        devices = {
            node.name: laid_out(
                left.free.get(node.name, node.allocatable).get(name),
                node.allocatable.get(name),
                has.slices,
                left.pods.get(node.name, ()),
            )
            for node in (*self.nodes, *new)
            if node.usable
        }
        return Sliced(has.slices, devices)

    def _axis(self) -> list[str]:
        names = {name for offer, _ in (*self.capacity, *self._coming) for name, _ in offer.amounts}
        accelerator = self.pool.accelerator
        first = ([accelerator.resource] if accelerator else []) + list(_FIRST)
        return [name for name in first if name in names] + sorted(names.difference(first))


def tolerating(taint: Taint) -> Toleration:
    """Return the toleration for a declared taint; one without value covers every value."""
    operator = "Equal" if taint.value else "Exists"
    return Toleration(taint.key, operator, taint.value, taint.effect)


def untolerated(taints: Iterable[Taint], tolerations: Sequence[Toleration]) -> list[Taint]:
    """Return the taints that a pod with these tolerations does not stand."""
    return [taint for taint in taints if not any(toleration.tolerates(taint) for toleration in tolerations)]


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


def _typical_node(capacity: Mapping[tuple[Resources, int], int]) -> Resources | None:
    """Return what most nodes offer; of equally many, the larger."""
    offers: Counter[Resources] = Counter()
    for (offer, _), nodes in capacity.items():
        offers[offer] += nodes
    return max(offers, key=lambda offer: (offers[offer], offer.amounts), default=None)
