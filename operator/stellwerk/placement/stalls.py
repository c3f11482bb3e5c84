"""The pools of a fleet as the places where room is offered to the shapes of the demand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from stellwerk.api.labels import ANY_MODEL
from stellwerk.model.accelerators import model_of
from stellwerk.model.capacity import Accelerator
from stellwerk.model.demand import AskedShape, Demand
from stellwerk.model.shares import units_of
from stellwerk.model.workload import AcceleratorOption
from stellwerk.placement.devices import NOTHING, Ints, Wanted, wanted
from stellwerk.placement.fleet import PoolView
from stellwerk.placement.roomvalue import RoomValue
from stellwerk.placement.slots import Need, Slots

_NOBODY: Final = Need({}, NOTHING, frozenset())


class PoolStall:
    """One pool."""

    def __init__(self, view: PoolView, has: Accelerator) -> None:
        """Offer the room of a pool that has accelerators."""
        self.view = view
        self._has = has

    def need(self, shape: AskedShape) -> Need:
        """Return what one pod of the shape asks for here, by the first of its alternatives that this pool has."""
        for option in shape.accelerators:
            devices = self._devices(option)
            if devices != NOTHING:
                others = {name: amount for name, amount in shape.pod.requests.amounts if name != self._has.resource}
                return Need(others, devices, self.view.accepting(shape.pod))
        return _NOBODY

    def slots(self) -> Slots:
        """Return a table of shapes for its nodes, empty."""
        return Slots(self.view.bins.axis, self._has.resource, self._has.slices, self.view.classes)

    def stock(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Return free vectors, devices and class of its rows, and how many nodes each has."""
        return self.view.bins.stock()

    def _devices(self, option: AcceleratorOption) -> Wanted:
        has = self._has
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


def valued(views: Iterable[PoolView], demand: Demand | None) -> RoomValue:
    """Price the room of all pools that have accelerators, and let their packers judge by it."""
    stalls = [
        PoolStall(view, has)
        for view in views
        if (has := view.pool.accelerator) is not None and has.resource in view.bins.axis
    ]
    room = RoomValue(stalls, demand)
    for at, stall in enumerate(stalls):
        stall.view.bins.value_by(room.at(at))
    return room
