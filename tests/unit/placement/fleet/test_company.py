"""Who else is on the nodes: what pods want near, away, and evenly spread."""

from __future__ import annotations

import msgspec

from stellwerk.model.capacity import Taint
from stellwerk.model.decision import Mode
from stellwerk.model.namespaces import NamespaceRules
from stellwerk.model.podrules import HostPort, Neighbour
from stellwerk.model.requirements import Operator, Requirement, Requirements
from stellwerk.model.workload import WorkloadKey
from stellwerk.placement.fleet.company import Company, friends_first, look
from stellwerk.placement.packing.bins import Assignment
from stellwerk.placement.planner import plan
from tests.builders import NOW, node, resources, snapshot
from tests.unit.placement.fleet.test_podrules import (
    APP,
    HOST,
    REQUIRED,
    affinity,
    asking,
    cpu_pool,
    nodes_of,
    placed,
    rack,
    spread,
)


def test_a_spread_does_not_count_pods_that_are_on_their_way_out() -> None:
    members = [rack("a", "r1"), rack("b", "r2", "0")]
    there = tuple(Neighbour("team", {"app": "train"}, "a", leaving=leaving) for leaving in (True, True))
    assert nodes_of(placed(asking(**spread("rack")), *members, neighbours=there)) == {"a"}
    staying = tuple(msgspec.structs.replace(one, leaving=False) for one in there)
    assert placed(asking(**spread("rack")), *members, neighbours=staying).mode is Mode.WAIT


def test_a_spread_counts_only_pods_of_its_own_namespace_and_kind() -> None:
    members = [rack("a", "r1"), rack("b", "r2", "0")]
    there = (Neighbour("other", {"app": "train"}, "a"), Neighbour("team", {"app": "web"}, "a"))
    assert nodes_of(placed(asking(**spread("rack")), *members, neighbours=there)) == {"a"}


def test_a_spread_that_does_not_mean_the_pod_itself_may_be_used_up_but_not_by_it() -> None:
    members = [rack("a", "r1"), rack("b", "r2", "0")]
    assert nodes_of(placed(asking(replicas=3, app="web", **spread("rack")), *members)) == {"a"}
    there = tuple(Neighbour("team", {"app": "train"}, "a") for _ in range(2))
    assert placed(asking(app="web", **spread("rack")), *members, neighbours=there).mode is Mode.WAIT


def test_fewer_racks_than_a_spread_wants_count_as_if_an_empty_one_were_there() -> None:
    rule = spread("rack")["topologySpreadConstraints"][0]
    three = {"topologySpreadConstraints": [{**rule, "minDomains": 3}]}
    members = [rack("a", "r1"), rack("b", "r2")]
    assert nodes_of(placed(asking(replicas=2, **three), *members)) == {"a", "b"}
    assert placed(asking(replicas=3, **three), *members).mode is Mode.WAIT
    two = {"topologySpreadConstraints": [{**rule, "minDomains": 2}]}
    assert nodes_of(placed(asking(replicas=3, **two), *members)) == {"a", "b"}


def test_a_spread_leaves_out_nodes_that_the_pod_does_not_select_unless_it_ignores_that() -> None:
    fast = msgspec.structs.replace(rack("a", "r1"), labels={**rack("a", "r1").labels, "disk": "fast"})
    members = [fast, rack("b", "r2")]
    rule = spread("rack")["topologySpreadConstraints"][0]
    for policy, modes in (("Honor", Mode.FIT), ("Ignore", Mode.WAIT)):
        even = {"topologySpreadConstraints": [{**rule, "nodeAffinityPolicy": policy}]}
        picky = asking(replicas=2, **even)
        wants = Requirements((Requirement("disk", Operator.IN, ("fast",)),))
        picky = msgspec.structs.replace(picky, pod=msgspec.structs.replace(picky.pod, requirements=wants))
        assert placed(picky, *members).mode is modes


def test_a_spread_leaves_out_tainted_nodes_only_if_it_says_so() -> None:
    tainted = msgspec.structs.replace(rack("b", "r2"), taints=(Taint("team", "NoSchedule", "x"),))
    rule = spread("rack")["topologySpreadConstraints"][0]
    for policy, mode in (("Honor", Mode.FIT), ("Ignore", Mode.WAIT)):
        even = {"topologySpreadConstraints": [{**rule, "nodeTaintsPolicy": policy}]}
        assert placed(asking(replicas=2, **even), rack("a", "r1"), tainted).mode is mode


