"""What the operator's own way to a plan gives: the child process, its time budget, and the plan once it has answered.

`Improver` and `control.solverprocess` are the operator's; only the cycle around them is left out. A first `plan()`
asks, and a second hears the answer, or plans without one if it is late. The child lives as long as the benchmark, as
it lives as long as the operator leads, so that its start does not count.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple, Self

from stellwerk.control.improver import COMMAND, Improver
from stellwerk.model.decision import Plan
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.batch.contest import Advice, Question
from stellwerk.placement.planner import plan
from tests.bench.fleetcost_child import STRETCH
from tests.bench.fleetcost_world import World
from tests.builders import NOW, gang, node, pool, snapshot

CPU_COMMAND: Final = (sys.executable, "-m", "tests.bench.fleetcost_child")

_PATIENCE = 60.0
"""Seconds beyond its budget until even a stopped machine must have told that an answer is late."""


class Heard(NamedTuple):
    """What became of a batch."""

    plan: Plan
    asked: bool
    """Whether the solver was needed."""
    answered: bool
    """Whether it answered within its time."""


class Desk:
    """An improver with a child of its own.

    Args:
        seconds: The budget, as `batch.improve_seconds`.
        of_cpu: Whether it is counted in CPU seconds of the child instead of the clock's: on a machine that others use.

    """

    def __init__(self, seconds: float, *, of_cpu: bool = False) -> None:
        self._seconds = seconds * STRETCH if of_cpu else seconds
        self._loop = asyncio.new_event_loop()
        self._told: asyncio.Queue[frozenset[str]] = asyncio.Queue()
        self._improver = Improver(self._seconds, self._told.put_nowait, CPU_COMMAND if of_cpu else COMMAND)
        self._advice: Advice | None = None

    @classmethod
    @contextmanager
    def opened(cls, seconds: float, *, of_cpu: bool = False) -> Iterator[Self]:
        """Start the child, and end it."""
        desk = cls(seconds, of_cpu=of_cpu)
        task = desk._loop.create_task(desk._improver.run())
        desk._improver.wake()
        try:
            desk._loop.run_until_complete(desk._warm())
            yield desk
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                desk._loop.run_until_complete(task)
            desk._loop.close()

    def decide(self, world: World) -> Heard:
        """Plan as the operator does: ask, wait for the answer, plan again."""
        return self._loop.run_until_complete(self._decide(world.jobs, world.snapshot))

    async def _warm(self) -> None:
        """Ask small questions until the child answers: its start is the operator's, not a batch's."""
        heard = await self._decide(*_small())
        while not heard.answered:
            heard = await self._decide(*_small())
            await asyncio.sleep(0.1)

    async def _decide(self, jobs: tuple[Workload, ...], there: Snapshot) -> Heard:
        made = plan(jobs, there, NOW, 1, kept=1, solver=self._consult)
        if not self._improver.thinks_of:
            return Heard(made, asked=False, answered=False)
        await asyncio.wait_for(self._told.get(), self._seconds + _PATIENCE)
        self._advice = None
        made = plan(jobs, there, NOW, 2, kept=1, solver=self._consult)
        self._improver.settle()
        return Heard(made, asked=True, answered=self._advice is not None)

    def _consult(self, question: Question) -> Advice | None:
        self._advice = self._improver.consult(question)
        return self._advice


def cpu_of_children() -> float:
    """Return the CPU seconds that ended child processes have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _small() -> tuple[tuple[Workload, ...], Snapshot]:
    """Build the smallest batch that competes."""
    there = snapshot([pool("a", price="10"), pool("b", price="40")], [node("a-0", "a"), node("b-0", "b")])
    option = (AcceleratorOption("H100", 8),)
    return tuple(gang(f"w{n}", accelerators=option, expected_runtime_s=3600 * (n + 1)) for n in range(2)), there
