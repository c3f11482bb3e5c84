"""Room for more important work: whose place it may take, what that costs, and the cheapest way to take enough.

Elastic gangs are shrunk before anybody is evicted, nobody of equal or higher priority loses anything, and nobody loses
a place that is not needed. Room is only promised here: the workload is placed in a later cycle, when it is free.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Final

import msgspec

from stellwerk.economics.cost import Site
from stellwerk.economics.disruption import option_of, running_cost
from stellwerk.model.decision import Cost, Move
from stellwerk.model.policy import Policy, policy_of
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.moves.sacrifices import Freed, Sacrifice, add, expendable, freed_by, move_of, sacrifice_of
from stellwerk.placement.moves.victims import NOTHING, Levels, Price, cheapest, price_of
from stellwerk.placement.offers.candidates import Offer, shape_of

TRIES_PER_CYCLE: Final = 20_000
"""Combinations that are tried in one cycle at most: what finds no room then waits for the next cycle."""


class Room(msgspec.Struct, frozen=True):
    """A way to make room for a workload."""

    offer: Offer
    price: Price
    moves: tuple[Move, ...]
    awaited: tuple[str, ...]
    """Names of the workloads on their way out whose room it takes."""


class RoomMaker:
    """Finds room that running workloads of lower priority can give, in one planning cycle."""

    def __init__(self, snapshot: Snapshot, now: datetime) -> None:
        """Look at what runs."""
        self._policies = snapshot.policies
        self._promised = snapshot.promised
        self._now = now
        self._nodes: dict[tuple[str, str], frozenset[str]] = {}
        self._running = snapshot.running
        self._costs: dict[Hashable, Cost] = {}
        self._known: dict[tuple[str, str, int | None], Sequence[Sacrifice]] = {}
        self._tries = TRIES_PER_CYCLE
        self._hopeless: dict[int, int] = {}
        """Highest priority that found no room on these offers: who has less cannot take more, and room never grows."""
        self._moved: set[str] = set()
        self._moves: list[Move] = []

    @cached_property
    def _leaving(self) -> list[Running]:
        """What is on its way out; looked for only where somebody needs room."""
        return [one for one in self._running if one.going]

    @cached_property
    def _by_pool(self) -> Mapping[tuple[str, str], list[Running]]:
        """What may be asked to give room, by cluster and pool."""
        found: defaultdict[tuple[str, str], list[Running]] = defaultdict(list)
        for one in self._running:
            if one.settled and one.placement is not None and one.workload.preemptible:
                found[one.placement.cluster, one.placement.pool].append(one)
        return found

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
        best: tuple[tuple[int, int], Room] | None = None
        for offer in offers:
            if offer.view.grows:
                continue  # its nodes that are there are looked at in another view
            total = offer.ask.cost.total
            floor = (int(total is None), total or 0)
            if best is not None and floor >= best[0]:
                continue  # room that others give is never for less than nothing
            room = self._room_on(offer, workload, policy)
            if room is not None:
                value = (floor[0] + room.price.unknown, floor[1] + room.price.loss)
                best = (value, room) if best is None or value < best[0] else best
        return None if best is None else best[1]

    def hurry(self, tries: int) -> None:
        """Try so many more combinations at most."""
        self._tries = min(self._tries, tries)

    def _room_on(self, offer: Offer, workload: Workload, policy: Policy) -> Room | None:
        """Return the cheapest way to make room on one offer; changes nothing."""
        leaving = self._freed_by_leaving(offer.view)
        offer.view.bins.shift(leaving)
        try:
            if leaving and offer.fits():
                return Room(offer, NOTHING, (), self._awaited(offer.view))
            for may_evict in (False, True) if policy.preempts else ():
                victims = self._victims(offer.view, workload, policy, may_evict=may_evict)
                levels = self._cheapest(offer, victims)
                if levels is not None:
                    return self._room(offer, workload, victims, levels)
        finally:
            offer.view.bins.shift(_minus(leaving))
        return None

    def _cheapest(self, offer: Offer, victims: Sequence[Sacrifice]) -> Levels | None:
        if not victims or self._tries <= 0:
            return None
        trial = _Trial(offer, victims)
        try:
            return cheapest([victim.prices for victim in victims], trial.enough)
        finally:
            self._tries -= trial.tries
            trial.end()

    def _room(self, offer: Offer, workload: Workload, victims: Sequence[Sacrifice], levels: Levels) -> Room:
        taken = [(victims[at], level) for at, level in levels]
        price = price_of([victim.prices for victim in victims], levels)
        moves = tuple(move_of(victim, level, workload) for victim, level in taken)
        return Room(offer, price, moves, self._awaited(offer.view))

    def _take(self, room: Room) -> None:
        """Take the room for this cycle: nobody after it gets what is free of it, or what becomes free."""
        view = room.offer.view
        moved = {move.uid for move in room.moves}
        freed = self._freed_by_leaving(view)
        for victim in self._by_pool.get((view.pool.cluster, view.pool.name), ()):
            if victim.uid in moved:
                move = next(one for one in room.moves if one.uid == victim.uid)
                add(freed, freed_by(victim, move.placement.replicas if move.placement else 0))
        view.bins.shift(freed)
        room.offer.place()
        view.bins.shift(_minus(freed))
        self._moved |= moved
        self._moves += room.moves

    def _victims(self, view: PoolView, workload: Workload, policy: Policy, *, may_evict: bool) -> list[Sacrifice]:
        """Return who could give room in this pool: who loses least first, of those the least important and youngest."""
        return [
            one
            for one in self._givers(view, policy.minimum_runtime_s if may_evict else None)
            if one.running.workload.priority < workload.priority and one.running.uid not in self._moved
        ]

    def _givers(self, view: PoolView, patience: int | None) -> Sequence[Sacrifice]:
        """Return what everybody in this pool could give; evictions only with a `patience`, in seconds."""
        key = (view.pool.cluster, view.pool.name, patience)
        found = self._known.get(key)
        if found is None:
            given = [self._given(one, view, patience) for one in self._by_pool.get(key[:2], ())]
            found = sorted((one for one in given if one.steps), key=lambda one: (one.prices[0], expendable(one)))
            self._known[key] = found
        return found

    def _given(self, one: Running, view: PoolView, patience: int | None) -> Sacrifice:
        theirs = policy_of(one.workload.policy, self._policies)
        least = None if patience is None else max(patience, theirs.minimum_runtime_s)
        return sacrifice_of(one, self._cost(one, view.site, theirs), theirs, self._now, least)

    def _cost(self, one: Running, site: Site, policy: Policy) -> Cost:
        """Return what a workload is expected to cost where it runs; alike ones cost the same."""
        pods = one.placement.replicas if one.placement else 0
        key = (site.pool.cluster, site.pool.name, pods, option_of(one), shape_of(one.workload))
        cost = self._costs.get(key)
        if cost is None:
            cost = self._costs[key] = running_cost(one, site, policy)
        return cost

    def _freed_by_leaving(self, view: PoolView) -> Freed:
        names = self._names(view)
        freed: Freed = {}
        for one in self._leaving:
            for node, used in one.going:
                add(freed, {node: used} if node in names else {})
        return freed

    def _awaited(self, view: PoolView) -> tuple[str, ...]:
        names = self._names(view)
        return tuple(str(one.key) for one in self._leaving if any(node in names for node, _ in one.going))

    def _names(self, view: PoolView) -> frozenset[str]:
        key = (view.pool.cluster, view.pool.name)
        if key not in self._nodes:
            self._nodes[key] = frozenset(node.name for node in view.nodes)
        return self._nodes[key]


def _minus(freed: Freed) -> Freed:
    taken: Freed = {}
    add(taken, freed, -1)
    return taken


class _Trial:
    """Combinations of sacrifices, tried on the free room itself; only what differs is given and taken back."""

    def __init__(self, offer: Offer, victims: Sequence[Sacrifice]) -> None:
        self._offer, self._victims = offer, victims
        self._levels: Levels = ()
        self.tries = 0

    def enough(self, levels: Levels) -> bool:
        """Tell whether the gang fits once so much has been given."""
        self.tries += 1
        self._set(levels)
        return self._offer.fits()

    def end(self) -> None:
        """Take everything back."""
        self._set(())

    def _set(self, levels: Levels) -> None:
        change: Freed = {}
        before, after = frozenset(self._levels), frozenset(levels)
        for at, level in sorted(after - before):
            add(change, self._victims[at].freed(level))
        for at, level in sorted(before - after):
            add(change, self._victims[at].freed(level), -1)
        self._levels = levels
        self._offer.view.bins.shift(change)
