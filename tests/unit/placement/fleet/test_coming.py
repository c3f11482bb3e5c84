"""Planning on nodes that growing pools have yet to get."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from stellwerk.model.capacity import Accelerator, CapacityType, Growth, Taint
from stellwerk.model.decision import Decision, Mode, Verdict
from stellwerk.model.podask import ask_of
from stellwerk.model.podrules import rules_of
from stellwerk.model.requirements import requirements_of
from stellwerk.model.snapshot import Reservation
from stellwerk.model.supply import Supply
from stellwerk.model.workload import AcceleratorOption, PodFacts, PodSet, PodShape
from stellwerk.placement.fleet.coming import Needs, is_to_come, nodes_to_come
from tests.builders import GPU, decide, gang, node, nodes, policy, pool, resources, snapshot

OFFER = resources(cpu="96", memory="1Ti", gpu=8)
GROWTH = Growth(max_nodes=4, provision_s=600, node=OFFER)
LIKE = Growth(max_nodes=4, provision_s=600)
FULL = resources(gpu=8, cpu="8")


def selecting(**labels: str) -> Any:
    return requirements_of({"nodeSelector": labels})


def verdicts(made: Decision) -> list[tuple[str, bool, str]]:
    return [(one.pool, one.grown, one.verdict.wire) for one in made.candidates]


def test_a_pool_scaled_to_zero_takes_what_it_can_grow_for() -> None:
    made = decide(gang(replicas=3), snapshot([pool(growth=GROWTH)]))
    assert made.mode is Mode.FIT
    assert made.chosen is not None
    assert made.chosen.new_nodes == 3
    assert made.chosen.preferred_nodes == ()
    assert made.chosen.node_selector == {"pool": "pool"}
    assert verdicts(made) == [("pool", True, "Chosen")]
    assert made.message.endswith("; 3 nodes have yet to come")


def test_existing_nodes_are_used_before_new_ones() -> None:
    made = decide(gang(replicas=3), snapshot([pool(growth=LIKE)], nodes(2)))
    assert made.chosen is not None
    assert made.chosen.preferred_nodes == ("pool-0000", "pool-0001")
    assert made.chosen.new_nodes == 1
    assert verdicts(made)[0] == ("pool", True, "Chosen")
    alone = decide(gang(replicas=2), snapshot([pool(growth=LIKE)], nodes(2)))
    assert alone.chosen is not None
    assert alone.chosen.new_nodes == 0
    assert verdicts(alone) == [("pool", False, "Chosen"), ("pool", True, "Feasible")]


def test_waiting_for_nodes_costs_what_the_policy_says() -> None:
    rules = policy(waiting_price_per_hour=Decimal(12))
    made = decide(gang(), snapshot([pool(growth=GROWTH)], policies=[rules]))
    assert made.cost is not None
    assert [(part.name, part.amount) for part in made.cost.parts if part.name == "Waiting"] == [("Waiting", 2_000_000)]
    assert made.cost.total == sum(part.amount for part in made.cost.parts)


def test_a_dearer_pool_with_room_wins_where_waiting_costs_more_than_the_difference() -> None:
    cheap = pool("cheap", price="30", growth=GROWTH)
    ready = pool("ready", price="32")
    patient = decide(gang(), snapshot([cheap, ready], nodes(1, "ready")))
    assert patient.chosen is not None
    assert patient.chosen.pool == "cheap"
    rules = policy(waiting_price_per_hour=Decimal(30))
    hurried = decide(gang(), snapshot([cheap, ready], nodes(1, "ready"), policies=[rules]))
    assert hurried.chosen is not None
    assert hurried.chosen.pool == "ready"


def test_at_equal_cost_what_is_there_comes_first() -> None:
    growing = pool("a", growth=GROWTH)
    made = decide(gang(), snapshot([growing, pool("b")], nodes(1, "b")))
    assert made.chosen is not None
    assert made.chosen.pool == "b"


def test_a_pool_never_grows_beyond_its_maximum() -> None:
    seen = snapshot([pool(growth=LIKE)], nodes(3), usage={f"pool-{i:04d}": FULL for i in range(3)})
    assert decide(gang(), seen).mode is Mode.FIT
    waits = decide(gang(replicas=2), seen)
    assert waits.mode is Mode.WAIT
    assert waits.reason == "CapacityFull"
    assert "pool, grown as far as it may, has 8 free of 32, room for 1 of 2 pods" in waits.message
    never = decide(gang(replicas=5), seen)
    assert never.mode is Mode.NEVER
    assert never.reason == "TooBigForPool"


def test_nodes_that_do_not_take_pods_count_against_the_maximum() -> None:
    made = decide(gang(), snapshot([pool(growth=LIKE)], nodes(4, ready=False)))
    assert made.mode is Mode.WAIT


def test_what_waits_for_new_nodes_has_them() -> None:
    held = Reservation("other", "local", "pool", resources(cpu="8", memory="64Gi", pods=1, gpu=8), 3)
    seen = snapshot([pool(growth=GROWTH)], reserved=(held,))
    assert decide(gang(), seen).mode is Mode.FIT
    assert decide(gang(replicas=2), seen).mode is Mode.WAIT


def test_without_a_like_node_and_without_a_declared_one_nothing_can_be_planned() -> None:
    made = decide(gang(), snapshot([pool(growth=LIKE)]))
    assert (made.mode, made.reason) == (Mode.WAIT, "PoolHasNoNodes")


def test_a_stocked_out_pool_gets_nothing_on_new_nodes_and_goes_on_with_its_own() -> None:
    until = datetime(2026, 11, 22, 12, 40, tzinfo=UTC)
    supply = {("local", "pool"): Supply(stocked_out_until=until)}
    seen = snapshot([pool(growth=LIKE)], nodes(1), supply=supply)
    assert decide(gang(), seen).mode is Mode.FIT
    made = decide(gang(replicas=2), seen)
    assert made.mode is Mode.WAIT
    rejected = {rejection.reason: rejection for one in made.candidates for rejection in one.rejections}
    assert "stocked out until 2026-11-22 12:40 UTC" in rejected["StockedOut"].message


def test_a_stocked_out_pool_falls_back_to_the_next_best_by_expected_cost() -> None:
    pools = [
        pool("owned", price="8", growth=GROWTH),
        pool("reserved", price="12", capacity_type=CapacityType.RESERVED, growth=GROWTH),
        pool("spot", price="16", capacity_type=CapacityType.SPOT, interruption_rate_per_hour=Decimal(0), growth=GROWTH),
        pool("ondemand", price="32", capacity_type=CapacityType.ON_DEMAND, growth=GROWTH),
    ]
    gone: dict[tuple[str, str], Supply] = {}
    for expected in ("owned", "reserved", "spot", "ondemand"):
        made = decide(gang(), snapshot(pools, supply=gone))
        assert made.chosen is not None
        assert made.chosen.pool == expected
        gone["local", expected] = Supply(stocked_out_until=datetime(2026, 11, 22, 13, tzinfo=UTC))
    assert decide(gang(), snapshot(pools, supply=gone)).mode is Mode.WAIT


def test_a_learned_rate_of_interruptions_changes_the_choice() -> None:
    spot = pool("spot", price="16", capacity_type=CapacityType.SPOT, interruption_rate_per_hour=Decimal("0.01"))
    seen = (*nodes(1, "spot"), *nodes(1, "owned"))
    calm = decide(gang(), snapshot([spot, pool("owned")], seen))
    assert calm.chosen is not None
    assert calm.chosen.pool == "spot"
    learned = {("local", "spot"): Supply(rate_per_hour=Decimal(3))}
    stormy = decide(gang(), snapshot([spot, pool("owned")], seen, supply=learned))
    assert stormy.chosen is not None
    assert stormy.chosen.pool == "owned"


@pytest.mark.parametrize(
    ("growth", "there", "fits"),
    [
        (GROWTH, (), False),
        (Growth(4, 600, OFFER, {"disk": "ssd"}), (), True),
        (LIKE, (node(labels={"disk": "ssd"}),), True),
        (LIKE, (node(),), False),
    ],
)
def test_requirements_on_other_labels_are_judged_by_a_like_node_or_the_declared_labels(
    growth: Growth, there: tuple[Any, ...], *, fits: bool
) -> None:
    asked = gang(replicas=2, requirements=selecting(disk="ssd"))
    made = decide(asked, snapshot([pool(growth=growth)], there))
    assert (made.mode is Mode.FIT) is fits
    if not fits:
        assert {r.reason for one in made.candidates for r in one.rejections} >= {"NodeSelectorMismatch"}


def test_new_nodes_carry_the_taints_that_the_pool_declares_and_placements_tolerate_them() -> None:
    gpu = Taint("nvidia.com/gpu", "NoSchedule", "present")
    made = decide(gang(), snapshot([pool(growth=GROWTH, taints=(gpu,))]))
    assert made.chosen is not None
    assert [one.key for one in made.chosen.tolerations] == ["nvidia.com/gpu"]


def test_a_taint_of_like_nodes_that_nobody_declared_keeps_pods_off_new_ones_too() -> None:
    like = node(taints=(Taint("secret", "NoSchedule"),))
    made = decide(gang(replicas=2), snapshot([pool(growth=LIKE)], [like]))
    assert made.mode is Mode.NEVER
    assert made.reason == "TaintNotTolerated"


def test_a_new_node_offers_room_for_pods_and_the_declared_accelerators() -> None:
    bare = Growth(4, 600, resources(cpu="96", memory="1Ti"))
    (made,) = nodes_to_come(pool(growth=bare), (), 1)
    assert made.allocatable == resources(cpu="96", memory="1Ti", gpu=8, pods=110)
    assert is_to_come(made.name)
    assert not is_to_come("pool-0000")


def test_new_nodes_of_two_pools_are_not_taken_for_each_other() -> None:
    first, second = (nodes_to_come(pool(name, growth=GROWTH), (), 2) for name in ("a", "b"))
    assert len({node.name for node in (*first, *second)}) == 4


def test_no_more_new_nodes_are_looked_at_than_pods_could_use() -> None:
    assert len(nodes_to_come(pool(growth=Growth(10_000, 600, OFFER)), (), 3)) == 3


def test_a_pool_that_does_not_grow_gets_nothing() -> None:
    assert nodes_to_come(pool(), nodes(1), 9) == []


def test_a_plan_does_not_depend_on_the_order_of_pools() -> None:
    pools = [pool("a", growth=GROWTH), pool("b", growth=GROWTH), pool("c")]
    members = [*nodes(2, "a"), *nodes(1, "c")]
    first = decide(gang(replicas=3), snapshot(pools, members))
    assert decide(gang(replicas=3), snapshot(pools[::-1], members[::-1])) == first
    assert first.candidates[0].verdict is Verdict.CHOSEN


def test_pods_that_keep_apart_each_get_a_new_node_of_their_own() -> None:
    apart = {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"job": "train"}}}
        ]
    }
    rules = rules_of({"affinity": {"podAntiAffinity": apart}}, "team", {"job": "train"})
    shape = PodShape(resources(cpu="8", memory="64Gi", pods=1), rules=rules)
    facts = PodFacts((("job", "train"),), ask_of({"containers": []}))
    asked = msgspec.structs.replace(gang(replicas=3, gpus=1), pod=shape, facts=facts)
    made = decide(asked, snapshot([pool(growth=LIKE)], nodes(1)))
    assert made.mode is Mode.FIT, made.message
    assert made.chosen is not None
    assert made.chosen.new_nodes == 2
    assert (
        decide(msgspec.structs.replace(asked, replicas=5), snapshot([pool(growth=LIKE)], nodes(1))).mode is not Mode.FIT
    )


def test_what_is_declared_of_a_new_node_is_not_added_to() -> None:
    declared = Growth(4, 600, resources(cpu="96", memory="1Ti", gpu=4, pods=30))
    (made,) = nodes_to_come(pool(growth=declared), (), 1)
    assert made.allocatable == resources(cpu="96", memory="1Ti", gpu=4, pods=30)
    sliced = pool(accelerator=Accelerator("H100", 2, GPU, slices=4), growth=Growth(4, 600, resources(cpu="96")))
    (made,) = nodes_to_come(sliced, (), 1)
    assert made.allocatable == resources(cpu="96", gpu=8, pods=110)
    cpu = pool(accelerator=None, growth=Growth(4, 600, resources(cpu="96")))
    (made,) = nodes_to_come(cpu, (), 1)
    assert made.allocatable == resources(cpu="96", pods=110)


def test_a_new_node_is_like_the_most_common_ones_and_carries_what_the_pool_selects() -> None:
    small = node("a", allocatable=resources(cpu="8", gpu=8, pods=9), labels={"disk": "slow", "hall": "1"})
    large = [node(f"b{at}", allocatable=resources(cpu="9", gpu=8, pods=9), labels={"disk": "fast"}) for at in range(2)]
    growth = Growth(5, 600, None, {"hall": "2"})
    made = nodes_to_come(pool(growth=growth, node_selector={"pool": "pool", "row": "7"}), (small, *large), 9)
    assert len(made) == 2
    assert made[0].allocatable == resources(cpu="9", gpu=8, pods=9)
    told = {key: made[0].labels[key] for key in ("disk", "hall", "pool", "row")}
    assert told == {"disk": "fast", "hall": "2", "pool": "pool", "row": "7"}
    assert [one.labels["kubernetes.io/hostname"] for one in made] == [one.name for one in made]
    assert len({one.name for one in made}) == 2


def test_without_a_like_node_the_place_of_the_pool_is_what_is_known() -> None:
    (made,) = nodes_to_come(pool(growth=GROWTH, region="de-fra", zone="a"), (), 1)
    assert made.labels["topology.kubernetes.io/region"] == "de-fra"
    assert made.labels["topology.kubernetes.io/zone"] == "a"
    (bare,) = nodes_to_come(pool(growth=GROWTH, region="", zone=""), (), 1)
    assert "topology.kubernetes.io/region" not in bare.labels


def test_the_pods_of_all_sets_alternatives_and_reservations_may_want_a_node_each() -> None:
    sized = AcceleratorOption("H100", 4, replicas=5)
    helper = PodSet("helper", 2, PodShape(resources(cpu=1)))
    asked = [gang(replicas=3, accelerators=(AcceleratorOption("H100", 8), sized), others=(helper,)), gang("other")]
    room = resources(cpu=1)
    reserved = (Reservation("r", "local", "pool", room, 4), Reservation("s", "local", "pool", room, 3))
    needs = Needs.of(asked, (*reserved, Reservation("t", "local", "else", room, 9)))
    assert needs.pending == 5 + 2 + 1
    assert needs.nodes_of(pool()) == 8 + 7
    assert needs.nodes_of(pool("else")) == 8 + 9
