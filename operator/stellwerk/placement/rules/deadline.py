"""The hard rule of time: a run that cannot be expected to end by its deadline is not begun."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from stellwerk.api import duration
from stellwerk.api.reasons import Reason
from stellwerk.economics.cost import interruption_hours, run_hours
from stellwerk.model.decision import Rejection
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.rules.asking import Ask

_MINUTE: Final = 60


def deadline_infeasible(ask: Ask, view: PoolView) -> Rejection | None:
    """A run that starts now ends by the deadline, expected interruptions included where their rate is known."""
    if ask.workload.deadline is None or ask.now is None:
        return None
    run = _expected_seconds(ask, view, ask.size)
    deadline = datetime.fromisoformat(ask.workload.deadline)
    late = run - (deadline - ask.now).total_seconds()
    if late <= 0:
        return None
    minutes = ceil(late / _MINUTE)
    ends = later(ask.now, run)
    when = "after the year 9999" if ends is None else f"at {_clock(ends)}"
    change = f"set the deadline {duration.text(minutes * _MINUTE)} later"
    return Rejection(
        Reason.DEADLINE_INFEASIBLE,
        f"a run of {duration.text(run)} on {view.pool.name} would end {when}, after the deadline {_clock(deadline)}",
        "say an expectedRuntime that a deadline can allow for" if ends is None else change,
        effort=minutes,
    )


def later(moment: datetime, seconds: int) -> datetime | None:
    """Return the moment so many seconds later; None after the year 9999, which no date can say."""
    left = datetime.max.replace(tzinfo=moment.tzinfo) - moment
    return moment + timedelta(seconds=seconds) if seconds <= left.total_seconds() else None


def least_in_time(ask: Ask, view: PoolView, wait_s: int = 0) -> int:
    """Return with how many pods a gang may start there and still end by its deadline, if it can at all.

    Args:
        ask: What is asked for.
        view: The pool of its main pod set.
        wait_s: Seconds until nodes for its further pod sets have come.
    """
    left = _seconds_left(ask)
    if left is None:
        return ask.least
    left -= max(0, wait_s - view.site.wait_s)
    sizes = range(ask.least, ask.size)
    return ask.least + bisect_left(sizes, -left, key=lambda pods: -_expected_seconds(ask, view, pods))


def longest_wait(ask: Ask, view: PoolView, replicas: int) -> int | None:
    """Return for how many seconds a run on so many pods may wait for its nodes; None where no deadline is asked about.

    Never less than what nodes of this very pool take: whether they come in time is another rule's question.
    """
    left = _seconds_left(ask)
    if left is None:
        return None
    return max(view.site.wait_s, int(left) - _expected_seconds(ask, view, replicas) + view.site.wait_s)


def _seconds_left(ask: Ask) -> float | None:
    """Return the seconds until the deadline; None where no deadline is asked about."""
    if ask.workload.deadline is None or ask.now is None:
        return None
    return (datetime.fromisoformat(ask.workload.deadline) - ask.now).total_seconds()


def _expected_seconds(ask: Ask, view: PoolView, replicas: int) -> int:
    """Return how long the run is expected to take there on so many pods, in whole seconds."""
    hours = run_hours(ask.workload, ask.option, replicas)
    interrupted = interruption_hours(ask.workload, ask.option, view.pool, ask.policy, replicas)
    seconds = (hours + (interrupted or 0)) * 3600 + view.site.wait_s
    return -(-seconds.numerator // seconds.denominator)


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")
