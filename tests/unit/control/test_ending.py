"""A replica that is told to stop does stop: no task outlives its cancellation."""

from __future__ import annotations

import asyncio
import threading

import aiohttp
import pytest

from stellwerk.control.batcher import Batcher
from stellwerk.control.ending import end_all
from stellwerk.handlers import shell
from stellwerk.handlers.shell import Connection, Shell

_FOREVER = 3600.0


@pytest.mark.parametrize("steps", range(6))
async def test_a_cycle_that_is_cancelled_while_a_trigger_comes_ends(steps: int) -> None:
    """At whichever step of the loop the trigger is by then: one of them used to swallow the cancellation."""
    batcher = Batcher(idle=0.0, maximum=_FOREVER, tick=_FOREVER)

    async def cycles() -> None:
        while True:
            await batcher.window()

    task = asyncio.create_task(cycles())
    for _ in range(5):
        await asyncio.sleep(0)
    batcher.trigger()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    assert await asyncio.wait({task}, timeout=60) == ({task}, set())
    assert task.cancelled()


async def test_a_task_that_takes_a_cancellation_for_something_else_is_cancelled_again() -> None:
    deaf = 2

    async def stubborn() -> None:
        nonlocal deaf
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if deaf == 0:
                    raise
                deaf -= 1

    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(stubborn()),
        asyncio.create_task(asyncio.Event().wait()),
    ]
    await asyncio.sleep(0)
    await end_all(tasks, patience=0.01, tries=1000)
    assert deaf == 0
    assert all(task.cancelled() for task in tasks)


async def test_a_task_that_never_ends_holds_nobody_up() -> None:
    over = asyncio.Event()

    async def immortal() -> None:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    task = asyncio.create_task(immortal())
    await asyncio.sleep(0)
    await end_all([task], patience=0.01, tries=3)
    assert not task.done()
    over.set()
    await task


def test_kopf_that_is_to_be_started_anew_while_it_is_stopped_stays_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The restart of a deaf kopf runs in a thread of its own, and may be under way when the process is told to end."""
    stopping, ended = threading.Event(), threading.Event()

    async def never() -> Connection:
        raise aiohttp.ClientError("no server")

    def run(self: Shell, stop: threading.Event) -> None:
        stop.wait()
        stopping.set()
        ended.wait(60)

    monkeypatch.setattr(shell.Shell, "_run", run)
    kopf = Shell(never, lambda _kind, _body: None)
    kopf.start()
    restart = threading.Thread(target=kopf.restart)
    restart.start()
    assert stopping.wait(60)
    stop = threading.Thread(target=kopf.stop)
    stop.start()
    while kopf._wanted:
        stop.join(0.01)
    ended.set()
    for thread in (restart, stop):
        thread.join(60)
    assert not kopf.running
