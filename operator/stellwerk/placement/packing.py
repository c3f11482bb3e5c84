"""Packing of gangs on the nodes of one pool, where the room they take is worth least to others.

Nodes that are alike are handled as one row (rows.py), rows are judged for a request by what its pods would
take of the room's worth (judging.py, roomvalue.py), and of rows that are equally good the tightest is
taken: with nothing known of the demand this is best fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from stellwerk.model.resources import UNBOUNDED, Resources
from stellwerk.placement.devices import NOTHING, Ints, after, from_hole, laid_out, wanted
from stellwerk.placement.judging import Judge, Request, tightest
from stellwerk.placement.roomvalue import Worth, Worthless
from stellwerk.placement.rows import Key, Rows

_LARGEST: Final = UNBOUNDED
"""Amounts above this count as this much."""


class Assignment(msgspec.Struct, frozen=True):
    """Pods on one node."""

    node: str
    pods: int


class Step(msgspec.Struct, frozen=True):
    """What a gang takes of one row."""

    row: int
    pods_per_node: int
    nodes: tuple[int, ...]
    """By rank."""
    loss: int
    """Units of worth that it takes, over all these nodes."""
    hole: int
    """Free slices of the device that a single share goes to."""


class Quote(msgspec.Struct, frozen=True):
    """How a gang would be placed now, and what that takes."""

    steps: tuple[Step, ...]
    pods: int
    """That find room."""
    loss: int
    """Units of worth: what the room is worth to others."""


class Limits(msgspec.Struct, frozen=True):
    """Which nodes a gang may use, and how much of each."""

    kinds: frozenset[int]
    per_node: int | None = None
    only: frozenset[str] | None = None


class Bins:
    """The free room of a pool's nodes; changes as gangs are placed."""

    def __init__(self, axis: Sequence[str], nodes: Iterable[tuple[str, Resources, int]], slices: int = 1) -> None:
        """Fill the rows.

        Args:
            axis: All resource names that nodes offer, the one to pack tightest first.
            nodes: Name, free resources and class of each node, in any order.
            slices: Units of the first resource that one device has; devices are handed out whole for 1.
        """
        told = sorted(nodes, key=lambda node: node[0])
        self._axis = tuple(axis)
        self._slices = slices
        self._names = [name for name, _, _ in told]
        self._ranks: dict[str, int] | None = None
        self._worth: Worth = Worthless()
        self._judges: dict[tuple[Request, int], Judge] = {}
        vectors = [_vector(free, self._axis) for _, free, _ in told]
        self._width = max((-(-max(0, vector[0]) // slices) for vector in vectors), default=0) if slices > 1 else 0
        keys = [Key(vector, self._devices(vector), kind) for vector, (_, _, kind) in zip(vectors, told, strict=True)]
        self.rows = Rows(len(self._axis), self._width, zip(keys, range(len(told)), strict=True))
