"""The batcher turns a stream of triggers into windows, so that one cycle decides for everything that came together.

A window opens at the first trigger and closes once nothing came for `idle` seconds, or after `maximum` seconds; a quiet
operator therefore answers within `idle`, a busy one decides for hundreds of workloads in one cycle.
"""

from __future__ import annotations

import asyncio


class Batcher:
    """Triggers in, windows out; used from one event loop.

    Args:
        idle: a window closes after this long without a trigger, in seconds.
        maximum: a window closes after this long at the latest, in seconds.
        tick: without any trigger a window is opened after this long, in seconds.

    """

    def __init__(self, idle: float, maximum: float, tick: float) -> None:
        self._idle, self._maximum, self._tick = idle, maximum, tick
        self._last: float = 0.0
        self._triggered = asyncio.Event()

    def trigger(self) -> None:
        """Say that something changed."""
        self._last = asyncio.get_running_loop().time()
        self._triggered.set()

    async def window(self) -> bool:
        """Wait until a window closes; tell whether a trigger opened it (else the tick did)."""
        try:
            await asyncio.wait_for(self._triggered.wait(), self._tick)
        except TimeoutError:
            return False
        loop = asyncio.get_running_loop()
        opened = loop.time()
        while True:
            now = loop.time()
            closes = min(self._last + self._idle, opened + self._maximum)
            if now >= closes:
                break
            await asyncio.sleep(closes - now)
        self._triggered.clear()
        return True
