"""Elastic gangs grow into room that nobody waits for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from stellwerk.model.decision import Candidate, Cost, Mode, Move, MoveKind, Rejection, Verdict
from stellwerk.model.podrules import HostPort, PodRules, Term
from stellwerk.model.requirements import Operator, Requirement, Requirements
from stellwerk.model.snapshot import Reservation, Snapshot
from stellwerk.placement.moves.elastic import Rivals, rivals_of
from stellwerk.placement.planner import plan
from tests.builders import NOW, decision, gang, policy, resources
from tests.unit.placement.moves.test_preemption import running, world


def moves(seen: Snapshot, *pending: Any, settle: bool = True) -> tuple[Move, ...]:
    return plan(list(pending), seen, NOW, 1, settle=settle).moves


def small(**facts: Any) -> Any:
    """An elastic gang of one to four pods of two GPUs, of which one runs."""
    return running("elastic", {"pool-0000": 1}, gpus=2, replicas=4, min_replicas=1, **facts)


def test_a_gang_grows_to_all_its_pods_where_there_is_room() -> None:
    (move,) = moves(world(small()))
    assert (move.uid, move.kind, move.cause) == ("uid-elastic", MoveKind.GROW, "")
    assert move.placement is not None
    assert move.placement.replicas == 4
    assert move.cost is not None
    assert move.message == "grown from 1 to 4 pods of 4: pool has room that nobody waits for"


def test_it_grows_by_what_fits() -> None:
    other = running("other", {"pool-0000": 1}, gpus=4)
    (move,) = moves(world(small(), other))
    assert move.placement is not None
    assert move.placement.replicas == 2


def test_it_grows_to_as_many_pods_as_its_policy_pays_for() -> None:
    (whole,) = moves(world(small()))
    assert whole.cost is not None
    hourly = Decimal(whole.cost.per_hour or 0) / 1_000_000
    (move,) = moves(world(small(), policies=(policy(max_cost_per_hour=hourly * 3 / 4),)))
    assert move.placement is not None
    assert move.placement.replicas == 3
    assert move.message == "grown from 1 to 3 pods of 4: pool has room that nobody waits for"
    assert moves(world(small(), policies=(policy(max_cost_per_hour=hourly / 4),))) == ()


@pytest.mark.parametrize(
    "facts",
    [
        {"settled": False},
        {"changed": "2026-11-22T11:59:01Z"},
        {"min_replicas": None},
        {"replicas": 1},
        {"leaving": True},
    ],
)
def test_it_stays_as_it_is(facts: dict[str, Any]) -> None:
    told = {"replicas": 4, "min_replicas": 1, **facts}
    assert moves(world(running("elastic", {"pool-0000": 1}, gpus=2, **told))) == ()


def test_it_grows_again_a_minute_after_the_last_change() -> None:
    assert len(moves(world(small(changed="2026-11-22T11:59:00Z")))) == 1


def test_it_grows_only_where_the_cycle_looks_at_what_runs() -> None:
    assert moves(world(small()), settle=False) == ()


def test_it_does_not_grow_where_something_has_just_been_placed() -> None:
    assert moves(world(small()), gang("new", gpus=4)) == ()


def test_it_does_not_grow_beside_pods_that_are_not_bound_yet() -> None:
    room = Reservation("uid-new", "local", "pool", resources(gpu=4), 1)
    assert moves(msgspec.structs.replace(world(small()), reserved=(room,))) == ()


def test_a_gang_whose_pods_have_seats_grows_by_further_seats() -> None:
    one = running("elastic", {"pool-0000": 1, "pool-0001": 1}, gpus=2, replicas=6, min_replicas=1)
    assert one.placement is not None
    seated = msgspec.structs.replace(
        one.placement,
        replicas=2,
        preferred_nodes=("pool-0000", "pool-0001"),
        pods_per_node=(1, 3),
        nodes_required=True,
    )
    (move,) = moves(world(msgspec.structs.replace(one, placement=seated), count=2))
    assert move.placement is not None
    assert move.placement.replicas == 6
    assert move.placement.preferred_nodes[:2] == ("pool-0000", "pool-0001"), "who has a seat keeps it"
    assert move.placement.pods_per_node[:2] == (1, 1), "a gang that shrank has no seats to spare"
    assert sum(move.placement.pods_per_node) == 6


def test_it_does_not_take_the_room_that_something_as_important_waits_for() -> None:
    assert moves(world(small()), gang("big", gpus=8)) == ()


def test_it_takes_the_room_that_something_less_important_waits_for() -> None:
    assert len(moves(world(small(priority=1)), gang("big", gpus=8))) == 1


def test_of_two_the_more_important_grows_first() -> None:
    low = running("low", {"pool-0000": 1}, gpus=2, replicas=4, min_replicas=1)
    high = running("high", {"pool-0000": 1}, gpus=2, replicas=3, min_replicas=1, priority=5)
    found = moves(world(low, high))
    assert [(move.uid, move.placement.replicas) for move in found if move.placement] == [("uid-high", 3)]


def test_it_does_not_grow_where_its_policy_would_not_let_it_start() -> None:
    seen = world(small(), policies=(policy(providers=("aws",)),))
    assert moves(seen) == ()


def test_a_gang_that_shrinks_for_others_does_not_grow_in_the_same_cycle() -> None:
    elastic = running("elastic", {"pool-0000": 4}, gpus=2, replicas=8, min_replicas=1)
    found = moves(world(elastic, count=1), gang("urgent", gpus=2, priority=9))
    assert [move.kind for move in found] == [MoveKind.SHRINK]


def test_it_grows_only_onto_nodes_that_its_pods_select() -> None:
    here = Requirements((Requirement("zone", Operator.IN, ("a",)),))
    one = running("elastic", {"pool-0000": 1}, gpus=8, replicas=3, min_replicas=1, requirements=here)
    seen = world(one, count=3)
    zones = [msgspec.structs.replace(node, labels={**node.labels, "zone": "a"}) for node in seen.nodes[:2]]
    (move,) = moves(msgspec.structs.replace(seen, nodes=(*zones, *seen.nodes[2:])))
    assert move.placement is not None
    assert move.placement.replicas == 2
    assert move.placement.preferred_nodes == ("pool-0001",)


def test_a_near_deadline_keeps_no_gang_from_growing() -> None:
    """A whole run would not end by then any more, but this one is under way, and ends earlier with more pods."""
    (move,) = moves(world(small(deadline="2026-11-22T12:10:00Z")))
    assert move.placement is not None
    assert move.placement.replicas == 4


def test_a_gang_of_whom_pods_look_at_their_neighbours_does_not_grow() -> None:
    one = small()
    shy = PodRules(anti_affinity=(Term("rack", (), ("team",)),))
    asked = msgspec.structs.replace(one.workload, pod=msgspec.structs.replace(one.workload.pod, rules=shy))
    assert moves(world(msgspec.structs.replace(one, workload=asked))) == ()
    port = PodRules(ports=(HostPort(80),))
    asked = msgspec.structs.replace(one.workload, pod=msgspec.structs.replace(one.workload.pod, rules=port))
    assert len(moves(world(msgspec.structs.replace(one, workload=asked)))) == 1


def test_of_equally_important_gangs_the_older_one_grows_first() -> None:
    told = {"gpus": 2, "replicas": 3, "min_replicas": 1}
    late = running("a", {"pool-0000": 1}, created="2026-11-22T10:00:01Z", **told)
    early = running("b", {"pool-0000": 1}, created="2026-11-22T10:00:00Z", **told)
    found = moves(world(late, early, running("x", {"pool-0000": 1}, gpus=2)))
    assert [(move.uid, move.placement.replicas) for move in found if move.placement] == [("uid-b", 2)]


def test_it_prefers_the_nodes_it_has_and_then_those_it_gets() -> None:
    one = running("elastic", {"pool-0000": 1}, gpus=8, replicas=3, min_replicas=1)
    assert one.placement is not None
    settled = msgspec.structs.replace(one.placement, preferred_nodes=("pool-0000",))
    (move,) = moves(world(msgspec.structs.replace(one, placement=settled), count=2))
    assert move.placement is not None
    assert (move.placement.preferred_nodes, move.placement.replicas) == (("pool-0000", "pool-0001"), 2)
    assert not move.placement.nodes_required


def test_a_gang_with_as_many_seats_as_can_be_written_down_does_not_grow() -> None:
    where = {f"pool-{at:04d}": 1 for at in range(100)}
    one = running("elastic", where, gpus=4, replicas=102, min_replicas=1)
    assert one.placement is not None
    seated = msgspec.structs.replace(
        one.placement, preferred_nodes=tuple(where), pods_per_node=(1,) * 100, nodes_required=True
    )
    seen = world(msgspec.structs.replace(one, placement=seated), count=101)
    assert moves(seen) == ()
    fewer = msgspec.structs.replace(seated, replicas=99)
    less = msgspec.structs.replace(one.workload, replicas=100)
    gone = msgspec.structs.replace(one, workload=less, placement=fewer, indexes=one.indexes[:99])
    (move,) = moves(world(gone, count=101))
    assert move.placement is not None
    assert len(move.placement.preferred_nodes) == 100


def test_who_waits_and_what_is_not_bound_yet_is_known_by_pool() -> None:
    def at(name: str, *, permanent: bool = False) -> Candidate:
        why = Rejection("Reason", "no", "change", permanent=permanent)
        return Candidate("local", name, None, Verdict.REJECTED, Cost("EUR", 1, 1), (why,))

    looked = (at("pool"), at("other", permanent=True))
    low, high = (decision(Mode.WAIT, gang(name), candidates=looked) for name in ("low", "high"))
    making, never = (
        msgspec.structs.replace(decision(Mode.WAIT, gang(name), candidates=(at(name),)), mode=mode)
        for name, mode in (("making", Mode.PREEMPT), ("never", Mode.NEVER))
    )
    placed = decision(Mode.FIT, gang("placed"))
    priorities = {"uid-low": 1, "uid-high": 7, "uid-making": 3, "uid-never": 9, "uid-placed": 9}
    room = Reservation("uid", "local", "reserved", resources(gpu=1), 1)
    for order in ((low, high), (high, low)):
        rivals = rivals_of([*order, making, never, placed], priorities, [room])
        assert rivals == Rivals(
            {("local", "pool"): 7, ("local", "making"): 3}, frozenset({("local", "pool"), ("local", "reserved")})
        )
    free = Rivals({("local", "pool"): 7}, frozenset())
    place = placed.chosen
    assert place is not None
    assert [free.leave_room(place, priority) for priority in (6, 7, 8)] == [False, False, True]
    assert not Rivals({}, frozenset({("local", "pool")})).leave_room(place, 9)
