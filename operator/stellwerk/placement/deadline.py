"""The hard rule of time: a run that cannot be expected to end by its deadline is not begun."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Final

from stellwerk.api import duration
from stellwerk.api.reasons import Reason
from stellwerk.economics.cost import interruption_hours, run_hours
from stellwerk.model.decision import Rejection
from stellwerk.placement.asking import Ask
from stellwerk.placement.fleet import PoolView

_MINUTE: Final = 60


def deadline_infeasible(ask: Ask, view: PoolView) -> Rejection | None:
    """A run that starts now ends by the deadline, expected interruptions included where their rate is known."""
    if ask.workload.deadline is None or ask.now is None:
        return None
    run = _expected_seconds(ask, view)
    deadline = datetime.fromisoformat(ask.workload.deadline)
    ends = ask.now + timedelta(seconds=run)
    late = (ends - deadline).total_seconds()
    if late <= 0:
        return None
    minutes = ceil(late / _MINUTE)
    name = view.pool.name
    return Rejection(
        Reason.DEADLINE_INFEASIBLE,
        f"a run of {duration.text(run)} on {name} would end at {_clock(ends)}, after the deadline {_clock(deadline)}",
        f"set the deadline {duration.text(minutes * _MINUTE)} later",
        effort=minutes,
    )


def _expected_seconds(ask: Ask, view: PoolView) -> int:
    """Return how long the run is expected to take there, in whole seconds."""
    hours = run_hours(ask.workload, ask.option)
    interrupted = interruption_hours(ask.workload, ask.option, view.pool, ask.policy)
    seconds = (hours + (interrupted or 0)) * 3600
    return -(-seconds.numerator // seconds.denominator)


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")
