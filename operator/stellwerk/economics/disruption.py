"""What it costs to stop work that runs: what it has done since its last checkpoint, and the time to start again."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from stellwerk.economics.cost import run_hours
from stellwerk.economics.service import lost_seconds, option_given
from stellwerk.model.decision import Cost
from stellwerk.model.policy import Policy
from stellwerk.model.running import Running
from stellwerk.model.workload import AcceleratorOption

_HOUR = 3600


def elapsed_s(running: Running, now: datetime) -> int:
    """Return for how many seconds the workload has had its place."""
    if not running.since:
        return 0
    return max(0, int((now - datetime.fromisoformat(running.since)).total_seconds()))


def lost_hours(running: Running, now: datetime) -> Fraction:
    """Return the hours of work that would be lost if it were stopped now: see `economics.service.lost_seconds`."""
    return lost_seconds(elapsed_s(running, now), running.workload.checkpoint_interval_s) / _HOUR


def remaining_hours(running: Running, now: datetime) -> Fraction:
    """Return the expected hours until it ends where and as it runs; 0 if it should have ended already."""
    pods = running.placement.replicas if running.placement else None
    whole = run_hours(running.workload, option_of(running), pods)
    return max(Fraction(0), whole - Fraction(elapsed_s(running, now), _HOUR))


def eviction_loss(running: Running, cost: Cost, policy: Policy, now: datetime) -> int | None:
    """Return what stopping the whole workload loses in micro-units; None if its price is not known.

    Args:
        running: The workload.
        cost: Expected where it runs, with all its pod sets.
        policy: Its own: how long a restart takes.
        now: The moment.
    """
    if cost.per_hour is None:
        return None
    return round(cost.per_hour * (lost_hours(running, now) + Fraction(policy.restart_overhead_s, _HOUR)))


def resize_loss(running: Running, cost: Cost, policy: Policy, pods: int, now: datetime) -> int | None:
    """Return what taking `pods` pods from an elastic workload loses in micro-units; None if its price is not known.

    Their share of the work since the last checkpoint is lost, and all of the gang waits while it forms anew.
    """
    if cost.per_hour is None or running.placement is None:
        return None
    share = Fraction(pods, running.placement.replicas)
    return round(cost.per_hour * (share * lost_hours(running, now) + Fraction(policy.restart_overhead_s, _HOUR)))


def option_of(running: Running) -> AcceleratorOption | None:
    """Return the alternative of accelerators with which the workload runs, None if it needs none."""
    given = running.placement.accelerator if running.placement else None
    return option_given(running.workload.accelerators, given)
