"""Keeping gangs to their nodes where others could take their room."""

from __future__ import annotations

import msgspec

from stellwerk.model.capacity import Accelerator, Toleration
from stellwerk.model.placement import Placement
from stellwerk.model.podask import PodAsk
from stellwerk.model.podrules import Neighbour, rules_of
from stellwerk.model.requirements import NODE_NAME, Operator, Requirement, Requirements
from stellwerk.model.snapshot import Reservation
from stellwerk.model.workload import AcceleratorOption, PodFacts, PodSet, PodShape, Workload
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, node, nodes, pool, resources, snapshot, taint

_TERM = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "train"}}}
AWAY = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [_TERM]}}}


def chosen(*gangs: Workload, count: int = 2, **facts: object) -> list[Placement]:
    decisions = plan(gangs, snapshot([pool()], nodes(count), **facts), NOW, 1).decisions
    assert all(one.chosen for one in decisions)
    return [one.chosen for one in decisions if one.chosen]


def test_gangs_of_one_kind_only_prefer_their_nodes() -> None:
    assert not any(one.nodes_required for one in chosen(gang("one", 2, 4), gang("two", 2, 4)))


def test_gangs_of_two_kinds_that_fill_a_pool_are_kept_to_their_nodes() -> None:
    placements = chosen(gang("small", 8, 1), gang("large", 1, 8))
    assert all(one.nodes_required for one in placements)
    assert len({node for one in placements for node in one.preferred_nodes}) == 2


def test_gangs_of_two_kinds_with_room_to_spare_are_not() -> None:
    assert not any(one.nodes_required for one in chosen(gang("small", 1, 1), gang("large", 1, 8), count=4))


def test_pods_of_an_earlier_cycle_that_are_not_bound_yet_count() -> None:
    pod = resources(cpu="1", gpu=1, pods=1)
    waiting = Reservation("uid-old", "local", "pool", pod, 8, ("pool-0000",))
    assert chosen(gang("large", 1, 8), reserved=(waiting,))[0].nodes_required


def test_a_gang_that_may_grow_is_kept_to_its_nodes_like_any_other() -> None:
    placements = chosen(gang("small", 8, 1), gang("large", 1, 8, min_replicas=1))
    assert [one.nodes_required for one in sorted(placements, key=lambda one: one.replicas)] == [True, True]


def test_a_gang_that_a_running_pod_keeps_from_a_node_is_kept_to_the_other() -> None:
    theirs = rules_of(AWAY, "team", {"app": "web"})
    assert theirs is not None
    there = (Neighbour("team", {"app": "web"}, "pool-0000", anti_affinity=theirs.anti_affinity),)
    shy = msgspec.structs.replace(gang("shy", 1, 1), facts=PodFacts((("app", "train"),), PodAsk()))
    placements = chosen(shy, gang("other", 1, 2), count=4, neighbours=there)
    assert all(one.nodes_required for one in placements)


def kept(*gangs: Workload, count: int = 4, **facts: object) -> list[bool]:
    members = facts.pop("members", nodes(count))
    there = facts.pop("there", pool())
    decisions = plan(gangs, snapshot([there], members, **facts), NOW, 1).decisions  # type: ignore[list-item, arg-type]
    assert all(one.chosen for one in decisions)
    by_name = {one.key.name: one.chosen for one in decisions}
    return [bool(chosen and chosen.nodes_required) for chosen in (by_name[one.key.name] for one in gangs)]


def on(*names: str) -> Requirements:
    return Requirements((Requirement(NODE_NAME, Operator.IN, names),))


def test_a_gang_that_names_its_node_counts_only_on_that_node() -> None:
    other = gang("other", 1, 2)
    assert kept(gang("named", 1, 1, requirements=on("pool-0000")), other) == [False, False]
    busy = {"pool-0000": resources(gpu=6)}
    assert kept(gang("named", 1, 1, requirements=on("pool-0000")), other, usage=busy) == [True, True]
    wider = on("pool-0000", "pool-0001")
    assert kept(gang("named", 1, 1, requirements=wider), other, usage=busy) == [False, False]


