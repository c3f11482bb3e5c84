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
from tests.unit.placement.moves.test_preemption import running

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
    facts = dict(facts)
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


def fragments(**facts: Any) -> Snapshot:
    """Two nodes, each half full with one workload of a long run."""
    ones = [
        running(f"half-{at}", {f"pool-{at:04d}": 1}, 4, expected_runtime_s=10 * DAY, checkpoint_interval_s=600, **facts)
        for at in range(2)
    ]
    usage = {node: used for one in ones for node, used in one.uses}
    return snapshot([pool()], nodes(2), running=ones, usage=usage, policies=MOVING)


def test_workloads_move_together_where_a_gang_waits_for_the_room() -> None:
    made = plan([gang("big", gpus=8)], fragments(), NOW, 1, settle=True)
    (move,) = made.moves
    assert (move.kind, move.cause) == (MoveKind.MIGRATE, "uid-big")
    assert move.placement is not None
    assert move.placement.preferred_nodes == ("pool-0001",)
    (decision,) = made.decisions
    assert (decision.mode.name, decision.reason, decision.chosen) == ("PREEMPT", "MakingRoom", None)
    assert "after moving team/half-0 elsewhere" in decision.message


def test_a_gang_for_which_others_made_way_waits_for_their_room_and_takes_no_other() -> None:
    seen = fragments()
    gone = msgspec.structs.replace(seen.running[0], placement=None, leaving=True, settled=False)
    later = msgspec.structs.replace(seen, running=(gone, seen.running[1]), promised=frozenset({"uid-big"}))
    made = plan([gang("big", gpus=8), gone.workload], later, NOW, 2, settle=True)
    modes = {decision.key.name: decision.mode.name for decision in made.decisions}
    assert modes == {"big": "PREEMPT", "half-0": "FIT"}
    chosen = next(one.chosen for one in made.decisions if one.key.name == "half-0")
    assert chosen is not None
    assert chosen.preferred_nodes == ("pool-0001",)
    assert made.moves == ()


@pytest.mark.parametrize(
    "facts",
    [{"movable": False}, {"priority": 5}, {"expected_runtime_s": 3700}, {"checkpoint_interval_s": None}],
    ids=["they forbid it", "they are more important", "one ends soon", "they would lose a week"],
)
def test_nobody_moves_for_a_gang_if(facts: dict[str, Any]) -> None:
    long_ago = {"expected_runtime_s": 10 * DAY, "since": "2026-11-15T12:00:00Z"}
    told = {**long_ago, **facts} if "checkpoint_interval_s" in facts else facts
    assert not [move for move in moves_for_gang(**told) if move.kind is MoveKind.MIGRATE]


def moves_for_gang(**facts: Any) -> tuple[Move, ...]:
    told = {"expected_runtime_s": 10 * DAY, "checkpoint_interval_s": 600, **facts}
    ones = [running(f"half-{at}", {f"pool-{at:04d}": 1}, 4, **told) for at in range(2)]
    usage = {node: used for one in ones for node, used in one.uses}
    seen = snapshot([pool()], nodes(2), running=ones, usage=usage, policies=MOVING)
    return plan([gang("big", gpus=8)], seen, NOW, 1, settle=True).moves
