"""From a batch in competition to numbers: which workloads compete, for what room, and what each place costs them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from stellwerk.economics.cost import expected
from stellwerk.model.placement import Placement
from stellwerk.model.resources import Resources
from stellwerk.model.workload import Workload
from stellwerk.placement.batch.contest import PAIRS_LIMIT, Choice, Crowd, Demand, Place, Problem, Question, Room
from stellwerk.placement.batch.linking import link, root_of
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.offers.prospect import Prospect
from stellwerk.placement.packing.bins import Bins
from stellwerk.placement.packing.devices import Ints

_GROUPS: Final = 48
"""Most rooms that a pool without accelerators is told apart by."""

_MANY: Final = 1 << 30


class Party(msgspec.Struct, frozen=True):
    """A workload that competes."""

    workload: Workload
    prospect: Prospect
    taken: int | None
    """Index of the viable candidate that it got; None if it found no room."""
    placement: Placement | None
    """What it got."""

    @property
    def held(self) -> bool:
        """Whether it stays where it is: what other places would cost is not known, or how many pods it gets there."""
        if self.taken is None or self.placement is None:
            return False
        offer = self.prospect.viable[self.taken]
        return expected(offer.ask.cost) is None or offer.ask.least < offer.ask.size


class Rooms:
    """The rooms of the pools that are competed for."""

    def __init__(self) -> None:
        """Start without any."""
        self.rooms: list[Room] = []
        self._of: dict[int, tuple[int, Ints, int]] = {}
        self._slots: dict[tuple[int, Resources, frozenset[int]], tuple[tuple[int, int], ...]] = {}

    def demand(self, bins: Bins, ask: tuple[Resources, int, frozenset[int]]) -> Demand | None:
        """Return a demand in the free room of a pool, None if no node offers one of its resources."""
        resources, pods, kinds = ask
        amounts = dict(resources.amounts)
        if any(amount > 0 and name not in bins.axis for name, amount in amounts.items()):
            return None
        request = tuple(max(0, amounts.get(name, 0)) for name in bins.axis)
        key = (id(bins), resources, kinds)
        if key not in self._slots:
            self._slots[key] = self._count(bins, request, kinds)
        return Demand(pods, request, self._slots[key])

    def _count(self, bins: Bins, request: tuple[int, ...], kinds: frozenset[int]) -> tuple[tuple[int, int], ...]:
        first, group, groups = self._grouped(bins)
        free, _, kind, nodes = bins.stock()
        asked = [at for at, amount in enumerate(request) if amount > 0]
        amounts = np.array([request[at] for at in asked], np.int64)
        copies = (np.maximum(free[:, asked], 0) // amounts).min(axis=1) if asked else np.full(len(free), _MANY)
        copies = np.where(np.isin(kind, list(kinds)), np.minimum(copies, _MANY), 0) * nodes
        slots = np.zeros(groups, np.int64)
        np.add.at(slots, group, copies)
        return tuple((first + at, int(count)) for at, count in enumerate(slots.tolist()) if count)

    def _grouped(self, bins: Bins) -> tuple[int, Ints, int]:
        """Return the number of the pool's first room, the group of each row, and how many groups there are."""
        known = self._of.get(id(bins))
        if known is not None:
            return known
        free, _, kind, nodes = bins.stock()
        there = np.maximum(free, 0)
        distinct, group = np.unique(np.column_stack([there, kind]), axis=0, return_inverse=True)
        if len(distinct) > _GROUPS:
            distinct, group = np.unique(there[:, :1], axis=0, return_inverse=True)
        if len(distinct) > _GROUPS:
            distinct, group = distinct[-1:], np.zeros(len(free), np.int64)
        group = group.reshape(-1)
        first = len(self.rooms)
        for at in range(len(distinct)):
            mine = group == at
            total = (there[mine] * nodes[mine, None]).sum(axis=0)
            self.rooms.append(Room(int(nodes[mine].sum()), tuple(total.tolist()), int(there[mine, 0].max(initial=0))))
        self._of[id(bins)] = first, group, len(distinct)
        return self._of[id(bins)]