def test_pods_go_where_fewest_of_their_kind_are_and_not_where_it_is_tightest() -> None:
    members = [rack("a", "r1", "3"), rack("b", "r2", "9")]
    there = (Neighbour("team", {"app": "train"}, "a"),)
    decision = placed(asking(**spread("rack", 3)), *members, neighbours=there)
    assert nodes_of(decision) == {"b"}


def test_pods_without_a_spread_fill_the_tightest_node_first() -> None:
    port = {"ports": [{"containerPort": 80, "hostPort": 8080}]}
    members = [rack("a", "r1", "9"), rack("b", "r1", "3")]
    assert nodes_of(placed(asking(container=port), *members)) == {"b"}


def test_who_wants_bound_pods_near_may_lie_in_several_of_their_domains() -> None:
    near = affinity("podAffinity", "rack", {"matchLabels": {"app": "web"}})
    there = tuple(Neighbour("team", {"app": "web"}, name) for name in ("a", "b"))
    members = [rack("a", "r1", "1"), rack("b", "r2", "1"), rack("c", "r3")]
    decision = placed(asking(replicas=2, **near), *members, neighbours=there)
    assert nodes_of(decision) == {"a", "b"}
    assert decision.chosen is not None
    assert "rack" not in decision.chosen.node_selector


def test_a_pod_that_wants_two_kinds_near_goes_where_one_pod_is_both() -> None:
    both = [
        {"topologyKey": key, "labelSelector": {"matchLabels": {label: "x"}}}
        for key, label in (("rack", "one"), (HOST, "two"))
    ]
    asked = asking(affinity={"podAffinity": {REQUIRED: both}})
    members = [rack("a", "r1"), rack("b", "r2")]
    apart = (Neighbour("team", {"one": "x"}, "a"), Neighbour("team", {"two": "x"}, "a"))
    assert placed(asked, *members, neighbours=apart).mode is Mode.WAIT
    assert nodes_of(placed(asked, *members, neighbours=(Neighbour("team", {"one": "x", "two": "x"}, "b"),))) == {"b"}


def test_a_gang_of_the_cycle_keeps_later_ones_away_whom_it_does_not_want() -> None:
    shy = asking("shy", **affinity("podAntiAffinity", "rack", {"matchLabels": {"app": "web"}}))
    other = msgspec.structs.replace(asking("other", app="web"), priority=-1)
    found = plan([shy, other], snapshot([cpu_pool()], [rack("a", "r1"), rack("b", "r2")]), NOW, 1).decisions
    assert [nodes_of(one) for one in found] == [{"a"}, {"b"}]
    alone = plan([shy, other], snapshot([cpu_pool()], [rack("a", "r1")]), NOW, 1).decisions
    assert [one.mode for one in alone] == [Mode.FIT, Mode.WAIT]


def test_a_term_may_mean_pods_of_namespaces_by_their_labels() -> None:
    term = {
        "topologyKey": "rack",
        "labelSelector": {"matchLabels": {"app": "web"}},
        "namespaceSelector": {"matchLabels": {"kind": "shared"}},
    }
    shy = asking(affinity={"podAntiAffinity": {REQUIRED: [term]}})
    there = (Neighbour("them", {"app": "web"}, "a"),)
    members = [rack("a", "r1")]
    shared = {"them": NamespaceRules(labels={"kind": "shared"})}
    assert placed(shy, *members, neighbours=there, namespaces=shared).mode is Mode.WAIT
    assert placed(shy, *members, neighbours=there).mode is Mode.FIT


def test_who_keeps_apart_in_two_ways_shares_a_node_that_has_neither_label() -> None:
    members = [
        rack("a", None, "3"),
        *(
            node(name, labels={"rack": one, "end": other}, allocatable=resources(cpu="8", memory="64Gi", pods=110))
            for name, one, other in (("b", "r1", "e1"), ("c", "r1", "e2"), ("d", "r2", "e1"))
        ),
    ]
    two = [{"topologyKey": key, "labelSelector": APP} for key in ("rack", "end")]
    decision = placed(asking(replicas=5, affinity={"podAntiAffinity": {REQUIRED: two}}), *members)
    assert decision.chosen is not None
    seats = dict(zip(decision.chosen.preferred_nodes, decision.chosen.pods_per_node, strict=True))
    assert seats == {"a": 3, "c": 1, "d": 1}
    alone = placed(asking(replicas=2, affinity={"podAntiAffinity": {REQUIRED: two}}), *members)
    assert nodes_of(alone) == {"a"}


