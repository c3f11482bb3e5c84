"""Watch streams on their way through the proxy: frozen, cut, filtered, or with lines of our own."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp import web


class Streams:
    """All watches that are open through one proxy. Only the proxy's loop touches them."""

    def __init__(self) -> None:
        self.hidden: Callable[[bytes], bool] = lambda _line: False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: dict[asyncio.Task[None], tuple[str, web.StreamResponse, asyncio.Lock]] = {}

    def count(self, path: str = "") -> int:
        """Return how many watches are open on paths that match."""
        return sum(1 for found, _, _ in self._open.values() if re.search(path, found))

    def freeze(self) -> None:
        """Hold back every byte from now on; connections stay open."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let the bytes through that were held back."""
        self._flowing.set()

    def cut(self, path: str = "") -> None:
        """Cut the matching streams in the middle of whatever they do."""
        for task, (found, _, _) in list(self._open.items()):
            if re.search(path, found):
                task.cancel()

    async def send(self, data: bytes, path: str = "") -> int:
        """Send bytes into the matching streams; returns to how many."""
        reached = 0
        for found, response, lock in list(self._open.values()):
            if re.search(path, found):
                with contextlib.suppress(ConnectionError):  # the other side has just closed it
                    async with lock:
                        await response.write(data)
                    reached += 1
        return reached

    async def relay(self, path: str, upstream: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        """Copy a stream line by line until one side ends or it is cut."""
        lock = asyncio.Lock()
        task = asyncio.create_task(self._copy(upstream, response, lock))
        self._open[task] = (path, response, lock)
        try:
            await task
        finally:
            self._open.pop(task, None)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    async def _copy(self, upstream: aiohttp.ClientResponse, response: web.StreamResponse, lock: asyncio.Lock) -> None:
        async for line in _lines(upstream):
            await self._flowing.wait()
            if not self.hidden(line):
                async with lock:
                    await response.write(line)


async def _lines(upstream: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    rest = b""
    async for data in upstream.content.iter_any():
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line + b"\n"
