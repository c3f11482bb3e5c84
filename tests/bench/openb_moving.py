"""The engine with migration: a pod that finds no room has a few placed pods moved out of its way.

Two ways are tried, each on a bounded number of nodes. Pods leave the node where the least GPU is in the way;
or a share changes places with a smaller one of another node. Where they go is for the engine to say. If one
of them finds no room, everything lies as it lay before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice, product
from typing import NamedTuple

from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.packing.bins import Bins, Limits, Quote
from stellwerk.placement.packing.devices import padded
from stellwerk.placement.packing.judging import along
from stellwerk.placement.packing.rows import Key
from tests.bench.openb_engine import Packer, Place
from tests.bench.openb_spots import Pod, Spot, cpu_of, gpu_of
from tests.bench.openb_trace import FULL, Host, Kind

TRIED = 24
"""Nodes tried for each refused pod, in each of the two ways."""
_LOOKED_AT = 200
"""Pairs of one pair of sizes and holes that are looked at."""


class Laid(NamedTuple):
    """How a node of the engine lay before a change."""

    bins: Bins
    rank: int
    key: Key


class Seat(NamedTuple):
    """A pod where it is."""

    spot: Spot
    pod: Pod


class Mover(Packer):
    """The engine, which may move up to `most` placed pods for each pod with GPUs that finds no room."""

    def __init__(self, hosts: Sequence[Host], ranks: Sequence[int], most: int) -> None:
        """Start with empty nodes."""
        super().__init__(hosts, ranks)
        by_model = {view.pool.name: view for view in self.views}
        self.most = most
        self.moved = 0
        self.spots = {
            rank: Spot(by_model[host.model], f"{rank:05d}", host.cpu, host.memory, [FULL] * host.gpus)
            for host, rank in zip(hosts, ranks, strict=True)
        }
        self._hopeless: dict[Kind, int] = {}
        self._stuck: set[Kind] = set()

    def place(self, kind: Kind) -> Place | None:
        """Place a pod, if need be where others make room for it."""
        place = super().place(kind)
        if place is not None:
            self.spots[place.rank].add(kind, place.hole)
        elif kind.gpus and self._hopeless.get(kind) != self._version():
            place = self._make_room(kind)
            if place is None:
                self._hopeless[kind] = self._version()
        return place

    def _version(self) -> int:
        return sum(view.bins.version for view in self.views)

    def _make_room(self, kind: Kind) -> Place | None:
        self._look()
        for spot, gone in islice(self._clearings(kind), TRIED):
            after = sorted((pod.kind for pod in gone), key=lambda kind: (-kind.total, -kind.cpu))
            place = self._try([Seat(spot, pod) for pod in gone], [(kind, spot), *((one, None) for one in after)])
            if place is not None:
                return place
        for one, other in islice(self._exchanges(kind), TRIED):
            place = self._try([one, other], [(kind, one.spot), (one.pod.kind, other.spot), (other.pod.kind, None)])
            if place is not None:
                return place
        return None

    def _look(self) -> None:
        """See which kinds find room nowhere: nobody leaves a node only to come back."""
        kinds = {pod.kind for spot in self.spots.values() for pod in spot.pods}
        stuck = {kind for kind in kinds if not self._roomy(kind)}
        if stuck != self._stuck:
            self._stuck = stuck
            for spot in self.spots.values():
                spot.known.clear()

    def _roomy(self, kind: Kind) -> bool:
        ask = self.ask(kind)
        return any(view.bins.room(ask.request, limits.kinds) for view, limits in ask.stalls)

    def _clearings(self, kind: Kind) -> Iterator[tuple[Spot, tuple[Pod, ...]]]:
        """Yield nodes and who would have to leave them, the least GPU first."""
        there = {id(view) for view, _ in self.ask(kind).stalls}
        spots = (spot for spot in self.spots.values() if id(spot.view) in there)
        ways = [(spot, gone) for spot in spots if (gone := spot.leaving(kind, self.most, self._stuck)) is not None]
        yield from sorted(ways, key=lambda way: (gpu_of(way[1]), len(way[1]), cpu_of(way[1]), way[0].name))

    def _exchanges(self, kind: Kind) -> Iterator[tuple[Seat, Seat]]:
        """Yield a share whose GPU would have room for the pod if a smaller one were there, and the smaller one."""
        if self.most < 2 or kind.total >= FULL:  # it is two moves
            return
        there = {id(view) for view, _ in self.ask(kind).stalls}
        groups: dict[tuple[int, int], list[Seat]] = {}
        for spot in self.spots.values():
            for pod in spot.pods:
                for gpu, part in pod.gpus.items():
                    if part < FULL:
                        groups.setdefault((part, spot.free[gpu]), []).append(Seat(spot, pod))
        first = [group for group in sorted(groups) if sum(group) > kind.total]
        ways = [
            (one[0] - other[0], one, other)
            for one, other in product(first, sorted(groups))
            if kind.total - one[1] <= one[0] - other[0] <= other[1]
        ]
        for _, one, other in sorted(ways):
            for at, to in islice(product(groups[one], groups[other]), _LOOKED_AT):
                if id(at.spot.view) in there and at.spot is not to.spot and _holds(kind, at, to):
                    yield at, to

    def _try(self, leaving: Sequence[Seat], coming: Sequence[tuple[Kind, Spot | None]]) -> Place | None:
        """Let pods leave, then place others, each on its node or anywhere; return where the first of them went.

        If one finds no room nothing changes.
        """
        journal, places = list[Laid](), list[Place]()
        for spot in dict.fromkeys(seat.spot for seat in leaving):
            journal.append(self._laid(spot))
            self._lay(journal[-1], self._without(spot, [seat.pod for seat in leaving if seat.spot is spot]))
        for kind, spot in coming:
            found = self.best(kind) if spot is None else self._on(kind, spot)
            if found is None:
                for laid in reversed(journal):
                    self._lay(laid, laid.key)
                return None
            journal.append(_before(*found))
            places.append(self.put(kind, *found))
        for seat in leaving:
            seat.spot.remove(seat.pod)
        for (kind, _), place in zip(coming, places, strict=True):
            self.spots[place.rank].add(kind, place.hole)
        self.moved += len(leaving)
        return places[0]

    def _on(self, kind: Kind, spot: Spot) -> tuple[PoolView, Quote] | None:
        ask = self.ask(kind)
        limits = next((limits for view, limits in ask.stalls if view is spot.view), None)
        if limits is None:
            return None
        quote = spot.view.bins.quote(ask.request, 1, Limits(limits.kinds, only=frozenset({spot.name})))
        return None if quote is None else (spot.view, quote)

    def _without(self, spot: Spot, gone: Sequence[Pod]) -> Key:
        """Return how a node lies without some of its pods."""
        axis, key = spot.view.bins.axis, self._laid(spot).key
        vectors = [key.vector, *(along(axis, self.ask(pod.kind).request) for pod in gone)]
        free = list(spot.free)
        for gpu, part in chain.from_iterable(pod.gpus.items() for pod in gone):
            free[gpu] += part
        vector = tuple(sum(amounts) for amounts in zip(*vectors, strict=True))
        return Key(vector, padded(tuple(sorted(free)), len(key.devices)), key.kind)

    def _laid(self, spot: Spot) -> Laid:
        bins = spot.view.bins
        rank = bins._chosen.rank_of(spot.name)  # the engine has no word for one node's GPUs: it is read from its rows
        if rank is None:
            raise RuntimeError("a node has gone")
        return Laid(bins, rank, bins._rows.keys[bins._rows.at[rank]])

    def _lay(self, laid: Laid, key: Key) -> None:
        laid.bins._rows.move(laid.bins._rows.at[laid.rank], (laid.rank,), key)


def _before(view: PoolView, quote: Quote) -> Laid:
    """Return how the node that is quoted lies."""
    step = quote.steps[0]
    return Laid(view.bins, step.nodes[0], view.bins._rows.keys[step.row])


def _holds(kind: Kind, at: Seat, to: Seat) -> bool:
    """Tell whether cores and memory allow that two pods change places and another comes to the first one's node."""
    big, small = at.pod.kind, to.pod.kind
    cpu, memory = at.spot.cpu + big.cpu - kind.cpu, at.spot.memory + big.memory - kind.memory
    there = to.spot.cpu + small.cpu >= big.cpu and to.spot.memory + small.memory >= big.memory
    return there and cpu >= small.cpu and memory >= small.memory
