"""The pools of a fleet as the places where room is offered to the shapes of the demand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final

from stellwerk.api.labels import ANY_MODEL
from stellwerk.model.accelerators import model_of
from stellwerk.model.capacity import Accelerator
from stellwerk.model.demand import FINE, AskedShape, Demand
from stellwerk.model.resources import CPU, MEMORY, Resources
from stellwerk.model.shares import units_of
from stellwerk.model.workload import AcceleratorOption, PodShape
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.packing.devices import NOTHING, Ints, Wanted, wanted
from stellwerk.placement.packing.roomvalue import RoomValue
from stellwerk.placement.packing.slots import Need, Slots

_NOBODY: Final = Need({}, NOTHING, frozenset())


class PoolStall:
    """One kind of accelerator of one pool."""

    def __init__(self, view: PoolView, has: Accelerator) -> None:
        """Offer the room of a pool that has accelerators."""
        self.view = view
        self.has = has

    def need(self, shape: AskedShape) -> Need:
        """Return what one pod of the shape asks for here, by the first of its alternatives that this pool has."""
        for option in shape.accelerators:
            devices = self._devices(option)
            if devices != NOTHING:
                others = {name: amount for name, amount in shape.pod.requests.amounts if name != self.has.resource}
                return Need(others, devices, self.view.accepting(shape.pod))
        return _NOBODY

    def slots(self) -> Slots:
        """Return a table of shapes for its nodes, empty."""
        return Slots(self.view.bins.axis, self.has.resource, self.has.slices, self.view.classes)

    def stock(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Return free vectors, devices and class of its rows, and how many nodes each has."""
        return self.view.bins.stock()

    def usual(self) -> Iterator[AskedShape]:
        """Yield what is taken to be asked for while nothing is known: one accelerator, and all of a node.

        With half of what the node has of everything else for each, so that a little work that needs no
        accelerator is not taken to spoil a node.
        """
        node = self.view.site.node
        if node is None:
            return
        for count in sorted({1, self.has.count}):
            part = Fraction(count, 2 * self.has.count)
            requests = {name: int(node.get(name) * part) for name in (CPU, MEMORY)}
            yield AskedShape(PodShape(Resources.of(requests)), (AcceleratorOption(self.has.model, count),))

    def _devices(self, option: AcceleratorOption) -> Wanted:
        has = self.has
        if option.resource not in {None, has.resource}:
            return NOTHING
        if model_of(option.model) not in {ANY_MODEL, model_of(has.model)}:
            return NOTHING
        if option.memory_bytes is not None and (has.memory_bytes or 0) < option.memory_bytes:
            return NOTHING
        units = units_of(option, has)
        if units is None or (option.is_share and units > has.slices):
            return NOTHING
        return wanted(units, has.slices)


def valued(views: Iterable[PoolView], demand: Demand) -> tuple[RoomValue, tuple[PoolStall, ...]]:
    """Price the room of all pools that have accelerators, and let their packers judge by it."""
    stalls = tuple(_stalls(views))
    room = RoomValue(stalls)
    for stall in stalls:
        for shape in stall.usual():
            room.learn(shape, FINE)
    for shape, count in demand.asked:
        room.learn(shape, count)
    room.reprice()
    by_bins: dict[int, list[int]] = {}
    for at, stall in enumerate(stalls):
        by_bins.setdefault(id(stall.view.bins), []).append(at)
    for group in by_bins.values():
        stalls[group[0]].view.bins.value_by(room.at(group))
    return room, stalls


def _stalls(views: Iterable[PoolView]) -> Iterator[PoolStall]:
    """Yield each kind of accelerator of each pool once, of a pool that grows with the nodes that it has yet to get."""
    found: dict[tuple[int, str], PoolStall] = {}
    for view in views:
        has = view.pool.accelerator
        if has is not None and has.resource in view.bins.axis:
            key = (id(view.bins), has.resource)
            if key not in found or view.grows:
                found[key] = PoolStall(view, has)
    yield from found.values()
