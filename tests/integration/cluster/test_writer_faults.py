"""The writer writes once, in order, only while it leads, and says truly what became of it."""

from __future__ import annotations

import asyncio

import pytest

from stellwerk.cluster.outcome import OutcomeKind
from stellwerk.cluster.session import Session
from stellwerk.cluster.writer import WriterTuning
from stellwerk.lifecycle.actions import PatchStatus
from tests.faults.proxy import FaultProxy
from tests.faults.rules import Answer, Call, Delay, DropBefore, DropReply, Fault, Hang, Match, Seen
from tests.faults.support import until
from tests.faults.workloads import Workloads, job, writing

STATUS = Match(method="PATCH", path="/aiworkloads/[^/]+/status$")
CREATE = Match(method="POST", path="/jobs$")
LOOK = Match(method="GET", path="/aiworkloads/[^/]+$")


async def test_actions_of_a_transaction_are_carried_out_in_order(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")
    async with writing(session) as pen:
        outcome = await pen.write(made, made.patch(), made.create_job(), made.tell())
        assert (outcome.kind, outcome.applied) == (OutcomeKind.APPLIED, 3)
        assert outcome.resource_version == workloads.read("a").version
        assert workloads.job_names() == [made.child]
        assert outcome.child_uid == workloads.api.get(f"{workloads.jobs}/{made.child}")["metadata"]["uid"]
        await until(workloads.events)
    writes = [seen.path.rpartition("/")[2] for seen in proxy.requests(Match(write=True))]
    assert writes == ["status", "jobs", "events"]


async def test_a_conflict_is_reported_and_never_repeated(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")
    workloads.touch("a")
    async with writing(session) as pen:
        outcome = await pen.write(made, made.patch(), made.create_job())
    assert (outcome.kind, outcome.applied) == (OutcomeKind.CONFLICT, 0)
    assert len(proxy.requests(Match(write=True))) == 1
    assert workloads.generation("a") is None
    assert workloads.job_names() == []


@pytest.mark.parametrize("effect", [DropReply(), Hang(forward=True)])
async def test_a_lost_answer_is_looked_up_and_not_written_twice(
    session: Session, proxy: FaultProxy, workloads: Workloads, effect: DropReply | Hang
) -> None:
    made = workloads.create("a")
    proxy.inject(Fault(Match(write=True, path="(status|jobs)$"), effect))
    async with writing(session, WriterTuning(timeout=5.0, patience=120.0)) as pen:
        outcome = await pen.write(made, made.patch(), made.create_job())
    assert (outcome.kind, outcome.applied) == (OutcomeKind.APPLIED, 2)
    assert outcome.resource_version == workloads.read("a").version
    assert workloads.job_names() == [made.child]
    assert len(proxy.requests(STATUS)) == len(proxy.requests(CREATE)) == 1


@pytest.mark.parametrize("effect", [DropBefore(), Answer(500), Answer(503), Answer(504)])
async def test_a_write_that_never_arrived_is_looked_up_and_sent_again(
    session: Session, proxy: FaultProxy, workloads: Workloads, effect: DropBefore | Answer
) -> None:
    made = workloads.create("a")
    proxy.inject(Fault(STATUS, effect, times=1))
    proxy.inject(Fault(CREATE, effect, times=1))
    async with writing(session) as pen:
        outcome = await pen.write(made, made.patch(), made.create_job())
    assert (outcome.kind, outcome.applied) == (OutcomeKind.APPLIED, 2)
    assert workloads.generation("a") == 1
    assert len(proxy.requests(STATUS)) == len(proxy.requests(CREATE)) == 2
    assert len(proxy.requests(LOOK)) == 1


async def test_a_lost_answer_followed_by_somebody_elses_change_is_a_conflict(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")

    def overwrite(_seen: Seen) -> None:
        body = {"status": {"observedGeneration": 77}}
        workloads.api.call("PATCH", f"{workloads.path}/a/status", body, "application/merge-patch+json")

    proxy.inject(Fault(STATUS, DropReply(), times=1))
    proxy.inject(Fault(LOOK, Call(overwrite), times=1))
    async with writing(session) as pen:
        outcome = await pen.write(made, made.patch())
    assert outcome.kind == OutcomeKind.CONFLICT
    assert workloads.generation("a") == 77
    assert len(proxy.requests(STATUS)) == 1


async def test_a_write_that_cannot_be_looked_up_is_unknown_and_not_repeated(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")
    proxy.inject(Fault(STATUS, DropReply()))
    proxy.inject(Fault(LOOK, Answer(503)))
    async with writing(session, WriterTuning(timeout=30.0, patience=2.0)) as pen:
        outcome = await pen.write(made, made.patch(), made.create_job())
    assert (outcome.kind, outcome.applied) == (OutcomeKind.UNKNOWN, 0)
    assert len(proxy.requests(STATUS)) == 1
    assert len(proxy.requests(LOOK)) > 1
    assert workloads.job_names() == []


async def test_our_own_child_that_exists_already_is_success(session: Session, workloads: Workloads) -> None:
    made = workloads.create("a")
    workloads.api.call("POST", workloads.jobs, dict(made.create_job().manifest))
    async with writing(session) as pen:
        outcome = await pen.write(made, made.create_job())
    assert outcome.kind == OutcomeKind.APPLIED
    assert outcome.child_uid == workloads.api.get(f"{workloads.jobs}/{made.child}")["metadata"]["uid"]


async def test_somebody_elses_job_of_the_childs_name_is_left_alone_and_named(
    session: Session, workloads: Workloads
) -> None:
    made = workloads.create("a")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "kube-root-ca.crt"}
    found = await until(
        lambda: [
            item
            for item in workloads.api.get(f"/api/v1/namespaces/{workloads.namespace}/configmaps")["items"]
            if item["metadata"]["name"] == owner["name"]
        ]
    )
    foreign = job(made.child, [{**owner, "uid": found[0]["metadata"]["uid"]}])
    before = workloads.api.call("POST", workloads.jobs, foreign)["metadata"]["resourceVersion"]
    async with writing(session) as pen:
        outcome = await pen.write(made, made.create_job())
    assert outcome.kind == OutcomeKind.NAME_TAKEN
    assert "belongs to ConfigMap kube-root-ca.crt" in outcome.error
    assert workloads.api.get(f"{workloads.jobs}/{made.child}")["metadata"]["resourceVersion"] >= before
    assert "AIWorkload" not in str(workloads.api.get(f"{workloads.jobs}/{made.child}")["metadata"]["ownerReferences"])


async def test_a_429_is_obeyed_and_halves_the_window(session: Session, proxy: FaultProxy, workloads: Workloads) -> None:
    made = workloads.create("a")
    proxy.inject(Fault(STATUS, Answer(429, "TooManyRequests", retry_after=1), times=1))
    async with writing(session) as pen:
        outcome = await pen.write(made, made.patch())
        assert pen.writer.window.size == 16
    assert outcome.kind == OutcomeKind.APPLIED
    assert outcome.seconds >= 1
    assert len(proxy.requests(STATUS)) == 2
    assert len(proxy.requests(LOOK)) == 0, "a 429 is no doubt: nothing was done"


async def test_a_server_that_throttles_for_ever_is_told(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")
    proxy.inject(Fault(STATUS, Answer(429, "TooManyRequests", retry_after=1)))
    async with writing(session, WriterTuning(timeout=30.0, patience=3.0)) as pen:
        outcome = await pen.write(made, made.patch())
    assert outcome.kind == OutcomeKind.THROTTLED
    assert 1 < len(proxy.requests(STATUS)) <= 4
    assert workloads.generation("a") is None


async def test_an_invalid_write_is_reported_once_with_the_servers_words(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")
    wrong = PatchStatus(made.key, made.uid, made.version, {"status": {"observedGeneration": "one"}})
    async with writing(session) as pen:
        outcome = await pen.write(made, wrong, made.create_job())
    assert outcome.kind == OutcomeKind.INVALID
    assert "status.observedGeneration" in outcome.error
    assert len(proxy.requests(Match(write=True))) == 1


async def test_a_deleted_object_is_not_found(session: Session, workloads: Workloads) -> None:
    made = workloads.create("a")
    workloads.delete("a")
    async with writing(session) as pen:
        outcome = await pen.write(made, made.patch(), made.create_job())
    assert outcome.kind == OutcomeKind.NOT_FOUND
    assert workloads.job_names() == []


async def test_an_object_recreated_under_its_name_is_not_written(session: Session, workloads: Workloads) -> None:
    made = workloads.create("a")
    workloads.delete("a")
    workloads.create("a")
    async with writing(session) as pen:
        with_version = await pen.write(made, made.patch())
        without = await pen.write(made, made.patch(version=None))
    assert with_version.kind == OutcomeKind.CONFLICT
    assert without.kind == OutcomeKind.NOT_FOUND
    assert workloads.generation("a") is None


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
    seen = workloads.read("a")
    async with Session(proxy.target) as other, writing(other) as successor:
        outcome = await successor.write(seen, seen.patch(), seen.create_job())
    assert outcome.kind == OutcomeKind.APPLIED
    assert workloads.generation("a") == 1
    assert workloads.job_names() == [made.child]


async def test_while_the_server_is_away_a_write_waits_and_then_goes_through(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")
    async with writing(session) as pen:
        proxy.refuse()
        pen.writer.submit(made.transaction(made.patch()))
        await until(lambda: pen.writer.in_flight == 1)
        proxy.accept()
        await pen.writer.drained()
    assert pen.outcomes[0].kind == OutcomeKind.APPLIED


async def test_a_server_that_stays_away_is_unreachable(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    made = workloads.create("a")
    async with writing(session, WriterTuning(timeout=30.0, patience=1.0)) as pen:
        proxy.refuse()
        outcome = await pen.write(made, made.patch())
    assert outcome.kind == OutcomeKind.UNREACHABLE


async def test_writes_of_one_object_keep_their_order_while_others_pass(
    session: Session, proxy: FaultProxy, workloads: Workloads
) -> None:
    slow, quick = workloads.create("slow"), workloads.create("quick")
    proxy.inject(Fault(Match(method="PATCH", path="/slow/status$"), Delay(1.0), times=1))
    async with writing(session) as pen:
        for generation in (1, 2, 3):
            pen.writer.submit(slow.transaction(slow.patch(generation, None)))
        pen.writer.submit(quick.transaction(quick.patch()))
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
