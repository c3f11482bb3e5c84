"""What a batch would do if workloads could be split: how many of each crowd take each choice, and what room is worth.

It is a linear programme over counts per choice and the shelves of the pools, so it is solved within milliseconds. The
prices of the shelves give a bound by themselves: with a price on each shelf everybody simply takes what is cheapest,
and what that costs, less the prices of all that there is, is never more than what the best assignment costs. That
holds for any prices, so the bound relies on no tolerance of the solver but on sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import highspy
import numpy as np

from stellwerk.placement.batch.contest import Problem
from stellwerk.placement.batch.shelves import Shelf

Floats = np.ndarray[Any, np.dtype[np.float64]]

MICRO: Final = 1e6
"""Costs enter in currency units: solvers like numbers near one."""
_STEPS: Final = 20_000
"""Most steps of the simplex method; with what is known then all is as well, only less good."""
_LEFT_OUT: Final = 10
"""Leaving a workload out costs so many times the dearest choice of all."""
_SURE: Final = 1e-7
"""A bound is lowered by this part of the money that it is a sum of, to be one in spite of rounding."""


class Relaxation(NamedTuple):
    """Where a batch would go if it could be split."""

    amounts: Floats
    """How many workloads take each choice."""
    prices: Floats
    """In currency units for one of each shelf."""


def relaxed(problem: Problem, shelves: Sequence[Shelf]) -> Relaxation:
    """Place as much of all crowds as there is room for, at the least cost."""
    solver = quiet_solver(simplex_iteration_limit=_STEPS)
    solver.passModel(_model(problem, shelves))
    solver.run()
    found = solver.getSolution()
    amounts = np.array(found.col_value[: len(problem.choices)])
    duals = np.array(found.row_dual[len(problem.crowds) :])
    if not found.value_valid:
        amounts = np.zeros(len(problem.choices))
    return Relaxation(amounts, np.maximum(0.0, -duals) if found.dual_valid else np.zeros(len(shelves)))


def with_room(problem: Problem, shelves: Sequence[Shelf], prices: Floats) -> Floats:
    """Return what each choice costs together with the room it takes, in currency units."""
    value = np.array([choice.cost / MICRO for choice in problem.choices])
    for shelf, price in zip(shelves, prices.tolist(), strict=True):
        if price > 0:
            value[list(shelf.takes)] += np.array(list(shelf.takes.values())) * price
    return value


def bound_by(problem: Problem, shelves: Sequence[Shelf], prices: Floats, placed: Sequence[int]) -> int | None:
    """Return the micro-units that placing so many of each crowd costs at least; None if one has no choice."""
    least = np.full(len(problem.crowds), np.inf)
    np.minimum.at(least, [choice.shape for choice in problem.choices], with_room(problem, shelves, prices))
    paid = sum(float(least[at]) * count for at, count in enumerate(placed) if count)
    rent = sum(price * shelf.holds for price, shelf in zip(prices.tolist(), shelves, strict=True))
    return int((paid - rent - (abs(paid) + rent) * _SURE) * MICRO) if np.isfinite(paid) else None


def quiet_solver(**options: bool | float | str) -> Any:  # noqa: ANN401 - highspy has no types
    """Return a solver that says nothing, uses one thread and always does the same."""
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    fixed: dict[str, bool | float | str] = {"output_flag": False, "threads": 1, "parallel": "off", "random_seed": 0}
    for option, value in {**fixed, **options}.items():
        solver.setOptionValue(option, value)
    return solver


def by_rows(matrix: Any, rows: Sequence[Mapping[int, float]]) -> None:  # noqa: ANN401
    """Fill in a matrix from coefficients by column."""
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.start_ = np.cumsum([0, *(len(row) for row in rows)]).astype(np.int32)
    matrix.index_ = np.array([column for row in rows for column in row], np.int32)
    matrix.value_ = np.array([value for row in rows for value in row.values()], float)


def _model(problem: Problem, shelves: Sequence[Shelf]) -> Any:  # noqa: ANN401
    """Columns are the choices, and for each crowd how many are left out; rows the crowds, then the shelves."""
    choices, crowds = len(problem.choices), len(problem.crowds)
    sizes = np.array([crowd.size for crowd in problem.crowds], float)
    costs = [choice.cost / MICRO for choice in problem.choices]
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = choices + crowds, crowds + len(shelves)
    model.col_cost_ = np.array([*costs, *[_LEFT_OUT * max(costs, default=0.0)] * crowds])
    model.col_lower_ = np.zeros(choices + crowds)
    model.col_upper_ = np.concatenate([sizes[[choice.shape for choice in problem.choices]], sizes])
    model.row_lower_ = np.concatenate([sizes, np.full(len(shelves), -np.inf)])
    model.row_upper_ = np.concatenate([sizes, [float(shelf.holds) for shelf in shelves]])
    members: list[dict[int, float]] = [{choices + at: 1.0} for at in range(crowds)]
    for at, choice in enumerate(problem.choices):
        members[choice.shape][at] = 1.0
    by_rows(model.a_matrix_, [*members, *(shelf.takes for shelf in shelves)])
    return model
