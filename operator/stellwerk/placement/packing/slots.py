"""How often each shape that was seen fits into a free vector: the slots of one pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stellwerk.placement.packing.devices import NOTHING, Ints, Wanted

Singles = npt.NDArray[np.float32]
UNIT: Final = 1024
"""Slots are counted in parts of so many: whole numbers, so that sums are exact in any order."""


class Need(NamedTuple):
    """What one pod of a shape asks for in one pool."""

    others: Mapping[str, int]
    """Amounts by resource, accelerators excluded."""
    devices: Wanted
    """In slices of the pool's accelerator; whole devices where they are not sliced."""
    kinds: frozenset[int]
    """Classes of nodes it may use; none where the pool does not have what it asks for."""


class Slots:
    """The shapes of the demand, laid out for the nodes of one pool.

    The slots of shape s in free vector x are `min(u, c)`, where `u` counts by accelerators and `c` by
    all other resources. `c` is not rounded down, so that CPU which alone is too little for one more pod
    is still missed; below one pod it is nothing. Shares come many to a device and many to a node, and
    each further one is worth less: every device counts the square root of its shares, every node the
    square root of their sum.
    """

    def __init__(self, axis: Sequence[str], accelerator: str, slices: int, kinds: int) -> None:
        """Start without shapes.

        Args:
            axis: Resources of the pool's vectors.
            accelerator: The one among them that counts devices or their slices.
            slices: Slices of one device.
            kinds: Classes of nodes.
        """
        self._axis = tuple(axis)
        self._at = self._axis.index(accelerator)
        self._slices = slices
        self._ask: Singles = np.zeros((len(self._axis), 0), np.float32)
        self._whole: Singles = np.zeros(0, np.float32)
        self._shared: Ints = np.zeros(0, np.int64)
        """Shapes that share a device, by column."""
        self._level: Ints = np.zeros(0, np.int64)
        """Their columns in the table."""
        self._access: npt.NDArray[np.bool_] = np.zeros((kinds, 0), bool)
        self._parts: list[int] = []
        self._table: Singles = np.zeros((slices + 1, 0), np.float32)
        self._divisor = self._ask
        self._columns: list[tuple[int, Ints | None]] = []
        """Resources that some shape asks for, and the shapes that do not."""

    def __len__(self) -> int:
        return len(self._whole)

    def extend(self, needs: Sequence[Need]) -> None:
        """Add shapes behind those that are there."""
        if not needs:
            return
        width, kinds = len(needs), len(self._access)
        ask = np.zeros((len(self._axis), width), np.float32)
        access = np.zeros((kinds, width), bool)
        for at, need in enumerate(needs):
            strange = any(amount > 0 and name not in self._axis for name, amount in need.others.items())
            if strange or need.devices == NOTHING:
                continue
            for name, amount in need.others.items():
                if amount > 0:
                    ask[self._axis.index(name), at] = amount
            access[sorted(need.kinds), at] = True
        self._ask = np.concatenate([self._ask, ask], axis=1)
        self._access = np.concatenate([self._access, access], axis=1)
        first = len(self)
        shared = [(first + at, need.devices.part) for at, need in enumerate(needs) if need.devices.part]
        self._shared = np.append(self._shared, np.array([at for at, _ in shared], np.int64))
        self._level = np.append(self._level, np.array([self._level_of(part) for _, part in shared], np.int64))
        self._whole = np.append(self._whole, np.array([max(1, need.devices.whole) for need in needs], np.float32))
        self._divisor = np.where(self._ask > 0, self._ask, np.float32(1))
        idle = ((at, np.flatnonzero(self._ask[at] <= 0)) for at in range(len(self._axis)) if at != self._at)
        self._columns = [(at, none if len(none) else None) for at, none in idle if len(none) < len(self)]

    def of(self, free: Ints, devices: Ints, kind: Ints) -> Singles:
        """Return the slots in parts of `UNIT`, rows x shapes, as whole numbers.

        Args:
            free: Free vectors, rows x axis.
            devices: Free slices of each device, rows x devices.
            kind: Class of each row.
        """
        by_others = self._by_others(free)
        room = self._by_devices(free, devices)
        np.minimum(room, by_others, out=room)
        room[(by_others < 1) | ~self._access[kind]] = 0
        if len(self._shared):
            room[:, self._shared] = np.sqrt(room[:, self._shared])
        room *= np.float32(UNIT)
        return np.rint(room, out=room)

    def _by_others(self, free: Ints) -> Singles:
        least: Singles = np.full((len(free), len(self)), np.inf, np.float32)
        there = free.astype(np.float32)
        for at, some in self._columns:
            copies = there[:, at, None] / self._divisor[at][None, :]
            if some is not None:
                copies[:, some] = np.inf
            np.minimum(least, copies, out=least)
        return least

    def _by_devices(self, free: Ints, devices: Ints) -> Singles:
        sliced = self._slices > 1
        idle = (devices == self._slices).sum(axis=1) if sliced else np.maximum(free[:, self._at], 0)
        room: Singles = np.floor(idle.astype(np.float32)[:, None] / self._whole[None, :])
        if self._parts:
            by_level = self._table[devices].sum(axis=1) * np.float32(1 / UNIT)
            room[:, self._shared] = by_level[:, self._level]
        return room

    def _level_of(self, part: int) -> int:
        """Return the column of the table of `part`: for each number of free slices the root of its shares."""
        if part not in self._parts:
            shares = (np.arange(self._slices + 1) // part).astype(np.float32)
            column = np.rint(np.sqrt(shares) * np.float32(UNIT))
            self._table = np.column_stack([self._table, column.astype(np.float32)])
            self._parts.append(part)
        return self._parts.index(part)
