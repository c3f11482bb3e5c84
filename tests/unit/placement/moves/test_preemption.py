"""Whose room more important work takes, and what that costs."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from stellwerk.model.decision import Decision, Mode, Move, MoveKind, Plan
from stellwerk.model.placement import PlacedAccelerator, Placement
from stellwerk.model.resources import Resources
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Snapshot
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, nodes, policy, pool, snapshot

POLICIES = (policy(preempts=True),)
HOUR_AGO = "2026-11-22T11:00:00Z"


def running(name: str, where: dict[str, int], gpus: int = 8, **facts: Any) -> Running:
    """A workload that runs `where[node]` pods of `gpus` GPUs on each node, since an hour."""
    told = {"settled": True, "since": HOUR_AGO, **{key: facts.pop(key) for key in list(facts) if key in SEEN}}
    asked = gang(name, facts.pop("replicas", sum(where.values())), gpus, **facts)
    one = asked.pod.requests + Resources.of({GPU: gpus})
    spots = [node for node, pods in sorted(where.items()) for _ in range(pods)]
    placement = Placement(
        "local", "pool", pool().capacity_type, len(spots), accelerator=PlacedAccelerator("H100", gpus, GPU)
    )
    return Running(
        asked,
        None if told.get("leaving") else placement,
        tuple(sorted(where.items())),
        tuple((node, one * pods) for node, pods in sorted(where.items())),
        indexes=tuple((index, node, one) for index, node in enumerate(spots)),
        **told,  # type: ignore[arg-type]
    )


SEEN = {"since", "settled", "leaving", "changed"}


def world(*ones: Running, count: int = 1, **facts: Any) -> Snapshot:
    """A pool in which these run."""
    usage: dict[str, Resources] = {}
    for one in ones:
        for node, used in one.uses:
            usage[node] = usage.get(node, Resources()) + used
    told = {"policies": POLICIES, **facts}
    return snapshot([pool()], nodes(count), running=tuple(ones), usage=usage, **told)


def planned(seen: Snapshot, *pending: Any) -> Plan:
    return plan(list(pending), seen, NOW, 1)


def only(seen: Snapshot, **asked: Any) -> tuple[Decision, tuple[Move, ...]]:
    made = planned(seen, gang("urgent", **{"priority": 100, **asked}))
    return made.decisions[0], made.moves


def test_a_workload_of_lower_priority_gives_its_place() -> None:
    decision, moves = only(world(running("low", {"pool-0000": 1})))
    assert (decision.mode, decision.reason, decision.chosen) == (Mode.PREEMPT, "Preempting", None)
    assert [(move.uid, move.kind, move.cause, move.placement) for move in moves] == [
        ("uid-low", MoveKind.PREEMPT, "uid-urgent", None)
    ]
    assert "evicted for team/urgent (priority 100, over 0)" in moves[0].message
    assert "evicting team/low" in decision.message


def test_the_decision_carries_what_others_lose() -> None:
    decision, moves = only(world(running("low", {"pool-0000": 1}, checkpoint_interval_s=1800)))
    hour = decision.candidates[0].cost.per_hour
    assert hour is not None
    # half an interval of 30 minutes, and 5 minutes to start again
    assert moves[0].loss == round(hour * 20 / 60)
    part = next(part for part in decision.candidates[0].cost.parts if part.name == "Disruption")
    assert part.amount == moves[0].loss
    assert decision.candidates[0].cost.total == sum(part.amount for part in decision.candidates[0].cost.parts)


@pytest.mark.parametrize(
    "spared",
    [
        {"priority": 100},
        {"priority": 101},
        {"preemptible": False},
        {"settled": False},
    ],
)
def test_nobody_else_loses_a_place(spared: dict[str, Any]) -> None:
    decision, moves = only(world(running("other", {"pool-0000": 1}, **spared)))
    assert (decision.mode, decision.reason, moves) == (Mode.WAIT, "CapacityFull", ())


def test_nobody_is_evicted_where_the_policy_does_not_say_so() -> None:
    decision, moves = only(world(running("low", {"pool-0000": 1}), policies=()))
    assert (decision.mode, moves) == (Mode.WAIT, ())


@pytest.mark.parametrize(("minimum", "mode"), [(3600, Mode.PREEMPT), (3601, Mode.WAIT)])
def test_nobody_is_evicted_before_the_minimum_runtime(minimum: int, mode: Mode) -> None:
    rules = (policy(preempts=True, minimum_runtime_s=minimum),)
    assert only(world(running("low", {"pool-0000": 1}), policies=rules))[0].mode is mode


def test_the_minimum_runtime_of_the_victims_policy_counts_too() -> None:
    rules = (policy(preempts=True), policy("patient", minimum_runtime_s=7200))
    assert only(world(running("low", {"pool-0000": 1}, policy="patient"), policies=rules))[0].mode is Mode.WAIT


def test_free_room_is_taken_before_anybody_is_evicted() -> None:
    decision, moves = only(world(running("low", {"pool-0000": 1}), count=2))
    assert (decision.mode, moves) == (Mode.FIT, ())


def test_who_loses_least_is_evicted() -> None:
    old = running("old", {"pool-0000": 1}, gpus=4)
    young = running("young", {"pool-0000": 1}, gpus=4, since="2026-11-22T11:50:00Z")
    saving = running("saving", {"pool-0001": 1}, gpus=4, checkpoint_interval_s=60)
    _, moves = only(world(old, young, saving, running("x", {"pool-0001": 1}, gpus=4), count=2), gpus=4)
    assert [move.uid for move in moves] == ["uid-saving"]


def test_nobody_is_evicted_in_vain() -> None:
    ones = [running(f"low-{at}", {f"pool-{at:04d}": 1}, gpus=8) for at in range(4)]
    decision, moves = only(world(*ones, count=4), replicas=2)
    assert decision.mode is Mode.PREEMPT
    assert len(moves) == 2


def test_nobody_is_evicted_where_even_all_of_them_are_not_enough() -> None:
    ones = [running("low", {"pool-0000": 1}), running("high", {"pool-0001": 1}, priority=500)]
    decision, moves = only(world(*ones, count=2), replicas=2)
    assert (decision.mode, moves) == (Mode.WAIT, ())


def test_an_elastic_gang_shrinks_before_anybody_is_evicted() -> None:
    elastic = running("elastic", {"pool-0000": 4, "pool-0001": 4}, gpus=2, min_replicas=2)
    low = running("low", {"pool-0002": 1}, since="2026-11-22T11:59:59Z")
    _, moves = only(world(elastic, low, count=3))
    assert [(move.uid, move.kind) for move in moves] == [("uid-elastic", MoveKind.SHRINK)]
    assert moves[0].placement is not None
    assert moves[0].placement.replicas == 4, "the highest indexes go, which are the pods of the second node"


def test_an_elastic_gang_gives_no_more_pods_than_are_needed() -> None:
    elastic = running("elastic", {"pool-0000": 4}, gpus=2, min_replicas=1)
    _, moves = only(world(elastic), gpus=4)
    assert [move.placement.replicas for move in moves if move.placement] == [2]


def test_an_elastic_gang_is_evicted_where_its_least_is_in_the_way() -> None:
    elastic = running("elastic", {"pool-0000": 4}, gpus=2, min_replicas=2)
    _, moves = only(world(elastic))
    assert [(move.kind, move.placement) for move in moves] == [(MoveKind.PREEMPT, None)]


def test_room_that_is_being_left_is_waited_for_and_nobody_else_is_evicted() -> None:
    leaving = running("gone", {"pool-0000": 1}, leaving=True, settled=False)
    decision, moves = only(world(leaving, running("low", {"pool-0001": 1}), count=2))
    assert (decision.mode, moves) == (Mode.PREEMPT, ())
    assert decision.message == "pool has room once team/gone has left it"


def test_room_that_is_promised_goes_to_nobody_else() -> None:
    leaving = running("gone", {"pool-0000": 1}, gpus=6, leaving=True, settled=False)
    made = planned(
        world(leaving), gang("urgent", priority=100), gang("small", gpus=2, priority=99), gang("mouse", gpus=1)
    )
    assert [one.mode for one in made.decisions] == [Mode.PREEMPT, Mode.WAIT, Mode.WAIT]


def test_two_of_them_do_not_evict_the_same_one() -> None:
    ones = [running("low", {"pool-0000": 1}), running("mid", {"pool-0001": 1}, priority=50)]
    made = planned(world(*ones, count=2), gang("a", priority=100), gang("b", priority=100), gang("c", priority=100))
    assert [one.mode for one in made.decisions] == [Mode.PREEMPT, Mode.PREEMPT, Mode.WAIT]
    assert sorted(move.uid for move in made.moves) == ["uid-low", "uid-mid"]


def test_what_a_victim_leaves_over_is_given_to_nobody_before_it_is_free() -> None:
    made = planned(world(running("low", {"pool-0000": 1})), gang("urgent", gpus=4, priority=100), gang("late", gpus=4))
    assert [one.mode for one in made.decisions] == [Mode.PREEMPT, Mode.WAIT]


def test_the_cheaper_of_two_ways_to_make_room_is_taken() -> None:
    cheap, dear = pool("cheap", price="30"), pool("dear", price="32")
    old = running("old", {"cheap-0000": 1})
    young = running("young", {"dear-0000": 1}, since="2026-11-22T11:59:00Z")
    old, young = (_in(old, "cheap"), _in(young, "dear"))
    seen = snapshot(
        [cheap, dear],
        (*nodes(1, "cheap"), *nodes(1, "dear")),
        running=(old, young),
        usage=dict([*old.uses, *young.uses]),
        policies=POLICIES,
    )
    _, moves = only(seen)
    assert [move.uid for move in moves] == ["uid-young"], "an hour of work is worth more than 2 EUR"


def test_a_pool_whose_gangs_cannot_shrink_enough_is_not_given_up_because_shrinking_them_is_dear() -> None:
    cheap, dear = pool("cheap", price="30"), pool("dear", price="32")
    old = _in(running("old", {"cheap-0000": 1}), "cheap")
    young = _in(running("young", {"dear-0000": 1}, since="2026-11-22T11:59:00Z"), "dear")
    elastic = _in(
        running("elastic", {"dear-0001": 4}, gpus=2, min_replicas=1, since="2026-11-20T11:00:00Z"),
        "dear",
    )
    seen = snapshot(
        [cheap, dear],
        (*nodes(1, "cheap"), *nodes(2, "dear")),
        running=(old, young, elastic),
        usage=dict([*old.uses, *young.uses, *elastic.uses]),
        policies=POLICIES,
    )
    with mock.patch.object(Offer, "reach", return_value=None):  # sums do not always tell that it is not enough
        _, moves = only(seen)
    assert [move.uid for move in moves] == ["uid-young"]


def _in(one: Running, name: str) -> Running:
    import msgspec

    assert one.placement is not None
    return msgspec.structs.replace(one, placement=msgspec.structs.replace(one.placement, pool=name))
