"""Which pool each further pod set of a gang goes to: the first combination that suits, in the order of preference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Final, Protocol

from stellwerk.placement.offers.candidates import Offer

TRIES: Final = 64
"""So many times a pod set is put somewhere before a combination is given up; each set's first pool comes first."""

_ROUNDING: Final = 1000
"""Micro-units per hour: parts of a cost are rounded, so only the cost of the whole tells whether it is paid."""


class Rooms(Protocol):
    """Where room is taken while pools are tried."""

    def take_set(self, at: int, offer: Offer) -> bool:
        """Take room for the pod set of this number, after those before it; tell whether it has some."""

    def give_set_back(self) -> None:
        """Undo the last `take_set`."""


Suits = Callable[[Sequence[Offer]], bool]
"""Tells whether a combination will do."""


def first_that_suits(
    choices: Sequence[Sequence[Offer]], most: int | None, suits: Suits, rooms: Rooms | None = None
) -> list[Offer] | None:
    """Return the first combination that suits, its room taken; None if there is none, or it is not found in `TRIES`.

    Args:
        choices: For each pod set where it may go, the best first.
        most: What all of them may cost per hour, in micro-units; None for no limit, and then no cost need be known.
        suits: Whether all of it together will do.
        rooms: Takes the room; None looks at combinations as if there were room everywhere.
    """
    if not all(choices):
        return None
    return _Search(choices, most, suits, rooms).found()


class _Search:
    """One search, depth first."""

    def __init__(self, choices: Sequence[Sequence[Offer]], most: int | None, suits: Suits, rooms: Rooms | None) -> None:
        self._choices, self._most, self._suits, self._rooms = choices, most, suits, rooms
        cheapest = [min(_hourly(offer) for offer in offers) for offers in choices]
        self._floors = [0, *accumulate(reversed(cheapest))][::-1]
        self._left = TRIES
        self._chosen: list[Offer] = []

    def found(self) -> list[Offer] | None:
        return self._chosen if self._go_on(0) else None

    def _go_on(self, spent: int) -> bool:
        at = len(self._chosen)
        if at == len(self._choices):
            return self._suits(self._chosen)
        for offer in self._choices[at]:
            total = spent + _hourly(offer)
            if self._most is not None and total + self._floors[at + 1] > self._most + _ROUNDING:
                continue
            if self._left <= 0:
                return False
            self._left -= 1
            if self._rooms is None or self._rooms.take_set(at, offer):
                self._chosen.append(offer)
                if self._go_on(total):
                    return True
                self._chosen.pop()
                if self._rooms is not None:
                    self._rooms.give_set_back()
        return False


def _hourly(offer: Offer) -> int:
    return offer.ask.cost.per_hour or 0
