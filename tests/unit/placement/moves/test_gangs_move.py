"""Gangs of several pod sets grow, shrink, give room and move, always as one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from stellwerk.model.capacity import CapacityType, Growth
from stellwerk.model.decision import Mode, MoveKind, Plan
from stellwerk.model.discovery import HOSTNAME_LABEL
from stellwerk.model.placement import PlacedSet, Placement
from stellwerk.model.podrules import PodRules, Spread
from stellwerk.model.requirements import Operator, Requirement, Requirements
from stellwerk.model.resources import Resources
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import PodSet, PodShape
from stellwerk.placement.planner import plan
from tests.builders import NOW, decide, gang, nodes, policy, pool, resources, snapshot
from tests.unit.placement.moves.test_preemption import running

LOADER = PodSet("loader", 2, PodShape(resources(cpu="4", memory="8Gi", pods=1)))
CPU_POOL = pool("cpu", price="2", accelerator=None)
RULES = policy(preempts=True)
DAY = 86_400


def beside(name: str, where: dict[str, int], home: str = "cpu", loader: PodSet = LOADER, **facts: Any) -> Running:
    """A gang that runs, its loader on the first node of pool `home`."""
    one = running(name, where, **facts)
    assert one.placement is not None
    placed = PlacedSet(loader.name, home, CapacityType.OWNED, loader.replicas)
    node = f"{home}-0000"
    return msgspec.structs.replace(
        one,
        workload=msgspec.structs.replace(one.workload, others=(loader,)),
        placement=msgspec.structs.replace(one.placement, pod_sets=(placed,)),
        pods_by_node=(*one.pods_by_node, (node, loader.replicas)),
        uses=(*one.uses, (node, loader.pod.requests * loader.replicas)),
    )


def world(*ones: Running, **facts: Any) -> Snapshot:
    """A pool of two GPU nodes and one of CPUs, in which these run."""
    usage: dict[str, Resources] = {}
    for one in ones:
        for node, used in one.uses:
            usage[node] = usage.get(node, Resources()) + used
    told = {"pools": [pool(), CPU_POOL], "members": [*nodes(2), *nodes(1, "cpu", gpu=0)], "policies": [RULES], **facts}
    return snapshot(told.pop("pools"), told.pop("members"), running=ones, usage=usage, **told)


def planned(seen: Snapshot, *pending: Any) -> Plan:
    return plan(list(pending), seen, NOW, 1, settle=True)


def kinds(made: Plan) -> dict[str, MoveKind]:
    return {move.uid: move.kind for move in made.moves}


# ----------------------------------------------------------------------------------- growing, shrinking


def elastic(**facts: Any) -> Running:
    """One pod of two GPUs runs of one to four, with its loader."""
    return beside("elastic", {"pool-0000": 1}, gpus=2, replicas=4, min_replicas=1, **facts)


def test_the_main_set_grows_and_the_further_ones_stay() -> None:
    one = elastic()
    (move,) = planned(world(one)).moves
    assert (move.kind, one.placement is not None) == (MoveKind.GROW, True)
    assert move.placement is not None
    assert move.placement.replicas == 4
    assert move.placement.pod_sets == one.placement.pod_sets  # type: ignore[union-attr]


def test_a_grown_gang_costs_what_all_its_sets_cost_for_the_shorter_run() -> None:
    (move,) = planned(world(elastic())).moves
    whole = gang("elastic", 4, 2, min_replicas=1, others=(LOADER,))
    full = {"pool-0000": resources(cpu="64"), "pool-0001": resources(cpu="96")}  # four main pods take the rest
    found = decide(whole, msgspec.structs.replace(world(), usage=full))
    assert found.chosen is not None
    assert (found.chosen.replicas, [one.pool for one in found.chosen.pod_sets]) == (4, ["cpu"])
    assert found.cost is not None
    assert move.cost is not None
    assert (move.cost.per_hour, move.cost.total) == (found.cost.per_hour, found.cost.total)


def test_it_grows_to_as_many_pods_as_its_policy_pays_for_beside_the_further_sets() -> None:
    (whole,) = planned(world(elastic())).moves
    assert whole.cost is not None
    hourly = Decimal(whole.cost.per_hour or 0) / 1_000_000
    for less, size in ((Decimal(0), 4), (Decimal("0.000001"), 3)):
        rules = [policy(max_cost_per_hour=hourly - less)]
        (move,) = planned(world(elastic(), policies=rules)).moves
        assert move.placement is not None
        assert move.placement.replicas == size


def test_the_main_set_shrinks_before_anybody_is_evicted() -> None:
    one = beside("elastic", {"pool-0000": 4}, gpus=2, min_replicas=1)
    full = running("full", {"pool-0001": 1}, preemptible=False)
    made = planned(world(one, full), gang("urgent", gpus=4, priority=9))
    (move,) = made.moves
    assert (move.kind, move.cause) == (MoveKind.SHRINK, "uid-urgent")
    assert move.placement is not None
    assert (move.placement.replicas, len(move.placement.pod_sets)) == (2, 1)


# ------------------------------------------------------------------------------------------ giving room


def test_a_gang_gives_its_place_as_a_whole() -> None:
    low = beside("low", {"pool-0000": 1, "pool-0001": 1})
    made = planned(world(low), gang("urgent", priority=9))
    assert kinds(made) == {"uid-low": MoveKind.PREEMPT}
    (move,) = made.moves
    assert move.loss is not None
    assert move.placement is None


def test_what_an_eviction_loses_counts_all_pod_sets() -> None:
    big = PodSet("loader", 1, PodShape(resources(cpu="90", memory="8Gi", pods=1)))
    losses = []
    for loader in (LOADER, big):
        low = beside("low", {"pool-0000": 1, "pool-0001": 1}, loader=loader, checkpoint_interval_s=1200)
        (move,) = planned(world(low), gang("urgent", priority=9)).moves
        losses.append(move.loss or 0)
    assert losses[0] < losses[1]


def test_room_in_the_pool_of_a_further_set_is_given_by_giving_up_the_whole_place() -> None:
    big = PodSet("loader", 1, PodShape(resources(cpu="90", memory="8Gi", pods=1)))
    low = beside("low", {"pool-0000": 2, "pool-0001": 2}, loader=big, gpus=4, min_replicas=1)
    there = Requirements((Requirement("pool", Operator.IN, ("cpu",)),))
    urgent = gang("urgent", gpus=0, priority=9, requests=resources(cpu="92", pods=1), requirements=there)
    made = planned(world(low), urgent)
    assert kinds(made) == {"uid-low": MoveKind.PREEMPT}, "fewer main pods would free nothing there"
    assert "evicting team/low" in made.decisions[0].message


def test_what_all_its_pods_on_one_node_take_becomes_free() -> None:
    """Also where pods of two sets share a node."""
    low = beside("low", {"pool-0000": 1}, home="pool", gpus=2)
    other = running("other", {"pool-0001": 1}, preemptible=False)
    made = planned(world(low, other), gang("urgent", priority=9, requests=resources(cpu="96", pods=1)))
    assert kinds(made) == {"uid-low": MoveKind.PREEMPT}


def test_a_gang_takes_the_room_of_others_in_the_pools_of_all_its_sets() -> None:
    big = PodSet("loader", 1, PodShape(resources(cpu="90", memory="8Gi", pods=1)))
    one = running("one", {"pool-0000": 1})
    two = running("two", {"pool-0001": 1})
    batch = filling_cpus("batch")
    made = planned(
        world(one, two, batch), gang("urgent", priority=9, others=(big,), requests=resources(cpu="90", pods=1))
    )
    assert kinds(made) == {"uid-one": MoveKind.PREEMPT, "uid-batch": MoveKind.PREEMPT}
    assert all(name in made.decisions[0].message for name in ("evicting", "team/batch", "team/one"))


def filling_cpus(name: str, **facts: Any) -> Running:
    """Work that takes most of the only node of the pool of CPUs."""
    asked = gang(name, gpus=0, requests=resources(cpu="80", memory="8Gi", pods=1), **facts)
    place = Placement("local", "cpu", CapacityType.OWNED, 1)
    return Running(asked, place, (("cpu-0000", 1),), (("cpu-0000", asked.pod.requests),), "2026-11-22T11:00:00Z")


def test_a_gang_waits_for_what_leaves_the_pool_of_one_of_its_sets() -> None:
    big = PodSet("loader", 1, PodShape(resources(cpu="95", memory="8Gi", pods=1)))
    going = msgspec.structs.replace(filling_cpus("going"), placement=None, leaving=True, settled=False)
    made = planned(world(going, members=[*nodes(1), *nodes(1, "cpu", gpu=0)]), gang("urgent", others=(big,)))
    assert (made.decisions[0].mode, made.moves) == (Mode.PREEMPT, ())
    assert "has room once team/going has left it" in made.decisions[0].message


# --------------------------------------------------------------------------------------------- moving

MOVING = policy(migrates=True, restart_overhead_s=600)


def dear(loader: PodSet = LOADER, **facts: Any) -> Running:
    """A gang of a day's work that runs in the dear pool since an hour."""
    told = {"expected_runtime_s": DAY, "checkpoint_interval_s": 1200, **facts}
    one = beside("train", {"dear-0000": 1}, "dear", loader, **told)
    assert one.placement is not None
    return msgspec.structs.replace(one, placement=msgspec.structs.replace(one.placement, pool="dear"))


