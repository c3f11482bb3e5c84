"""Keeping gangs to their nodes where others could take their room."""

from __future__ import annotations

import msgspec

from stellwerk.model.placement import Placement
from stellwerk.model.podask import PodAsk
from stellwerk.model.podrules import Neighbour, rules_of
from stellwerk.model.snapshot import Reservation
from stellwerk.model.workload import PodFacts, Workload
from stellwerk.placement.planner import plan
from tests.builders import NOW, gang, nodes, pool, resources, snapshot

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
