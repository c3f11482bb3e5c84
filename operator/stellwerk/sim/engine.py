"""The loop of simulated time: jobs arrive, start, stop and end; whoever schedules is asked at every event."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import Enum
from heapq import heapify, heappop, heappush
from typing import Protocol

import msgspec

from stellwerk.sim.jobs import Job, Outcome, Run, Seat, outcome


class Loss(Enum):
    """When a run loses its start overhead."""

    EACH_START = "each start"
    """When it starts or moves: what happens on real nodes."""
    EACH_INTERVAL = "each interval"
    """Between any two events, also if it just goes on: the rule behind the published figures of Muri (SIGCOMM'22)."""


class Change(msgspec.Struct, frozen=True):
    """What a scheduler wants at one moment; runs that are not named go on as they are."""

    stops: tuple[Run, ...] = ()
    """Lose their seats; they wait again."""
    starts: tuple[tuple[Run, Seat], ...] = ()
    """Get a seat: waiting ones, those in `stops`, and running ones that move."""


class Event(msgspec.Struct, frozen=True):
    """What has happened since the scheduler was asked last."""

    now: float
    arrived: tuple[Run, ...] = ()
    freed: tuple[Seat, ...] = ()
    """Seats of runs that have ended."""


class Scheduler(Protocol):
    """Decides who runs where."""

    loss: Loss

    def decide(self, event: Event, waiting: Sequence[Run], running: Sequence[Run]) -> Change:
        """Return what changes now; `waiting` holds those that have just arrived, too."""

    def wakes_at(self, now: float, waiting: Sequence[Run], running: Sequence[Run]) -> float:
        """Return when it wants to be asked again even if nothing happens; infinity for never."""

    def why(self, run: Run) -> str:
        """Say why a run that waits has no seat."""


class Moment(msgspec.Struct, frozen=True):
    """The state after one event."""

    at: float
    running: int
    waiting: int
    accelerators: float
    """In use."""


class Timeline(msgspec.Struct, frozen=True):
    """The result of a simulation."""

    outcomes: tuple[Outcome, ...]
    """In the order in which jobs ended, then those that never ran."""
    moments: tuple[Moment, ...]
    events: int


Tell = Callable[[Moment, int], None]
"""Called after each event with the state and the number of jobs that have ended."""


def simulate(jobs: Sequence[Job], scheduler: Scheduler, tell: Tell | None = None) -> Timeline:
    """Run all jobs to their ends; those that find no seat even when all else has ended never run."""
    return _Loop(jobs, scheduler).run(tell)


class _Loop:
    """The state of one simulation."""

    def __init__(self, jobs: Sequence[Job], scheduler: Scheduler) -> None:
        """Line the jobs up by arrival; of one moment in the order given."""
        self.coming = sorted(jobs, key=lambda job: job.submitted)
        self.next = 0
        self.scheduler = scheduler
        self.waiting: dict[str, Run] = {}
        self.running: dict[str, Run] = {}
        self.ends: list[tuple[float, int, Run]] = []
        self.tick = 0
        self.outcomes: list[Outcome] = []
        self.moments: list[Moment] = []
        self.wake = math.inf

    def run(self, tell: Tell | None) -> Timeline:
        """Go from event to event until nobody is left who could run."""
        while (now := self._next_event()) < math.inf:
            freed = self._finish(now)
            arrived = self._arrive(now)
            self._advance(now)
            event = Event(now, arrived, freed)
            self._apply(self.scheduler.decide(event, list(self.waiting.values()), list(self.running.values())), now)
            self.wake = self.scheduler.wakes_at(now, list(self.waiting.values()), list(self.running.values()))
            self._note(now, tell)
        left = [outcome(run, None, self.scheduler.why(run)) for run in self.waiting.values()]
        return Timeline((*self.outcomes, *left), tuple(self.moments), len(self.moments))

    def _next_event(self) -> float:
        while self.ends and self.ends[0][2].ends != self.ends[0][0]:
            heappop(self.ends)  # it was stopped or moved since
        arrival = self.coming[self.next].submitted if self.next < len(self.coming) else math.inf
        end = self.ends[0][0] if self.ends else math.inf
        wake = self.wake if self.running else math.inf
        return min(arrival, end, wake)

    def _finish(self, now: float) -> tuple[Seat, ...]:
        freed: list[Seat] = []
        while self.ends and self.ends[0][0] == now:
            _, _, run = heappop(self.ends)
            if run.ends != now or run.seat is None:
                continue
            run.pay(now - run.checked)
            freed.append(run.seat)
            run.leave(now)
            run.left = 0.0
            del self.running[run.uid]
            self.outcomes.append(outcome(run, now))
        return tuple(freed)

    def _arrive(self, now: float) -> tuple[Run, ...]:
        arrived = []
        while self.next < len(self.coming) and self.coming[self.next].submitted == now:
            run = Run(self.coming[self.next])
            self.waiting[run.uid] = run
            arrived.append(run)
            self.next += 1
        return tuple(arrived)

    def _advance(self, now: float) -> None:
        """Bring every running job up to date."""
        for run in self.running.values():
            passed = now - run.checked
            run.pay(passed)
            if self.scheduler.loss is Loss.EACH_INTERVAL:
                run.left -= max(passed - run.job.start_overhead, 0.0)
            else:
                settled = min(passed, run.settling)
                run.settling -= settled
                run.left -= passed - settled
            run.checked = now

    def _apply(self, change: Change, now: float) -> None:
        for run in change.stops:
            run.leave(now)
            self.waiting[run.uid] = self.running.pop(run.uid)
        for run, seat in change.starts:
            if run.seat is not None:
                run.leave(now)
            run.take(seat, now)
            self.waiting.pop(run.uid, None)
            self.running[run.uid] = run
            if self.scheduler.loss is Loss.EACH_START:
                self._ends_at(run, now + run.settling + run.left)
        if self.scheduler.loss is Loss.EACH_INTERVAL:
            self.ends.clear()
            for run in self.running.values():
                self._ends_at(run, now + run.left)
            heapify(self.ends)

    def _ends_at(self, run: Run, end: float) -> None:
        run.ends = end
        self.tick += 1
        heappush(self.ends, (end, self.tick, run))

    def _note(self, now: float, tell: Tell | None) -> None:
        used = sum(run.size for run in self.running.values())
        moment = Moment(now, len(self.running), len(self.waiting), used)
        self.moments.append(moment)
        if tell is not None:
            tell(moment, len(self.outcomes))
