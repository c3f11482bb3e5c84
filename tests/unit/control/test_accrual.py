"""The ledger's loop against stored pages: crashes, conflicts, lost answers, old pages."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from stellwerk.cluster.errors import ApiError
from stellwerk.cluster.outcome import Outcome, OutcomeKind
from stellwerk.control.accrual import Accrual, LedgerTuning
from stellwerk.control.ledgerfacts import LedgerFacts
from stellwerk.control.store import Store
from stellwerk.economics.ledger.facts import Entry, Party, PodSpan
from stellwerk.economics.ledger.pages import decode
from stellwerk.lifecycle.actions import DeletePage, Transaction, WritePage
from stellwerk.lifecycle.pages import DATA_KEY
from stellwerk.model.resources import Resources
from tests.properties.ledgers import BEGIN, DAY, GPU, check_partition, facts

HOUR = 3600


@dataclass
class Server:
    """Keeps ConfigMaps as an API server does."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    version: int = 0
    fail: Callable[[WritePage], OutcomeKind | None] = lambda _: None
    lose_answers: bool = False
    deleted: list[str] = field(default_factory=list)
    pods: list[dict[str, Any]] = field(default_factory=list)

    def take(self, action: WritePage | DeletePage) -> tuple[OutcomeKind, str]:
        if isinstance(action, DeletePage):
            assert self.objects.pop(action.name)["metadata"]["uid"] == action.uid
            self.deleted.append(action.name)
            return OutcomeKind.APPLIED, ""
        if (kind := self.fail(action)) is not None:
            return kind, ""
        known = self.objects.get(action.name)
        held = None if known is None else known["metadata"]["resourceVersion"]
        if held != action.resource_version or (known is not None and known.get("immutable")):
            return OutcomeKind.CONFLICT, ""
        self.version += 1
        meta = {**action.manifest["metadata"], "uid": f"u-{action.name}", "resourceVersion": str(self.version)}
        self.objects[action.name] = {**action.manifest, "metadata": meta}
        return (OutcomeKind.UNKNOWN if self.lose_answers else OutcomeKind.APPLIED), str(self.version)

    async def get(self, path: str, query: dict[str, str]) -> bytes:
        """What `read_pages` and `ended_pods` ask for, in one page."""
        if path == "/api/v1/pods":
            phase = query["fieldSelector"].removeprefix("status.phase=")
            found = [one for one in self.pods if one["status"]["phase"] == phase]
            return msgspec.json.encode({"metadata": {"resourceVersion": "1"}, "items": found})
        assert query["labelSelector"] == "stellwerk.dev/ledger=local"
        return msgspec.json.encode(
            {"metadata": {"resourceVersion": str(self.version)}, "items": list(self.objects.values())}
        )

    def entries(self) -> list[Entry]:
        found = (decode(b64decode(one["binaryData"][DATA_KEY])) for one in self.objects.values())
        return [entry for page in found for entry in page.entries]


class Process:
    """One replica's ledger."""

    def __init__(self, server: Server, now: int, **tuning: Any) -> None:
        self.server, self.now = server, now
        self.store = Store("local", lambda: None)
        self.facts = LedgerFacts(self.store, dict, lambda: self.now)
        self.accrual = Accrual(self.facts, LedgerTuning("ns", **tuning), self.submit, lambda: self.now)

    @property
    def observed(self) -> Any:
        return self.facts.observed

    def submit(self, transaction: Transaction) -> None:
        [action] = transaction.actions
        assert isinstance(action, WritePage | DeletePage)
        kind, version = self.server.take(action)
        outcome = Outcome(transaction, kind, resource_version=version, child_uid=f"u-{action.name}")
        asyncio.get_running_loop().call_soon(self.accrual.heard, outcome)

    def sees(self, node: str = "n", *pods: str) -> None:
        self.observed.see_node(node, node, BEGIN, facts(36_000_000), self.now)
        for pod in pods:
            party = Party("team", "Training", pod, f"u-{pod}", "1")
            self.observed.see_pod(PodSpan(pod, node, party, Resources.of({GPU: 1}), self.now), self.now)

    async def tick(self) -> None:
        await self.accrual._tick(self.server, lambda: True, lambda: 0.0)


async def test_who_takes_over_goes_on_where_the_pages_end() -> None:
    server = Server()
    first = Process(server, BEGIN, extend=0.0)
    first.sees("n", "a")
    first.now += HOUR
    await first.tick()
    second = Process(server, first.now + 60, extend=0.0)
    second.sees("n", "a")
    second.now += HOUR
    await second.tick()
    ends = check_partition(server.entries())
    assert ends["n"] == (BEGIN, second.now - 3)
    gap = [entry for entry in server.entries() if not entry.seen]
    assert [(entry.start, entry.end) for entry in gap] == [(first.now - 3, first.now + 60)]
    assert not gap[0].lines


async def test_a_write_that_fails_books_nothing_and_the_next_one_books_it_all() -> None:
    server = Server()
    server.fail = lambda _: OutcomeKind.UNREACHABLE
    one = Process(server, BEGIN, extend=0.0)
    one.sees("n", "a")
    one.now += HOUR
    with pytest.raises(ApiError):
        await one.tick()
    assert server.objects == {}
    one.accrual._book = None  # as the loop does
    server.fail = lambda _: None
    one.now += HOUR
    await one.tick()
    assert check_partition(server.entries())["n"] == (BEGIN, one.now - 3)


