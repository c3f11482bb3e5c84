"""The operator's own engine as the scheduler of a simulation: every decision is one of `plan()`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from stellwerk.model.decision import Decision
from stellwerk.model.policy import BUILT_IN_POLICY, QueueOrder
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.ordering import next_level_at, queue_order
from stellwerk.placement.planner import plan
from stellwerk.sim.engine import Change, Event, Loss
from stellwerk.sim.floor import Floor, Site
from stellwerk.sim.jobs import Run, Seat

_BATCH: Final = (16, 256)
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
        self._cycle = 0

    def decide(self, event: Event, waiting: Sequence[Run], running: Sequence[Run]) -> Change:
        """Plan for those who wait, or for all."""
        for seat in event.freed:
            self._floor.give(seat)
        if self._preempt and self._displaces(waiting, running):
            return self._again(waiting, running, event.now)
        # Room only shrinks between two ends: who found none then finds none now.
        starts = self._place(waiting if event.freed or self._preempt else event.arrived, self._floor, event.now)
        if self._preempt and starts:
            placed = {run.uid for run, _ in starts}
            left = [run for run in waiting if run.uid not in placed]
            if self._displaces(left, [*running, *(run for run, _ in starts)]):
                return self._again(waiting, running, event.now)
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

    def _displaces(self, waiting: Sequence[Run], running: Sequence[Run]) -> bool:
        """Tell whether somebody who waits could run if all who run and come after him in the queue stopped.

        And not without: whoever fits into what is free needs nobody to stop.
        """
        if not waiting or not running:
            return False
        waits = {run.uid for run in waiting}
        sizes = {run.uid: run.size for run in (*waiting, *running)}
        free = float(sum(self._floor.idle.values()))
        behind = sum(run.size for run in running)
        for workload in queue_order([run.workload for run in (*waiting, *running)], self._site.fleet.policies):
            if workload.uid not in waits:
                behind -= sizes[workload.uid]
            elif not self._floor.may_hold(workload):
                if behind > 0 and sizes[workload.uid] <= free + behind:
                    return True
            else:
                free -= sizes[workload.uid]
        return False

    # ------------------------------------------------------------------------- one call of plan

    def _place(self, runs: Sequence[Run], floor: Floor, now: float) -> Placed:
        """Give room to as many as find it, in queue order; takes it on `floor`.

        Asks the engine in batches, the front of the queue first, and leaves out who needs more than is free: what
        cannot fit would only be told so, at length.
        """
        by_uid = {run.uid: run for run in runs}
        queue = queue_order([run.workload for run in runs], self._site.fleet.policies)
        placed: Placed = []
        while queue := [workload for workload in queue if floor.may_hold(workload)]:
            size = self._batch(queue, by_uid, floor)
            decisions = self._plan(queue[:size], floor, now)
            for workload in queue[:size]:
                decision = decisions[workload.uid]
                if decision.chosen is not None:
                    seat = floor.seat(workload, decision)
                    floor.take(seat)
                    placed.append((by_uid[workload.uid], seat))
            queue = queue[size:]
        return placed

    def _batch(self, queue: Sequence[Workload], runs: dict[str, Run], floor: Floor) -> int:
        least, most = _BATCH
        room, size = float(sum(floor.idle.values())), 0
        while size < min(len(queue), most) and (room > 0 or size < least):
            room -= runs[queue[size].uid].size
            size += 1
        return size

    def _plan(self, workloads: Sequence[Workload], floor: Floor, now: float) -> dict[str, Decision]:
        snapshot = msgspec.structs.replace(self._site.fleet, usage=floor.usage)
        self._cycle += 1
        planned = plan(workloads, snapshot, self._start + timedelta(seconds=now), self._cycle, kept=1, looks=0)
        return {decision.uid: decision for decision in planned.decisions}

    # ------------------------------------------------------------------------ all from the start

    def _again(self, waiting: Sequence[Run], running: Sequence[Run], now: float) -> Change:
        """Choose among all who should run, and let as many as possible of those who run already stay."""
        ideal = self._place([*waiting, *running], Floor(self._site), now)
        chosen = {run.uid for run, _ in ideal}
        stops = tuple(run for run in running if run.uid not in chosen)
        stay = [run.seat for run in running if run.uid in chosen and run.seat is not None]
        newcomers = [run for run in waiting if run.uid in chosen]
        floor = Floor(self._site, stay)
        starts = self._place(newcomers, floor, now)
        if len(starts) < len(newcomers):  # they fit only if somebody moves
            floor = Floor(self._site, [seat for _, seat in ideal])
            starts = [(run, seat) for run, seat in ideal if run.seat is None or run.seat.pods != seat.pods]
        self._floor = floor
        return Change(stops, tuple(starts))


def _until_next_level(run: Run) -> float:
    """Return the seconds of running until the level of service changes; at least one, so that time goes on."""
    return max(1.0, run.settling + (next_level_at(int(run.served + 1e-6)) - run.served) / run.size)
