"""All that could give room in one pool, as arrays: whether it is enough, and how many of them it takes at least."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from stellwerk.placement.moves.sacrifices import Sacrifice
from stellwerk.placement.packing.bins import Bins
from stellwerk.placement.packing.judging import along
from stellwerk.placement.packing.reach import Reach
from stellwerk.placement.packing.rows import Ints

_ROUNDING: Final = 1e-6
"""Sums of fractions of pods are a little off."""


class Herd:
    """Workloads that could give room in one pool, who loses least first.

    Attributes:
        givers: In that order.

    """

    def __init__(self, bins: Bins, givers: Sequence[Sacrifice]) -> None:
        """Lay out what each frees at most."""
        self.givers = givers
        told = [
            (at, rank, along(bins.axis, freed))
            for at, giver in enumerate(givers)
            for name, freed in giver.freed(len(giver.steps)).items()
            if (rank := bins.rank_of(name)) is not None
        ]
        self._giver: Ints = np.array([at for at, _, _ in told], np.int64)
        self._rank: Ints = np.array([rank for _, rank, _ in told], np.int64)
        self._freed: Ints = np.array([vector for _, _, vector in told], np.int64).reshape(len(told), len(bins.axis))
        self._priority: Ints = np.array([giver.running.workload.priority for giver in givers], np.int64)
        self._there = np.ones(len(givers), bool)
        self._at = {giver.running.uid: at for at, giver in enumerate(givers)}

    def leave(self, uids: Collection[str]) -> None:
        """Ask these no more: they give room already."""
        self._there[[self._at[uid] for uid in uids if uid in self._at]] = False

    def below(self, priority: int) -> Ints:
        """Return which of the givers have a lower priority."""
        return np.flatnonzero(self._there & (self._priority < priority))

    def fewest(self, chosen: Ints, reach: Reach, pods: int) -> int | None:
        """Return how many givers it takes at least until so many pods may find room; None if all are not enough.

        Args:
            chosen: Which givers may be asked.
            reach: The room as it is.
            pods: So many have to find some.
        """
        lacking = pods - reach.pods
        if lacking <= 0:
            return 0
        asked = np.zeros(len(self.givers), bool)
        asked[chosen] = True
        entries = np.flatnonzero(asked[self._giver] & reach.open[self._rank])
        ranks, freed = self._rank[entries], self._freed[entries][:, reach.asked]
        room = reach.free.copy()
        np.add.at(room, ranks, freed)
        if int(reach.taken(room).sum()) < pods:
            return None
        gains = self._gains(entries, reach, freed)
        return max(_until(gain, lacking) for gain in gains.T)

    def _gains(self, entries: Ints, reach: Reach, freed: Ints) -> npt.NDArray[np.float64]:
        """Return the pods that each giver could add, as if only one resource were short, by resource.

        What is free beside the pods of a node counts for each giver on it, and so more often than it is there.
        """
        left = np.maximum(reach.free, 0) - reach.taken(reach.free)[:, None] * reach.amounts
        each = (freed + left[self._rank[entries]]) / reach.amounts
        gains = np.zeros((len(self.givers), len(reach.asked)))
        np.add.at(gains, self._giver[entries], each)
        return gains


def _until(gains: npt.NDArray[np.float64], lacking: int) -> int:
    """Return how many of the largest gains it takes."""
    sums = np.cumsum(np.sort(gains)[::-1])
    return int(np.searchsorted(sums, lacking - _ROUNDING)) + 1
