"""The rules behind the published figures on the Muri traces, to compare with them on equal terms.

At every event the cluster is filled again from empty, in the order of a rank; whoever finds no room is
skipped. A job of at most one node's accelerators goes on the first node that has room, a larger one on
wholly idle nodes and the first one with room for the rest (Zhao et al., "Multi-Resource Interleaving for
Deep Learning Training", SIGCOMM 2022, as the published artifact has it).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final

from stellwerk.sim.engine import Change, Event, Loss
from stellwerk.sim.jobs import Run, Seat

Rank = Callable[[Run], tuple[float, ...]]

TIRESIAS_LIMITS: Final = (3250.0, 7200.0)
"""Accelerator-seconds at which a job goes down a queue: the thresholds of the same artifact, for three queues."""


def srtf(run: Run) -> tuple[float, ...]:
    """Shortest remaining time first."""
    return (run.left,)


def srsf(run: Run) -> tuple[float, ...]:
    """Shortest remaining service first: time x accelerators."""
    return (run.left * run.size,)


def tiresias(run: Run) -> tuple[float, ...]:
    """Discretised least attained service in two dimensions (Gu et al., NSDI 2019), in each queue the older first."""
    return float(bisect_right(TIRESIAS_LIMITS, run.attained + 1e-6)), run.job.submitted


class Refill:
    """Fills nodes of one size again from empty at every event."""

    loss = Loss.EACH_INTERVAL

    def __init__(self, rank: Rank, nodes: int, per_node: int, limits: Sequence[float] = ()) -> None:
        """Start empty.

        Args:
            rank: Who goes first; of equal ranks, as in the event before.
            nodes: How many there are.
            per_node: Accelerators of each.
            limits: Accelerator-seconds at which ranks change, so that an event is needed there.
        """
        self._rank = rank
        self._nodes = nodes
        self._per_node = per_node
        self._limits = tuple(limits)
        self._order: list[Run] = []

    def decide(self, event: Event, waiting: Sequence[Run], running: Sequence[Run]) -> Change:
        """Fill from empty."""
        here = {run.uid for run in (*waiting, *running)}
        self._order = [run for run in self._order if run.uid in here]
        self._order += event.arrived
        self._order.sort(key=self._rank)
        free = [self._per_node] * self._nodes
        room = self._nodes * self._per_node
        chosen: set[str] = set()
        for run in self._order:
            if not room:
                break
            size = int(run.size)
            if _fill(free, size, self._per_node):
                room -= size
                chosen.add(run.uid)
        stops = tuple(run for run in running if run.uid not in chosen)
        starts = tuple((run, Seat(())) for run in waiting if run.uid in chosen)
        return Change(stops, starts)

    def wakes_at(self, now: float, waiting: Sequence[Run], running: Sequence[Run]) -> float:
        """Return when the first running job passes a limit."""
        if not waiting:
            return math.inf
        return min((now + max(1.0, self._due(run)) for run in running), default=math.inf)

    def why(self, run: Run) -> str:
        """Return that it is too large: everything else finds a place in an empty cluster."""
        return f"needs {run.size:g} accelerators; the cluster has {self._nodes} x {self._per_node}"

    def _due(self, run: Run) -> float:
        passed = bisect_right(self._limits, run.attained + 1e-6)
        return (self._limits[passed] - run.attained) / run.size if passed < len(self._limits) else math.inf


def _fill(free: list[int], size: int, per_node: int) -> bool:
    """Take `size` accelerators out of `free` by node; False, and nothing is taken, if they do not fit."""
    whole, rest = (0, size) if size <= per_node else divmod(size, per_node)
    idle = [node for node, there in enumerate(free) if there == per_node][:whole]
    if len(idle) < whole:
        return False
    last = next((node for node, there in enumerate(free) if there >= rest and node not in idle), None)
    if rest and last is None:
        return False
    if rest and last is not None:
        free[last] -= rest
    for node in idle:
        free[node] = 0
    return True
