"""Running workloads move only where it pays, and never too many at a time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stellwerk.model.capacity import CapacityType
from stellwerk.model.decision import MICROS, Move, MoveKind
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Snapshot
from stellwerk.placement.planner import plan
from tests.builders import NOW, gang, nodes, policy, pool, snapshot
from tests.unit.placement.test_preemption import running

MOVING = (policy(migrates=True, restart_overhead_s=600),)
DAY = 86_400


def there(name: str, node: str = "dear-0000", **facts: Any) -> Running:
    """A workload of a day's work that runs in the dear pool since an hour, with a checkpoint every 20 minutes."""
    told = {"expected_runtime_s": DAY, "checkpoint_interval_s": 1200, **facts}
    one = running(name, {node: 1}, **told)
    assert one.placement is not None
    return msgspec.structs.replace(one, placement=msgspec.structs.replace(one.placement, pool="dear"))


def world(*ones: Running, cheap: str = "16", spare: int = 1, **facts: Any) -> Snapshot:
    """Two pools, of which the dear one is where these run."""
    pools = [pool("cheap", price=cheap), pool("dear", price="32")]
    usage = {node: used for one in ones for node, used in one.uses}
    members = (*nodes(spare, "cheap"), *nodes(max(1, len(ones)), "dear"))
    return snapshot(pools, members, running=ones, usage=usage, **{"policies": MOVING, **facts})


def moves(seen: Snapshot, *pending: Any, settle: bool = True) -> tuple[Move, ...]:
    return plan(list(pending), seen, NOW, 1, settle=settle).moves


def test_a_workload_goes_where_the_rest_of_its_run_is_cheaper() -> None:
    (move,) = moves(world(there("train")))
    assert (move.uid, move.kind) == ("uid-train", MoveKind.MIGRATE)
    assert move.placement is not None
    assert move.placement.pool == "cheap"
    assert move.cost is not None
    assert move.cost.per_hour is not None
    # 23 of 24 hours are left, at 16 EUR less; 20 minutes there are lost: 10 to do work again, 10 to start
    assert move.saving == 23 * 16 * MICROS
    assert move.loss == round(move.cost.per_hour * 20 / 60)
    assert "moved from dear to cheap" in move.message


@pytest.mark.parametrize(
    "facts",
    [
        {"movable": False},
        {"settled": False},
        {"leaving": True},
        {"checkpoint_interval_s": None, "since": "2026-11-21T13:00:00Z"},
        {"expected_runtime_s": 4000},
        {"expected_runtime_s": 600},
    ],
    ids=["forbids it", "is not settled", "leaves", "would lose a day", "is nearly done", "should have ended"],
)
def test_it_stays_if_it(facts: dict[str, Any]) -> None:
    leaving = facts.pop("leaving", False)
    one = there("train", **facts)
    one = msgspec.structs.replace(one, leaving=True, settled=False, placement=None) if leaving else one
    assert moves(world(one)) == ()


@pytest.mark.parametrize(
    "facts",
    [
        {"policies": (policy(),)},
        {"policies": (policy(migrates=True, minimum_saving=10_000),)},
        {"cheap": "32"},
        {"cheap": "31.9"},
        {"cheap": None},
        {"spare": 0},
        {"moved": {"default": ("2026-11-22T11:30:00Z",) * 4}},
    ],
    ids=[
        "policy does not say so",
        "policy asks for more",
        "nothing is cheaper",
        "hardly anything is",
        "a price is unknown",
        "there is no room",
        "four have moved in this hour",
    ],
)
def test_nothing_moves_where(facts: dict[str, Any]) -> None:
    assert moves(world(there("train"), **facts)) == ()


def test_what_moved_more_than_an_hour_ago_does_not_count() -> None:
    assert len(moves(world(there("train"), moved={"default": ("2026-11-22T10:59:59Z",) * 9}))) == 1


def test_no_more_move_in_an_hour_than_the_policy_says_and_the_best_first() -> None:
    ones = [there(f"train-{at}", f"dear-{at:04d}", expected_runtime_s=DAY * (1 + at)) for at in range(4)]
    rules = (policy(migrates=True, max_moves_per_hour=3),)
    seen = world(*ones, spare=4, policies=rules, moved={"default": ("2026-11-22T11:30:00Z",)})
    assert [move.uid for move in moves(seen)] == ["uid-train-3", "uid-train-2"]


def test_two_do_not_go_to_the_same_place() -> None:
    ones = [there(f"train-{at}", f"dear-{at:04d}") for at in range(2)]
    assert len(moves(world(*ones, spare=1))) == 1


def test_what_waits_goes_first() -> None:
    assert moves(world(there("train")), gang("new")) == ()


def test_nothing_moves_in_a_cycle_that_does_not_look_at_what_runs() -> None:
    assert moves(world(there("train")), settle=False) == ()


def test_the_risk_of_the_other_place_counts() -> None:
    seen = world(there("train"), cheap="24")
    (move,) = moves(seen)
    risky = msgspec.structs.replace(seen.pools[0], capacity_type=CapacityType.SPOT, interruption_rate_per_hour=2)
    assert moves(msgspec.structs.replace(seen, pools=(risky, seen.pools[1]))) == ()
    assert move.saving is not None
    assert move.saving > MICROS
