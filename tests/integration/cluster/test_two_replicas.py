"""Two replicas, each an elector and a writer: whatever happens to the leader, only one of them ever writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from stellwerk.cluster.outcome import OutcomeKind
from stellwerk.cluster.session import Session
from stellwerk.cluster.writer import WriterTuning
from tests.faults.candidates import DURATION, RENEW, Candidate, race
from tests.faults.rules import Answer, Fault, Hang, Match, Seen
from tests.faults.support import until
from tests.faults.workloads import Made, Pen, Workloads, writing
from tests.testbed.plugin import Bed

STATUS = Match(method="PATCH", path="/status$")
LEASE = Match(path="/leases")
TIMEOUT = DURATION - RENEW


@dataclass
class Replica:
    """An elector and a writer that asks it, behind one proxy."""

    candidate: Candidate
    pen: Pen

    def written(self) -> list[Seen]:
        """Its writes to AIWorkloads, as they came to the API server."""
        return self.candidate.proxy.requests(STATUS)


@asynccontextmanager
async def replica(candidate: Candidate) -> AsyncIterator[Replica]:
    tuning = WriterTuning(timeout=TIMEOUT, patience=60.0)
    async with Session(candidate.proxy.target) as session, writing(session, tuning) as pen:
        pen.when_asked = lambda: setattr(pen, "leads", candidate.leads)
        yield Replica(candidate, pen)


async def write_always(replica: Replica, made: Made) -> None:
    """Try to write for ever, as a replica would that believes in itself."""
    generation = 0
    while True:
        generation += 1
        outcome = await replica.pen.write(made, made.patch(generation, None))
        await asyncio.sleep(0.02 if outcome.kind == OutcomeKind.APPLIED else 0.1)


def lose_lease(candidate: Candidate) -> None:
    candidate.proxy.inject(Fault(LEASE, Hang()))


def lose_all(candidate: Candidate) -> None:
    candidate.proxy.refuse()


def lose_heart(candidate: Candidate) -> None:
    candidate.heart_beats = False


def be_throttled(candidate: Candidate) -> None:
    candidate.proxy.inject(Fault(LEASE, Answer(429, "TooManyRequests", retry_after=2)))


@pytest.mark.parametrize("fault", [lose_lease, lose_all, lose_heart, be_throttled])
async def test_the_last_write_of_a_deposed_leader_is_older_than_the_first_of_the_next(
    testbed: Bed, workloads: Workloads, fault: Callable[[Candidate], None]
) -> None:
    made = workloads.create("a")
    with race(testbed.kubeconfig, workloads.namespace) as election:
        first, second = election.join("first"), election.join("second")
        await until(lambda: first.leads or second.leads)
        old, new = (first, second) if first.leads else (second, first)
        async with replica(old) as deposed, replica(new) as heir:
            writing_on = [asyncio.create_task(write_always(one, made)) for one in (deposed, heir)]
            await until(lambda: len(deposed.written()) > 5)
            assert heir.written() == []
            fault(old)
            await until(lambda: len(heir.written()) > 5)
            old.proxy.heal()
            old.heart_beats = True
            before = len(heir.written())
            await until(lambda: len(heir.written()) > before + 20)
            for task in writing_on:
                task.cancel()
            await asyncio.gather(*writing_on, return_exceptions=True)
        assert deposed.written()[-1].at < heir.written()[0].at
        assert heir.written()[0].at - deposed.written()[-1].at < 20, "a dead leader is replaced within 20 s"


async def test_a_leader_who_leaves_has_finished_writing_before_the_next_one_begins(
    testbed: Bed, workloads: Workloads
) -> None:
    made = workloads.create("a")
    with race(testbed.kubeconfig, workloads.namespace) as election:
        old = election.join("old")
        await until(lambda: old.leads)
        new = election.join("new")
        async with replica(old) as leaving, replica(new) as heir:
            loop = asyncio.get_running_loop()

            def drain() -> None:
                asyncio.run_coroutine_threadsafe(leaving.pen.writer.drained(), loop).result(60)

            object.__setattr__(old.elector._callbacks, "on_stopped", drain)
            writing_on = [asyncio.create_task(write_always(one, made)) for one in (leaving, heir)]
            await until(lambda: len(leaving.written()) > 5)
            await asyncio.to_thread(old.elector.stop)
            await until(lambda: len(heir.written()) > 5)
            for task in writing_on:
                task.cancel()
            await asyncio.gather(*writing_on, return_exceptions=True)
        assert leaving.written()[-1].at < heir.written()[0].at
