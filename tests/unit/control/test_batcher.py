"""The batcher closes windows by idleness, by length, and by the tick."""

import asyncio

from stellwerk.control.batcher import Batcher

_FOREVER = 3600.0


async def _trigger_every(batcher: Batcher, pause: float, times: int) -> None:
    for _ in range(times):
        batcher.trigger()
        await asyncio.sleep(pause)


def test_one_trigger_closes_a_window_after_the_idle_time() -> None:
    """A quiet operator answers after `idle`, not after `maximum`."""

    async def run() -> bool:
        batcher = Batcher(idle=0.01, maximum=_FOREVER, tick=_FOREVER)
        batcher.trigger()
        return await batcher.window()

    assert asyncio.run(run())


def test_a_steady_stream_of_triggers_cannot_keep_a_window_open() -> None:
    """Triggers that never pause still get their cycle: `maximum` bounds the window."""

    async def run() -> bool:
        batcher = Batcher(idle=_FOREVER, maximum=0.05, tick=_FOREVER)
        stream = asyncio.create_task(_trigger_every(batcher, 0.001, 10_000))
        closed = await batcher.window()
        still_triggering = not stream.done()
        stream.cancel()
        return closed and still_triggering

    assert asyncio.run(run())


def test_without_triggers_the_tick_opens_a_window() -> None:
    """What no event announced is still looked at."""
    assert asyncio.run(Batcher(idle=_FOREVER, maximum=_FOREVER, tick=0.01).window()) is False


def test_a_trigger_during_the_work_of_a_cycle_opens_the_next_window() -> None:
    """Nothing is lost between two windows."""

    async def run() -> bool:
        batcher = Batcher(idle=0.001, maximum=_FOREVER, tick=_FOREVER)
        batcher.trigger()
        await batcher.window()
        batcher.trigger()
        return await asyncio.wait_for(batcher.window(), 60)

    assert asyncio.run(run())


def test_after_a_long_cycle_a_window_waits_about_as_long() -> None:
    """Else a large fleet would do nothing but plan, one workload at a time."""

    async def run() -> float:
        batcher = Batcher(idle=0.0, maximum=_FOREVER, tick=_FOREVER)
        batcher.worked(0.05)
        batcher.trigger()
        began = asyncio.get_running_loop().time()
        await batcher.window()
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(run()) >= 0.05
