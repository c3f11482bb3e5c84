"""Each hard rule that other pods and the namespace set, alone: what it says, with which numbers, and which way out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stellwerk.model.capacity import Node
from stellwerk.model.namespaces import NamespaceRules, quota_of
from stellwerk.model.podask import ask_of
from stellwerk.model.podrules import HostPort, Neighbour, Term, selector_of
from stellwerk.model.requirements import Operator, Requirement, Requirements
from stellwerk.model.workload import PodFacts, Workload
from stellwerk.placement.rules import crowd_filters as crowd
from stellwerk.placement.rules.asking import Ask, Filter
from tests.builders import GPU, gang, node, nodes, pool, resources
from tests.judging import judge, told
from tests.unit.placement.fleet.test_podrules import HOST, affinity, asking, rack, spread

PORT = {"ports": [{"containerPort": 80, "hostPort": 8080}]}
FAST = Requirements((Requirement("disk", Operator.IN, ("fast",)),))
WEB = {"matchLabels": {"app": "web"}}
ROOM_RULES = (
    crowd.host_port_taken,
    crowd.pod_affinity_unmet,
    crowd.pod_anti_affinity_unmet,
    crowd.topology_spread_unmet,
)


def said(check: Filter, workload: Workload, *members: Node, **facts: Any) -> tuple[str, str, str]:
    return told(judge(check, workload, pool(accelerator=None), members=members, **facts))


def silent(check: Filter, workload: Workload, *members: Node, **facts: Any) -> bool:
    return judge(check, workload, pool(accelerator=None), members=members, **facts) is None


def web(where: str, **facts: Any) -> Neighbour:
    return Neighbour("team", {"app": "web"}, where, **facts)


def test_a_taken_host_port_says_on_how_many_of_the_nodes_with_room() -> None:
    there = (web("a", ports=(HostPort(8080),)),)
    members = (rack("a", "r1"), rack("b", "r1"), rack("c", "r1", "0"))
    assert said(crowd.host_port_taken, asking(replicas=2, container=PORT), *members, neighbours=there) == (
        "HostPortTaken",
        "host port 8080/TCP is taken on 1 of 2 nodes of pool with room; there is a place for 1 of 2 pods",
        "ask for 1 instead of 2 replicas",
    )


def test_a_host_port_that_is_taken_everywhere_can_be_dropped_or_waited_for() -> None:
    there = (web("a", ports=(HostPort(8080),)),)
    here, asked = (rack("a", "r1"),), asking(container=PORT)
    found = judge(crowd.host_port_taken, asked, pool(accelerator=None), members=here, neighbours=there)
    assert told(found)[2] == "drop the host ports, or wait until other pods end"
    assert found is not None
    assert (found.permanent, found.effort) == (False, 1)


def test_pods_that_must_be_near_others_say_whom_they_miss() -> None:
    wanted = asking(replicas=2, **affinity("podAffinity", "rack", WEB))
    assert said(crowd.pod_affinity_unmet, wanted, rack("a", "r1"), rack("b", "r2")) == (
        "PodAffinityUnmet",
        (
            "no pod that the pods want near (app=web by rack) is at 2 of 2 nodes of pool with room; "
            "there is a place for 0 of 2 pods"
        ),
        "drop the pod affinity, or wait until other pods end",
    )


def test_a_gang_that_no_domain_holds_says_so_and_how_much_of_it_one_holds() -> None:
    together = asking(replicas=3, **affinity("podAffinity", "rack"))
    assert said(crowd.pod_affinity_unmet, together, rack("a", "r1", "2"), rack("b", "r2", "1")) == (
        "PodAffinityUnmet",
        "no domain holds all (app=train by rack); there is a place for 2 of 3 pods",
        "ask for 2 instead of 3 replicas",
    )


def test_pods_that_keep_from_others_say_how_many_nodes_that_rules_out() -> None:
    shy = asking(**affinity("podAntiAffinity", "rack", WEB))
    members = (rack("a", "r1"), rack("b", "r1"))
    assert said(crowd.pod_anti_affinity_unmet, shy, *members, neighbours=(web("a"),)) == (
        "PodAntiAffinityUnmet",
        "anti-affinity rules out 2 of 2 nodes of pool with room; there is a place for 0 of 1 pod",
        "drop the anti-affinity, or wait until other pods end",
    )


def test_pods_that_another_keeps_away_say_the_same() -> None:
    guard = web("a", anti_affinity=(Term("rack", selector_of({"matchLabels": {"app": "train"}}), ("team",)),))
    assert said(crowd.pod_anti_affinity_unmet, asking(), rack("a", "r1"), neighbours=(guard,)) == (
        "PodAntiAffinityUnmet",
        "anti-affinity rules out 1 of 1 nodes of pool with room; there is a place for 0 of 1 pod",
        "drop the anti-affinity, or wait until other pods end",
    )


def test_pods_that_keep_apart_where_too_few_nodes_have_room_want_to_be_apart() -> None:
    apart = asking(replicas=2, **affinity("podAntiAffinity", HOST))
    assert said(crowd.pod_anti_affinity_unmet, apart, rack("a", "r1", "4"), rack("b", "r1", "0")) == (
        "PodAntiAffinityUnmet",
        "the pods want to be apart from each other; there is a place for 1 of 2 pods",
        "ask for 1 instead of 2 replicas",
    )


def test_a_spread_that_cannot_be_even_says_so() -> None:
    even = asking(replicas=3, **spread("rack"))
    assert said(crowd.topology_spread_unmet, even, rack("a", "r1"), rack("b", "r2", "0")) == (
        "TopologySpreadUnmet",
        "the pods must spread evenly; there is a place for 1 of 3 pods",
        "ask for 1 instead of 3 replicas",
    )


def test_a_spread_without_its_label_rules_nodes_out() -> None:
    assert said(crowd.topology_spread_unmet, asking(**spread("rack")), rack("a", None)) == (
        "TopologySpreadUnmet",
        "the pods' topology spread rules out 1 of 1 nodes of pool with room; there is a place for 0 of 1 pod",
        "drop the topology spread constraint, or wait until other pods end",
    )


@pytest.mark.parametrize("check", ROOM_RULES)
def test_whoever_has_a_place_hears_of_no_neighbour(check: Filter) -> None:
    picky = asking(replicas=2, container=PORT, **affinity("podAntiAffinity", HOST), **spread("rack", 2))
    assert silent(check, picky, rack("a", "r1"), rack("b", "r1"))
    assert silent(check, asking(), rack("a", "r1"))


@pytest.mark.parametrize("check", ROOM_RULES)
def test_where_there_is_no_room_anyway_neighbours_are_not_blamed(check: Filter) -> None:
    there = (web("a", ports=(HostPort(8080),)),)
    assert silent(check, asking(replicas=9, container=PORT), rack("a", "r1", "1"), neighbours=there)


def test_only_the_rule_that_is_most_in_the_way_speaks() -> None:
    there = (web("a", ports=(HostPort(8080),)), web("b"))
    both = asking(container=PORT, **affinity("podAntiAffinity", HOST, WEB))
    members = (rack("a", "r1"), rack("b", "r1"), rack("c", "r1"))
    more = (*there, web("c"))
    assert said(crowd.pod_anti_affinity_unmet, both, *members, neighbours=more)[1] == (
        "anti-affinity rules out 2 of 3 nodes of pool with room; there is a place for 0 of 1 pod"
    )
    assert silent(crowd.host_port_taken, both, *members, neighbours=more)


def test_more_pods_with_a_host_port_than_nodes_never_fit_and_say_how_many_would() -> None:
    found = judge(
        crowd.pods_keep_apart,
        asking(replicas=3, container=PORT),
        pool(accelerator=None),
        members=(rack("a", "r1"), rack("b", None)),
    )
    assert told(found) == (
        "HostPortTaken",
        "its pods keep apart, and pool has 2 nodes for 3 pods",
        "ask for 2 instead of 3 replicas",
    )
    assert found is not None
    assert (found.permanent, found.effort) == (True, 1)


def test_more_pods_that_keep_apart_than_domains_never_fit_and_say_how_many_would() -> None:
    apart = asking(replicas=4, **affinity("podAntiAffinity", "rack"))
    members = (rack("a", "r1"), rack("b", "r1"), rack("c", "r2"))
    assert said(crowd.pods_keep_apart, apart, *members) == (
        "PodAntiAffinityUnmet",
        "its pods keep apart, and pool has 2 values of rack for 4 pods",
        "ask for 2 instead of 4 replicas",
    )


def test_of_two_ways_to_keep_apart_the_tighter_one_is_told() -> None:
    terms = affinity("podAntiAffinity", "rack")["affinity"]["podAntiAffinity"]
    terms = {kind: [*of, {**of[0], "topologyKey": HOST}] for kind, of in terms.items()}
    apart = asking(replicas=4, affinity={"podAntiAffinity": terms})
    members = (rack("a", "r1"), rack("b", "r1"), rack("c", "r2"))
    assert said(crowd.pods_keep_apart, apart, *members)[1] == (
        "its pods keep apart, and pool has 2 values of rack for 4 pods"
    )


def test_just_as_many_domains_as_pods_are_enough() -> None:
    apart = asking(replicas=2, **affinity("podAntiAffinity", "rack"))
    assert silent(crowd.pods_keep_apart, apart, rack("a", "r1"), rack("b", "r2"))
    assert silent(crowd.pods_keep_apart, asking(replicas=9), rack("a", "r1"))
    assert silent(crowd.pods_keep_apart, asking(replicas=2, container=PORT), rack("a", "r1"), rack("b", "r1"))


def test_nodes_that_the_pods_cannot_use_are_no_domains() -> None:
    apart = asking(replicas=2, **affinity("podAntiAffinity", "rack"))
    fast = msgspec.structs.replace(rack("a", "r1"), labels={**rack("a", "r1").labels, "disk": "fast"})
    picky = msgspec.structs.replace(apart, pod=msgspec.structs.replace(apart.pod, requirements=FAST))
    assert said(crowd.pods_keep_apart, picky, fast, rack("b", "r2"))[1] == (
        "its pods keep apart, and pool has 1 values of rack for 2 pods"
    )


def test_a_quota_must_be_enough_for_what_an_elastic_gang_starts_with() -> None:
    rules = {"team": NamespaceRules(quotas=(quota_of("budget", {"hard": {"pods": "2"}}, {"used": {}}),))}
    elastic = msgspec.structs.replace(asking(replicas=5), min_replicas=2)
    assert silent(crowd.quota_exceeded, elastic, rack("a", "r1"), namespaces=rules)
    assert said(
        crowd.quota_exceeded, msgspec.structs.replace(elastic, min_replicas=3), rack("a", "r1"), namespaces=rules
    ) == (
        "QuotaExceeded",
        "quota budget of namespace team leaves 2 pods of 2 pods, and 3 pods are needed",
        "raise quota budget of namespace team to 3 pods",
    )


def test_the_api_server_sees_the_accelerators_of_the_pool_but_for_a_job_of_a_user() -> None:
    facts = PodFacts((), ask_of({"containers": [{"name": "main"}]}))
    own = msgspec.structs.replace(gang(gpus=4), facts=facts)
    job = msgspec.structs.replace(own, source="job")
    seen: list[dict[str, int]] = []

    def listen(ask: Ask, view: Any) -> None:
        found = crowd.pod_ask_on(ask, view)
        seen.append({} if found is None else dict(found.requests.amounts))

    for workload in (own, job, gang(gpus=4)):
        judge(listen, workload, members=nodes(1))
    assert [one.get(GPU) for one in seen] == [4, None, None]


def test_without_neighbours_rules_or_labels_nothing_is_looked_at() -> None:
    assert silent(crowd.host_port_taken, gang(gpus=0), node(allocatable=resources(cpu="8", memory="64Gi", pods=9)))