def two_pools(*ones: Running, spare: int = 1, **facts: Any) -> Snapshot:
    pools = [pool("cheap", price="16"), pool("dear", price="32")]
    members = [*nodes(spare, "cheap"), *nodes(1, "dear")]
    return world(*ones, **{"pools": pools, "members": members, "policies": [MOVING], **facts})


def test_a_gang_goes_with_all_its_sets_where_the_rest_of_its_run_is_cheaper() -> None:
    (move,) = planned(two_pools(dear())).moves
    assert move.kind is MoveKind.MIGRATE
    assert move.placement is not None
    assert (move.placement.pool, [one.pool for one in move.placement.pod_sets]) == ("cheap", ["cheap"])
    assert "moved from dear to cheap" in move.message
    there = decide(
        gang("train", expected_runtime_s=DAY, checkpoint_interval_s=1200, others=(LOADER,)),
        two_pools(pools=[pool("cheap", price="16")], members=nodes(1, "cheap")),
    ).cost
    assert there is not None
    assert move.cost is not None
    assert (move.cost.per_hour, move.cost.total) == (there.per_hour, there.total)


@pytest.mark.parametrize("facts", [{"movable": False}, {"settled": False}, {"expected_runtime_s": 4000}])
def test_it_stays_if_it_may_not_go_or_that_does_not_pay(facts: dict[str, Any]) -> None:
    assert planned(two_pools(dear(**facts))).moves == ()


