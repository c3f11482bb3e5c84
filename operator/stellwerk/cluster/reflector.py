"""A reflector: keeps a typed copy of one kind of object of one cluster, and tells what changed.

LIST once, then WATCH for ever. What it adds to a naive watch, each point after a failure that was seen
elsewhere: a new LIST is compared with the copy, so deletions in a gap are told and nothing else is told
twice; every error backs off and none ends the loop; a stream without a byte is taken for dead; an older
or a suddenly empty LIST is not believed at once; events that were already seen are dropped.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from stellwerk.cluster import errors
from stellwerk.cluster.backoff import Backoff
from stellwerk.cluster.cache import Cache, Change, EventType, is_older
from stellwerk.cluster.resources import Resource
from stellwerk.cluster.session import Request, Session
from stellwerk.cluster.structs import KubeObject
from stellwerk.cluster.wire import Codec, Lines
from stellwerk.logs import get_logger

T = TypeVar("T", bound=KubeObject)

Sink = Callable[[EventType, T | None, T | None], None]
"""Called in the loop for each change with (type, new, old); must be quick and must not raise."""

_log = get_logger(__name__)

_STRIKES: Final = 3
"""So many refusals in a row, or doubtful lists, until we list again, or believe."""
_LIVED_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Tuning:
    """Limits of a reflector, in seconds unless said otherwise.

    Attributes:
        page_size: objects per LIST page.
        silence: a watch without a byte for this long is dead; the server sends bookmarks each minute.
        list_timeout: limit of one LIST page.
        watch_lifetime: the server ends a watch after about this long.
        first_delay: pause after a first failure; it doubles with each further one.
        longest_delay: longest pause between two tries.

    """

    page_size: int = 500
    silence: float = 75.0
    list_timeout: float = 60.0
    watch_lifetime: float = 300.0
    first_delay: float = 0.2
    longest_delay: float = 15.0


@dataclass
class Stats:
    """What a reflector did since it started."""

    lists: int = 0
    watches: int = 0
    events: int = 0
    replayed: int = 0
    bookmarks: int = 0
    errors: int = 0
    sink_errors: int = 0
    last_error: str = ""


class Reflector(Generic[T]):
    """Keeps `objects`, by uid, equal to what the API server has.

    Attributes:
        synced: set after the first complete LIST.
        stats: counters for metrics.

    """

    def __init__(
        self,
        session: Session,
        resource: Resource[T],
        sink: Sink[T],
        tuning: Tuning | None = None,
    ) -> None:
        self.resource = resource
        self.stats = Stats()
        self.synced = asyncio.Event()
        self._session = session
        self._sink = sink
        self._tuning = tuning or Tuning()
        self._codec = Codec(resource.kind)
        self._cache: Cache[T] = Cache()
        self._backoff = Backoff(self._tuning.first_delay, self._tuning.longest_delay)
        self._version: str | None = None  # where to watch from; None: list first
        self._newest = ""  # newest version ever seen; a LIST below it is old news
        self._strikes = 0
        self._doubts = 0
        self._last_byte = time.monotonic()

    @property
    def objects(self) -> Mapping[str, T]:
        """The copy, by uid; read it only in the loop that runs the reflector."""
        return self._cache.objects

    @property
    def undecodable(self) -> int:
        """How often an object was left out because it does not fit its struct."""
        return self._codec.undecodable

    def age(self) -> float:
        """Return seconds since the stream last showed life (data or bookmark)."""
        return time.monotonic() - self._last_byte

    async def run(self) -> None:
        """List and watch until cancelled; no failure of the API server ends it."""
        while True:
            floor = 0.0
            started = time.monotonic()
            try:
                if self._version is None:
                    await self._list()
                    started = time.monotonic()
                await self._watch(self._version or "")
            except errors.ApiError as error:
                floor = error.retry_after
                self._note(error)
            if self._last_byte - started > _LIVED_SECONDS:
                self._backoff.reset()  # it ended after a useful life: come back at once
            await asyncio.sleep(self._backoff.next(floor))

    # ------------------------------------------------------------------------------------- LIST

    async def _list(self) -> None:
        fresh, version = await self._pages()
        if doubt := self._doubt(fresh, version):
            self._doubts += 1
            raise errors.ServerError(f"LIST is doubted: {doubt}")
        self._doubts = self._strikes = 0
        for change in self._cache.replace(fresh):
            self._deliver(change)
        self._version = self._newest = version
        self.synced.set()

    async def _pages(self) -> tuple[dict[str, T], str]:
        """Read all pages; returns the objects by uid and the version of the whole."""
        self.stats.lists += 1
        fresh: dict[str, T] = {}
        token = ""
        while True:
            query = {"limit": str(self._tuning.page_size), "continue": token}
            body = await self._session.get(
                self.resource.path, {**query, **self.resource.query}, self._tuning.list_timeout
            )
            self._last_byte = time.monotonic()
            meta, items = self._codec.page(body)
            for item in items:
                fresh[item.metadata.uid] = item
            token = meta.continue_ or ""
            if not token:
                return fresh, meta.resource_version
            await asyncio.sleep(0)

    def _doubt(self, fresh: Mapping[str, T], version: str) -> str:
        """Say why a LIST should be seen again before it is believed, or "".

        After three tries it is believed all the same: a cluster restored from a backup does go back.
        """
        if self._doubts >= _STRIKES:
            return ""
        if is_older(version, self._newest):
            return f"version {version} is older than {self._newest}, which was seen before"
        if self._cache.would_lose_most(fresh):
            return f"only {len(fresh)} of {len(self.objects)} objects are left"
        return ""

    # ------------------------------------------------------------------------------------ WATCH

    async def _watch(self, version: str) -> None:
        self.stats.watches += 1
        lifetime = self._tuning.watch_lifetime * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(max(1, int(lifetime))),
            **self.resource.query,
        }
        request = Request("GET", self.resource.path, query=query)
        lines = Lines()
        async with self._session.stream(request, silence=self._tuning.silence) as reader:
            self._last_byte = time.monotonic()
            async for data in reader.iter_any():
                self._last_byte = time.monotonic()
                for line in lines.feed(data):
                    self._take(line)

    def _take(self, line: bytes) -> None:
        event = self._codec.event(line)
        version = event.object.metadata.resource_version
        if event.type != "BOOKMARK" and self._seen(version):
            self.stats.replayed += 1
            return
        self._version = self._newest = version
        self._strikes = 0
        self._backoff.reset()
        if event.type == "BOOKMARK":
            self.stats.bookmarks += 1
            return
        self.stats.events += 1
        # Only a DELETED event may carry a bare KubeObject, and of it only the uid is read.
        change = self._cache.apply(event.type, event.object)  # type: ignore[arg-type]
        if change is not None:
            self._deliver(change)

    def _seen(self, version: str) -> bool:
        """Tell whether the stream was already past this version: events come in its order."""
        return version == self._version or is_older(version, self._version or "")

    # ----------------------------------------------------------------------------------- common

    def _deliver(self, change: Change[T]) -> None:
        try:
            self._sink(*change)
        except Exception:  # noqa: BLE001 - logged with its trace and counted, see below
            # One object that upsets the consumer must not make it blind for all others.
            self.stats.sink_errors += 1
            shown = change[1] or change[2]
            name = "" if shown is None else f"{shown.metadata.namespace}/{shown.metadata.name}"
            _log.exception("sink failed", kind=self.resource.name, object=name, event_type=change[0])

    def _note(self, error: errors.ApiError) -> None:
        """Count a failure and decide whether the next try has to list again."""
        self.stats.errors += 1
        self.stats.last_error = f"{type(error).__name__}: {error}"
        refused = not isinstance(error, errors.Throttled | errors.Unreachable | errors.OutcomeUnknown)
        self._strikes += refused
        if isinstance(error, errors.Gone) or self._strikes >= _STRIKES:
            self._version = None
        _log.info(
            "stream interrupted",
            kind=self.resource.name,
            error=self.stats.last_error,
            lists_again=self._version is None,
        )