def test_nodes_whose_taint_a_gang_does_not_stand_are_no_room_for_it() -> None:
    members = (*nodes(1), *(node(f"t{at}", taints=(taint(),)) for at in range(3)))
    shy, brave = gang("shy", 1, 6), gang("brave", 1, 3, tolerations=(Toleration(GPU, "Exists"),))
    assert kept(shy, brave, members=members) == [True, True]
    assert kept(shy, brave, members=members, there=pool(taints=(taint(),))) == [False, False]


def test_nodes_that_rest_or_are_full_are_no_room() -> None:
    both = gang("small", 1, 1), gang("large", 1, 8)
    assert kept(*both, count=2) == [False, False]
    assert kept(*both, count=3, usage={"pool-0002": resources(gpu=8)}) == [False, False]
    assert kept(*both, members=(*nodes(1), *(node(f"r{at}", ready=False) for at in range(3)), node("z", gpu=1))) == [
        True,
        True,
    ]


def test_others_are_in_the_way_by_whatever_they_take_most_of() -> None:
    """Two nodes of 96 CPU: a pod of 80 on one of them, and pods of 8 that could sit down on either."""
    large = gang("large", 1, 0, requests=resources(cpu="80", memory="1Gi", pods=1))
    small = gang("small", 1, 1, requests=resources(cpu="8", memory="1Gi", pods=1))
    three = gang("three", 3, 1, requests=resources(cpu="8", memory="1Gi", pods=1))
    assert kept(large, small, count=2) == [False, False]
    assert kept(large, three, count=2) == [True, True]
    assert kept(large, three, count=5) == [False, False]


def test_many_kinds_of_pods_are_kept_apart_without_working_it_out() -> None:
    few = [gang(f"g{at}", 1, 1, requests=resources(cpu=1 + at, memory="1Gi", pods=1)) for at in range(9)]
    assert kept(*few[:8], count=40) == [False] * 8
    assert kept(*few, count=40) == [True] * 9


def test_only_the_pool_in_which_they_could_be_in_each_other_s_way_is_kept() -> None:
    there = [pool("tight"), pool("wide", accelerator=Accelerator("A100", 8, GPU))]
    members = [*nodes(1, "tight"), *nodes(9, "wide")]
    a100 = (AcceleratorOption("A100", 2),)
    batch = [
        gang("a", 1, 4),
        gang("b", 2, 2),
        gang("c", accelerators=a100),
        gang("d", accelerators=a100, requests=resources(cpu=1, pods=1)),
    ]
    found = {
        one.key.name: bool(one.chosen and one.chosen.nodes_required)
        for one in plan(batch, snapshot(there, members), NOW, 1).decisions
    }
    assert found == {"a": True, "b": True, "c": False, "d": False}


def test_a_further_pod_set_is_kept_to_its_nodes_like_the_main_one() -> None:
    helper = PodSet("helper", 1, PodShape(resources(cpu="90", memory="8Gi", pods=1)))
    cpu = pool("cpu", price="2", accelerator=None)
    seen = snapshot([pool(), cpu], [*nodes(1), *nodes(1, "cpu", gpu=0)])
    plain = gang("plain", 1, 0, requests=resources(cpu="2", memory="8Gi", pods=1))
    for batch, required in (([gang(others=(helper,))], False), ([gang(others=(helper,)), plain], True)):
        whole = next(one.chosen for one in plan(batch, seen, NOW, 1).decisions if one.key.name == "train")
        assert whole is not None
        assert [(one.pool, one.nodes_required) for one in whole.pod_sets] == [("cpu", required)]
        assert not whole.nodes_required, "in its own pool nobody is in the way"


def test_a_list_of_nodes_that_was_cut_short_keeps_nobody() -> None:
    small = gang("small", 1, 1)
    wide = gang("wide", 101, 8)
    assert kept(wide, small, count=102, usage={"pool-0101": resources(gpu=7)}) == [False, True]
