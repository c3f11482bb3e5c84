"""The floor of an assignment that is being made: what is left on the shelves, and who stands on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stellwerk.placement.batch.contest import Problem
from stellwerk.placement.batch.shelves import Shelf


class Floor:
    """Choices are numbered as in the problem; of each, some workloads have been placed."""

    def __init__(self, problem: Problem, shelves: Sequence[Shelf]) -> None:
        """Start with nothing placed."""
        self.counts = [0] * len(problem.choices)
        self._shape = [choice.shape for choice in problem.choices]
        self._left = [shelf.holds for shelf in shelves]
        self._takes: list[list[tuple[int, int]]] = [[] for _ in problem.choices]
        """By choice: shelf, and what one workload takes of it."""
        for row, shelf in enumerate(shelves):
            for at, amount in shelf.takes.items():
                self._takes[at].append((row, amount))
        self._users: list[dict[int, None]] = [{} for _ in shelves]
        """By shelf: the choices that stand on it."""
        self._cheapest: list[list[int]] = [[] for _ in problem.crowds]
        """By crowd: its choices, the cheapest first."""
        for at in sorted(range(len(problem.choices)), key=lambda one: (problem.choices[one].cost, one)):
            self._cheapest[self._shape[at]].append(at)
        self.looks = 0
        """How many others were looked at for an exchange."""

    def largest(self, shape: int) -> int:
        """Return the most that one of a crowd takes of any shelf."""
        return max((amount for at in self._cheapest[shape] for _, amount in self._takes[at]), default=0)

    def cheapest(self, shape: int) -> Sequence[int]:
        """Return the choices of a crowd, the cheapest first."""
        return self._cheapest[shape]

    def has_room(self, at: int) -> bool:
        """Tell whether one more workload of a choice fits."""
        left = self._left
        for row, amount in self._takes[at]:  # noqa: SIM110 - the innermost of all loops
            if left[row] < amount:
                return False
        return True

    def put(self, at: int, count: int = 1) -> None:
        """Place so many workloads of a choice; with a number below zero take as many back."""
        self.counts[at] += count
        for row, amount in self._takes[at]:
            self._left[row] -= amount * count
            if self.counts[at]:
                self._users[row][at] = None
            else:
                self._users[row].pop(at, None)

    def exchange(self, into: int, out: int, other: int) -> None:
        """Place one where another leaves, who goes to another choice of his."""
        self.put(out, -1)
        self.put(into)
        self.put(other)

    def exchanges(self, into: int) -> Iterator[tuple[int, int]]:
        """Yield who of another crowd could leave room for one of a choice, and the cheapest place there is for him."""
        short = [(row, amount - self._left[row]) for row, amount in self._takes[into] if self._left[row] < amount]
        for out in sorted(self._users[short[0][0]]) if short else ():
            if self._shape[out] == self._shape[into]:
                continue
            self.looks += 1
            gives = dict(self._takes[out])
            if all(gives.get(row, 0) >= lacking for row, lacking in short):
                other = self._elsewhere(into, out)
                if other is not None:
                    yield out, other

    def _elsewhere(self, into: int, out: int) -> int | None:
        """Find the cheapest other place for one who makes room."""
        self.put(out, -1)
        self.put(into)
        found = next((at for at in self._cheapest[self._shape[out]] if at != out and self.has_room(at)), None)
        self.put(into, -1)
        self.put(out)
        return found
