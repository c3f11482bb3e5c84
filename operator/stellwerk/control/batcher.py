"""The batcher turns a stream of triggers into windows, so that one cycle decides for everything that came together.

A window closes once nothing came for a while, or after `maximum` seconds. That while is short in a small or quiet
fleet, so that a lone workload is decided at once, and grows with what a cycle takes: a cycle over thousands of nodes
waits about as long as it then works, and so never uses more than half of the loop's time.
"""

from __future__ import annotations

import asyncio


class Batcher:
    """Triggers in, windows out; used from one event loop.

    Args:
        idle: a window closes after this long without a trigger, or after as long as the last cycle took, in seconds.
        maximum: a window closes after this long at the latest, in seconds.
        tick: without any trigger a window is opened after this long, in seconds.

    """

    def __init__(self, idle: float, maximum: float, tick: float) -> None:
        self._idle, self._maximum, self._tick = idle, maximum, tick
        self._pause = idle
        self._last: float = 0.0
        self._triggered = asyncio.Event()

    def trigger(self) -> None:
        """Say that something changed."""
        self._last = asyncio.get_running_loop().time()
        self._triggered.set()

    def worked(self, seconds: float) -> None:
        """Say how long the cycle of the last window took."""
        self._pause = min(max(self._idle, seconds), self._maximum)

    async def window(self) -> bool:
        """Wait until a window closes; tell whether a trigger opened it (else the tick did)."""
        try:
            async with asyncio.timeout(self._tick):  # wait_for of Python 3.11 may swallow a cancellation
                await self._triggered.wait()
        except TimeoutError:
            return False
        loop = asyncio.get_running_loop()
        opened = loop.time()
        while True:
            now = loop.time()
            closes = min(self._last + self._pause, opened + self._maximum)
            if now >= closes:
                break
            await asyncio.sleep(closes - now)
        self._triggered.clear()
        return True
