"""Kubernetes Events: telling people what happened, without ever flooding the API server.

The same sentence about the same object is one Event object whose count grows. Its name follows from
the object and the sentence, so a new leader continues the series instead of starting another.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import msgspec

from stellwerk.cluster import errors
from stellwerk.cluster.resources import object_path
from stellwerk.cluster.session import MERGE_PATCH, Request, Session
from stellwerk.lifecycle.actions import EmitEvent
from stellwerk.logs import get_logger

_EVENTS: Final = "/api/v1/events"
_COMPONENT: Final = "stellwerk"
_REPEAT_SECONDS: Final = 300.0
_REMEMBERED: Final = 4096
_QUEUED: Final = 1000
_WORKERS: Final = 2
_MESSAGE_LIMIT: Final = 1024
_TIMEOUT: Final = 3.0
_TRIES: Final = 3

_log = get_logger(__name__)


class _Series(msgspec.Struct):
    """One Event object: how often it happened, and how often the server knows of."""

    action: EmitEvent
    path: str
    count: int = 0
    told: int = 0
    told_at: float = float("-inf")
    tries: int = 0
    queued: bool = False


class _Seen(msgspec.Struct):
    count: int | None = None


_seen = msgspec.json.Decoder(_Seen).decode


class EventRecorder:
    """Records events in the background.

    Attributes:
        dropped: events given up because the queue was full or the server refused them.

    """

    def __init__(
        self,
        session: Session,
        is_leader: Callable[[], bool],
        repeat: float = _REPEAT_SECONDS,
    ) -> None:
        """Prepare.

        Args:
            session: the API server.
            is_leader: asked right before every request.
            repeat: the count of a series is written again after this many seconds, at the earliest.

        """
        self.dropped = 0
        self._session = session
        self._is_leader = is_leader
        self._repeat = repeat
        self._series: OrderedDict[str, _Series] = OrderedDict()
        self._queue: deque[_Series] = deque()
        self._wake = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._workers = [asyncio.create_task(self._work()) for _ in range(_WORKERS)]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    def emit(self, action: EmitEvent) -> None:
        """Count an event and have it written soon; call it in the recorder's loop."""
        name = event_name(action)
        series = self._series.get(name)
        if series is None:
            namespace = action.involved.namespace or "default"
            series = _Series(action, object_path(_EVENTS, namespace, name))
            self._series[name] = series
            if len(self._series) > _REMEMBERED:
                self._series.popitem(last=False)
        self._series.move_to_end(name)
        series.count += 1
        if not series.queued and time.monotonic() - series.told_at >= self._repeat:
            self._enqueue(series)

    def _enqueue(self, series: _Series) -> None:
        if len(self._queue) >= _QUEUED:
            self.dropped += 1
            return
        series.queued = True
        self._queue.append(series)
        self._wake.set()

    async def _work(self) -> None:
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            series = self._queue.popleft()
            series.queued = False
            try:
                await self._tell(series)
            except (errors.Throttled, errors.Unreachable, errors.OutcomeUnknown) as error:
                await self._later(series, error)
            except errors.ApiError as error:
                self._give_up(series, error)

    async def _later(self, series: _Series, error: errors.ApiError) -> None:
        """Try an event again, a few times: what it says is worth a little patience."""
        series.tries += 1
        if series.tries >= _TRIES:
            self._give_up(series, error)
            return
        await asyncio.sleep(max(error.retry_after, series.tries))
        if not series.queued:
            self._enqueue(series)

    def _give_up(self, series: _Series, error: errors.ApiError) -> None:
        self.dropped += 1
        series.tries = 0
        _log.info("event not recorded", path=series.path, error=str(error))

    async def _tell(self, series: _Series) -> None:
        new = series.count - series.told
        if not new or not self._is_leader():
            return
        series.told_at = time.monotonic()
        if series.told or not await self._create(series, new):
            await self._raise_count(series, new)
        series.told += new
        series.tries = 0

    async def _create(self, series: _Series, count: int) -> bool:
        """Start a series; False if the server has it already."""
        collection = series.path.rpartition("/")[0]
        body = _manifest(series, count)
        try:
            await self._session.send(Request("POST", collection, body), _TIMEOUT)
        except errors.AlreadyExists:
            return False
        return True

    async def _raise_count(self, series: _Series, by: int) -> None:
        """Continue a series that the server has: add to whatever count is there.

        The count comes with the answer to a first patch, so that no right to read events is needed.
        """
        try:
            answer = await self._patch(series, {"lastTimestamp": _now()})
        except errors.NotFound:  # events expire after an hour
            await self._create(series, by)
            return
        count = _seen(answer).count or 1
        await self._patch(series, {"count": count + by})

    async def _patch(self, series: _Series, fields: Mapping[str, object]) -> bytes:
        request = Request("PATCH", series.path, msgspec.json.encode(fields), MERGE_PATCH)
        return (await self._session.send(request, _TIMEOUT)).body


def event_name(action: EmitEvent) -> str:
    """Return the name of the Event object: the same for the same sentence about the same object."""
    told = f"{action.involved.uid}\n{action.type}\n{action.reason}\n{action.message}"
    digest = hashlib.blake2b(told.encode(), digest_size=8).hexdigest()
    return f"{action.involved.name[:200]}.{digest}"


def _manifest(series: _Series, count: int) -> bytes:
    action, now = series.action, _now()
    return msgspec.json.encode(
        {
            "metadata": {"name": series.path.rpartition("/")[2]},
            "involvedObject": action.involved,
            "type": action.type,
            "reason": action.reason,
            "message": action.message[:_MESSAGE_LIMIT],
            "source": {"component": _COMPONENT},
            "reportingComponent": _COMPONENT,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": count,
        }
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
