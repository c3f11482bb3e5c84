"""A policy or pool is called accepted only once decisions follow it, whichever stream was first."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from stellwerk.cluster import resources, structs
from stellwerk.cluster.kubeconfig import Target
from stellwerk.cluster.reflector import Tuning
from stellwerk.cluster.session import Session
from stellwerk.cluster.writer import WriterTuning
from stellwerk.control import runtime
from stellwerk.control.accrual import LedgerTuning
from stellwerk.control.how import How, Pricing
from stellwerk.control.runtime import Runtime
from stellwerk.lifecycle.actions import PatchConfigStatus, Transaction
from stellwerk.lifecycle.patience import Patience
from stellwerk.model.supply import Backoff
from stellwerk.sources.prices import PriceFiles
from tests.faults.support import until

TARGET = Target("http://127.0.0.1:9", namespace="default")
HOW = How(
    cluster="local",
    lease=None,
    tuning=Tuning(),
    writes=WriterTuning(),
    window=(0.001, 0.2, 30.0),
    improve=0.0,
    heartbeat_limit=5.0,
    liveness=90.0,
    backoff=Backoff(300.0, 3600.0),
    patience=Patience(),
    prices=Pricing(PriceFiles(), reread=10.0, step=Decimal(10), outdated=timedelta(days=180)),
    ledger=LedgerTuning("stellwerk-system"),
)


class Silent:
    """A shell that sees nothing by itself: the test says what kopf saw."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""

    def restart(self) -> None:
        """Begin anew."""


@dataclass
class Replica:
    """A replica in the running loop, without an API server."""

    runtime: Runtime
    judge: Callable[[str, Any], None]
    submitted: list[Transaction]

    def sees(self, generation: int) -> None:
        """Have the stream show the policy that decisions follow."""
        of_policies = next(one for one in self.runtime._reflectors if one.resource is resources.PLACEMENT_POLICIES)
        of_policies._cache.apply("MODIFIED", msgspec.convert(policy(generation), structs.PlacementPolicy))

    @property
    def answered(self) -> list[int]:
        """The generations that were answered, in order."""
        actions = [action for one in self.submitted for action in one.actions]
        return [one.body["status"]["observedGeneration"] for one in actions if isinstance(one, PatchConfigStatus)]


def policy(generation: int) -> dict[str, Any]:
    """A PlacementPolicy as the API server shows it."""
    version = str(100 + generation)
    metadata = {"name": "eu", "uid": "u", "generation": generation, "resourceVersion": version}
    return {"metadata": metadata, "spec": {"currency": "EUR"}}


@pytest.fixture
async def replica(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Replica]:
    """A replica whose kopf and whose stream of policies the test plays."""
    judges: list[Callable[[str, Any], None]] = []
    submitted: list[Transaction] = []

    def shell(judge: Callable[[str, Any], None]) -> Silent:
        judges.append(judge)
        return Silent()

    monkeypatch.setattr(runtime, "_UNSEEN_SECONDS", 0.01)
    made = Runtime(TARGET, HOW, shell)
    made._loop = asyncio.get_running_loop()
    monkeypatch.setattr(made, "_submit", submitted.append)
    async with Session(TARGET) as session:
        made._reflectors = made._make_reflectors(session)
        yield Replica(made, judges[0], submitted)


async def test_what_decisions_follow_already_is_answered_at_once(replica: Replica) -> None:
    replica.sees(1)
    await asyncio.to_thread(replica.judge, "PlacementPolicy", policy(1))
    await until(lambda: replica.answered == [1])


async def test_what_kopf_saw_first_is_answered_once_decisions_follow_it(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    answer = replica.runtime._answer

    def counted(transaction: Transaction, generation: int, tries: int) -> None:
        tried.append(tries)
        answer(transaction, generation, tries)

    monkeypatch.setattr(replica.runtime, "_answer", counted)
    replica.sees(1)
    replica.judge("PlacementPolicy", policy(2))
    await until(lambda: len(tried) > 2)
    assert replica.answered == []
    replica.sees(2)
    await until(lambda: replica.answered == [2])


async def test_a_verdict_on_what_has_changed_since_is_dropped(replica: Replica) -> None:
    replica.judge("PlacementPolicy", policy(1))
    replica.judge("PlacementPolicy", policy(2))
    replica.sees(2)
    await until(lambda: bool(replica.answered))
    assert replica.answered == [2]


async def test_what_no_stream_ever_shows_is_answered_in_the_end(replica: Replica) -> None:
    replica.judge("PlacementPolicy", policy(1))
    await until(lambda: replica.answered == [1])