async def test_a_lost_answer_doubles_nothing() -> None:
    server = Server(lose_answers=True)
    one = Process(server, BEGIN, extend=0.0)
    one.sees("n", "a")
    one.now += HOUR
    with pytest.raises(ApiError):
        await one.tick()
    assert server.entries()
    one.accrual._book = None
    server.lose_answers = False
    one.now += HOUR
    await one.tick()
    assert check_partition(server.entries())["n"] == (BEGIN, one.now - 3)


async def test_two_leaders_at_once_meet_a_conflict_and_not_each_others_seconds() -> None:
    server = Server()
    both = [Process(server, BEGIN, extend=0.0) for _ in range(2)]
    for one in both:
        one.sees("n", "a")
    for hour in range(1, 6):
        for one in both:
            one.now = BEGIN + hour * HOUR
            try:
                await one.tick()
            except ApiError:
                one.accrual._book = None
    assert check_partition(server.entries())["n"][0] == BEGIN
    assert server.version >= 5


async def test_nothing_is_written_before_it_is_due() -> None:
    server = Server()
    one = Process(server, BEGIN, write=3600.0, extend=3600.0)
    one.sees("n", "a")
    one.now += HOUR
    await one.tick()  # who takes over writes at once
    assert server.version == 1
    one.sees("n", "b")
    one.now += 10
    await one.tick()
    assert server.version == 1


async def test_a_page_that_is_full_never_changes_again_and_old_ones_are_deleted() -> None:
    server = Server()
    one = Process(server, BEGIN, extend=0.0, page_bytes=1, keep_days=35)
    for day in range(60):
        one.sees("n", f"w{day}")
        one.observed.lose_pod(f"w{day - 1}", one.now)
        one.now += DAY
        await one.tick()
    assert server.deleted
    names = sorted(server.objects)
    assert all(server.objects[name].get("immutable") for name in names)
    ends = check_partition(server.entries())
    assert ends["n"][1] == one.now - 3
    assert one.now - ends["n"][0] >= 35 * DAY
    again = Process(server, one.now, extend=0.0, page_bytes=1, keep_days=35)
    again.sees("n", "w59")
    again.now += HOUR
    await again.tick()
    check_partition(server.entries())


async def test_what_a_node_that_is_gone_has_cost_counts_once_however_often_its_page_is_written() -> None:
    server = Server()
    one = Process(server, BEGIN, extend=0.0)
    one.facts._owners = lambda: {"team": "north"}
    one.facts.refresh()
    one.sees("gone", "a")
    one.sees("n", "b")
    one.now += HOUR
    one.observed.lose_pod("a", one.now)
    one.observed.lose_node("gone", one.now)
    for _ in range(3):
        one.now += HOUR
        await one.tick()
    lines = [(line, entry) for entry in server.entries() for line in entry.lines]
    paid = sum(line.rate * (entry.end - entry.start) for line, entry in lines)
    assert {line.party.workload for line, _ in lines} == {"a", "b"}
    assert sum(spent.amount for spent in one.accrual.totals.of(["north"], 0, 10**12).values()) == paid


async def test_a_standby_forgets_what_the_leader_has_surely_booked() -> None:
    one = Process(Server(), BEGIN, write=60.0, extend=600.0)
    one.sees("n", "a")
    one.observed.lose_pod("a", one.now + 1)
    one.now += DAY
    await one.accrual._tick(one.server, lambda: False, lambda: 0.0)
    assert list(one.observed.pods_on("n")) == []
    assert one.observed.since == one.now - 2 * 600 - 2 * 60


async def test_what_happened_after_the_moment_that_is_written_stays_due() -> None:
    server = Server()
    one = Process(server, BEGIN, write=0.0, extend=3600.0)
    one.sees("n")
    one.now += HOUR
    await one.tick()
    one.sees("n", "late")
    await one.tick()
    assert "n" in one.observed.dirty
    one.now += 60
    await one.tick()
    assert one.observed.dirty == {}
    assert [line.party.workload for entry in server.entries() for line in entry.lines] == ["late"]


def ended(name: str, phase: str, bound: int, finished: int) -> dict[str, Any]:
    def at(moment: int) -> str:
        return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")

    states = [{"state": {"terminated": {"finishedAt": at(moment)}}} for moment in (finished - 5, finished)]
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": at(bound)}
    return {
        "metadata": {"name": name, "namespace": "team", "uid": f"u-{name}"},
        "spec": {"nodeName": "n", "containers": [{"name": "main", "resources": {"requests": {GPU: "2"}}}]},
        "status": {"phase": phase, "conditions": [scheduled], "containerStatuses": states},
    }


async def test_what_ended_while_nobody_ran_pays_until_the_kubelet_saw_it_end() -> None:
    server = Server()
    first = Process(server, BEGIN, extend=0.0)
    first.sees("n")
    first.now += HOUR
    await first.tick()
    gap = first.now - 3
    server.pods = [
        ended("good", "Succeeded", gap + 100, gap + 300),
        ended("bad", "Failed", gap + 200, gap + 400),
        ended("long-ago", "Failed", gap - 500, gap - 400),
    ]
    second = Process(server, gap + 1000, extend=0.0)
    second.sees("n")
    second.now += HOUR
    await second.tick()
    entries = [entry for entry in server.entries() if entry.start >= gap]
    found = [(e.start - gap, e.end - gap, e.seen, sum(line.accelerators for line in e.lines)) for e in entries]
    assert found == [
        (0, 100, False, 0),
        (100, 200, False, 2000),
        (200, 300, False, 4000),
        (300, 400, False, 2000),
        (400, 1000, False, 0),
        (1000, 1000 + HOUR - 3, True, 0),
    ]
    check_partition(server.entries())
