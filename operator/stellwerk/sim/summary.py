"""Figures of a simulation: completion times, waiting, utilization, money."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from stellwerk.sim.engine import Moment, Timeline
from stellwerk.sim.jobs import Outcome


class Spread(msgspec.Struct, frozen=True):
    """Mean, median and 99th percentile in seconds; None of nothing."""

    mean: float | None
    p50: float | None
    p99: float | None


class Summary(msgspec.Struct, frozen=True):
    """What one simulation comes to; times in seconds."""

    jobs: int
    finished: int
    completion: Spread
    """From submission to the end, of those that finished."""
    waiting: Spread
    """From submission to the end without accelerators or nodes, of those that finished."""
    makespan: float
    """From second 0 of the trace to the last end."""
    utilization: float | None
    """Mean part of the accelerators that was in use from second 0 to the last end; None without accelerators."""
    restarts: int
    """Starts after the first one of a job: it was stopped or moved in between."""
    cost: Mapping[str, int]
    """Micro-units by currency for what was held, job by job."""
    unpriced: int
    """Jobs that ran where no price is known: `cost` is without them, or without a part of them."""


def summarize(timeline: Timeline, accelerators: int) -> Summary:
    """Sum a simulation up on a fleet of so many accelerators."""
    done = [one for one in timeline.outcomes if one.finished is not None]
    makespan = max((one.finished for one in done if one.finished is not None), default=0.0)
    cost: Counter[str] = Counter()
    for one in timeline.outcomes:
        cost.update(one.spent)
    return Summary(
        jobs=len(timeline.outcomes),
        finished=len(done),
        completion=spread([one.completion for one in done if one.completion is not None]),
        waiting=spread([one.waited for one in done if one.waited is not None]),
        makespan=makespan,
        utilization=_utilization(timeline.moments, makespan, accelerators),
        restarts=sum(max(0, one.starts - 1) for one in timeline.outcomes),
        cost=dict(sorted(cost.items())),
        unpriced=sum(one.unpriced for one in timeline.outcomes),
    )


def spread(seconds: Sequence[float]) -> Spread:
    """Return mean, median and 99th percentile; a percentile is the value at that part of the sorted list."""
    if not seconds:
        return Spread(None, None, None)
    ordered = sorted(seconds)
    return Spread(sum(ordered) / len(ordered), percentile(ordered, 0.5), percentile(ordered, 0.99))


def percentile(ordered: Sequence[float], part: float) -> float:
    """Return the value of a sorted, non-empty list below which this part of it lies."""
    return ordered[min(len(ordered) - 1, math.floor(len(ordered) * part))]


def finished_by(outcomes: Sequence[Outcome]) -> list[float]:
    """Return the completion times of those that finished, sorted."""
    return sorted(one.completion for one in outcomes if one.completion is not None)


def _utilization(moments: Sequence[Moment], makespan: float, accelerators: int) -> float | None:
    if not accelerators or not makespan:
        return None
    ends = [*(moment.at for moment in moments[1:]), makespan]
    used = sum(one.accelerators * max(0.0, end - one.at) for one, end in zip(moments, ends, strict=True))
    return used / (accelerators * makespan)


class Point(msgspec.Struct, frozen=True):
    """The state over one interval of time."""

    at: float
    """Seconds from second 0 to the middle of the interval."""
    accelerators: float
    """In use, mean of the interval."""
    running: float
    waiting: float


def series(moments: Sequence[Moment], until: float, points: int) -> tuple[Point, ...]:
    """Return means over `points` equal intervals from second 0 to `until`, to look at or to draw."""
    if not moments or until <= 0:
        return ()
    width = until / points
    sums = [[0.0, 0.0, 0.0] for _ in range(points)]
    ends = [*(moment.at for moment in moments[1:]), until]
    for moment, end in zip(moments, ends, strict=True):
        _spread_over(sums, moment, min(end, until), width)
    return tuple(
        Point((number + 0.5) * width, *(value / width for value in values)) for number, values in enumerate(sums)
    )


def _spread_over(sums: list[list[float]], moment: Moment, end: float, width: float) -> None:
    """Add a state that lasts until `end` to the intervals that it touches."""
    first, last = int(moment.at / width), min(len(sums) - 1, int(end / width))
    for number in range(first, last + 1):
        lasts = min(end, (number + 1) * width) - max(moment.at, number * width)
        if lasts > 0:
            for place, value in enumerate((moment.accelerators, moment.running, moment.waiting)):
                sums[number][place] += value * lasts
