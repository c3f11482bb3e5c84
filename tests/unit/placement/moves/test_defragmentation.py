"""Room that is made by moving others together: when it pays, what is told of it, and that nothing is left behind."""

from __future__ import annotations

from typing import Any

import pytest

from stellwerk.model.decision import MICROS, Decision, Mode, Move, MoveKind, Plan
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Snapshot
from stellwerk.placement.planner import plan
from tests.builders import NOW, gang, nodes, policy, pool, snapshot
from tests.unit.placement.moves.test_preemption import running

DAY = 86_400
MOVING = policy(migrates=True, restart_overhead_s=600)


def piece(name: str, at: int, gpus: int = 4, **facts: Any) -> Running:
    """A workload of ten days on one node, with a checkpoint every ten minutes."""
    told = {"expected_runtime_s": 10 * DAY, "checkpoint_interval_s": 600, **facts}
    return running(name, {f"pool-{at:04d}": 1}, gpus, **told)


def world(*ones: Running, count: int = 2, rules: Any = (MOVING,), **facts: Any) -> Snapshot:
    usage: dict[str, Any] = {}
    for one in ones:
        for node, used in one.uses:
            usage[node] = usage[node] + used if node in usage else used
    return snapshot([pool()], nodes(count), running=ones, usage=usage, policies=rules, **facts)


def made(seen: Snapshot, *waiting: Any) -> Plan:
    return plan(list(waiting) or [gang("big", gpus=8)], seen, NOW, 1, settle=True)


def told(seen: Snapshot, *waiting: Any) -> tuple[Move, Decision]:
    found = made(seen, *waiting)
    (move,) = found.moves
    return move, found.decisions[0]


def test_who_moves_is_told_where_to_for_whom_and_at_what_price() -> None:
    move, decision = told(world(piece("a", 0), piece("b", 1)))
    assert move.cost is not None
    assert move.cost.per_hour is not None
    # 15 minutes are lost: 5 to do work again, half of a checkpoint interval, and 10 to start
    assert move.loss == round(move.cost.per_hour / 4) == 3_209_346
    assert (move.kind, move.cause, move.saving) == (MoveKind.MIGRATE, "uid-big", None)
    assert (move.uid, move.key.name) == ("uid-a", "a")
    assert move.message == "moved to pool-0001 of pool for team/big, which costs 3.21 EUR"
    assert move.placement is not None
    assert (move.placement.replicas, move.placement.preferred_nodes) == (1, ("pool-0001",))
    assert (decision.mode, decision.reason, decision.unblock) == (Mode.PREEMPT, "MakingRoom", None)
    assert decision.message == "pool has room after moving team/a elsewhere, which costs 3.21 EUR"


def test_several_move_where_one_is_not_enough_and_the_price_is_that_of_all() -> None:
    found = made(world(piece("a", 0, 2), piece("b", 0, 2), piece("c", 1, 4)))
    assert [move.key.name for move in found.moves] == ["a", "b"]
    price = sum(move.loss or 0 for move in found.moves) / MICROS
    message = f"pool has room after moving team/a and team/b elsewhere, which costs {price:.2f} EUR"
    assert found.decisions[0].message == message


@pytest.mark.parametrize(("saving", "moved"), [(0, 1), (50, 1), (100_000, 0)])
def test_a_policy_may_want_more_than_that_it_pays(saving: int, moved: int) -> None:
    picky = policy(migrates=True, restart_overhead_s=600, minimum_saving=saving)
    found = made(world(piece("a", 0), piece("b", 1), rules=(picky,)))
    assert len(found.moves) == moved
    assert [move.loss for move in found.moves] == [3_209_346] * moved, "what is wanted is no part of what is lost"


def test_no_more_move_than_the_policy_allows_in_an_hour() -> None:
    pieces = (piece("a", 0, 2), piece("b", 0, 2), piece("c", 1, 4))
    once = policy(migrates=True, restart_overhead_s=600, max_moves_per_hour=1)
    assert made(world(*pieces, rules=(once,))).moves == ()
    twice = policy(migrates=True, restart_overhead_s=600, max_moves_per_hour=2)
    assert len(made(world(*pieces, rules=(twice,))).moves) == 2


def test_what_another_policy_has_moved_does_not_count() -> None:
    once = [policy(name, migrates=True, restart_overhead_s=600, max_moves_per_hour=1) for name in ("default", "theirs")]
    pieces = (piece("a", 0, 2), piece("b", 0, 2, policy="theirs"), piece("c", 1, 4))
    assert len(made(world(*pieces, rules=once)).moves) == 2


def test_a_workload_that_moves_for_one_gang_does_not_move_for_another() -> None:
    seen = world(piece("a", 0), piece("b", 1), piece("c", 2), count=3)
    found = made(seen, gang("first", gpus=8), gang("second", gpus=8, created="2026-11-22T11:00:00Z"))
    assert [move.cause for move in found.moves] == ["uid-first"]
    assert [one.mode for one in found.decisions] == [Mode.PREEMPT, Mode.WAIT]


def test_where_it_does_not_help_nothing_moves_and_no_room_is_lost() -> None:
    stays = piece("b", 1, 4, movable=False)
    seen = world(piece("a", 0, 3), stays, piece("c", 2, 5, movable=False), count=3)
    big, small = gang("big", gpus=8, replicas=2), gang("small", gpus=4, created="2026-11-22T11:00:00Z")
    found = made(seen, big, small)
    assert found.moves == ()
    assert [one.mode for one in found.decisions] == [Mode.WAIT, Mode.FIT]


def test_nobody_moves_for_one_that_is_less_important() -> None:
    seen = world(piece("a", 0, priority=3), piece("b", 1, priority=3))
    assert made(seen, gang("big", gpus=8, priority=2)).moves == ()
    assert len(made(seen, gang("big", gpus=8, priority=3)).moves) == 1


def test_the_rooms_of_those_that_moved_is_not_given_to_others_of_the_cycle() -> None:
    late = gang("late", gpus=4, created="2026-11-22T11:00:00Z")
    found = made(world(piece("a", 0), piece("b", 1)), gang("big", gpus=8, priority=1), late)
    modes = {one.key.name: one.mode for one in found.decisions}
    assert modes["late"] is Mode.FIT
    assert found.moves == (), "the late one sits where the first would have moved to"
