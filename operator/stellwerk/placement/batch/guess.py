"""A good assignment of a batch without a search tree: by what room is worth, then repaired and polished by exchanges.

Whoever would not be split (`relaxation`) goes there; everybody else to the candidate that is cheapest together with
the room it takes at its price. Who finds no room, or pays too much, may push one other out who has somewhere else to
go. Then those who fared worst are placed first, and all of it is tried again. All of that is counted work, and nothing
is left to chance, so that the same question has the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from stellwerk.placement.batch.contest import Answer, Problem
from stellwerk.placement.batch.floor import Floor
from stellwerk.placement.batch.relaxation import Floats, bound_by, relaxed, with_room
from stellwerk.placement.batch.shelves import Shelf, stacks

_TRIES: Final = 12
"""How often all are placed at most."""
_LOOKS: Final = 80_000
"""After so many looks at an exchange no further try is begun."""
_POLISH: Final = 40_000
"""How many looks one try may take."""
_NEAR: Final = 1e-3
"""So near to the bound, an assignment is good enough."""
_FRONT: Final = 8
"""One in so many, of those who lose most, is placed first in the next try."""


class _Stage(NamedTuple):
    """What does not change from one try to the next."""

    problem: Problem
    shelves: Sequence[Shelf]
    whole: tuple[int, ...]
    """How many workloads take each choice without being split."""
    value: list[float]
    """What each choice costs with the room it takes."""
    best: list[list[int]]
    """By crowd: its choices, the best first."""


class _Try:
    """One assignment on the way."""

    def __init__(self, stage: _Stage) -> None:
        self._stage, self.floor = stage, Floor(stage.problem, stage.shelves)
        self._cost = [choice.cost for choice in stage.problem.choices]
        self.missing = [crowd.size for crowd in stage.problem.crowds]

    @property
    def cost(self) -> int:
        """What it costs in micro-units."""
        return sum(self._cost[at] * count for at, count in enumerate(self.floor.counts) if count)

    def fill(self, front: Sequence[int]) -> None:
        """Place all: first the crowds in front, then who would not be split, then the rest, the largest first."""
        for shape in front:
            self._place(shape)
        for at, count in enumerate(self._stage.whole):
            shape = self._stage.problem.choices[at].shape
            for _ in range(min(count, self.missing[shape])):
                if self.floor.has_room(at):
                    self._put(shape, at)
        crowds = range(len(self.missing))
        for shape in sorted(crowds, key=lambda one: (-self.floor.largest(one), one)):
            self._place(shape)

    def _put(self, shape: int, at: int) -> None:
        self.floor.put(at)
        self.missing[shape] -= 1

    def _place(self, shape: int) -> None:
        """Place all that are missing of a crowd, each at the best there is."""
        for _ in range(self.missing[shape]):
            at = next((at for at in self._stage.best[shape] if self.floor.has_room(at)), None)
            if at is not None:
                self._put(shape, at)
            elif self.floor.looks >= _LOOKS or not self._push_in(shape):
                return

    def _push_in(self, shape: int) -> bool:
        """Place one where another can make room, at the least cost of both."""
        ways = [
            (self._cost[at] + self._cost[other] - self._cost[out], at, out, other)
            for at in self._stage.best[shape]
            for out, other in self.floor.exchanges(at)
        ]
        if not ways:
            return False
        self.floor.exchange(*min(ways)[1:])
        self.missing[shape] -= 1
        return True

    def polish(self) -> None:
        """Move one, or one and another, as long as that saves anything."""
        better, end = True, self.floor.looks + _POLISH
        while better and self.floor.looks < end:
            better = False
            for at in [at for at, count in enumerate(self.floor.counts) if count]:
                while self.floor.counts[at] and self.floor.looks < end and self._improve(at):
                    better = True

    def _improve(self, at: int) -> bool:
        """Move one workload of a choice to a cheaper one, alone or by an exchange."""
        self.floor.put(at, -1)
        for to in self.floor.cheapest(self._stage.problem.choices[at].shape):
            gain = self._cost[at] - self._cost[to]
            if gain <= 0:
                break
            if self.floor.has_room(to):
                self.floor.put(to)
                return True
            ways = ((self._cost[other] - self._cost[out], out, other) for out, other in self.floor.exchanges(to))
            best = min(ways, default=None)
            if best is not None and best[0] < gain:
                self.floor.exchange(to, *best[1:])
                return True
        self.floor.put(at)
        return False

    def losers(self) -> list[int]:
        """Return the crowds that miss a place; else those that pay most above their best choice, room included."""
        if any(self.missing):
            return [shape for shape, count in enumerate(self.missing) if count]
        lost: dict[int, float] = {}
        for at, count in enumerate(self.floor.counts):
            if count:
                shape = self._stage.problem.choices[at].shape
                above = self._stage.value[at] - self._stage.value[self._stage.best[shape][0]]
                lost[shape] = max(lost.get(shape, 0.0), above)
        ranked = sorted((shape for shape, above in lost.items() if above > 0), key=lambda one: (-lost[one], one))
        return ranked[: 1 + len(self.missing) // _FRONT]


def guess(problem: Problem) -> Answer:
    """Return a good assignment, and a bound on what placing so many of each crowd costs."""
    shelves = [shelf for stack in stacks(problem) for shelf in stack.shelves]
    amounts, prices = relaxed(problem, shelves)
    stage = _stage(problem, shelves, amounts, prices)
    found = _best_try(stage, bound_by(problem, shelves, prices, [crowd.size for crowd in problem.crowds]))
    placed = tuple(crowd.size - missing for crowd, missing in zip(problem.crowds, found.missing, strict=True))
    return Answer(tuple(found.floor.counts), placed, bound_by(problem, shelves, prices, placed))


def _stage(problem: Problem, shelves: Sequence[Shelf], amounts: Floats, prices: Floats) -> _Stage:
    value = with_room(problem, shelves, prices).tolist()
    best: list[list[int]] = [[] for _ in problem.crowds]
    for at in sorted(range(len(value)), key=lambda one: (value[one], problem.choices[one].cost, one)):
        best[problem.choices[at].shape].append(at)
    return _Stage(problem, shelves, tuple(int(amount + 1e-6) for amount in amounts.tolist()), value, best)


def _best_try(stage: _Stage, bound: int | None) -> _Try:
    """Try until one is good enough, and return the best."""
    best: tuple[tuple[int, ...], int, _Try] | None = None
    front: list[int] = []
    looks = 0
    for _ in range(_TRIES):
        made = _Try(stage)
        made.fill(front)
        if best is None or made.missing <= list(best[0]):
            made.polish()
        looks += made.floor.looks
        ranked = (tuple(made.missing), made.cost, made)
        if best is None or ranked[:2] < best[:2]:
            best = ranked
        losers = made.losers()
        good = not any(best[0]) and bound is not None and best[1] - bound <= _NEAR * best[1]
        if good or looks > _LOOKS or not losers:
            break
        front = [*losers, *(one for one in front if one not in losers)][: len(stage.problem.crowds) // 2 + 1]
    assert best is not None  # noqa: S101 - there is at least one try
    return best[2]
