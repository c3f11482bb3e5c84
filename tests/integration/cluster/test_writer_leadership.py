"""A writer writes only while it leads, in order per object; the next leader completes what it left."""

from __future__ import annotations

import asyncio

import pytest

from stellwerk.cluster.outcome import OutcomeKind
from stellwerk.cluster.session import Session
from stellwerk.cluster.writer import WriterTuning
from tests.faults.proxy import FaultProxy
from tests.faults.rules import Answer, Call, Delay, DropBefore, DropReply, Fault, Hang, Hold, Match
from tests.faults.support import until
from tests.faults.workloads import Workloads, writing

STATUS = Match(method="PATCH", path="/aiworkloads/[^/]+/status$")
CREATE = Match(method="POST", path="/jobs$")
LOOK = Match(method="GET", path="/aiworkloads/[^/]+$")


async def test_who_does_not_lead_sends_nothing(session: Session, proxy: FaultProxy, workloads: Workloads) -> None:
    made = workloads.create("a")
    async with writing(session) as pen:
        pen.leads = False
        outcome = await pen.write(made, made.patch(), made.create_job(), made.tell())
    assert outcome.kind == OutcomeKind.NOT_LEADER
    assert proxy.requests(Match(write=True)) == []


async def test_who_is_deposed_between_two_actions_stops_there(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")
    async with writing(session) as pen:
        proxy.inject(Fault(STATUS, Call(lambda _seen: setattr(pen, "leads", False), "committed")))
        outcome = await pen.write(made, made.patch(), made.create_job())
    assert (outcome.kind, outcome.applied) == (OutcomeKind.NOT_LEADER, 1)
    assert outcome.resource_version == workloads.read("a").version
    assert workloads.job_names() == []


async def test_who_is_deposed_while_waiting_for_the_server_does_not_write_afterwards(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")
    async with writing(session) as pen:
        depose = Call(lambda _seen: setattr(pen, "leads", False))
        proxy.inject(Fault(LOOK, depose, times=1))
        proxy.inject(Fault(STATUS, DropBefore(), times=1))
        outcome = await pen.write(made, made.patch())
    assert outcome.kind == OutcomeKind.NOT_LEADER
    assert len(proxy.requests(STATUS)) == 1
    assert workloads.generation("a") is None


async def test_who_is_deposed_does_not_go_on_asking_what_became_of_a_write(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")
    async with writing(session) as pen:
        proxy.inject(Fault(STATUS, DropReply()))
        looked = proxy.inject(Fault(LOOK, Answer(503)))
        pen.when_asked = lambda: setattr(pen, "leads", looked.hits < 2)
        outcome = await pen.write(made, made.patch())
    assert outcome.kind == OutcomeKind.UNKNOWN
    assert looked.hits == 2


async def test_who_is_deposed_is_done_at_once_though_the_server_asked_to_wait_long(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = [workloads.create(f"w{i}") for i in range(6)]
    throttled = proxy.inject(Fault(STATUS, Answer(429, "TooManyRequests", retry_after=60)))
    async with writing(session, WriterTuning(in_flight=2, timeout=30.0, patience=600.0)) as pen:
        for one in made:
            pen.writer.submit(one.transaction(one.patch()))
        await until(lambda: throttled.hits >= 1)
        pen.leads = False
        async with asyncio.timeout(30):
            await pen.writer.drained()
    assert {outcome.kind for outcome in pen.outcomes} == {OutcomeKind.NOT_LEADER}
    assert len(pen.outcomes) == 6


@pytest.mark.parametrize("effect", [DropBefore(), DropReply()])
@pytest.mark.parametrize("write", [1, 2])
async def test_after_a_death_at_any_write_the_next_leader_completes_it_once(
    session: Session, proxy: FaultProxy, workloads: Workloads, write: int, effect: DropBefore | DropReply
) -> None:
    made = workloads.create("a")
    async with writing(session) as dying:
        fatal = proxy.inject(Fault(Match(number=write), effect))
        proxy.inject(Fault(LOOK, Hang(), times=1))  # it never learns what became of its write
        proxy.inject(Fault(Match(method="GET", path="/jobs/"), Hang(), times=1))
        dying.writer.submit(made.transaction(made.patch(), made.create_job()))
        await until(lambda: fatal.hits == 1)
        dying.leads = False
        for task in dying.writer._running:
            task.cancel()
    proxy.heal()
    async with Session(proxy.target) as other, writing(other) as successor:
        outcome = None
        while outcome is None or outcome.kind == OutcomeKind.CONFLICT:  # the dead one's last write landed just then
            seen = workloads.read("a")
            outcome = await successor.write(seen, seen.patch(), seen.create_job())
    assert outcome.kind == OutcomeKind.APPLIED
    assert workloads.generation("a") == 1
    assert workloads.job_names() == [made.child]


async def test_writes_of_one_object_keep_their_order_while_others_pass(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    slow, quick = workloads.create("slow"), workloads.create("quick")
    held = Hold()
    proxy.inject(Fault(Match(method="PATCH", path="/slow/status$"), held, times=1))
    async with writing(session) as pen:
        for generation in (1, 2, 3):
            pen.writer.submit(slow.transaction(slow.patch(generation, None)))
        pen.writer.submit(quick.transaction(quick.patch()))
        await until(lambda: pen.outcomes)
        held.let_go.set()
        await pen.writer.drained()
    assert [outcome.kind for outcome in pen.outcomes] == [OutcomeKind.APPLIED] * 4
    assert [outcome.transaction.key.name for outcome in pen.outcomes] == ["quick", "slow", "slow", "slow"]
    sent = [seen.body for seen in proxy.requests(Match(path="/slow/status$"))]
    assert [body.index(b'"observedGeneration":%d' % i) > 0 for i, body in enumerate(sent, 1)] == [True] * 3


async def test_no_more_writes_are_in_flight_than_allowed(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = [workloads.create(f"w{i}") for i in range(12)]
    proxy.inject(Fault(STATUS, Delay(0.2)))
    async with writing(session, WriterTuning(in_flight=3, timeout=30.0, patience=120.0)) as pen:
        most = 0

        def count() -> None:
            nonlocal most
            most = max(most, pen.writer.in_flight)

        pen.when_asked = count
        for one in made:
            pen.writer.submit(one.transaction(one.patch()))
        await pen.writer.drained()
    assert most == 3
    assert [outcome.kind for outcome in pen.outcomes] == [OutcomeKind.APPLIED] * 12


async def test_transactions_may_be_submitted_from_any_thread(session: Session, workloads: Workloads) -> None:
    made = [workloads.create(f"w{i}") for i in range(5)]
    async with writing(session) as pen:
        await asyncio.gather(*(asyncio.to_thread(pen.writer.submit, one.transaction(one.patch())) for one in made))
        await until(lambda: len(pen.outcomes) == 5)
    assert {outcome.kind for outcome in pen.outcomes} == {OutcomeKind.APPLIED}


async def test_what_is_said_often_is_one_event_that_counts_and_a_new_leader_continues_it(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")
    async with writing(session) as first:
        for _ in range(20):
            await first.write(made, made.tell())
        await until(workloads.events)
        assert len(proxy.requests(Match(write=True))) == 1
    async with writing(session) as second:
        await second.write(made, made.tell())
        await until(lambda: workloads.events()[0]["count"] > 1)
    assert len(workloads.events()) == 1
    assert proxy.requests(Match(method="GET", path="/events")) == [], "the operator may not read events"


async def test_an_event_that_is_refused_does_not_hold_up_a_placement(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")
    refused = proxy.inject(Fault(Match(path="/events$"), Answer(403, "Forbidden")))
    async with writing(session) as pen:
        outcome = await pen.write(made, made.tell(), made.patch(), made.create_job())
        await until(lambda: refused.hits == 1)
        await until(lambda: pen.writer.events.dropped == 1)
    assert outcome.kind == OutcomeKind.APPLIED
    assert workloads.job_names() == [made.child]
