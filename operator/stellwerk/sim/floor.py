"""The nodes of a simulated fleet: what is taken of each, and where the pods of a placement go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from msgspec.structs import replace

from stellwerk.lifecycle.reservations import reserve
from stellwerk.model.accelerators import is_accelerator
from stellwerk.model.decision import Decision
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Reservation, Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.fleet.fleet import nodes_by_pool
from stellwerk.sim.jobs import Run, Seat
from stellwerk.sim.staying import like_nodes


class Site:
    """What never changes during a simulation: nodes, their pools, and what others use of them."""

    def __init__(self, fleet: Snapshot) -> None:
        """Look at a fleet; its pools stay as large as they are, because a trace does not tell when nodes would come."""
        self.fleet = replace(fleet, pools=tuple(replace(pool, growth=None) for pool in fleet.pools))
        self.kinds = like_nodes(fleet)
        self.offers = {node.name: node.allocatable for node in fleet.nodes}
        self.pools = {
            key: tuple(sorted(node.name for node in nodes if node.usable))
            for key, nodes in nodes_by_pool(fleet.nodes, fleet.pools).items()
        }

    @property
    def accelerators(self) -> int:
        """All accelerators of the fleet that others do not use."""
        return sum(Floor(self).idle.values())


class Room(NamedTuple):
    """Free accelerators."""

    most: int
    """On one node."""
    total: int

    def may_hold(self, run: Run) -> bool:
        """Tell whether asking for room makes sense: so many accelerators are free, on a node and in all."""
        return any(each <= self.most and total <= self.total for each, total in run.needs)


class Floor:
    """The same nodes at one moment."""

    def __init__(self, site: Site, seats: Sequence[Seat] = ()) -> None:
        """Start with what others use, and these seats."""
        self._site = site
        self._used: dict[str, Resources] = dict(site.fleet.usage)
        self.idle = {
            name: _accelerators(offer - self._used.get(name, Resources())) for name, offer in site.offers.items()
        }
        """Accelerators free, by node."""
        for seat in seats:
            self.take(seat)

    @property
    def usage(self) -> Mapping[str, Resources]:
        """What is used, by node: a view, good until the next change."""
        return MappingProxyType(self._used)

    def take(self, seat: Seat) -> None:
        """Put the pods of a seat on their nodes."""
        for name, amount in seat.pods:
            self._used[name] = self._used.get(name, Resources()) + amount
            self.idle[name] -= _accelerators(amount)

    def give(self, seat: Seat) -> None:
        """Take them off again."""
        for name, amount in seat.pods:
            self._used[name] -= amount
            self.idle[name] += _accelerators(amount)

    @property
    def room(self) -> Room:
        """What is free now."""
        return Room(max(self.idle.values(), default=0), sum(self.idle.values()))

    def seat(self, workload: Workload, decision: Decision) -> Seat:
        """Bind the pods of a placement as kube-scheduler would: preferred nodes first, in their order.

        Raises:
            RuntimeError: The pods do not fit where the engine put them.
        """
        placement = decision.chosen
        room = None if placement is None else reserve(workload, placement, placement.replicas)
        if placement is None or room is None:
            raise RuntimeError(f"{workload.key} has no place")
        taken: dict[str, Resources] = {}
        for part in (room, *room.others):
            self._bind(part, taken)
        return Seat(tuple(sorted(taken.items(), key=lambda one: one[0])), decision.cost, placement.pool)

    def _bind(self, room: Reservation, taken: dict[str, Resources]) -> None:
        left = room.pods
        pool = self._site.pools.get((room.cluster, room.pool), ())
        for name in (*room.preferred_nodes, *pool):
            if not left:
                return
            used = self._used.get(name, Resources()) + taken.get(name, Resources())
            pods = min(left, room.pod.copies_in(self._site.offers[name] - used))
            if pods:
                taken[name] = taken.get(name, Resources()) + room.pod * pods
                left -= pods
        if left:
            raise RuntimeError(f"pool {room.pool} has no room for {left} of {room.pods} pods that were placed there")


def _accelerators(amounts: Resources) -> int:
    return sum(amount for name, amount in amounts.amounts if is_accelerator(name))
