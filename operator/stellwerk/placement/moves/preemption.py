"""Room for more important work: whose place it may take, what that costs, and the cheapest way to take enough.

Elastic gangs are shrunk before anybody is evicted, nobody of equal or higher priority loses anything, and nobody loses
a place that is not needed. Room is only promised here: the workload is placed in a later cycle, when it is free.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Final, NamedTuple

import msgspec

from stellwerk.economics.disruption import option_of
from stellwerk.model.decision import Cost, Move
from stellwerk.model.policy import Policy, policy_of
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.fleet.homes import Homes
from stellwerk.placement.moves.herd import Herd
from stellwerk.placement.moves.leaving import Leaving
from stellwerk.placement.moves.sacrifices import (
    Sacrifice,
    add,
    expendable,
    freed_by,
    minus,
    move_of,
    sacrifice_of,
    shift,
)
from stellwerk.placement.moves.trials import Trial
from stellwerk.placement.moves.victims import NOTHING, Price, cheapest, everything, least_price, price_of
from stellwerk.placement.offers.candidates import Offer, shape_of
from stellwerk.placement.packing.bins import Bins

TRIES_PER_CYCLE: Final = 20_000
"""Combinations that are tried in one cycle at most: what finds no room then waits for the next cycle."""


class Room(msgspec.Struct, frozen=True):
    """A way to make room for a workload."""

    offer: Offer
    price: Price
    moves: tuple[Move, ...]
    awaited: tuple[str, ...]
    """Names of the workloads on their way out whose room it takes."""


class _Way(NamedTuple):
    """Whose room it takes, with how many steps of each, and what they lose."""

    taken: tuple[tuple[Sacrifice, int], ...]
    price: Price


_TOO_DEAR: Final = _Way((), NOTHING)
"""Stands for a search that was given up."""

_State = tuple[int, int | None]
Value = tuple[int, int]
"""How many parts of a cost are not known, and the sum of the others in micro-units."""


class _Asking(NamedTuple):
    """Who asks for room on which offer, and what the best other one costs."""

    offer: Offer
    workload: Workload
    policy: Policy
    below: Value | None

    @property
    def key(self) -> Hashable:
        """What the answer depends on besides the state of the pool."""
        return id(self.offer), self.workload.priority, self.policy.preempts, self.policy.minimum_runtime_s

    def value(self, price: Price) -> Value:
        """Return what it costs all in all where others lose so much."""
        total = self.offer.ask.cost.total
        return int(total is None) + price.unknown, (total or 0) + price.loss

    def is_too_dear(self, price: Price) -> bool:
        """Tell whether the other one is at least as good where others lose so much."""
        return self.below is not None and self.value(price) >= self.below


class RoomMaker:
    """Finds room that running workloads of lower priority can give, in one planning cycle."""

    def __init__(self, snapshot: Snapshot, now: datetime, homes: Homes) -> None:
        """Look at what runs, and where."""
        self._homes = homes
        self._policies = snapshot.policies
        self._promised = snapshot.promised
        self._now = now
        self._running = snapshot.running
        self._leaving = Leaving(snapshot.running)
        self._costs: dict[Hashable, Cost] = {}
        self._herds: dict[Hashable, Herd] = {}
        self._found: dict[Hashable, tuple[Offer, _State, _Way | None]] = {}
        """What was found on an offer in which state of its pool; holds the offer, so that its `id` stays its own."""
        self._epochs: dict[int, tuple[Bins, int, int]] = {}
        """By `id` of the bins: their version as it was last seen, and how often something else had changed them."""
        self._tries = TRIES_PER_CYCLE
        self._hopeless: dict[int, int] = {}
        """Highest priority that found no room on these offers: who has less cannot take more, and room never grows."""
        self._moved: set[str] = set()
        self._moves: list[Move] = []

    @cached_property
    def _by_pool(self) -> Mapping[tuple[str, str], list[Running]]:
        """What may be asked to give room, by cluster and pool."""
        found: defaultdict[tuple[str, str], list[Running]] = defaultdict(list)
        for one in self._running:
            if one.settled and one.placement is not None and one.workload.preemptible:
                pools = (one.placement.pool, *(placed.pool for placed in one.placement.pod_sets))
                for pool in dict.fromkeys(pools):
                    found[one.placement.cluster, pool].append(one)
        return found

    @cached_property
    def _by_uid(self) -> Mapping[str, Running]:
        return {one.uid: one for one in self._running}

    @property
    def moves(self) -> tuple[Move, ...]:
        """What gives room to others in this cycle, each workload once."""
        return tuple(self._moves)

    def may_help(self, workload: Workload) -> bool:
        """Tell whether anybody of lower priority runs who may be stopped, wherever that is."""
        every = (one.workload for pool in self._by_pool.values() for one in pool)
        return bool(self._leaving) or any(one.priority < workload.priority and one.preemptible for one in every)

    def make_room(self, workload: Workload, policy: Policy, offers: Sequence[Offer]) -> Room | None:
        """Return the cheapest way to make room on one of the `offers`, and take that room; None if there is none.

        Who must not take the room of others may be promised such room all the same, and then waits for it.

        Args:
            workload: Who needs room.
            policy: Its own.
            offers: They obey all fixed rules and have too little room.
        """
        if not policy.preempts and workload.uid not in self._promised:
            return None
        if workload.priority <= self._hopeless.get(id(offers), workload.priority - 1):
            return None
        room = self.find_room(workload, policy, offers)
        if room is not None:
            self._take(room)
        else:
            self._hopeless[id(offers)] = workload.priority
        return room

    def find_room(self, workload: Workload, policy: Policy, offers: Sequence[Offer]) -> Room | None:
        """Return the cheapest way to make room on one of the `offers`; None if there is none. Takes nothing."""
        best: tuple[Value, Room] | None = None
        for offer in offers:
            if offer.view.grows:
                continue  # its nodes that are there are looked at in another view
            asking = _Asking(offer, workload, policy, None if best is None else best[0])
            if asking.is_too_dear(NOTHING):
                continue  # room that others give is never for less than nothing
            room = self._room_on(asking)
            if room is not None and not asking.is_too_dear(room.price):
                best = (asking.value(room.price), room)
        return None if best is None else best[1]

    def hurry(self, tries: int) -> None:
        """Try so many more combinations at most."""
        self._tries = min(self._tries, tries)

    def _room_on(self, asking: _Asking) -> Room | None:
        """Return the cheapest way to make room on one offer; changes nothing."""
        offer, view = asking.offer, asking.offer.view
        state = (self._epoch(view.bins), offer.outside())
        known = self._found.get(asking.key)
        if known is None or known[1] != state or state[1] is None:
            leaving = self._leaving.frees(offer.views)
            shift(offer.views, leaving)
            try:
                way = self._way(asking, some_leave=bool(leaving))
            finally:
                shift(offer.views, minus(leaving))
                self._epochs[id(view.bins)] = (view.bins, view.bins.version, state[0])
            if way is _TOO_DEAR:
                return None
            known = self._found[asking.key] = (offer, state, way)
        return None if known[2] is None else self._room(asking, known[2])

    def _epoch(self, bins: Bins) -> int:
        """Return a number that changes when the room of a pool has changed, other than by looking for some."""
        _, version, epoch = self._epochs.get(id(bins), (bins, -1, 0))
        if version != bins.version:
            epoch += 1
            self._epochs[id(bins)] = (bins, bins.version, epoch)
        return epoch

    def _way(self, asking: _Asking, *, some_leave: bool) -> _Way | None:
        """Return the cheapest way to make room; `_TOO_DEAR` if it is not looked for any further."""
        offer, policy = asking.offer, asking.policy
        if some_leave and offer.fits():
            return _Way((), NOTHING)
        reach = offer.reach()
        for patience in (None, policy.minimum_runtime_s) if policy.preempts else ():
            herd = self._herd(offer.views, patience)
            chosen = herd.below(asking.workload.priority)
            fewest = herd.fewest(chosen, reach, offer.ask.least) if reach is not None else 0
            if not len(chosen) or fewest is None:
                continue
            victims = [herd.givers[at] for at in chosen.tolist()]
            prices = [one.prices for one in victims]
            too_dear = asking.is_too_dear(least_price(prices, max(1, fewest)))
            if self._tries <= 0 or (too_dear and patience is not None):
                return _TOO_DEAR
            trial = Trial(offer, victims, reach)
            try:
                if too_dear:  # and the end of it, unless shrinking is not enough: whom to evict may cost less
                    if trial.enough(everything(prices)):
                        return _TOO_DEAR
                    continue
                levels = cheapest(prices, trial.enough, fewest)
            finally:
                self._tries -= trial.tries
                trial.end()
            if levels is not None:
                return _Way(tuple((victims[at], level) for at, level in levels), price_of(prices, levels))
        return None

    def _room(self, asking: _Asking, way: _Way) -> Room:
        moves = tuple(move_of(victim, level, asking.workload) for victim, level in way.taken)
        return Room(asking.offer, way.price, moves, self._leaving.names(asking.offer.views))

    def _take(self, room: Room) -> None:
        """Take the room for this cycle: nobody after it gets what is free of it, or what becomes free."""
        freed = self._leaving.frees(room.offer.views)
        for move in room.moves:
            add(freed, freed_by(self._by_uid[move.uid], move.placement.replicas if move.placement else 0))
        shift(room.offer.views, freed)
        room.offer.place()
        shift(room.offer.views, minus(freed))
        moved = {move.uid for move in room.moves}
        for herd in self._herds.values():
            herd.leave(moved)
        self._moved |= moved
        self._moves += room.moves

    def _herd(self, views: Sequence[PoolView], patience: int | None) -> Herd:
        """Return what everybody in these pools could give; evictions only with a `patience`, in seconds.

        Who loses least comes first, of those the least important and youngest.
        """
        pools = tuple((view.pool.cluster, view.pool.name) for view in views)
        found = self._herds.get((pools, patience))
        if found is None:
            there = {one.uid: one for pool in pools for one in self._by_pool.get(pool, ())}
            given = (self._given(one, pools, patience) for one in there.values())
            some = sorted((one for one in given if one.steps), key=lambda one: (one.prices[0], expendable(one)))
            found = self._herds[pools, patience] = Herd(views[0].bins, some)
            found.leave(self._moved)
        return found

    def _given(self, one: Running, pools: Sequence[tuple[str, str]], patience: int | None) -> Sacrifice:
        theirs = policy_of(one.workload.policy, self._policies)
        least = None if patience is None else max(patience, theirs.minimum_runtime_s)
        given = sacrifice_of(one, self._cost(one, theirs), theirs, self._now, least)
        if one.placement is None or (one.placement.cluster, one.placement.pool) in pools:
            return given
        steps = tuple(step for step in given.steps if not step.replicas)  # fewer main pods free nothing here
        return msgspec.structs.replace(given, steps=steps, prices=tuple(step.price for step in steps))

    def _cost(self, one: Running, policy: Policy) -> Cost:
        """Return what a workload is expected to cost where it runs; alike ones cost the same."""
        place = one.placement
        if place is None:
            return self._homes.cost_of(one, policy)
        sets = tuple((placed.pool, placed.accelerator) for placed in place.pod_sets)
        key = (place.cluster, place.pool, sets, place.replicas, option_of(one), shape_of(one.workload))
        cost = self._costs.get(key)
        if cost is None:
            cost = self._costs[key] = self._homes.cost_of(one, policy)
        return cost
