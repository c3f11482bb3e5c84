"""What a batch competes for, as numbers: the question that is put to a solver, and its answer.

Workloads of one shape are one row with a count, nodes that have as many accelerators free are one room, and a pool is
the sum of its rooms. The question allows a little more than the nodes really do (how pods of different sizes share a
node is only bounded), so its optimum bounds what any plan must cost; what comes of an answer is decided by packing it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

PAIRS_LIMIT: Final = 20_000
"""Most pairs of a demand and a room that a question may hold; a bigger batch is left as greedy placed it."""

Place = tuple[str, str, int, bool]
"""Where a workload should go: cluster, pool, which of its alternatives, and whether on nodes that are yet to come."""


class Room(msgspec.Struct, frozen=True, array_like=True):
    """Nodes of one pool that have as many accelerators free; vectors follow the resources of the pool."""

    nodes: int
    total: tuple[int, ...]
    """Free over all of them."""
    largest: int
    """The most of the first resource (the accelerator, where there is one) that any one of them has free."""


class Demand(msgspec.Struct, frozen=True, array_like=True):
    """Like pods of one workload under one choice."""

    pods: int
    request: tuple[int, ...]
    """Of one pod; follows the resources of the choice's pool."""
    slots: tuple[tuple[int, int], ...]
    """How many such pods each room could hold if it held nothing else: index of the room, and pods."""


class Choice(msgspec.Struct, frozen=True, array_like=True):
    """One shape on one of its candidates."""

    shape: int
    cost: int
    """Expected cost of one workload in micro-units."""
    demands: tuple[Demand, ...]


class Crowd(msgspec.Struct, frozen=True, array_like=True):
    """The workloads of one shape."""

    size: int
    placed: int
    """How many of them must be placed, because they are without this question; the first in the queue."""


class Problem(msgspec.Struct, frozen=True, array_like=True):
    """A batch in which workloads compete: place the crowds on their choices, within the rooms, at the least cost."""

    crowds: tuple[Crowd, ...]
    choices: tuple[Choice, ...]
    rooms: tuple[Room, ...]

    @property
    def pairs(self) -> int:
        """How large it is: pairs of a demand and a room."""
        return sum(len(demand.slots) for choice in self.choices for demand in choice.demands)


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What a solver found."""

    counts: tuple[int, ...]
    """How many workloads take each choice of the problem, in its order; empty if no assignment was found."""
    placed: tuple[int, ...]
    """How many of each crowd were to be placed when the bound was computed."""
    bound: int | None
    """Micro-units that placing so many costs at least, for any assignment; None if not known."""


class Question(msgspec.Struct, frozen=True):
    """A problem with the names of what its numbers stand for."""

    problem: Problem
    crowds: tuple[tuple[str, ...], ...]
    """Uids of each crowd, in queue order."""
    places: tuple[Place, ...]
    """Of each choice."""
    exact: bool
    """Whether the bound of an answer holds: nothing is held in its place, nor has pod sets that are left out."""
    start: Answer | None = None
    """What is known of it already."""

    @property
    def uids(self) -> frozenset[str]:
        """Of all workloads that are asked about."""
        return frozenset(uid for crowd in self.crowds for uid in crowd)


class Advice(msgspec.Struct, frozen=True):
    """Where the workloads of a batch should go together."""

    places: dict[str, Place]
    """By uid."""
    crowds: tuple[tuple[str, ...], ...]
    """Of the question."""
    placed: tuple[int, ...]
    """How many of each crowd the bound is about."""
    bound: int | None
    """Micro-units that placing so many of each crowd costs at least; None if not known."""

    @property
    def asked(self) -> frozenset[str]:
        """Uids of all that were asked about."""
        return frozenset(uid for crowd in self.crowds for uid in crowd)

    def covers(self, taken: Mapping[str, int | None]) -> bool:
        """Tell whether the bound is about what was placed in the end: as many of each crowd."""
        found = (sum(taken.get(uid) is not None for uid in crowd) for crowd in self.crowds)
        return tuple(found) == self.placed


Solver = Callable[[Question], Advice | None]
"""Answers a question, now or never: None leaves the batch as greedy placed it."""


def spread(question: Question, answer: Answer) -> Advice | None:
    """Give each workload its place by the counts of an answer: of one shape, the first in the queue gets the best."""
    if not answer.counts:
        return None
    places: dict[str, Place] = {}
    heads = [0] * len(question.crowds)
    ranked = sorted(range(len(answer.counts)), key=lambda at: (question.problem.choices[at].cost, at))
    for at in ranked:
        shape, count = question.problem.choices[at].shape, answer.counts[at]
        crowd = question.crowds[shape]
        for uid in crowd[heads[shape] : heads[shape] + count]:
            places[uid] = question.places[at]
        heads[shape] += count
    return Advice(places, question.crowds, answer.placed, answer.bound if question.exact else None)