def test_what_is_forgotten_again_was_never_there() -> None:
    shy = asking(**affinity("podAntiAffinity", "rack"))
    company = Company(snapshot([cpu_pool()], [rack("a", "r1"), rack("b", "r2")]), [shy])
    before = company.mark()
    company.assume(shy, [Assignment("a", 1), Assignment("b", 2)])
    assert [(pod.node, count) for pod, count in company.pods()] == [("a", 1), ("b", 2)]
    assert look(company, shy.pod, "team", shy.facts).unwanted == {"rack": {"r1", "r2"}}
    company.back_to(before)
    assert list(company.pods()) == []
    assert look(company, shy.pod, "team", shy.facts).unwanted == {}
    company.assume(shy, [Assignment("b", 1)])
    assert [(pod.node, count) for pod, count in company.pods()] == [("b", 1)]


def test_only_pods_that_are_really_there_are_bound() -> None:
    shy, there = asking(**affinity("podAntiAffinity", "rack")), Neighbour("team", {"app": "web"}, "a")
    company = Company(snapshot([cpu_pool()], [rack("a", "r1")], neighbours=(there,)), [shy])
    company.assume(shy, [Assignment("a", 1)])
    assert list(company.bound()) == [there]
    assert [pod.labels for pod, _ in company.pods()] == [{"app": "web"}, {"app": "train"}]


def test_decisions_differ_by_neighbours_only_where_neighbours_matter() -> None:
    plain, shy = asking("plain", app="web"), asking("shy", **affinity("podAntiAffinity", "rack"))
    alone = Company(snapshot([cpu_pool()], [rack("a", "r1")]), [plain])
    assert alone.concern(plain) is None
    both = Company(snapshot([cpu_pool()], [rack("a", "r1")]), [plain, shy])
    first = both.concern(shy), both.concern(plain)
    assert first[0] is not None
    assert first[1] is not None, "others look at its labels"
    both.assume(plain, [Assignment("a", 1)])
    assert both.concern(shy) != first[0], "what it looks at has changed"
    assert both.concern(plain) == first[1]
    both.assume(shy, [Assignment("a", 1)])
    assert both.matters(plain.pod, "team", shy.facts), "the pods that were placed keep such pods away"
    both.assume(plain, [Assignment("a", 1)])
    assert both.matters(plain.pod, "team", shy.facts), "and go on doing so whoever comes"
    assert not both.matters(plain.pod, "team", plain.facts)


def test_pods_that_nobody_looks_at_are_not_remembered() -> None:
    plain = asking("plain")
    company = Company(snapshot([cpu_pool()], [rack("a", "r1")]), [plain])
    company.assume(plain, [Assignment("a", 1)])
    assert list(company.pods()) == []
    port = asking("port", container={"ports": [{"containerPort": 80, "hostPort": 80}]})
    company.assume(port, [Assignment("a", 1)])
    assert [pod.ports for pod, _ in company.pods()] == [(HostPort(80),)]


def test_who_wants_friends_near_comes_right_after_the_last_of_them_and_nobody_else_moves() -> None:
    web = {"matchLabels": {"app": "web"}}
    near = asking("near", **affinity("podAffinity", "rack", web))
    queue = [near, asking("web-1", app="web"), asking("other"), asking("web-2", app="web"), asking("last")]
    seen = snapshot([cpu_pool()], [rack("a", "r1")])
    names = [one.key.name for one in friends_first(queue, seen)]
    assert names == ["web-1", "other", "web-2", "near", "last"]
    early = [queue[1], queue[3], near, queue[4]]
    assert friends_first(early, seen) == early
    assert friends_first(queue[1:], seen) == queue[1:]


def test_who_wants_to_lie_even_waits_for_its_own_kind_of_its_own_namespace_only() -> None:
    even = asking("even", app="web", **spread("rack"))
    foreign = asking("foreign")
    foreign = msgspec.structs.replace(
        foreign, identity=msgspec.structs.replace(foreign.identity, key=WorkloadKey("them", "foreign"))
    )
    seen = snapshot([cpu_pool()], [rack("a", "r1")])
    assert [one.key.name for one in friends_first([even, foreign], seen)] == ["even", "foreign"]
    assert [one.key.name for one in friends_first([even, asking("kin")], seen)] == ["kin", "even"]
