"""Placements: where the pods of a gang go."""

from __future__ import annotations

from typing import Any, Final, Self

import msgspec

from stellwerk.model.capacity import CapacityType, Toleration


class PlacedAccelerator(msgspec.Struct, frozen=True, omit_defaults=True):
    """The accelerators that each pod of a placement gets."""

    model: str
    count: int
    resource: str
    units: int | None = None
    """Units of the resource that each pod asks for, where that is not the count: slices of an accelerator."""

    @property
    def amount(self) -> int:
        """Units of the resource that each pod asks for."""
        return self.count if self.units is None else self.units


class PlacedSet(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where a further pod set of a gang goes, in the cluster of the main one."""

    name: str
    pool: str
    capacity_type: CapacityType
    replicas: int
    accelerator: PlacedAccelerator | None = None
    node_selector: dict[str, str] = {}
    preferred_nodes: tuple[str, ...] = ()
    """At most 100, in the order in which they were filled."""
    pods_per_node: tuple[int, ...] = ()
    """How many of its pods the packing put on each of them."""
    nodes_required: bool = False
    """The pods are kept to these nodes, and to so many on each."""
    new_nodes: int = 0
    """Nodes for which its pool has to grow besides those that sets before it wait for; none is a preferred one."""
    tolerations: tuple[Toleration, ...] = ()

    @classmethod
    def of(cls, name: str, placement: Placement) -> Self:
        """Return the record of a pod set that was placed as if it were a gang of its own."""
        return cls(name=name, **_shared(placement))


class Placement(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where a gang goes; the same value is kept in the status (camelCase on the wire)."""

    cluster: str
    pool: str
    capacity_type: CapacityType
    replicas: int
    provider: str = ""
    region: str = ""
    zone: str | None = None
    accelerator: PlacedAccelerator | None = None
    node_selector: dict[str, str] = {}
    preferred_nodes: tuple[str, ...] = ()
    """At most 100, in the order in which they were filled."""
    pods_per_node: tuple[int, ...] = ()
    """How many of its pods the packing put on each of them."""
    nodes_required: bool = False
    """The pods are kept to these nodes, and to so many on each: elsewhere they could be in the way of others."""
    new_nodes: int = 0
    """Nodes for which the pool has to grow first; none of them is among the preferred ones."""
    tolerations: tuple[Toleration, ...] = ()
    pod_sets: tuple[PlacedSet, ...] = ()
    """The further pod sets, in the order of the spec."""

    @property
    def awaited_nodes(self) -> int:
        """Nodes for which pools have to grow first, for all of its pod sets."""
        return self.new_nodes + sum(placed.new_nodes for placed in self.pod_sets)

    def of_set(self, placed: PlacedSet) -> Placement:
        """Return the placement of one further pod set, as if it were a gang of its own."""
        return msgspec.structs.replace(self, pod_sets=(), **_shared(placed))


_SHARED: Final = tuple(name for name in PlacedSet.__struct_fields__ if name in Placement.__struct_fields__)


def _shared(place: PlacedSet | Placement) -> dict[str, Any]:
    """Return what is said of every pod set, the main one and the further ones."""
    return {name: getattr(place, name) for name in _SHARED}


def seats(place: PlacedSet | Placement) -> tuple[tuple[str, int], ...]:
    """Return the nodes of one pod set, and how many of its pods each gets, in the order of the pods' indexes."""
    return tuple(zip(place.preferred_nodes, place.pods_per_node, strict=False))
