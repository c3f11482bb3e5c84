"""The best assignment of a batch, by HiGHS: a mixed-integer programme over counts per shape and candidate.

It begins with the assignment that is known (`guess`). Where somebody waits in that, it looks for the most that can be
placed beside what greedy placed; then for the least cost of placing just that: first among those of whom the relaxation
and the known assignment do not say the same, then among all. The limits count work and no time passes, so that the
same question has the same answer anywhere; who cannot wait may set a time as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import highspy
import msgspec
import numpy as np

from stellwerk.placement.batch.contest import Advice, Answer, Problem, Question, spread
from stellwerk.placement.batch.guess import guess
from stellwerk.placement.batch.programme import Programme, Rows
from stellwerk.placement.batch.relaxation import MICRO, quiet_solver, relaxed
from stellwerk.placement.batch.shelves import stacks

_GAPS: Final = ((400, 1e-6), (4000, 1e-3))
"""Up to so many pairs of a demand and a room, an assignment so near to the bound is good enough."""
_LAST_GAP: Final = 2e-3
"""The same for larger questions: the last tenth of a per cent takes most of the time."""

_SURE: Final = 1e-7
"""A bound is lowered by this part of itself, to be one in spite of the solver's tolerance."""

_FEW_NODES: Final = 20
"""Of the search tree, where only some are free to move: this is for a better start."""
_SHARE: Final = 0.4
"""Part of the time that is left, which a step before the last may take."""
_WHOLE: Final = 1e-6
"""Counts that differ by less are the same."""


class Limits(msgspec.Struct, frozen=True):
    """When to stop."""

    nodes: int = 400
    """Of the search tree."""
    gap: float | None = None
    """Relative distance to the bound at which an assignment is good enough; None goes by the size of the question."""
    left: Callable[[], float] | None = None
    """Tells the seconds that are left; only where nobody relies on the same answer twice."""
    of_clock: bool = True
    """Whether these are seconds of the clock, as the solver counts them by itself; else it asks now and then."""


DEFAULT_LIMITS: Final = Limits()

_Counts = tuple[int, ...]
"""How many workloads take each choice."""


class _Goal(NamedTuple):
    """What is to be found."""

    costs: np.ndarray[Any, Any]
    """Of one workload on each choice."""
    rows: Rows
    """How many of each crowd are placed."""
    start: _Counts = ()
    """An assignment that is known; empty for none."""
    fixed: Mapping[int, int] = {}
    """Counts of choices that stay as they are."""


class _Found(NamedTuple):
    counts: _Counts
    bound: float | None


def solve(problem: Problem, limits: Limits = DEFAULT_LIMITS, start: Answer | None = None) -> Answer:
    """Return the cheapest assignment found, and a bound on what any costs; a pure function unless time is short.

    Args:
        problem: What competes.
        limits: When to stop.
        start: What `guess` says, for whoever knows it already.
    """
    search = _Search(problem, limits)
    return search.cheapest(search.most(guess(problem) if start is None else start))


def advise(question: Question) -> Advice | None:
    """Answer a question at once: a `Solver` for whoever can wait."""
    return spread(question, solve(question.problem, start=question.start))


