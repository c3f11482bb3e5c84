"""What a pool holds in all, counted in whole pieces of each size: the rooms of a question taken together.

Where the sizes of all pods that may go to a pool divide each other and nothing but the first resource is short, this is
all there is to packing its nodes: whoever keeps within every count fits, the largest first. Elsewhere it only bounds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from stellwerk.placement.batch.contest import Demand, Problem, Room
from stellwerk.placement.batch.linking import link, root_of


class Shelf(NamedTuple):
    """One limit: what the workloads on it take together is no more than it holds."""

    holds: int
    takes: Mapping[int, int]
    """By index of the choice, what one workload takes of it."""


class Stack(NamedTuple):
    """The shelves of rooms that hang together: those of one pool."""

    rooms: tuple[int, ...]
    shelves: tuple[Shelf, ...]
    exact: bool
    """Whether all that keeps within the shelves can be packed, as far as the question knows."""


Asker = tuple[int, Demand]
"""A choice and one of its demands."""


def stacks(problem: Problem) -> list[Stack]:
    """Return the rooms of a problem as stacks of shelves, in the order of their first rooms.

    Last, without any room, comes what no node is large enough for.
    """
    found = []
    for rooms, askers in _pools(problem):
        exact = _is_exact(problem, rooms, askers)
        shelves = [*_pieces(problem, rooms, askers), *(() if exact else _totals(problem, rooms, askers))]
        found.append(Stack(rooms, tuple(shelves), exact))
    lost = {at: 1 for at, choice in enumerate(problem.choices) if not all(one.slots for one in choice.demands)}
    return [*found, Stack((), (Shelf(0, lost),), exact=True)] if lost else found


def _pools(problem: Problem) -> Iterator[tuple[tuple[int, ...], list[Asker]]]:
    """Yield rooms that are linked by demands which could go to several of them, with all demands there."""
    links: dict[int, int] = {}
    everyone = [(at, demand) for at, choice in enumerate(problem.choices) for demand in choice.demands if demand.slots]
    for _, demand in everyone:
        link(links, (room for room, _ in demand.slots))
    askers: defaultdict[int, list[Asker]] = defaultdict(list)
    for at, demand in everyone:
        askers[root_of(links, demand.slots[0][0])].append((at, demand))
    rooms: defaultdict[int, list[int]] = defaultdict(list)
    for room in range(len(problem.rooms)):
        rooms[root_of(links, room)].append(room)
    for root in sorted(askers):
        yield tuple(rooms[root]), askers[root]


def _pieces(problem: Problem, rooms: Sequence[int], askers: Sequence[Asker]) -> Iterator[Shelf]:
    """Yield a shelf for each size of pod: what pods take of a node, rounded down, is no more than what it has."""
    inside = [problem.rooms[room] for room in rooms]
    for size in sorted({demand.request[0] for _, demand in askers if demand.request[0] > 0}, reverse=True):
        taken: defaultdict[int, int] = defaultdict(int)
        for at, demand in askers:
            if demand.request[0] >= size:
                taken[at] += demand.pods * (demand.request[0] // size)
        yield Shelf(sum(room.nodes * (room.largest // size) for room in inside), dict(taken))


def _totals(problem: Problem, rooms: Sequence[int], askers: Sequence[Asker]) -> Iterator[Shelf]:
    """Yield a shelf for each resource: nothing is given away more than once."""
    for at in range(len(problem.rooms[rooms[0]].total)):
        taken: defaultdict[int, int] = defaultdict(int)
        for choice, demand in askers:
            if demand.request[at] > 0:
                taken[choice] += demand.pods * demand.request[at]
        if taken:
            yield Shelf(sum(problem.rooms[room].total[at] for room in rooms), dict(taken))


def _is_exact(problem: Problem, rooms: Sequence[int], askers: Sequence[Asker]) -> bool:
    """Tell whether sizes divide each other, all pods may go to every node that is large enough, and no more counts."""
    sizes = sorted({demand.request[0] for _, demand in askers})
    if sizes[0] <= 0 or any(large % small for small, large in pairwise(sizes)):
        return False
    inside = {number: problem.rooms[number] for number in rooms}
    if any(room.total[0] != room.nodes * room.largest for room in inside.values()):
        return False
    return all(_is_plain(demand, inside) for demand in {(one.request, one.slots): one for _, one in askers}.values())


def _is_plain(demand: Demand, rooms: Mapping[int, Room]) -> bool:
    """Tell whether pods find room by their size alone, and run out of nothing before the first resource."""
    size = demand.request[0]
    whole = ((number, room.nodes * (room.largest // size)) for number, room in rooms.items())
    if demand.slots != tuple((number, count) for number, count in whole if count):
        return False
    return not any(
        asked * room.total[0] > size * there
        for room in rooms.values()
        for asked, there in zip(demand.request, room.total, strict=True)
    )
