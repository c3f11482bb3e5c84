"""The opportunity price of room: what free room is worth to those who are still to come.

Every shape of pods that has asked for accelerators has slots in the fleet's free room. The price of one
slot is the shape's weight over the slots that are left for it anywhere:

    price(s)  =  Z * asked(s) * sqrt(accelerators of one pod of s) / (cover(s) + 1)
    value(x)  =  sum over s of price(s) * slots(x, s)

and what a placement takes is `value(before) - value(after)`. So a pod that breaks the last idle node pays
what the big shapes would have paid for it, general work pays for sitting on the scarce model, and work
without accelerators pays for the cores that idle accelerators need: one mechanism for fragmentation,
scarcity and reservation. docs/adr/0008 tells how the formula was found and measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Final, Protocol

import numpy as np

from stellwerk.model.demand import AskedShape
from stellwerk.placement.packing.devices import Ints
from stellwerk.placement.packing.rows import Floats
from stellwerk.placement.packing.slots import UNIT, Need, Slots

WORTH_OF_ALL: Final = 1 << 48
"""All free room together, in units of worth: every sum of them is exact in a float, in any order."""
OFTEN: Final = 64
"""Decisions between two repricings, in the long run."""


class Worth(Protocol):
    """What free vectors of one pool are worth."""

    @property
    def epoch(self) -> int:
        """Changes with the prices."""

    def of(self, free: Ints, devices: Ints, kind: Ints) -> Floats:
        """Return the worth of each row as whole numbers."""


class Worthless:
    """Room that nobody is known to want: every place is as good as another, and the tightest is taken."""

    epoch = 0

    def of(self, free: Ints, _devices: Ints, _kind: Ints) -> Floats:
        """Return zeros."""
        return np.zeros(len(free))


class Stall(Protocol):
    """A pool that offers room."""

    def need(self, shape: AskedShape) -> Need:
        """Return what one pod of the shape asks for here."""

    def slots(self) -> Slots:
        """Return a table of shapes for its nodes, empty."""

    def stock(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Return free vectors, devices and class of its rows, and how many nodes each has."""


class RoomValue:
    """Prices of the slots of every shape seen, over all pools of a fleet."""

    def __init__(self, stalls: Sequence[Stall]) -> None:
        """Know of no shape yet."""
        self._stalls = tuple(stalls)
        self._tables = [stall.slots() for stall in stalls]
        self._shapes: dict[AskedShape, int] = {}
        self._counts: list[int] = []
        self._roots: list[int] = []
        self.price: Floats = np.zeros(0)
        self.cover: Floats = np.zeros(0)
        self.epoch = 0
        self._passed = 0
        self._next = 1

    def learn(self, shape: AskedShape, count: int) -> None:
        """Count a shape that asks; its slots have their price from the next repricing on."""
        at = self._shapes.get(shape)
        if at is None:
            at = self._shapes[shape] = len(self._counts)
            self._counts.append(0)
            self._roots.append(isqrt(int(shape.size * (1 << 20))))
        self._counts[at] += count

    def passed(self) -> None:
        """Count one that was decided on; prices are set anew after 1, 2, 4, ... of them, and then after every 64."""
        self._passed += 1
        if self._passed >= self._next:
            self._next = self._passed + min(self._passed, OFTEN)
            self.reprice()

    def reprice(self) -> None:
        """Set all prices anew, by what has asked and what room is left."""
        shapes = list(self._shapes)
        cover = np.zeros(len(shapes))
        for stall, table in zip(self._stalls, self._tables, strict=True):
            table.extend([stall.need(shape) for shape in shapes[len(table) :]])
            free, devices, kind, nodes = stall.stock()
            if len(nodes):
                cover += nodes.astype(float) @ table.of(free, devices, kind).astype(float)
        weights = [count * root for count, root in zip(self._counts, self._roots, strict=True)]
        whole = sum(weights)
        parts = np.array([weight * WORTH_OF_ALL // whole for weight in weights], float) if whole else np.zeros(0)
        self.cover = cover
        self.price = np.rint(parts / (cover + UNIT))
        self.epoch += 1

    def at(self, stalls: Sequence[int]) -> Worth:
        """Return the worth of the free vectors of one pool, which may have several stalls: kinds of accelerators."""
        return _Valued(self, [self._tables[stall] for stall in stalls])


class _Valued:
    """The worth of one pool's vectors at the prices of the day."""

    def __init__(self, room: RoomValue, tables: Sequence[Slots]) -> None:
        self._room = room
        self._tables = tuple(tables)

    @property
    def epoch(self) -> int:
        """Changes with the prices."""
        return self._room.epoch

    def of(self, free: Ints, devices: Ints, kind: Ints) -> Floats:
        """Return the worth of each row as whole numbers."""
        worth: Floats = self._tables[0].of(free, devices, kind) @ self._room.price
        for table in self._tables[1:]:
            worth = worth + table.of(free, devices, kind) @ self._room.price
        return worth
