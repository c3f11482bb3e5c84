"""The best assignment of a batch, by HiGHS: a mixed-integer programme over counts per shape and candidate.

Variables are how many workloads of a shape take a candidate, and how many of their pods lie in each room. It is solved
twice where something waits: first for the most that can be placed beside what greedy placed, then for the least cost of
placing just that. All limits count work and no time passes, so that the same question has the same answer anywhere.
"""

from __future__ import annotations

from typing import Any, Final

import highspy
import msgspec
import numpy as np
from msgspec.structs import replace

from stellwerk.placement.batch.contest import Advice, Answer, Problem, Question, spread
from stellwerk.placement.batch.programme import Programme, Rows

_SCALE: Final = 1e6
"""Costs enter in currency units: solvers like numbers near one."""

_GAPS: Final = ((400, 1e-6), (1500, 1e-3))
"""Up to so many pairs of a demand and a room, an assignment so near to the bound is good enough."""
_LAST_GAP: Final = 5e-3
"""The same for larger questions: the last tenth of a per cent takes most of the time."""

_SURE: Final = 1e-7
"""A bound is lowered by this part of itself, to be one in spite of the solver's tolerance."""


class Limits(msgspec.Struct, frozen=True):
    """When to stop."""

    nodes: int = 400
    """Of the search tree."""
    gap: float | None = None
    """Relative distance to the bound at which an assignment is good enough; None goes by the size of the question."""
    seconds: float | None = None
    """Of the clock; only where nobody relies on the same answer twice."""


DEFAULT_LIMITS: Final = Limits()


def solve(problem: Problem, limits: Limits = DEFAULT_LIMITS) -> Answer:
    """Return the cheapest assignment found, and a bound on what any costs; without `seconds` a pure function."""
    programme, limits = Programme(problem), replace(limits, gap=_gap(problem, limits))
    placed = [crowd.placed for crowd in problem.crowds]
    if any(crowd.size > crowd.placed for crowd in problem.crowds):
        most = _run(programme, -np.ones(len(problem.choices)), programme.crowd_rows(placed, exact=False), limits)
        if most is None:
            return Answer((), tuple(placed), None)
        placed = _per_crowd(problem, most[0])
    costs = np.array([choice.cost / _SCALE for choice in problem.choices])
    best = _run(programme, costs, programme.crowd_rows(placed, exact=True), limits)
    if best is None:
        return Answer((), tuple(placed), None)
    counts, bound = best
    floor = None if bound is None else int((bound - abs(bound) * _SURE) * _SCALE)
    return Answer(counts, tuple(placed), floor)


def advise(question: Question) -> Advice | None:
    """Answer a question at once: a `Solver` for whoever can wait."""
    return spread(question, solve(question.problem))


def _gap(problem: Problem, limits: Limits) -> float:
    if limits.gap is not None:
        return limits.gap
    return next((gap for pairs, gap in _GAPS if problem.pairs <= pairs), _LAST_GAP)


def _per_crowd(problem: Problem, counts: tuple[int, ...]) -> list[int]:
    placed = [0] * len(problem.crowds)
    for choice, count in zip(problem.choices, counts, strict=True):
        placed[choice.shape] += count
    return placed


def _run(
    programme: Programme, costs: np.ndarray[Any, Any], crowds: Rows, limits: Limits
) -> tuple[tuple[int, ...], float | None] | None:
    """Minimise; return the count of each choice and the bound, or None without any assignment."""
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in _options(limits).items():
        solver.setOptionValue(option, value)
    solver.passModel(programme.model(costs, crowds))
    solver.run()
    info = solver.getInfo()
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return None
    values = solver.getSolution().col_value[: len(costs)]
    bound = float(info.mip_dual_bound)
    return tuple(round(value) for value in values), bound if np.isfinite(bound) else None


def _options(limits: Limits) -> dict[str, Any]:
    options: dict[str, Any] = {
        "output_flag": False,
        "threads": 1,
        "parallel": "off",
        "random_seed": 0,
        "mip_max_nodes": limits.nodes,
        "mip_rel_gap": limits.gap,
    }
    return options if limits.seconds is None else options | {"time_limit": limits.seconds}
