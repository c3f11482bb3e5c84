"""Candidates of gangs of several pod sets: all of them find a place in one cluster, or none does.

The main pod set decides on the pool and on how long the gang runs. The further sets go to its pool if they can, and
else to the cheapest pool of the same cluster that has room for them; where the policy limits what the gang costs, to
the first pools for which it pays.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
from math import floor
from typing import Final, NamedTuple, Self

import msgspec

from stellwerk.economics.cost import expected_cost
from stellwerk.economics.podsets import MainAt, SetAt, cost_of_all
from stellwerk.model.decision import MICROS, Cost, Rejection
from stellwerk.model.placement import PlacedSet, Placement
from stellwerk.placement.fleet.coming import is_to_come
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.offers.candidates import Offer, Views
from stellwerk.placement.offers.choices import SetChoice
from stellwerk.placement.offers.combining import first_that_suits
from stellwerk.placement.packing.bins import Assignment
from stellwerk.placement.rules.asking import Ask
from stellwerk.placement.rules.deadline import least_in_time, longest_wait
from stellwerk.placement.rules.policy_filters import cost_above_limit
from stellwerk.placement.rules.spending import is_paid, within_limit

_NOTHING_PAID: Final = -1


class Part(NamedTuple):
    """A further pod set that has its room."""

    offer: Offer
    nodes: list[Assignment]
    placed: PlacedSet
    mark: int
    """`Company.mark` of before."""


class GangOffer(Offer):
    """One candidate of a gang with further pod sets: a pool and an alternative for the main one."""

    def __init__(self, ask: Ask, view: PoolView, index: int, sets: Sequence[SetChoice]) -> None:
        """Judge `view` by the fixed rules; `sets` are the further pod sets."""
        self._sets = tuple(sets)
        self._near = [one.near(view) for one in self._sets]
        self._nodes: list[Assignment] = []
        self._parts: list[Part] = []
        super().__init__(ask, view, index)
        self.rejections += tuple(self._kept_away())

    def _asked(self, ask: Ask) -> Ask:
        """Ask for the whole gang: it costs what all sets cost, and waits for the nodes that come last."""
        waits = [min(offer.view.site.wait_s for offer in near) for near in self._near if near]
        self.ask = msgspec.structs.replace(ask, in_time=least_in_time(ask, self.view, max(waits, default=0)))
        self.ask = msgspec.structs.replace(self.ask, cost=self.expected_on(ask.size))
        return within_limit(self.ask, self.expected_on)

    def place(self) -> list[Assignment] | None:
        """Take room for all pod sets, or nothing; an elastic one takes as much as leaves room for the further sets."""
        low, high = self.ask.least, self._allowed()
        nodes = self._place_all(high)
        if nodes is not None or high <= low or not super().fits():
            return nodes
        while low < high:  # `high` is too much, and less than `low` too little
            middle = (low + high) // 2
            mark = self.view.company.mark()
            nodes = self._place_all(middle)
            if nodes is None:
                high = middle
            else:
                self.undo(nodes, mark)
                low = middle + 1
        return self._place_all(low - 1)

    def _place_all(self, size: int, *, limited: bool = True) -> list[Assignment] | None:
        """Take room for at most so many pods of the main set, and for all further sets; nothing if one has none.

        Where it is not `limited`, it may cost what it will.
        """
        mark = self.view.company.mark()
        self._parts = []
        nodes = self._place(size)
        self._nodes = nodes or []
        if nodes is None or self._place_sets(sum(one.pods for one in nodes), limited=limited):
            return nodes
        self.undo(nodes, mark)
        return None

    def _place_sets(self, replicas: int, *, limited: bool) -> bool:
        suits = partial(self._pays_for, replicas) if limited else _any
        return first_that_suits(*self._allowed_with(replicas, limited=limited), suits, self) is not None

    def fits(self) -> bool:
        """Tell whether the whole gang would find room now."""
        if not super().fits():
            return False
        mark = self.view.company.mark()
        nodes = self.place()
        if nodes is None:
            return False
        self.undo(nodes, mark)
        return True

    def outside(self) -> int | None:
        """Return None: its room depends on other pools as well."""
        return None

    def on(self, views: Views) -> Self:
        """Return the same candidate on fresh views of the same pools, with the same verdict of the fixed rules."""
        again = super().on(views)
        again._sets = tuple(one.on(views) for one in self._sets)  # noqa: SLF001 - its own copy
        again._near = [one.near(again.view) for one in again._sets]  # noqa: SLF001
        return again

    @property
    def views(self) -> tuple[PoolView, ...]:
        """Where it takes room, each room once: the pool of the main set, then all to which further sets may go."""
        found: dict[int, PoolView] = {}
        for view in (self.view, *(offer.view for near in self._near for offer in near)):
            found.setdefault(id(view.bins), view)
        return tuple(found.values())

    def full(self) -> tuple[Rejection, ...]:
        """Return what speaks against this candidate now: the fixed rules, then the lack of room of any pod set."""
        found = super().full()
        if found:
            return found
        short = next((one for one in self._sets if not any(offer.fits() for offer in one.viable)), None)
        if short is not None:
            return (short.rejection(lambda offer: offer.full()),)
        return (self._too_dear() or self._sets[-1].rejection(lambda offer: offer.full()),)

    def cost_on(self, replicas: int) -> Cost:
        """Return the expected cost of what was placed last, with so many pods of the main set."""
        return self._cost(replicas, [one.offer for one in self._parts])

    def expected_on(self, replicas: int) -> Cost:
        """Return the expected cost with so many pods of the main set, each further one where it would go first."""
        return self._cost(replicas, self._first(replicas))

    def placement(self, nodes: list[Assignment]) -> Placement:
        """Return where all pod sets go, as placed last."""
        return msgspec.structs.replace(super().placement(nodes), pod_sets=tuple(one.placed for one in self._parts))

    def take_set(self, at: int, offer: Offer) -> bool:
        """Take room for one further pod set, after those before it."""
        mark = self.view.company.mark()
        nodes = offer.place()
        if nodes is None:
            return False
        placed = PlacedSet.of(self._sets[at].pod_set.name, offer.placement(nodes))
        awaited = {one.node for one in (*self._nodes, *chain(*(part.nodes for part in self._parts)))}
        more = sum(is_to_come(one.node) and one.node not in awaited for one in nodes)
        self._parts.append(Part(offer, nodes, msgspec.structs.replace(placed, new_nodes=more), mark))
        return True

    def give_set_back(self) -> None:
        """Undo the last `take_set`."""
        part = self._parts.pop()
        part.offer.undo(part.nodes, part.mark)

    def undo(self, nodes: Sequence[Assignment], mark: int) -> None:
        """Undo `place`, as if it had never been."""
        while self._parts:
            self.give_set_back()
        super().undo(nodes, mark)

    def _cost_to_start(self) -> Cost:
        found = self.cost_if_placed()
        return self.ask.cost if found is None else found

    def _cost(self, replicas: int, offers: Sequence[Offer | None]) -> Cost:
        """Return what it costs with so many pods of the main set, the further ones on these pools."""
        ask = self.ask
        sets = [
            SetAt(one.pod_set, offer.ask.option, offer.view.site)
            for one, offer in zip(self._sets, offers, strict=True)
            if offer is not None
        ]
        return cost_of_all(ask.workload, ask.policy, MainAt(ask.option, self.view.site, replicas), sets)

    def _first(self, replicas: int) -> Sequence[Offer | None]:
        """Return where the further sets would go first if there were room, or at least cost if none of it is paid.

        None for one that may go nowhere.
        """
        choices, most = self._allowed_with(replicas)
        found = first_that_suits(choices, most, partial(self._pays_for, replicas))
        if found is not None:
            return found
        return [min(near, key=_hourly, default=None) for near in self._near]

    def _allowed_with(self, replicas: int, *, limited: bool = True) -> tuple[list[list[Offer]], int | None]:
        """Return where each further set may go beside so many main pods, and what all may cost per hour."""
        ask, limit = self.ask, self.ask.policy.max_cost_per_hour if limited else None
        wait = longest_wait(ask, self.view, replicas)
        choices = [[one for one in near if wait is None or one.view.site.wait_s <= wait] for near in self._near]
        if limit is None:
            return choices, None
        choices = [[one for one in near if one.ask.cost.per_hour is not None] for near in choices]
        main = expected_cost(ask.workload, ask.option, self.view.site, ask.policy, replicas).per_hour
        return choices, _NOTHING_PAID if main is None else floor(limit * MICROS) - main

    def _pays_for(self, replicas: int, offers: Sequence[Offer]) -> bool:
        """Tell whether the policy pays for so many pods of the main set with the further ones on these pools."""
        return self.ask.policy.max_cost_per_hour is None or is_paid(self._cost(replicas, offers), self.ask.policy)

    def _kept_away(self) -> list[Rejection]:
        """Return what keeps further sets from all pools, whatever room there is."""
        choices, _ = self._allowed_with(self.ask.size, limited=False)
        found = []
        for one, near, in_time in zip(self._sets, self._near, choices, strict=True):
            if not near:
                found.append(one.rejection(lambda offer: offer.rejections))
            elif not in_time:
                found.append(one.too_late())
        return found

    def _too_dear(self) -> Rejection | None:
        """Say that there is room only where the policy does not pay for it, if that is so."""
        if self.ask.policy.max_cost_per_hour is None:
            return None
        mark = self.view.company.mark()
        nodes = self._place_all(self.ask.least, limited=False)
        if nodes is None:
            return None
        cost = self.cost_on(self.ask.least)
        self.undo(nodes, mark)
        if cost.per_hour is None:
            return None
        found = cost_above_limit(msgspec.structs.replace(self.ask, cost=cost), self.view)
        if found is None:
            return None
        return msgspec.structs.replace(found, message=f"where there is room now, {found.message}", permanent=False)


def _any(_offers: Sequence[Offer]) -> bool:
    return True


def _hourly(offer: Offer) -> tuple[bool, int]:
    return offer.ask.cost.per_hour is None, offer.ask.cost.per_hour or 0