def contested(parties: Sequence[Party]) -> list[Party]:
    """Return the workloads of all groups of pools in which somebody got less than he might, had others gone elsewhere.

    That is so where a workload of another shape, which has somewhere else to go, sits where somebody found no room.
    Groups are the pools that hang together through workloads which could go to either.
    """
    links = _linked(parties)
    missed: defaultdict[int, set[int]] = defaultdict(set)
    for party in parties:
        for offer in party.prospect.viable[: party.taken]:
            missed[id(offer.view.bins)].add(id(party.prospect))
    hot = set()
    for party in parties:
        if party.taken is not None and len(party.prospect.viable) > 1:
            pool = id(party.prospect.viable[party.taken].view.bins)
            if missed[pool] - {id(party.prospect)}:
                hot.add(root_of(links, pool))
    return [party for party in parties if party.prospect.viable and root_of(links, _pool(party)) in hot]


def question_of(parties: Iterable[Party]) -> Question | None:
    """Put the workloads that compete into numbers; None if there are too many, or none is free to go elsewhere.

    Args:
        parties: In queue order, with candidates on which nothing of this batch is placed yet.
    """
    crowds: defaultdict[object, list[Party]] = defaultdict(list)
    for party in parties:
        alone = party.workload.uid if party.held else None
        crowds[id(party.prospect), alone].append(party)
    rooms, choices, places = Rooms(), list[Choice](), list[Place]()
    pairs = 0
    for shape, crowd in enumerate(crowds.values()):
        for place, choice in _choices(shape, crowd[0], rooms):
            pairs += sum(len(demand.slots) for demand in choice.demands)
            if pairs > PAIRS_LIMIT:
                return None
            places.append(place)
            choices.append(choice)
    if len(choices) <= len(crowds):
        return None
    sizes = tuple(Crowd(len(crowd), sum(one.taken is not None for one in crowd)) for crowd in crowds.values())
    uids = tuple(tuple(one.workload.uid for one in crowd) for crowd in crowds.values())
    problem = Problem(sizes, tuple(choices), tuple(rooms.rooms))
    loose = any(crowd[0].held or crowd[0].workload.others for crowd in crowds.values())
    return Question(problem, uids, tuple(places), exact=not loose)


def _choices(shape: int, party: Party, rooms: Rooms) -> Iterable[tuple[Place, Choice]]:
    """Return what one shape may choose: its viable candidates at a known cost, or the one place that it holds."""
    if party.held and party.taken is not None and party.placement is not None:
        offer = party.prospect.viable[party.taken]
        fixed = [(one, party.placement.replicas, kinds) for one, _, kinds in offer.demands()[:1]]
        yield from _choice(shape, party, offer, rooms, [*fixed, *offer.demands()[1:]])
        return
    for offer in party.prospect.viable:
        if expected(offer.ask.cost) is not None and offer.ask.least == offer.ask.size:
            yield from _choice(shape, party, offer, rooms, offer.demands())


def _choice(
    shape: int, party: Party, offer: Offer, rooms: Rooms, asks: Iterable[tuple[Resources, int, frozenset[int]]]
) -> Iterable[tuple[Place, Choice]]:
    demands = [rooms.demand(offer.view.bins, ask) for ask in asks]
    found = tuple(one for one in demands if one is not None and one.slots)
    if len(found) == len(demands):
        yield place_of(offer, party.workload), Choice(shape, expected(offer.ask.cost) or 0, found)


def place_of(offer: Offer, workload: Workload) -> Place:
    """Return the name of a candidate."""
    pool = offer.view.pool
    return pool.cluster, pool.name, workload.options.index(offer.ask.option), offer.view.grows


def _linked(parties: Iterable[Party]) -> dict[int, int]:
    links: dict[int, int] = {}
    for party in parties:
        link(links, (id(offer.view.bins) for offer in party.prospect.viable))
    return links


def _pool(party: Party) -> int:
    return id(party.prospect.viable[0].view.bins)
