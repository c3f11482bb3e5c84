"""What a simulation is about: jobs that come, and what became of each."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from stellwerk.model.decision import Cost
from stellwerk.model.resources import Resources
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.ordering import accelerators


class Job(msgspec.Struct, frozen=True):
    """A workload of a trace: when it comes and how long it really runs."""

    workload: Workload
    """As it is submitted; `expected_runtime_s` is what a planner may believe."""
    submitted: float
    """Seconds from the start of the trace."""
    work: float
    """Seconds that it runs in all, once it has started up."""
    start_overhead: float = 0.0
    """Seconds that every start takes before work goes on."""


class Seat(msgspec.Struct, frozen=True):
    """Where a run has its pods."""

    pods: tuple[tuple[str, Resources], ...]
    """What it takes of each node, by name."""
    cost: Cost | None = None
    """As it was decided; None where nothing is known of prices."""
    pool: str = ""
    """Name of the pool, for the report."""


class Run:
    """A job under way: what is left of it, what it had, and where it is."""

    def __init__(self, job: Job) -> None:
        """Start as waiting."""
        self.job = job
        self.left = job.work
        """Seconds of work yet, as of `checked`."""
        self.size = float(min(accelerators(job.workload, option) for option in job.workload.options))
        """Accelerators of its smallest alternative."""
        self.needs = tuple(_needs(job.workload, option) for option in job.workload.options)
        """Whole accelerators that must be free for each alternative: on one node, and in all."""
        self.seat: Seat | None = None
        self.ends = math.inf
        """When it will have finished if nothing happens."""
        self.checked = job.submitted
        self.settling = 0.0
        """Seconds of start-up yet, as of `checked`."""
        self.first_start: float | None = None
        self.starts = 0
        self.held = 0.0
        """Seconds that it has held a seat."""
        self.spent: dict[str, float] = {}
        """Micro-units by currency for the seats that it has left."""
        self.unpriced = False

    @property
    def uid(self) -> str:
        """Of its workload."""
        return self.job.workload.uid

    @property
    def served(self) -> float:
        """Accelerator-seconds of work done."""
        return (self.job.work - self.left) * self.size

    @property
    def attained(self) -> float:
        """Accelerator-seconds held, start-up included."""
        return self.held * self.size

    @property
    def workload(self) -> Workload:
        """The workload with what it has had so far, as the planner should see it now."""
        served = int(self.served + 1e-6)
        workload = self.job.workload
        return msgspec.structs.replace(workload, served=served) if served else workload

    def take(self, seat: Seat, now: float) -> None:
        """Start, or go on elsewhere."""
        self.seat = seat
        self.starts += 1
        self.settling = self.job.start_overhead
        self.checked = now
        if self.first_start is None:
            self.first_start = now

    def leave(self, now: float) -> None:
        """Stop: give the seat back and pay for it."""
        seat = self.seat
        if seat is not None and (seat.cost is None or seat.cost.per_hour is None):
            self.unpriced = True
        self.seat = None
        self.ends = math.inf
        self.checked = now

    def pay(self, seconds: float) -> None:
        """Hold the seat for a while."""
        self.held += seconds
        cost = self.seat.cost if self.seat else None
        if cost is not None and cost.per_hour is not None:
            self.spent[cost.currency] = self.spent.get(cost.currency, 0.0) + cost.per_hour * seconds / 3600


def _needs(workload: Workload, option: AcceleratorOption | None) -> tuple[int, int]:
    if option is None or option.share_milli is not None:
        return 0, 0
    return option.count, option.count * workload.least(option)


class Outcome(msgspec.Struct, frozen=True):
    """What became of one job; times in seconds from the start of the trace."""

    job: Job
    started: float | None
    """First start; None if it never ran."""
    finished: float | None
    starts: int
    """How often it started: more than once where it was stopped or moved."""
    held: float
    """Seconds with accelerators."""
    spent: Mapping[str, int]
    """Micro-units by currency."""
    unpriced: bool = False
    """It ran where nothing is known of the price, so `spent` is not all of it."""
    why: str = ""
    """For one that never ran: what the last decision said."""

    @property
    def completion(self) -> float | None:
        """Job completion time: seconds from submission to the end."""
        return None if self.finished is None else self.finished - self.job.submitted

    @property
    def waited(self) -> float | None:
        """Seconds from submission to the end without a seat."""
        return None if self.finished is None else self.finished - self.job.submitted - self.held


def outcome(run: Run, finished: float | None, why: str = "") -> Outcome:
    """Close the books of a run."""
    spent = {currency: round(amount) for currency, amount in sorted(run.spent.items())}
    return Outcome(run.job, run.first_start, finished, run.starts, run.held, spent, run.unpriced, why)
