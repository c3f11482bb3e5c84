"""Free room as rows of numbers: nodes of one class with the same free vector share one row.

A pool of thousands of like nodes so costs as much as its few distinct vectors, and what is computed for a
row stays right until the row is gone: rows never change, nodes move between them.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_FEW = 16


class Key(NamedTuple):
    """What the nodes of one row have in common; keys sort from the tightest to the emptiest."""

    vector: tuple[int, ...]
    """Free amounts, by resource."""
    devices: tuple[int, ...]
    """Free slices of each device, ascending; empty where devices are handed out whole."""
    kind: int
    """Class of nodes: taints and telling labels."""


class Rows:
    """Rows by number; a number may be given to another row once its own is gone, under a new birth number."""

    def __init__(self, width: int, devices: int, nodes: Iterable[tuple[Key, int]]) -> None:
        """Fill the rows.

        Args:
            width: Resources of a vector.
            devices: Devices of a node; 0 where they are handed out whole.
            nodes: Key and rank of each node.
        """
        self.free: Ints = np.zeros((_FEW, width), np.int64)
        self.devices: Ints = np.zeros((_FEW, devices), np.int64)
        self.kind: Ints = np.zeros(_FEW, np.int64)
        self.count: Ints = np.zeros(_FEW, np.int64)
        self.born: Ints = np.zeros(_FEW, np.int64)
        self.members: list[list[int]] = []
        self.keys: list[Key] = []
        self.at: dict[int, int] = {}
        """Row of each node, by rank."""
        self.version = 0
        """Changes with every change."""
        self._ids: dict[Key, int] = {}
        self._unused: list[int] = []
        self._births = 0
        self._live: Ints | None = None
        groups: dict[Key, list[int]] = {}
        for key, rank in nodes:
            groups.setdefault(key, []).append(rank)
        for key, ranks in groups.items():
            self._add(key, sorted(ranks))

    def live(self) -> Ints:
        """Return the numbers of all rows that have nodes, ascending."""
        if self._live is None:
            self._live = np.flatnonzero(self.count)
        return self._live

    def move(self, row: int, ranks: Sequence[int], key: Key) -> None:
        """Move nodes from one row to the row of `key`."""
        self.version += 1
        members = self.members[row]
        if len(ranks) == len(members):
            members.clear()
            del self._ids[self.keys[row]]
            self._unused.append(row)
            self._live = None
        else:
            for rank in ranks:
                members.remove(rank)
        self.count[row] = len(members)
        found = self._ids.get(key)
        if found is None:
            self._add(key, sorted(ranks))
            return
        for rank in ranks:
            insort(self.members[found], rank)
            self.at[rank] = found
        self.count[found] = len(self.members[found])

    def _add(self, key: Key, ranks: list[int]) -> None:
        if self._unused:
            row = self._unused.pop()
            self.keys[row], self.members[row] = key, ranks
        else:
            row = len(self.keys)
            self.keys.append(key)
            self.members.append(ranks)
            if row == len(self.count):
                self._grow()
        self._ids[key] = row
        self.at.update(dict.fromkeys(ranks, row))
        self._births += 1
        self._live = None
        self.free[row], self.kind[row] = key.vector, key.kind
        self.devices[row] = key.devices
        self.count[row], self.born[row] = len(ranks), self._births

    def _grow(self) -> None:
        self.free, self.devices = doubled(self.free), doubled(self.devices)
        self.kind, self.count, self.born = doubled(self.kind), doubled(self.count), doubled(self.born)


class Selection:
    """Some of the rows: by class, or by name of the nodes."""

    def __init__(self, rows: Rows, names: Sequence[str]) -> None:
        """Select among `rows`, whose nodes are called `names`, by rank."""
        self._rows = rows
        self._names = names
        self._ranks: dict[str, int] = {}
        self._of_kinds: dict[frozenset[int], tuple[Ints, Ints]] = {}

    def of_kinds(self, kinds: frozenset[int]) -> Ints:
        """Return the rows of these classes."""
        live = self._rows.live()
        known = self._of_kinds.get(kinds)
        if known is None or known[0] is not live:
            among = np.zeros(int(self._rows.kind.max(initial=0)) + 1, bool)
            among[[kind for kind in kinds if kind < len(among)]] = True
            known = self._of_kinds[kinds] = (live, live[among[self._rows.kind[live]]])
        return known[1]

    def named(self, names: frozenset[str]) -> dict[int, list[int]]:
        """Return the nodes of these names by row, each in order."""
        found: dict[int, list[int]] = {}
        for rank in sorted(rank for name in names if (rank := self.rank_of(name)) is not None):
            found.setdefault(self._rows.at[rank], []).append(rank)
        return found

    def rank_of(self, name: str) -> int | None:
        """Return the rank of a node, None if it is not among them."""
        if not self._ranks:
            self._ranks = {name: rank for rank, name in enumerate(self._names)}
        return self._ranks.get(name)


def doubled(array: Ints) -> Ints:
    """Return the array with as many zeros behind."""
    return np.concatenate([array, np.zeros_like(array)])
