"""A problem as matrix: columns, rows and bounds in the form that HiGHS takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import highspy
import numpy as np

from stellwerk.placement.batch.contest import Problem
from stellwerk.placement.batch.relaxation import by_rows
from stellwerk.placement.batch.shelves import Stack

Row = tuple[float, float, dict[int, float]]
"""Lower and upper limit, and coefficients by column."""

Rows = list[Row]


class Programme:
    """The columns (choices first, then pods of a demand in a room) and all rows that do not depend on the goal.

    Pools whose shelves say all that there is to packing (`shelves`) need no columns but the choices.
    """

    def __init__(self, problem: Problem, shelved: Sequence[Stack]) -> None:
        """Lay out the columns and write down what the rooms allow, `shelved` as they are."""
        self._problem = problem
        self._upper = [problem.crowds[choice.shape].size for choice in problem.choices]
        self._inside: dict[tuple[int, int, int], int] = {}
        """Column by choice, demand and room."""
        self._asks: defaultdict[int, list[tuple[int, tuple[int, ...]]]] = defaultdict(list)
        """Columns that lie in a room, with the request of one pod."""
        self._rows: Rows = []
        merged: set[int] = set()
        for stack in shelved:
            if stack.exact:
                merged.update(stack.rooms)
                self._rows += [(0.0, float(shelf.holds), _floats(shelf.takes)) for shelf in stack.shelves]
        self._merged = frozenset(merged)
        for index in range(len(problem.choices)):
            self._lay_out(index)
        for room in self._asks:
            self._rows += self._totals(room)
            self._rows += self._large_ones(room)

    def _lay_out(self, index: int) -> None:
        """Add the columns of one choice, and the row that ties each of its demands to it."""
        choice = self._problem.choices[index]
        for number, demand in enumerate(choice.demands):
            if self._merged.issuperset(room for room, _ in demand.slots):
                continue
            tie: dict[int, float] = {index: -demand.pods}
            for room, slots in demand.slots:
                column = self._inside[index, number, room] = len(self._upper)
                self._upper.append(min(slots, demand.pods * self._upper[index]))
                self._asks[room].append((column, demand.request))
                tie[column] = 1.0
            self._rows.append((0.0, 0.0, tie))

    def _totals(self, room: int) -> Iterable[Row]:
        """No resource of a room is given away more than once."""
        for at, there in enumerate(self._problem.rooms[room].total):
            taken = {column: float(request[at]) for column, request in self._asks[room] if request[at] > 0}
            if taken:
                scale = max(taken.values())
                yield 0.0, there / scale, {column: amount / scale for column, amount in taken.items()}

    def _large_ones(self, room: int) -> Iterable[Row]:
        """Count in whole pieces of each size: what pods take of a node, rounded down, is no more than what it has.

        With sizes that divide each other this is all there is to packing nodes.
        """
        nodes, largest = self._problem.rooms[room].nodes, self._problem.rooms[room].largest
        for size in sorted({request[0] for _, request in self._asks[room] if 0 < request[0] <= largest}, reverse=True):
            pieces = {column: request[0] // size for column, request in self._asks[room] if request[0] >= size}
            large = [request[0] for _, request in self._asks[room] if request[0] >= size]
            if largest % size or any(amount % size for amount in large):  # else the totals say the same
                yield 0.0, float(largest // size * nodes), {column: float(n) for column, n in pieces.items()}

    def crowd_rows(self, placed: Sequence[int], *, exact: bool) -> Rows:
        """Return how many of each crowd must be placed: just so many, or at least so many."""
        rows: Rows = []
        for shape, crowd in enumerate(self._problem.crowds):
            mine = {at: 1.0 for at, choice in enumerate(self._problem.choices) if choice.shape == shape}
            rows.append((float(placed[shape]), float(placed[shape] if exact else crowd.size), mine))
        return rows

    def model(self, costs: np.ndarray[Any, Any], more: Rows) -> Any:  # noqa: ANN401 - highspy has no types
        """Return the mixed-integer model that minimises `costs` over the choices."""
        rows = [row for row in (*more, *self._rows) if row[2] or row[0] > 0]
        model = highspy.HighsLp()
        columns = len(self._upper)
        model.num_col_, model.num_row_ = columns, len(rows)
        model.col_cost_ = np.concatenate([costs, np.zeros(columns - len(costs))])
        model.col_lower_, model.col_upper_ = np.zeros(columns), np.array(self._upper, float)
        model.row_lower_ = np.array([row[0] for row in rows])
        model.row_upper_ = np.array([row[1] for row in rows])
        model.integrality_ = [highspy.HighsVarType.kInteger] * columns
        by_rows(model.a_matrix_, [row[2] for row in rows])
        return model


def _floats(row: Mapping[int, int]) -> dict[int, float]:
    return {column: float(amount) for column, amount in row.items()}