def test_it_stays_where_one_of_its_sets_finds_no_room_beside_the_other() -> None:
    big = PodSet("loader", 1, PodShape(resources(cpu="95", memory="8Gi", pods=1)))
    one = dear(big, requests=resources(cpu="2", pods=1))
    assert planned(two_pools(one)).moves == ()
    assert len(planned(two_pools(one, spare=2)).moves) == 1


def test_what_it_saves_is_counted_where_all_sets_really_find_room() -> None:
    """The loader would go to the cheap pool first; where only a dear one has room for it, moving does not pay."""
    big = PodSet("loader", 1, PodShape(resources(cpu="95", memory="8Gi", pods=1)))
    one = dear(big, requests=resources(cpu="2", pods=1))
    gold = pool("gold", price="900", accelerator=None)
    pools, gold_nodes = [pool("cheap", price="16"), pool("dear", price="32"), gold], nodes(1, "gold", gpu=0)
    seen = two_pools(one, pools=pools, members=[*nodes(1, "cheap"), *nodes(1, "dear"), *gold_nodes])
    assert planned(seen).moves == ()


def test_it_does_not_move_to_nodes_that_have_yet_to_come() -> None:
    growing = pool("new", price="1", accelerator=None, growth=Growth(4, 300, resources(cpu="96", memory="1Ti")))
    big = PodSet("loader", 1, PodShape(resources(cpu="95", memory="8Gi", pods=1)))
    one = dear(big, requests=resources(cpu="2", pods=1))
    pools = [pool("cheap", price="16"), pool("dear", price="32"), growing]
    assert planned(two_pools(one, pools=pools)).moves == ()


def test_a_gang_one_of_whose_sets_looks_at_its_neighbours_stays_where_it_is() -> None:
    picky = msgspec.structs.replace(LOADER.pod, rules=PodRules(spread=(Spread(1, HOSTNAME_LABEL, None),)))
    assert planned(two_pools(dear(msgspec.structs.replace(LOADER, pod=picky)))).moves == ()


def test_two_like_gangs_each_get_a_place_of_their_own() -> None:
    first = dear(gpus=4)
    second = msgspec.structs.replace(
        first,
        workload=gang("other", gpus=4, expected_runtime_s=DAY, checkpoint_interval_s=1200, others=(LOADER,)),
    )
    made = planned(two_pools(first, second))
    assert kinds(made) == {"uid-train": MoveKind.MIGRATE, "uid-other": MoveKind.MIGRATE}


def test_no_gang_of_several_sets_is_moved_out_of_the_way_of_another() -> None:
    halves = [beside(f"half-{at}", {f"pool-000{at}": 1}, "pool", gpus=4, expected_runtime_s=DAY) for at in range(2)]
    made = planned(world(*halves, policies=[MOVING], pools=[pool()], members=nodes(2)), gang("big"))
    assert (made.decisions[0].mode, made.moves) == (Mode.WAIT, ())