class _Search:
    """The steps to an answer, and the time that they have left."""

    def __init__(self, problem: Problem, limits: Limits) -> None:
        self._problem, self._limits = problem, limits
        found = stacks(problem)
        self._programme = Programme(problem, found)
        self._shelves = [shelf for stack in found for shelf in stack.shelves]
        self._exact = all(stack.exact for stack in found)
        """Whether all that keeps within the shelves is allowed; else what was guessed is no more than a hint."""
        self._gap = limits.gap if limits.gap is not None else _gap(problem)

    def most(self, first: Answer) -> Answer:
        """Return an assignment that leaves out as few as may be; without counts, only how many are to be placed."""
        crowds = self._problem.crowds
        least = [crowd.placed for crowd in crowds]
        known = self._exact and all(count >= must for count, must in zip(first.placed, least, strict=True))
        if known and sum(first.placed) == sum(crowd.size for crowd in crowds):
            return first
        if all(crowd.size == crowd.placed for crowd in crowds):
            return Answer((), tuple(least), None)
        rows = self._programme.crowd_rows(least, exact=False)
        goal = _Goal(-np.ones(len(self._problem.choices)), rows, first.counts)
        found = self._run(goal, self._limits.nodes, _SHARE)
        if found is None or (known and sum(found.counts) <= sum(first.placed)):
            return first if known else Answer((), tuple(least), None)
        return Answer(found.counts, _per_crowd(self._problem, found.counts), None)

    def cheapest(self, known: Answer) -> Answer:
        """Return the cheapest assignment of as many of each crowd as are placed in one that is known."""
        costs = np.array([choice.cost / MICRO for choice in self._problem.choices])
        rows = self._programme.crowd_rows(known.placed, exact=True)
        best = known.counts
        if best and not self._good(known):
            near = self._run(_Goal(costs, rows, best, self._agreed(best)), _FEW_NODES, _SHARE)
            best = best if near is None else self._cheaper(best, near.counts)
        found = self._run(_Goal(costs, rows, best), self._limits.nodes)
        bounds = [] if known.bound is None else [known.bound]
        if found is not None:
            best = self._cheaper(best, found.counts) if best else found.counts
            if found.bound is not None:
                bounds.append(int((found.bound - abs(found.bound) * _SURE) * MICRO))
        return Answer(best, known.placed, max(bounds, default=None))

    def _good(self, known: Answer) -> bool:
        """Tell whether an assignment is so good already that no better start is worth looking for."""
        return known.bound is not None and self._cost(known.counts) - known.bound <= self._gap * abs(known.bound)

    def _cost(self, counts: _Counts) -> int:
        return sum(choice.cost * count for choice, count in zip(self._problem.choices, counts, strict=True))

    def _cheaper(self, one: _Counts, other: _Counts) -> _Counts:
        return other if self._cost(other) < self._cost(one) else one

    def _agreed(self, counts: _Counts) -> dict[int, int]:
        """Return the counts of all crowds of which the relaxation says the same as an assignment."""
        differ = np.abs(relaxed(self._problem, self._shelves).amounts - np.array(counts)) > _WHOLE
        free = {choice.shape for choice, other in zip(self._problem.choices, differ.tolist(), strict=True) if other}
        return {at: counts[at] for at, choice in enumerate(self._problem.choices) if choice.shape not in free}

    def _run(self, goal: _Goal, nodes: int, share: float = 1.0) -> _Found | None:
        """Minimise within a share of the time that is left; None without any assignment."""
        solver = quiet_solver(mip_max_nodes=nodes, mip_rel_gap=self._gap)
        model = self._programme.model(goal.costs, goal.rows)
        _fix(model, goal.fixed)
        if self._limits.left is not None:
            seconds = self._limits.left() * share
            if seconds <= 0:
                return None
            _stop_in_time(solver, self._limits, seconds)
        solver.passModel(model)
        if goal.start:
            columns = np.arange(len(goal.start), dtype=np.int32)
            solver.setSolution(len(columns), columns, np.array(goal.start, float))
        solver.run()
        info = solver.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return None
        values = solver.getSolution().col_value[: len(goal.costs)]
        bound = float(info.mip_dual_bound)
        return _Found(tuple(round(value) for value in values), bound if np.isfinite(bound) else None)


def _stop_in_time(solver: Any, limits: Limits, seconds: float) -> None:  # noqa: ANN401 - highspy has no types
    left = limits.left
    if limits.of_clock or left is None:
        solver.setOptionValue("time_limit", seconds)
        return
    end = left() - seconds
    solver.cbMipInterrupt.subscribe(lambda asked: asked.interrupt() if left() <= end else None)


def _gap(problem: Problem) -> float:
    return next((gap for pairs, gap in _GAPS if problem.pairs <= pairs), _LAST_GAP)


def _per_crowd(problem: Problem, counts: _Counts) -> tuple[int, ...]:
    placed = [0] * len(problem.crowds)
    for choice, count in zip(problem.choices, counts, strict=True):
        placed[choice.shape] += count
    return tuple(placed)


def _fix(model: Any, counts: Mapping[int, int]) -> None:  # noqa: ANN401 - highspy has no types
    """Leave the solver no say in some columns."""
    lower, upper = np.array(model.col_lower_), np.array(model.col_upper_)
    for column, count in counts.items():
        lower[column] = upper[column] = count
    model.col_lower_, model.col_upper_ = lower, upper
