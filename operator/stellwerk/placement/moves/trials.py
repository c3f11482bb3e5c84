"""Trying whether what running workloads can give is enough for a gang."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from stellwerk.placement.moves.sacrifices import Freed, Sacrifice, add, shift
from stellwerk.placement.moves.victims import Levels
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.packing.reach import Reach

COUNTS_PER_LOOK: Final = 16
"""A combination that a sum of plain numbers refuses costs so much less than a look at the room."""


class Trial:
    """Combinations of sacrifices, tried on the free room itself; only what differs is given and taken back.

    What cannot be enough even if pods went wherever their size allows is not tried.
    """

    def __init__(self, offer: Offer, victims: Sequence[Sacrifice], reach: Reach | None) -> None:
        """Prepare to try what some victims give; `reach` is of the room as it is."""
        self._offer, self._victims = offer, victims
        self._views = offer.views
        self._given: Levels = ()
        self._counted: Levels = ()
        self._reach = reach
        self._looks = 0
        self._counts = 0

    @property
    def tries(self) -> int:
        """How many looks at the room this was worth."""
        return self._looks + self._counts // COUNTS_PER_LOOK

    def enough(self, levels: Levels) -> bool:
        """Tell whether the gang fits once so much has been given."""
        if not self._may_be_enough(levels):
            return False
        self._looks += 1
        self._give(levels)
        return self._offer.fits()

    def end(self) -> None:
        """Take everything back."""
        self._give(())
        self._count(())

    def _give(self, levels: Levels) -> None:
        change: Freed = {}
        for freed, sign in self._differing(self._given, levels):
            add(change, freed, sign)
        self._given = levels
        shift(self._views, change)

    def _may_be_enough(self, levels: Levels) -> bool:
        self._count(levels)
        self._counts += 1
        return self._reach is None or self._reach.pods >= self._offer.ask.least

    def _count(self, levels: Levels) -> None:
        if self._reach is not None:
            for freed, sign in self._differing(self._counted, levels):
                self._reach.give(freed, sign)
        self._counted = levels

    def _differing(self, old: Levels, new: Levels) -> Iterator[tuple[Freed, int]]:
        """Yield what the new combination frees and the old one does not, then, with a sign of -1, the opposite."""
        before, after = frozenset(old), frozenset(new)
        yield from ((self._victims[at].freed(level), 1) for at, level in after - before)
        yield from ((self._victims[at].freed(level), -1) for at, level in before - after)
