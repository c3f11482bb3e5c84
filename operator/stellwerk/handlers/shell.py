"""kopf in a thread and event loop of its own, running only while this replica leads.

kopf ends its operator on some stream errors, and by its own design a dead stream can go unnoticed. Nothing that
Stellwerk decides depends on it (decisions are fed by reflectors); still, people wait for its answers, so the shell
starts it again with a growing pause when it ends, and `restart` does so on demand when an answer is overdue.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import kopf

from stellwerk.handlers.config_kinds import Judge, registry_for
from stellwerk.logs import get_logger

if TYPE_CHECKING:
    import aiohttp

_log = get_logger(__name__)
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_STOP_LIMIT: Final = 5.0
"""Seconds; what kopf still says after that is not written, so nobody has to wait for it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What kopf needs to reach the API server."""

    server: str
    session: aiohttp.ClientSession


Connect = Callable[[], Awaitable[Connection]]
"""Opens a connection in the calling loop; kopf closes it."""


class Shell:
    """Starts and stops kopf; all methods may be called from any thread.

    Args:
        connect: opens a connection to the API server in kopf's own loop.
        judge: what the handlers call, in kopf's thread.

    """

    def __init__(self, connect: Connect, judge: Judge) -> None:
        self._connect, self._judge = connect, judge
        self._stop = threading.Event()
        self._wanted = False
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start kopf, unless it runs already."""
        self._wanted = True
        with self._turn:
            self._begin()

    def stop(self) -> None:
        """Stop kopf and wait for it, at most some seconds; a thread that hangs is left behind, told to stop."""
        self._wanted = False
        self._stop.set()
        with self._turn:
            self._end()

    def restart(self) -> None:
        """Stop and start: its answers are overdue. Nothing happens if it was stopped meanwhile."""
        with self._turn:
            if self._wanted:
                self._end()
            if self._wanted:
                self._begin()

    def _begin(self) -> None:
        if self.running:
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name="kopf", daemon=True)
        self._thread.start()

    def _end(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_LIMIT)
            if self._thread.is_alive():
                _log.warning("kopf did not stop in time", limit_seconds=_STOP_LIMIT)
            self._thread = None

    def _run(self, stop: threading.Event) -> None:
        pause = _FIRST_PAUSE
        while not stop.is_set():
            try:
                asyncio.run(self._operate(stop))
                reason = "ended by itself"
            except Exception as error:  # noqa: BLE001 - whatever ended kopf, it is logged and kopf is started again
                reason = repr(error)
            if not stop.is_set():
                _log.warning("kopf ended and is started again", reason=reason, pause_seconds=pause)
            stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _operate(self, stop: threading.Event) -> None:
        registry = registry_for(self._judge)

        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.AiohttpSession:  # noqa: ANN401 - kopf's handler protocol
            connection = await self._connect()
            return kopf.AiohttpSession(server=connection.server, aiohttp_session=connection.session)

        with contextlib.suppress(asyncio.CancelledError):
            await kopf.operator(
                registry=registry, settings=_settings(), clusterwide=True, standalone=True, stop_flag=stop
            )


def _settings() -> kopf.OperatorSettings:
    """Return kopf's settings: no scanning (fewer rights), no peering, no events of its own, short waits."""
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.watching.server_timeout = 290
    settings.queueing.idle_timeout = 0.5
    settings.networking.request_timeout = 10
    settings.networking.connect_timeout = 3
    settings.networking.error_backoffs = (0.2, 0.5, 1, 2, 5)
    return settings
