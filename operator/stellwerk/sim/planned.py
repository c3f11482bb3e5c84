"""The operator's own engine as the scheduler of a simulation: every decision is one of `plan()`."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from stellwerk.model.decision import Decision
from stellwerk.model.demand import Learner
from stellwerk.model.policy import BUILT_IN_POLICY, QueueOrder
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.ordering import next_level_at, queue_order
from stellwerk.placement.planner import plan
from stellwerk.sim.engine import Change, Event, Loss
from stellwerk.sim.floor import Floor, Room, Site
from stellwerk.sim.jobs import Run, Seat
from stellwerk.sim.staying import staying

_BATCH: Final = (4, 256)
"""Fewest and most workloads that one call of `plan()` decides; the queue is the same as in one call for all."""

Placed = list[tuple[Run, Seat]]


class Planned:
    """Places what waits by `plan()`; with `preempt`, plans from empty and stops who has lost his turn.

    The operator does the first. The second is what its queue order would do if it ruled those that run as
    well: at every event all jobs are ordered, and the best of them that fit together run. Who runs on keeps
    his nodes and loses nothing, unless the others fit on no other way; only starts and moves cost time.
    """

    loss = Loss.EACH_START

    def __init__(self, fleet: Snapshot, start: datetime, *, preempt: bool = False) -> None:
        """Start with an idle fleet.

        Args:
            fleet: Nodes, pools, policies, and what others use.
            start: The moment that is second 0 of the trace.
            preempt: Whether those who run may be stopped for others.
        """
        self._site = Site(fleet)
        self._start = start
        self._preempt = preempt
        self._floor = Floor(self._site)
        self._learner = Learner()
        self._cycle = 0

    def decide(self, event: Event, waiting: Sequence[Run], running: Sequence[Run]) -> Change:
        """Plan for those who wait, or for all."""
        for seat in event.freed:
            self._floor.give(seat)
        for run in event.arrived:
            self._learner.learn(run.job.workload)
        queue = self._ordered([*waiting, *running] if self._preempt else waiting)
        if self._preempt and self._displaces(queue):
            return self._again(queue, event.now)
        # Room only shrinks between two ends: who found none then finds none now.
        asking = queue if event.freed or self._preempt else self._ordered(event.arrived)
        starts = self._place([run for run in asking if run.seat is None], self._floor, event.now)
        placed = {run.uid for run, _ in starts}
        if self._preempt and placed and self._displaces(queue, placed):
            return self._again(queue, event.now)
        return Change(starts=tuple(starts))

    def wakes_at(self, now: float, waiting: Sequence[Run], running: Sequence[Run]) -> float:
        """Return when the first job that runs goes down a level, if its policy orders by levels."""
        if not self._preempt or not waiting:
            return math.inf
        levelled = [run for run in running if self._order_of(run.job.workload) is QueueOrder.LEAST_SERVICE]
        return min((now + _until_next_level(run) for run in levelled), default=math.inf)

    def why(self, run: Run) -> str:
        """Return what the engine says of it on the fleet as it is left."""
        return self._plan([run.workload], self._floor, 0.0)[run.uid].message

    def _order_of(self, workload: Workload) -> QueueOrder:
        return self._site.fleet.policies.get(workload.policy, BUILT_IN_POLICY).queue_order

    def _ordered(self, runs: Sequence[Run]) -> list[Run]:
        by_uid = {run.uid: run for run in runs}
        return [by_uid[one.uid] for one in queue_order([run.workload for run in runs], self._site.fleet.policies)]

    def _displaces(self, queue: Sequence[Run], placed: Collection[str] = ()) -> bool:
        """Tell whether somebody who waits could run if all who run and come after him in the queue stopped.

        And not without: whoever fits into what is free needs nobody to stop.
        """
        room = self._floor.room
        free = float(room.total)
        behind = sum(run.size for run in queue if run.seat is not None or run.uid in placed)
        for run in queue:
            if run.seat is not None or run.uid in placed:
                behind -= run.size
                if behind <= 0:
                    return False
            elif room.may_hold(run):
                free -= run.size
            elif run.size <= free + behind:
                return True
        return False

    # ------------------------------------------------------------------------- one call of plan

    def _place(self, queue: Sequence[Run], floor: Floor, now: float) -> Placed:
        """Give room to as many as find it, in the order of the queue; takes it on `floor`.

        Asks the engine in batches, the front of the queue first, and leaves out who needs more than is free: what
        cannot fit would only be told so, at length.
        """
        placed: Placed = []
        left = list(queue)
        while left := _that_fit(left, floor.room):
            size = _batch(left, floor.room)
            decisions = self._plan([run.workload for run in left[:size]], floor, now)
            for run in left[:size]:
                decision = decisions[run.uid]
                if decision.chosen is not None:
                    seat = floor.seat(run.job.workload, decision)
                    floor.take(seat)
                    placed.append((run, seat))
            left = left[size:]
        return placed

    def _plan(self, workloads: Sequence[Workload], floor: Floor, now: float) -> dict[str, Decision]:
        snapshot = msgspec.structs.replace(self._site.fleet, usage=floor.usage, demand=self._learner.demand)
        self._cycle += 1
        planned = plan(workloads, snapshot, self._start + timedelta(seconds=now), self._cycle, kept=1, looks=0)
        return {decision.uid: decision for decision in planned.decisions}

    # ------------------------------------------------------------------------ all from the start

    def _again(self, queue: Sequence[Run], now: float) -> Change:
        """Choose among all who should run, and let as many as possible of those who run already stay."""
        ideal = self._place(queue, Floor(self._site), now)
        chosen = {run.uid for run, _ in ideal}
        stops = tuple(run for run in queue if run.seat is not None and run.uid not in chosen)
        stay = [run.seat for run in queue if run.uid in chosen and run.seat is not None]
        newcomers = [run for run in queue if run.uid in chosen and run.seat is None]
        floor = Floor(self._site, stay)
        starts = self._place(newcomers, floor, now)
        if len(starts) < len(newcomers):  # they fit only if somebody moves
            ideal = staying(ideal, self._site.kinds)
            floor = Floor(self._site, [seat for _, seat in ideal])
            starts = [(run, seat) for run, seat in ideal if run.seat is None or run.seat.pods != seat.pods]
        self._floor = floor
        return Change(stops, tuple(starts))


def _that_fit(queue: Sequence[Run], room: Room) -> list[Run]:
    return [run for run in queue if room.may_hold(run)]


def _batch(queue: Sequence[Run], room: Room) -> int:
    """Return how many to decide in one call: about as many as there is room for."""
    least, most = _BATCH
    left, size = float(room.total), 0
    while size < min(len(queue), most) and (left > 0 or size < least):
        left -= queue[size].size
        size += 1
    return size


def _until_next_level(run: Run) -> float:
    """Return the seconds of running until the level of service changes; at least one, so that time goes on."""
    return max(1.0, run.settling + (next_level_at(int(run.served + 1e-6)) - run.served) / run.size)
