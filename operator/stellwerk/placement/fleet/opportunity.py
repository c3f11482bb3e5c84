"""What a placement takes from those who are still to come, in money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from stellwerk.economics.rooms import Stock, free_at_list_price, list_price
from stellwerk.model.demand import FINE, AskedShape, Demand, asked_by
from stellwerk.model.workload import Workload
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.fleet.stalls import PoolStall, valued
from stellwerk.placement.packing.roomvalue import WORTH_OF_ALL


class Opportunity:
    """The opportunity price of a fleet's room.

    All free room together is worth its accelerators at list price, as far as there is want of it: times the
    part of the fleet that is in use. Room of an idle fleet is worth nothing, room of a full one its list price.
    What waits does not count here: it is decided on together, and no stranger to itself.
    """

    def __init__(self, fleet: Fleet, pending: Iterable[Workload], demand: Demand | None = None) -> None:
        """Price the room of `fleet`.

        Args:
            fleet: Whose packers judge by these prices from now on.
            pending: What waits for room.
            demand: What has asked so far, what waits included; None counts what waits.
        """
        waiting = _asked_by_all(pending)
        known = Demand.of({shape: pods * FINE for shape, pods in waiting.items()}) if demand is None else demand
        self._room, self._stalls = valued(fleet.views, known)
        for view in fleet.views:
            view.opportunity = self
        self._money: dict[str, Fraction | None] = {}

    @property
    def epoch(self) -> int:
        """Changes with the prices."""
        return self._room.epoch

    def passed(self) -> None:
        """Count a decision; prices follow what is left every so often."""
        self._room.passed()

    def per_hour(self, worth: int, currency: str) -> Fraction | None:
        """Return what so many units of worth are in micro-units per hour; None where no accelerator has a price."""
        if currency not in self._money:
            self._money[currency] = self._free_room(currency)
        free = self._money[currency]
        return None if free is None else worth * free / WORTH_OF_ALL

    def _free_room(self, currency: str) -> Fraction | None:
        """Return what all free room is worth per hour, as it was when it was first asked for."""
        stocks = [_stock(stall) for stall in self._stalls]
        value = free_at_list_price(stocks, currency)
        every = sum((_all(stall) for stall in self._stalls), Fraction(0))
        if value is None or not every:
            return None
        free = sum((stock.free for stock in stocks), Fraction(0))
        return value * max(Fraction(0), every - free) / every


def _stock(stall: PoolStall) -> Stock:
    free = Fraction(stall.view.accelerators[0], stall.has.slices)
    return Stock(stall.has.model, free, list_price(stall.view.site))


def _all(stall: PoolStall) -> Fraction:
    return Fraction(stall.view.accelerators[1], stall.has.slices)


def _asked_by_all(pending: Iterable[Workload]) -> Counter[AskedShape]:
    """Return how many pods of each shape wait."""
    counts: Counter[AskedShape] = Counter()
    for workload in pending:
        for shape, pods in asked_by(workload):
            counts[shape] += pods
    return counts
