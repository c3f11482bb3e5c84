"""Leader election in a thread of its own: at most one replica writes at any time.

The thread has its own event loop and connection, so neither a busy main loop nor a slow write delays a
renewal; but it renews only while the main loop's heart beats. Whether we lead is a question of time,
not of a flag: the fence falls by itself when a renewal is overdue, even if this thread stands still.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from stellwerk.cluster import errors
from stellwerk.cluster.kubeconfig import Target
from stellwerk.cluster.lease import LeaseClient, LeaseConfig, now
from stellwerk.cluster.session import Session
from stellwerk.logs import get_logger

_log = get_logger(__name__)


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Callbacks:
    """What the elector asks and tells; all are called in its thread and must be quick.

    Attributes:
        heartbeat: whether the work is alive; while it is not, the Lease is neither taken nor renewed.
        on_started: we lead from now on.
        on_stopped: we do not lead any more. When it returns, no write may be in flight: then the
            Lease is released at once. If it raises, the Lease is left to lapse.

    """

    heartbeat: Callable[[], bool] = lambda: True
    on_started: Callable[[], None] = _nothing
    on_stopped: Callable[[], None] = _nothing


class Elector:
    """Competes for a Lease for as long as it runs.

    Attributes:
        terms: how often we started to lead.
        errors: how many tries failed because the API server could not be asked.

    """

    def __init__(self, target: Target, config: LeaseConfig, callbacks: Callbacks | None = None) -> None:
        """Prepare; `start` begins.

        Args:
            target: the API server.
            config: the Lease and its times.
            callbacks: what to ask and whom to tell.

        """
        self.terms = 0
        self.errors = 0
        self.holder = ""
        self._target = target
        self._config = config
        self._callbacks = callbacks or Callbacks()
        self._valid_until = float("-inf")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._main, name="elector", daemon=True)

    def is_leader(self) -> bool:
        """Tell whether we may write right now; cheap, and safe in any thread."""
        return now() < self._valid_until

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to compete."""
        self._thread.start()

    def stop(self, limit: float = 10.0) -> None:
        """Stop leading, release the Lease and end the thread, waiting at most `limit` seconds."""
        self._stopping.set()
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(stop.set)
            except RuntimeError:
                _log.debug("the elector had just ended")
        if self._thread.ident is not None:
            self._thread.join(limit)

    def _main(self) -> None:
        try:
            asyncio.run(self._compete())
        except Exception:
            _log.exception("elector ended")
            raise
        finally:
            self._valid_until = float("-inf")

    async def _compete(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        if self._stopping.is_set():
            return
        async with Session(self._target, timeout=self._config.renew) as session:
            client = LeaseClient(session, self._config)
            while not self._stop.is_set():
                if await self._hold(client, self._config.renew):
                    await self._lead(client)
                await self._pause(self._config.retry)

    async def _lead(self, client: LeaseClient) -> None:
        """Lead until the Lease is lost or we are stopped."""
        self.terms += 1
        _log.info("leading", identity=self._config.identity)
        quiet = False
        try:
            self._callbacks.on_started()
            while self.is_leader() and not self._stopping.is_set():
                await self._pause(min(self._config.retry, self._left()))
                if not self._stopping.is_set():
                    await self._hold(client, self._left())
        finally:
            held = self.is_leader()
            self._valid_until = float("-inf")
            _log.info("not leading any more", identity=self._config.identity, released=held)
            quiet = self._told_to_stop()
        if held and quiet:
            await self._release(client)

    def _told_to_stop(self) -> bool:
        try:
            self._callbacks.on_stopped()
        except Exception:  # noqa: BLE001 - whatever it is, writes may still be in flight
            _log.exception("on_stopped failed: the lease is left to lapse")
            return False
        return True

    async def _hold(self, client: LeaseClient, left: float) -> bool:
        """Try once to take or renew the Lease, within `left` seconds; moves the fence."""
        if left <= 0 or not self._callbacks.heartbeat():
            return False
        asked = now()
        try:
            async with asyncio.timeout(left):
                held = await client.hold(left)
        except (errors.ApiError, TimeoutError) as error:
            self.errors += 1
            _log.info("lease not reached", error=str(error) or "timeout")
            return False
        self.holder = client.holder
        if held:
            self._valid_until = asked + self._config.renew
        elif self.holder != self._config.identity:
            self._valid_until = float("-inf")
        return held

    async def _release(self, client: LeaseClient) -> None:
        try:
            async with asyncio.timeout(self._config.retry * 2):
                await client.release(self._config.retry)
        except (errors.ApiError, TimeoutError) as error:
            _log.info("lease not released, it will lapse", error=str(error) or "timeout")

    async def _pause(self, seconds: float) -> None:
        """Wait a little, out of step with others, or until we are stopped."""
        if self._stop is None or seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds * random.uniform(0.85, 1.15)):  # noqa: S311
                await self._stop.wait()
        except TimeoutError:
            return

    def _left(self) -> float:
        return self._valid_until - now()


class Unelected:
    """Leads without any election: for a single replica in development."""

    def __init__(self, callbacks: Callbacks | None = None) -> None:
        """Prepare; `start` begins."""
        self.terms = 0
        self.errors = 0
        self.holder = ""
        self.alive = True
        self._callbacks = callbacks or Callbacks()
        self._leading = False

    def is_leader(self) -> bool:
        """Tell whether `start` was called."""
        return self._leading

    def start(self) -> None:
        """Lead from now on."""
        self._leading, self.terms = True, 1
        self._callbacks.on_started()

    def stop(self, limit: float = 0.0) -> None:
        """Stop leading; `limit` is there because an `Elector` has it."""
        del limit
        self._leading = False
        self._callbacks.on_stopped()
