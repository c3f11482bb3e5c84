"""The plan: who gets what, in which order, and what the others are told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from stellwerk.model.capacity import CapacityType
from stellwerk.model.decision import Mode, Verdict
from stellwerk.model.requirements import Operator, Requirement, Requirements
from stellwerk.model.workload import AcceleratorOption
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, decide, gang, node, nodes, policy, pool, resources, snapshot, taint

SPOT = {"capacity_type": CapacityType.SPOT, "interruption_rate_per_hour": Decimal("0.01"), "provider": "aws"}


def test_the_cheapest_pool_that_obeys_the_rules_is_chosen() -> None:
    seen = snapshot([pool("dear", price="40"), pool("cheap", price="20")], (*nodes(1, "dear"), *nodes(1, "cheap")))
    made = decide(gang(), seen)
    assert made.mode is Mode.FIT
    assert made.chosen is not None
    assert made.chosen.pool == "cheap"
    assert [(c.pool, c.verdict) for c in made.candidates] == [("cheap", Verdict.CHOSEN), ("dear", Verdict.FEASIBLE)]


def test_spot_is_chosen_where_its_discount_outweighs_its_risk() -> None:
    pools = [pool("owned", price="20"), pool("spot", price="12", **SPOT)]
    members = (*nodes(1, "owned"), *nodes(1, "spot"))
    careful = gang(expected_runtime_s=3600, checkpoint_interval_s=600)
    careless = gang(expected_runtime_s=3600 * 400)
    chosen = [decide(work, snapshot(pools, members)).chosen for work in (careful, careless)]
    assert [place.pool for place in chosen if place] == ["spot", "owned"]


def test_of_equal_cost_what_is_paid_anyway_comes_first_and_then_the_name() -> None:
    kinds = {
        "d": CapacityType.ON_DEMAND,
        "c": CapacityType.OWNED,
        "b": CapacityType.RESERVED,
        "a": CapacityType.RESERVED,
    }
    pools = [pool(name, capacity_type=kind) for name, kind in kinds.items()]
    members = [member for name in kinds for member in nodes(1, name)]
    assert [c.pool for c in decide(gang(), snapshot(pools, members)).candidates] == ["c", "a", "b", "d"]


def test_an_unknown_price_comes_after_every_known_one() -> None:
    pools = [pool("a", price=None), pool("z", price="999")]
    seen = snapshot(pools, (*nodes(1, "a"), *nodes(1, "z")))
    made = plan([gang("first"), gang("second")], seen, NOW, 1).decisions
    assert [d.chosen.pool for d in made if d.chosen] == ["z", "a"]
    assert "not known because it has no price" in made[1].message


def test_alternatives_compete_over_the_whole_run() -> None:
    fast = AcceleratorOption("H100", 2, speed=Decimal(4))
    slow = AcceleratorOption("A100", 2)
    a100 = pool("a100", price="16", accelerator=pool().accelerator)
    pools = [pool("h100", price="32"), a100]
    members = (*nodes(1, "h100"), *nodes(1, "a100"))
    made = decide(gang(accelerators=(slow, fast)), snapshot(pools, members))
    assert made.considered == 4
    assert made.chosen is not None
    assert made.chosen.accelerator is not None
    assert (made.chosen.pool, made.chosen.accelerator.model) == ("a100", "H100")


def test_higher_priority_gets_the_room_whatever_the_order_of_asking() -> None:
    low, high = gang("low"), gang("high", priority=5)
    seen = snapshot([pool()], nodes(1))
    for order in ([low, high], [high, low]):
        made = plan(order, seen, NOW, 1).decisions
        assert [(d.key.name, d.mode) for d in made] == [("high", Mode.FIT), ("low", Mode.WAIT)]


def test_a_gang_that_waits_does_not_hold_up_smaller_ones_behind_it() -> None:
    busy = {nodes(2)[0].name: resources(gpu=8)}
    made = plan([gang("big", 2, priority=9), gang("small")], snapshot([pool()], nodes(2), usage=busy), NOW, 1)
    assert [d.mode for d in made.decisions] == [Mode.WAIT, Mode.FIT]


def test_a_gang_spills_into_the_next_cheapest_pool_as_a_whole() -> None:
    pools = [pool("cheap", price="10"), pool("dear", price="20")]
    seen = snapshot(pools, (*nodes(1, "cheap"), *nodes(2, "dear")))
    made = decide(gang(replicas=2), seen)
    assert made.chosen is not None
    assert made.chosen.pool == "dear"
    assert made.chosen.preferred_nodes == ("dear-0000", "dear-0001")


def test_a_placement_says_all_that_pods_need_to_get_there() -> None:
    there = pool(node_selector={"pool": "pool", "zone": "a"}, taints=(taint(),), zone="a")
    made = decide(gang(gpus=4), snapshot([there], nodes(1, labels={"zone": "a"}, taints=(taint(),))))
    place = made.chosen
    assert place is not None
    assert place.node_selector == {"pool": "pool", "zone": "a"}
    assert [(t.key, t.operator, t.value, t.effect) for t in place.tolerations] == [
        (GPU, "Equal", "present", "NoSchedule")
    ]
    assert place.accelerator is not None
    assert (place.accelerator.model, place.accelerator.count, place.accelerator.resource) == ("H100", 4, GPU)
    assert (place.cluster, place.provider, place.region, place.zone) == ("local", "onprem", "de-fra", "a")


def test_at_most_a_hundred_preferred_nodes_are_named() -> None:
    made = decide(gang(replicas=150), snapshot([pool()], nodes(150)))
    assert made.chosen is not None
    assert len(made.chosen.preferred_nodes) == 100
    assert made.chosen.replicas == 150


def test_a_full_fleet_makes_waiters_that_know_what_would_admit_them() -> None:
    there = pool("onprem-h100")
    members = nodes(4, "onprem-h100")
    busy = {member.name: resources(gpu=8) for member in members[1:]}
    made = decide(gang(replicas=2), snapshot([there], members, usage=busy))
    assert made.mode is Mode.WAIT
    assert made.reason == "CapacityFull"
    assert made.message == "needs 16 x H100 in one pool; onprem-h100 has 8 free of 32, room for 1 of 2 pods"
    assert made.unblock == "ask for 1 instead of 2 replicas: would run on onprem-h100 at 25.15 EUR per hour"


def test_where_rules_and_room_stand_in_the_way_both_ways_out_are_named() -> None:
    pools = [pool("own"), pool("rented", provider="aws")]
    members = (*nodes(2, "own"), *nodes(2, "rented"))
    busy = {"own-0000": resources(gpu=8)}
    seen = snapshot(pools, members, usage=busy, policies=[policy("eu-only", providers=("onprem",))])
    made = decide(gang(replicas=2, policy="eu-only"), seen)
    assert made.mode is Mode.WAIT
    assert made.unblock == (
        "ask for 1 instead of 2 replicas: would run on own at 25.15 EUR per hour, "
        "or allow provider aws in policy eu-only: would run on rented at 50.30 EUR per hour"
    )


def test_following_the_advice_admits_the_workload() -> None:
    pools, members = [pool("rented", provider="aws")], nodes(2, "rented")
    strict = snapshot(pools, members, policies=[policy("eu-only", providers=("onprem",))])
    made = decide(gang(policy="eu-only"), strict)
    assert made.unblock == "allow provider aws in policy eu-only: would run on rented at 25.15 EUR per hour"
    relaxed = snapshot(pools, members, policies=[policy("eu-only", providers=("onprem", "aws"))])
    assert decide(gang(policy="eu-only"), relaxed).mode is Mode.FIT


def test_what_no_pool_can_ever_take_is_told_so_with_the_one_reason() -> None:
    seen = snapshot([pool("a"), pool("b")], (*nodes(1, "a"), *nodes(3, "b")))
    made = decide(gang(replicas=5), seen)
    assert (made.mode, made.reason) == (Mode.NEVER, "TooBigForPool")
    assert made.unblock == "ask for 3 instead of 5 replicas: would run on b at 75.45 EUR per hour"


def test_where_pools_are_ruled_out_for_different_reasons_none_is_singled_out() -> None:
    pools = [pool("small"), pool("rented", provider="aws")]
    seen = snapshot(pools, (*nodes(1, "small"), *nodes(9, "rented")), policies=[policy("p", providers=("onprem",))])
    made = decide(gang(replicas=5, policy="p"), seen)
    assert (made.mode, made.reason) == (Mode.NEVER, "NeverFits")


def test_a_fleet_without_pools_makes_work_wait_and_says_so() -> None:
    made = decide(gang(), snapshot())
    assert (made.mode, made.reason, made.considered) == (Mode.WAIT, "NoPool", 0)
    assert made.unblock == "add nodes, or declare a ComputePool"


@pytest.mark.parametrize("members", [(), nodes(1, ready=False), nodes(1, unschedulable=True)])
def test_nodes_that_may_come_back_are_waited_for(members: tuple[object, ...]) -> None:
    made = decide(gang(), snapshot([pool()], members))  # type: ignore[arg-type]
    assert (made.mode, made.reason) == (Mode.WAIT, "PoolHasNoNodes")


def test_an_unavailable_cluster_is_waited_for() -> None:
    made = decide(gang(), snapshot([pool()], nodes(1), cluster_health={"local": "no answer"}))
    assert (made.mode, made.reason) == (Mode.WAIT, "ClusterUnavailable")


def test_a_policy_that_does_not_exist_is_named() -> None:
    made = decide(gang(policy="typo"), snapshot([pool()], nodes(1)))
    assert (made.accepted, made.reason, made.mode) == (False, "PolicyNotFound", Mode.NEVER)
    assert made.message == "there is no PlacementPolicy typo"


def test_a_policy_of_other_namespaces_may_not_be_used() -> None:
    theirs = policy("theirs", namespaces=("them",))
    seen = snapshot([pool()], nodes(1), policies=[theirs])
    assert decide(gang(policy="theirs"), seen).reason == "PolicyNotAllowed"
    assert decide(gang(policy="theirs", namespace="them"), seen).mode is Mode.FIT


def test_the_default_policy_is_built_in_until_somebody_declares_one() -> None:
    assert decide(gang(), snapshot([pool()], nodes(1))).mode is Mode.FIT
    strict = policy("default", providers=("aws",))
    assert decide(gang(), snapshot([pool()], nodes(1), policies=[strict])).mode is Mode.NEVER


def test_work_without_accelerators_prefers_pools_without() -> None:
    pools = [pool("gpu", price="1"), pool("cpu", price="99", accelerator=None)]
    members = (*nodes(1, "gpu"), node("c", "cpu", allocatable=resources(cpu="32", memory="128Gi", pods=110)))
    made = decide(gang(gpus=0), snapshot(pools, members))
    assert made.chosen is not None
    assert (made.chosen.pool, made.chosen.accelerator) == ("cpu", None)


def test_work_without_accelerators_uses_the_others_where_there_are_no_such_pools() -> None:
    assert decide(gang(gpus=0), snapshot([pool()], nodes(1))).mode is Mode.FIT


def test_pods_are_counted_against_the_limit_of_a_node() -> None:
    small = node(allocatable=resources(cpu="96", memory="1Ti", gpu=8, pods=3))
    made = decide(gang(replicas=4, gpus=1), snapshot([pool()], [small]))
    assert made.mode is Mode.NEVER
    assert made.unblock == "ask for 3 instead of 4 replicas: would run on pool at 10.81 EUR per hour"


def test_a_pods_own_demands_on_nodes_narrow_the_room() -> None:
    members = (node("a", labels={"rack": "r1"}), node("b", labels={"rack": "r2"}))
    demand = Requirements((Requirement("rack", Operator.IN, ("r2",)),))
    made = decide(gang(requirements=demand), snapshot([pool()], members))
    assert made.chosen is not None
    assert made.chosen.preferred_nodes == ("b",)


def test_shapes_that_differ_only_by_name_share_their_verdict() -> None:
    waiting = [gang(f"w{i}", replicas=2) for i in range(5)]
    busy = {member.name: resources(gpu=8) for member in nodes(2)}
    made = plan(waiting, snapshot([pool()], nodes(2), usage=busy), NOW, 1).decisions
    assert len({id(d.candidates) for d in made}) == 1
    assert [d.uid for d in made] == [f"uid-w{i}" for i in range(5)]


def test_the_record_keeps_ten_candidates_and_counts_all() -> None:
    pools = [pool(f"p{i:02d}", price=str(i + 1)) for i in range(14)]
    members = [member for one in pools for member in nodes(1, one.name)]
    made = decide(gang(), snapshot(pools, members))
    assert (len(made.candidates), made.considered) == (10, 14)
    assert made.candidates[0].verdict is Verdict.CHOSEN


def test_a_full_pool_is_shown_as_rejected_beside_the_chosen_one() -> None:
    pools = [pool("cheap", price="1"), pool("dear", price="9"), pool("wrong", provider="aws", price="2")]
    members = [member for one in pools for member in nodes(1, one.name)]
    seen = snapshot(pools, members, usage={"cheap-0000": resources(gpu=8)}, policies=[policy(providers=("onprem",))])
    record = [(c.pool, c.verdict.wire, [r.reason for r in c.rejections]) for c in decide(gang(), seen).candidates]
    assert record == [
        ("dear", "Chosen", []),
        ("cheap", "Rejected", ["CapacityFull"]),
        ("wrong", "Rejected", ["ProviderNotAllowed"]),
    ]


def test_a_number_is_easier_to_change_than_hardware_or_a_law() -> None:
    """The way out that asks least of people comes first, whatever costs less."""
    pools = [
        pool("cpu", price="1", accelerator=None),
        pool("abroad", price="2", jurisdiction="US"),
        pool("home", price="90", jurisdiction="DE"),
    ]
    members = (*nodes(3, "cpu", gpu=0), *nodes(3, "abroad"), *nodes(2, "home"))
    seen = snapshot(pools, members, policies=[policy("germany", jurisdictions=("DE",))])
    made = decide(gang(replicas=3, policy="germany"), seen)
    assert made.unblock == "ask for 2 instead of 3 replicas: would run on home at 166.30 EUR per hour"
    assert [candidate.pool for candidate in made.candidates] == ["home", "abroad", "cpu"]
