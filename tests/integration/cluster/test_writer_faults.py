"""The writer writes once, in order, only while it leads, and says truly what became of it."""

from __future__ import annotations

import pytest

from stellwerk.cluster.outcome import OutcomeKind
from stellwerk.cluster.session import Session
from stellwerk.cluster.writer import WriterTuning
from stellwerk.lifecycle.actions import PatchStatus
from tests.faults.proxy import FaultProxy
from tests.faults.rules import Answer, Call, DropBefore, DropReply, Fault, Hang, Match, Seen
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
    async with writing(session, WriterTuning(timeout=30.0, patience=5.0)) as pen:
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
