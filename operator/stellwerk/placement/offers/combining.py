"""Which pool each further pod set of a gang goes to: the first combination that suits, in the order of preference."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final, Protocol

from stellwerk.placement.offers.candidates import Offer

TRIES: Final = 64
"""So many times a pod set is put somewhere before a combination is given up; each set's first pool comes first."""

_ROUNDING: Final = 1000
"""Micro-units per hour: parts of a cost are rounded, so only the cost of the whole tells whether it is paid."""


class Taking(Protocol):
    """What happens while pools are tried."""

    def take(self, at: int, offer: Offer, /) -> bool:
        """Put the pod set of this number there; tell whether it has room."""

    def give_back(self) -> None:
        """Undo the last `take`."""

    def suits(self, chosen: Sequence[Offer], /) -> bool:
        """Tell whether all of it together will do."""


class Gang(Protocol):
    """Whose further pod sets look for pools."""

    def take_set(self, at: int, offer: Offer) -> bool:
        """Take room for the further pod set of this number, after those before it."""

    def give_set_back(self) -> None:
        """Undo the last `take_set`."""

    def pays_for(self, replicas: int, offers: Sequence[Offer]) -> bool:
        """Tell whether so many pods of the main set may be paid for with the further ones on these pools."""


class OnPaper:
    """Combinations looked at as if there were room everywhere."""

    def __init__(self, gang: Gang, replicas: int) -> None:
        """Look for a `gang` with so many pods of the main set."""
        self._gang, self._replicas = gang, replicas

    def take(self, _at: int, _offer: Offer) -> bool:
        """Find room."""
        return True

    def give_back(self) -> None:
        """Leave all as it is."""

    def suits(self, chosen: Sequence[Offer]) -> bool:
        """Tell whether it is paid for."""
        return self._gang.pays_for(self._replicas, chosen)


class InRoom:
    """Combinations for which room is taken."""

    def __init__(self, gang: Gang, replicas: int, *, limited: bool) -> None:
        """Take room for a `gang` with so many pods of the main set; what is not `limited` may cost what it will."""
        self._gang, self._replicas, self._limited = gang, replicas, limited

    def take(self, at: int, offer: Offer) -> bool:
        """Take room on one pool, if it has some."""
        return self._gang.take_set(at, offer)

    def give_back(self) -> None:
        """Give back what was taken last."""
        self._gang.give_set_back()

    def suits(self, chosen: Sequence[Offer]) -> bool:
        """Tell whether it is paid for."""
        return not self._limited or self._gang.pays_for(self._replicas, chosen)


def first_that_suits(choices: Sequence[Sequence[Offer]], most: int | None, taking: Taking) -> list[Offer] | None:
    """Return the first combination that suits, its room taken; None if there is none, or it is not found in `TRIES`.

    Args:
        choices: For each pod set where it may go, the best first.
        most: What all of them may cost per hour, in micro-units; None for no limit, and then no cost need be known.
        taking: Takes the room.
    """
    if not all(choices):
        return None
    return _Search(choices, most, taking).found()


class _Search:
    """One search, depth first."""

    def __init__(self, choices: Sequence[Sequence[Offer]], most: int | None, taking: Taking) -> None:
        self._choices, self._most, self._taking = choices, most, taking
        cheapest = [min(_hourly(offer) for offer in offers) for offers in choices]
        self._floors = [0, *accumulate(reversed(cheapest))][::-1]
        self._left = TRIES
        self._chosen: list[Offer] = []

    def found(self) -> list[Offer] | None:
        return self._chosen if self._go_on(0) else None

    def _go_on(self, spent: int) -> bool:
        at = len(self._chosen)
        if at == len(self._choices):
            return self._taking.suits(self._chosen)
        for offer in self._choices[at]:
            total = spent + _hourly(offer)
            if self._most is not None and total + self._floors[at + 1] > self._most + _ROUNDING:
                continue
            if self._left <= 0:
                return False
            self._left -= 1
            if self._taking.take(at, offer):
                self._chosen.append(offer)
                if self._go_on(total):
                    return True
                self._chosen.pop()
                self._taking.give_back()
        return False


def _hourly(offer: Offer) -> int:
    return offer.ask.cost.per_hour or 0
