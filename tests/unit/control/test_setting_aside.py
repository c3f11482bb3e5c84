"""What a cycle keeps to itself while better places are looked for, and that nobody else is given that room."""

from __future__ import annotations

from typing import Any

import pytest

from stellwerk.cluster import structs
from stellwerk.control.cycle import Cycle
from stellwerk.control.store import Store
from stellwerk.lifecycle.actions import PatchStatus, Transaction
from stellwerk.placement.batch.contest import Advice, Question

GPU = "nvidia.com/gpu"


class Thinker:
    """Stands in for the improver: thinks for as long as the test wants."""

    def __init__(self) -> None:
        self.asked: Question | None = None
        self.thinks_of: frozenset[str] = frozenset()
        self.settled = 0

    def consult(self, question: Question) -> Advice | None:
        if self.asked is None:
            self.asked, self.thinks_of = question, question.uids
        return None

    def settle(self) -> None:
        self.settled += 1

    def clear(self) -> None:
        self.thinks_of = frozenset()


class World:
    """A store with one node of H100, cheap, and one of A100, dear, and a cycle on it."""

    def __init__(self) -> None:
        self.store = Store("local", lambda: None)
        self.thinker = Thinker()
        self.sent: list[Transaction] = []
        self.cycle = Cycle(self.store, self.sent.append, lambda _seconds, _uid: None, self.thinker)  # type: ignore[arg-type]
        for model, price in (("H100", "10"), ("A100", "40")):
            self._add_pool(model, price)

    def _add_pool(self, model: str, price: str) -> None:
        meta = structs.ObjectMeta(f"node-{model}", labels={"pool": model, "kubernetes.io/hostname": f"node-{model}"})
        offer = {"cpu": "96", "memory": "1Ti", "pods": "110", GPU: "8"}
        status = structs.NodeStatus(offer, (structs.Condition("Ready", "True"),))
        self.store.on_node("ADDED", structs.Node(metadata=meta, status=status), None)
        spec = {
            "nodeSelector": {"pool": model},
            "provider": "onprem",
            "region": "de-fra",
            "capacityType": "Owned",
            "accelerator": {"model": model, "count": 8, "memory": "80Gi"},
            "price": {"perNodeHour": price, "currency": "EUR"},
        }
        where = structs.ObjectMeta(model.lower(), "", f"uid-{model}", "1", 1, "2026-11-22T19:00:00Z")
        self.store.on_pool("ADDED", structs.ComputePool(metadata=where, spec=spec), None)

    def submit(self, name: str, *models: str) -> None:
        container = {"name": "main", "image": "x", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}
        spec: dict[str, Any] = {
            "class": "Batch",
            "accelerators": [{"model": model, "count": 8} for model in models],
            "template": {"spec": {"containers": [container]}},
        }
        meta = structs.ObjectMeta(name, "ns", f"uid-{name}", "1", 1, f"2026-11-22T19:00:0{len(name)}Z")
        self.store.on_workload("ADDED", structs.AIWorkload(metadata=meta, spec=spec), None)

    def placed(self) -> dict[str, str]:
        """Return the pools that were written, by name of the workload."""
        found = {}
        for transaction in self.sent:
            for action in transaction.actions:
                placement = action.body["status"].get("placement") if isinstance(action, PatchStatus) else None
                if placement:
                    found[transaction.key.name] = placement["pool"]
        return found


@pytest.fixture
def world() -> World:
    made = World()
    made.submit("ab", "H100", "A100")
    made.submit("abc", "H100")
    made.cycle.run_once()
    return made


def test_those_who_compete_are_not_decided_while_the_solver_thinks(world: World) -> None:
    assert world.thinker.thinks_of == {"uid-ab", "uid-abc"}
    assert world.sent == []


def test_nobody_else_is_given_their_room_meanwhile(world: World) -> None:
    world.submit("late", "H100", "A100")
    (decision,) = (one for one in world.cycle.run_once().decisions)
    assert (decision.key.name, decision.chosen) == ("late", None)
    assert world.placed() == {}


def test_an_event_meanwhile_does_not_decide_them(world: World) -> None:
    world.store.mark("uid-ab")
    assert world.cycle.run_once().decisions == ()
    assert world.placed() == {}


def test_what_does_not_compete_is_decided_at_once(world: World) -> None:
    world.submit("cpu")
    world.cycle.run_once()
    assert set(world.placed()) == {"cpu"}


def test_once_the_time_is_over_they_are_placed_as_greedy_would(world: World) -> None:
    world.thinker.thinks_of = frozenset()
    world.store.mark("uid-ab")
    world.store.mark("uid-abc")
    world.cycle.run_once()
    assert world.placed() == {"ab": "a100", "abc": "h100"}
    assert world.thinker.settled == 2


def test_one_that_is_deleted_meanwhile_leaves_its_room_to_others(world: World) -> None:
    gone = structs.AIWorkload(
        metadata=structs.ObjectMeta("abc", "ns", "uid-abc", "1", 1, "2026-11-22T19:00:03Z"), spec={}
    )
    world.store.on_workload("DELETED", None, gone)
    world.store.mark("uid-abc")
    world.submit("late", "H100")
    world.cycle.run_once()
    assert world.placed() == {"late": "h100"}


def test_a_new_leader_waits_for_no_answer(world: World) -> None:
    world.cycle.restart()
    world.cycle.run_once()
    assert set(world.placed()) == {"ab", "abc"}
