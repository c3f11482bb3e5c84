"""The solver in its child process: it answers, hangs, dies and is started anew, and nobody waits for it too long."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

import pytest

from stellwerk.control.improver import COMMAND, Improver
from stellwerk.model.capacity import Accelerator
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.batch.contest import Question
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, node, pool, snapshot

HANGS = (sys.executable, "-c", "import time; time.sleep(3600)")
DIES = (sys.executable, "-c", "import sys; sys.stdin.buffer.read(4)")
BABBLES = (sys.executable, "-c", "import sys; sys.stdin.buffer.read(4); sys.stdout.buffer.write(b'\\0\\0\\0\\1?' * 9)")
LIMIT = 120.0


def world() -> Snapshot:
    """Build one node of each of three models, the cheapest first."""
    models = ["H100", "A100", "L40S"]
    there = [
        pool(name.lower(), price=str(10 * 4**rank), accelerator=Accelerator(name, 8, GPU))
        for rank, name in enumerate(models)
    ]
    return snapshot(there, [node(f"n-{name.lower()}", name.lower()) for name in models])


def batch() -> list[Workload]:
    """Build three gangs of which greedy gives the cheapest node to the wrong one, even by regret."""
    fast = {"H100": "1", "A100": "1", "L40S": "1"}
    options = tuple(AcceleratorOption(name, 8, speed=Decimal(speed)) for name, speed in fast.items())
    return [gang(f"w{n}", accelerators=options, expected_runtime_s=3600 * (n + 1)) for n in range(3)]


def question() -> Question:
    """Return what is asked about that batch."""
    asked: list[Question] = []
    plan(batch(), world(), NOW, 1, solver=asked.append)
    return asked[0]


class Desk:
    """An improver, and the uids that it told to plan again."""

    def __init__(self, budget: float, command: tuple[str, ...]) -> None:
        self.told: asyncio.Queue[frozenset[str]] = asyncio.Queue()
        self.improver = Improver(budget, self.told.put_nowait, command)

    async def ask(self) -> frozenset[str]:
        """Ask until the child takes the question, and return who is to be planned again."""
        asked = question()
        await until(lambda: self.improver.consult(asked) is None and bool(self.improver.thinks_of))
        assert self.improver.thinks_of == asked.uids
        return await asyncio.wait_for(self.told.get(), LIMIT)


@contextlib.asynccontextmanager
async def desk(budget: float = LIMIT, command: tuple[str, ...] = COMMAND) -> AsyncIterator[Desk]:
    made = Desk(budget, command)
    task = asyncio.create_task(made.improver.run())
    made.improver.wake()
    try:
        yield made
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(met: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT):
        while not met():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def test_the_child_answers_and_its_advice_is_heard_once() -> None:
    async with desk() as one:
        assert await one.ask() == question().uids
        assert not one.improver.thinks_of
        made = plan(batch(), world(), NOW, 1, solver=one.improver.consult)
        assert made.bound is not None
        assert made.bound.gap < 0.0001
        one.improver.settle()
        assert one.improver.consult(question()) is None  # asked anew


@pytest.mark.parametrize("command", [DIES, BABBLES])
async def test_a_child_that_dies_or_babbles_leaves_the_batch_to_greedy(command: tuple[str, ...]) -> None:
    async with desk(command=command) as one:
        assert await one.ask() == question().uids
        assert plan(batch(), world(), NOW, 1, solver=one.improver.consult) == plan(batch(), world(), NOW, 1)


async def test_a_child_that_hangs_is_killed_when_the_time_is_over_and_another_is_started() -> None:
    async with desk(budget=0.2, command=HANGS) as one:
        assert await one.ask() == question().uids
        one.improver.settle()
        assert await one.ask() == question().uids


async def test_a_child_that_cannot_be_started_is_never_waited_for() -> None:
    async with desk(command=("/nonexistent/solver",)) as one:
        await asyncio.sleep(0)
        assert one.improver.consult(question()) is None
        assert not one.improver.thinks_of


async def test_without_time_nobody_is_asked() -> None:
    async with desk(budget=0) as one:
        await asyncio.sleep(0)
        assert one.improver.consult(question()) is None
        assert not one.improver.thinks_of


async def test_an_answer_to_what_was_forgotten_is_not_heard() -> None:
    async with desk() as one:
        asked = question()
        await until(lambda: one.improver.consult(asked) is None and bool(one.improver.thinks_of))
        one.improver.clear()
        assert await one.ask() == asked.uids
        assert one.told.empty()
