"""The one writer: carries out transactions, many at a time, and in order per object.

Callers never wait for it: they submit and hear of the outcome. It writes only while this replica
leads, asks again right before each request, never repeats a write whose outcome is unknown without
looking first, and never repeats one that met a conflict.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from stellwerk.cluster import errors
from stellwerk.cluster.attempt import Attempts
from stellwerk.cluster.events import EventRecorder
from stellwerk.cluster.outcome import Outcome, OutcomeKind, kind_of
from stellwerk.cluster.session import Session
from stellwerk.cluster.window import Window
from stellwerk.lifecycle.actions import CreateJob, EmitEvent, PatchConfigStatus, PatchStatus, Transaction, WritePage
from stellwerk.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True)
class WriterTuning:
    """Limits of the writer.

    Attributes:
        in_flight: requests at the same time, at most; halved by each burst of 429.
        timeout: limit of one request, in seconds.
        patience: seconds after which a write that could not be settled is given up.

    """

    in_flight: int = 32
    timeout: float = 3.0
    patience: float = 15.0


@dataclass
class _Job:
    """A transaction on its way."""

    transaction: Transaction
    submitted: float = field(default_factory=time.monotonic)
    applied: int = 0
    resource_version: str = ""
    child_uid: str = ""

    @property
    def lane(self) -> str:
        """Transactions of one lane are carried out one after the other."""
        return self.transaction.uid or str(self.transaction.key)

    @property
    def first(self) -> bool:
        """Answers about policies and pools overtake placements: somebody waits who has just typed them."""
        return any(isinstance(action, PatchConfigStatus) for action in self.transaction.actions)


class Writer:
    """Writes to one API server.

    Use it as an async context manager in the loop that runs the session; `submit` may be called from
    any thread. Leaving the context lets requests in flight end, and drops what is only queued.
    """

    def __init__(
        self,
        session: Session,
        is_leader: Callable[[], bool],
        on_outcome: Callable[[Outcome], None],
        tuning: WriterTuning | None = None,
    ) -> None:
        """Prepare, without sending anything.

        Args:
            session: the API server.
            is_leader: whether this replica may write now; cheap and thread-safe.
            on_outcome: called in the loop with the end of each transaction; must be quick.
            tuning: limits.

        """
        chosen = tuning or WriterTuning()
        self.window = Window(chosen.in_flight, time.monotonic)
        self.events = EventRecorder(session, is_leader)
        self._attempts = Attempts(session, is_leader, self.window, chosen.timeout, chosen.patience)
        self._is_leader = is_leader
        self._on_outcome = on_outcome
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[str, deque[_Job]] = {}  # per object that is being written
        self._ready: deque[_Job] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._wake_up: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._idle.set()
        await self.events.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop = None
        self._ready.clear()
        self._waiting = {lane: deque() for lane in self._waiting}
        if self._wake_up is not None:
            self._wake_up.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=self._attempts.timeout)
        for task in self._running:
            task.cancel()  # between two tries
        await self.events.__aexit__(kind, error, trace)

    @property
    def in_flight(self) -> int:
        """Transactions that are being carried out now."""
        return len(self._running)

    @property
    def queued(self) -> int:
        """Transactions that wait for their turn."""
        return len(self._ready) + sum(len(line) for line in self._waiting.values())

    def submit(self, transaction: Transaction) -> None:
        """Take a transaction over; may be called from any thread, and returns at once.

        Raises:
            RuntimeError: the writer is not open.

        """
        if self._loop is None:
            raise RuntimeError("the writer is not open")
        if _running_loop() is self._loop:
            self._enqueue(_Job(transaction))
        else:
            self._loop.call_soon_threadsafe(self._enqueue, _Job(transaction))

    async def drained(self) -> None:
        """Wait until nothing is queued or in flight; who does not lead any more need not wait long."""
        self._start_some()
        await self._idle.wait()

    def _enqueue(self, job: _Job) -> None:
        if self._loop is None:
            return  # closed between a submission in another thread and now
        self._idle.clear()
        line = self._waiting.get(job.lane)
        if line is None:
            self._waiting[job.lane] = deque()
            (self._ready.appendleft if job.first else self._ready.append)(job)
        else:
            line.append(job)
        self._start_some()

    def _start_some(self) -> None:
        while self._ready and (self.window.admits(len(self._running)) or not self._is_leader()):
            task = asyncio.ensure_future(self._run(self._ready.popleft()))
            self._running.add(task)
            task.add_done_callback(self._finished)
        if self._ready and (pause := self.window.pause()) and self._loop is not None:
            if self._wake_up is not None:
                self._wake_up.cancel()
            self._wake_up = self._loop.call_later(pause, self._start_some)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("writer task failed", exc_info=error)
        self._start_some()
        if not self._running and not self._ready:
            self._idle.set()

    async def _run(self, job: _Job) -> None:
        try:
            outcome = await self._outcome(job)
        finally:
            self._next_in_line(job.lane)
        self._on_outcome(outcome)

    def _next_in_line(self, lane: str) -> None:
        line = self._waiting[lane]
        if line:
            self._ready.append(line.popleft())
        else:
            del self._waiting[lane]

    async def _outcome(self, job: _Job) -> Outcome:
        try:
            await self._carry_out(job)
        except errors.ApiError as error:
            return self._end(job, kind_of(error), str(error))
        return self._end(job, OutcomeKind.APPLIED, "")

    async def _carry_out(self, job: _Job) -> None:
        for action in job.transaction.actions:
            if isinstance(action, EmitEvent):
                self.events.emit(action)  # telling people never holds up or fails a placement
            else:
                written = await self._attempts.carry_out(action)
                if isinstance(action, PatchStatus | WritePage):
                    job.resource_version = written.resource_version
                if isinstance(action, CreateJob | WritePage):
                    job.child_uid = written.uid
            job.applied += 1

    @staticmethod
    def _end(job: _Job, kind: OutcomeKind, error: str) -> Outcome:
        return Outcome(
            transaction=job.transaction,
            kind=kind,
            applied=job.applied,
            resource_version=job.resource_version,
            child_uid=job.child_uid,
            error=error,
            seconds=time.monotonic() - job.submitted,
        )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
