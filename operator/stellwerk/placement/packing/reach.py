"""How many pods would find room at most if nodes got more of it: sums in plain numbers, without touching the room.

An exact look at the room costs many times as much; most of what is tried cannot be enough, and this tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np

from stellwerk.model.resources import Resources
from stellwerk.placement.packing.bins import Bins
from stellwerk.placement.packing.judging import along
from stellwerk.placement.packing.rows import Ints


class Reach:
    """The pods of one request that a pool takes at most, as single nodes are given room and lose it again.

    Attributes:
        pods: So many, as things stand.
        asked: Where on the axis of resources something is asked for.
        amounts: How much of each of them, by pod.
        free: Of each of them, by rank of the nodes, as it was at first; negative where more is used than there is.
        open: The nodes where pods may go, by rank.

    """

    def __init__(self, bins: Bins, request: Resources, kinds: frozenset[int]) -> None:
        """Start from the room as it is; see `of` for what it can be asked about."""
        vector = along(bins.axis, request)
        free, kind = bins.by_rank()
        self.asked = [at for at, amount in enumerate(vector) if amount > 0]
        self.amounts: Ints = np.array([vector[at] for at in self.asked], np.int64)
        self.free: Ints = free[:, self.asked]
        self.open = np.isin(kind, list(kinds))
        self.pods = int(self.taken(self.free).sum())
        self._bins = bins
        self._each: list[int] = self.amounts.tolist()
        self._names = {bins.axis[at]: index for index, at in enumerate(self.asked)}
        self._changed: dict[int, list[int]] = {}
        """What is free on the nodes that were given room, by rank."""

    @classmethod
    def of(cls, bins: Bins, request: Resources, kinds: frozenset[int]) -> Self | None:
        """Return one where it can tell: not for slices of devices, requests of nothing or of what no node has."""
        asked = {name for name, amount in request.amounts if amount > 0}
        return None if bins.is_sliced or not asked or not asked <= set(bins.axis) else cls(bins, request, kinds)

    def taken(self, free: Ints) -> Ints:
        """Return how many pods each node takes that has so much free."""
        return np.where(self.open, (np.maximum(free, 0) // self.amounts).min(axis=1), 0)

    def give(self, freed: Mapping[str, Resources], sign: int = 1) -> None:
        """Give room to nodes, or take it back with a `sign` of -1."""
        for name, more in freed.items():
            rank = self._bins.rank_of(name)
            if rank is None or not self.open[rank]:
                continue
            free = self._changed.get(rank)
            if free is None:
                free = self._changed[rank] = self.free[rank].tolist()
            before = self._pods_in(free)
            for resource, amount in more.amounts:
                at = self._names.get(resource)
                if at is not None:
                    free[at] += amount * sign
            self.pods += self._pods_in(free) - before

    def _pods_in(self, free: list[int]) -> int:
        return max(0, min([there // amount for there, amount in zip(free, self._each, strict=True)]))
