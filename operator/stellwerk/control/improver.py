"""Better places for workloads that compete, worked out in a child process while the loop goes on.

A cycle whose batch competes asks, keeps the decisions on just these workloads to itself, and assumes the room that
greedy found for them, so that nobody else is given it. When the answer is there, or the time for it is over, they are
planned once more like anything that changed, on the snapshot of that moment, with the answer as advice: what does not
fit any more or is not better is not taken. The child never decides anything, so it may be slow, wrong or dead.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum, auto
from typing import Final

import msgspec

from stellwerk import metrics
from stellwerk.control.solverprocess import LENGTH, Task, framed
from stellwerk.logs import get_logger
from stellwerk.placement.batch.contest import Advice, Answer, Question, spread

_log = get_logger(__name__)

COMMAND: Final = (sys.executable, "-m", "stellwerk.control.solverprocess")

SHARE: Final = 0.8
"""Part of the time that the child may use itself; the rest is for the way there and back."""
_RESTART_SECONDS: Final = 1.0
"""Pause before a child is started anew."""


class _State(Enum):
    IDLE = auto()
    ASKED = auto()
    ANSWERED = auto()


class Improver:
    """One question at a time; used from one event loop.

    Args:
        budget: seconds that a workload may wait for an answer; 0 never asks.
        answered: called when the workloads of a question are to be planned again.
        command: what to run as child.

    """

    def __init__(
        self, budget: float, answered: Callable[[frozenset[str]], None], command: Sequence[str] = COMMAND
    ) -> None:
        self._budget, self._answered, self._command = budget, answered, tuple(command)
        self._state = _State.IDLE
        self._uids: frozenset[str] = frozenset()
        self._advice: Advice | None = None
        self._questions: asyncio.Queue[Question] = asyncio.Queue()
        self._child: Process | None = None
        self._awake = asyncio.Event()

    @property
    def thinks_of(self) -> frozenset[str]:
        """Uids of the workloads that must not be decided yet."""
        return self._uids if self._state is _State.ASKED else frozenset()

    def consult(self, question: Question) -> Advice | None:
        """Return the advice for these workloads if there is any, else ask for it; never waits. A `Solver`."""
        if self._state is _State.ANSWERED and question.uids & self._uids:
            return self._advice
        if self._state is _State.IDLE and self._child is not None:
            self._state, self._uids = _State.ASKED, question.uids
            self._questions.put_nowait(question)
        return None

    def settle(self) -> None:
        """Forget an answer: a cycle has heard it."""
        if self._state is _State.ANSWERED:
            self._forget()

    def wake(self) -> None:
        """Start the child: this replica leads."""
        self._awake.set()

    def clear(self) -> None:
        """Forget everything: who leads anew looks at everything anyway."""
        while not self._questions.empty():
            self._questions.get_nowait()
        self._forget()

    async def run(self) -> None:
        """Keep a child and pass questions to it, until cancelled."""
        if self._budget <= 0:
            return
        await self._awake.wait()
        try:
            while True:
                await self._serve()
                await asyncio.sleep(_RESTART_SECONDS)
        finally:
            await self._end()

    async def _serve(self) -> None:
        """Start a child and ask it until it fails."""
        try:
            self._child = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, start_new_session=True
            )
        except OSError as error:
            _log.warning("solver cannot be started, batches stay as greedy placed them", error=str(error))
            return
        failed = False
        while not failed:
            question = await self._questions.get()
            answer, result = await self._ask(self._child, question)
            failed = answer is None
            if failed:
                await self._end()
            metrics.IMPROVEMENTS.labels(result).inc()
            self._hear(question, None if answer is None else spread(question, answer))

    async def _ask(self, child: Process, question: Question) -> tuple[Answer | None, str]:
        """Return the answer and what became of the question; None if the child is of no use any more."""
        try:
            async with asyncio.timeout(self._budget):
                return await _exchange(child, Task(question.problem, self._budget * SHARE, question.start)), "answered"
        except TimeoutError:
            _log.warning("solver took too long and is started anew", budget_seconds=self._budget)
            return None, "late"
        except (OSError, asyncio.IncompleteReadError, msgspec.DecodeError) as error:
            _log.warning("solver died and is started anew", error=repr(error))
            return None, "failed"

    def _hear(self, question: Question, advice: Advice | None) -> None:
        if self._state is _State.ASKED and self._uids == question.uids:
            self._state, self._advice = _State.ANSWERED, advice
            self._answered(self._uids)

    def _forget(self) -> None:
        self._state, self._uids, self._advice = _State.IDLE, frozenset(), None

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def _exchange(child: Process, task: Task) -> Answer:
    if child.stdin is None or child.stdout is None:
        raise OSError("the solver has no pipes")
    child.stdin.write(framed(task))
    await child.stdin.drain()
    head = await child.stdout.readexactly(LENGTH)
    body = await child.stdout.readexactly(int.from_bytes(head, "big"))
    return msgspec.msgpack.decode(body, type=Answer)
