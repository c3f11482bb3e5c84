"""Gangs whose pods mind their neighbours, and namespaces that allow only so much."""

from __future__ import annotations

from typing import Any

import msgspec

from stellwerk.api.reasons import Reason
from stellwerk.model.capacity import Node
from stellwerk.model.decision import Decision, Mode
from stellwerk.model.namespaces import NamespaceRules, limits_of, quota_of
from stellwerk.model.podask import ask_of
from stellwerk.model.podrules import HostPort, Neighbour, rules_of
from stellwerk.model.workload import PodFacts, PodShape, Workload
from stellwerk.placement.planner import plan
from tests.builders import NOW, decide, gang, node, pool, resources, snapshot

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
HOST = "kubernetes.io/hostname"
APP = {"matchLabels": {"app": "train"}}


def asking(name: str = "train", replicas: int = 1, app: str = "train", **spec: Any) -> Workload:
    """A gang of CPU pods with a pod spec."""
    pod = {
        "containers": [{"name": "main", "resources": {"requests": {"cpu": "1"}}, **spec.pop("container", {})}],
        **spec,
    }
    labels = {"app": app}
    ask = ask_of(pod)
    shape = PodShape(ask.requests, rules=rules_of(pod, "team", labels))
    made = gang(name, replicas, 0)
    return msgspec.structs.replace(made, pod=shape, facts=PodFacts(tuple(labels.items()), ask))


def affinity(kind: str, key: str, selector: Any = APP) -> dict[str, Any]:
    return {"affinity": {kind: {REQUIRED: [{"topologyKey": key, "labelSelector": selector}]}}}


def spread(key: str, skew: int = 1) -> dict[str, Any]:
    one = {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": APP}
    return {"topologySpreadConstraints": [one]}


def rack(name: str, value: str | None, cpu: str = "8") -> Node:
    labels = {} if value is None else {"rack": value}
    return node(name, labels=labels, allocatable=resources(cpu=cpu, memory="64Gi", pods=110))


def cpu_pool() -> Any:
    return pool(accelerator=None)


def placed(workload: Workload, *members: Node, **facts: Any) -> Decision:
    return decide(workload, snapshot([cpu_pool()], members, **facts))


def nodes_of(decision: Decision) -> set[str]:
    assert decision.mode is Mode.FIT, decision.message
    assert decision.chosen is not None
    return set(decision.chosen.preferred_nodes)


def test_pods_with_a_host_port_go_to_a_node_each() -> None:
    port = {"ports": [{"containerPort": 80, "hostPort": 8080}]}
    assert nodes_of(placed(asking(replicas=2, container=port), rack("a", "r1"), rack("b", "r1"))) == {"a", "b"}


def test_a_host_port_that_is_taken_keeps_a_pod_away_and_says_so() -> None:
    port = {"ports": [{"containerPort": 80, "hostPort": 8080}]}
    there = (Neighbour("other", {}, "a", (HostPort(8080),)),)
    decision = placed(asking(container=port), rack("a", "r1"), neighbours=there)
    assert decision.mode is Mode.WAIT
    assert decision.reason == Reason.HOST_PORT_TAKEN
    assert "8080/TCP" in decision.message


def test_two_gangs_of_one_cycle_do_not_get_the_same_port_of_a_node() -> None:
    port = {"ports": [{"containerPort": 80, "hostPort": 8080}]}
    gangs = [asking("one", container=port), asking("two", container=port)]
    modes = [one.mode for one in plan(gangs, snapshot([cpu_pool()], [rack("a", "r1")]), NOW, 1).decisions]
    assert sorted(modes) == [Mode.WAIT, Mode.FIT]


def test_more_pods_that_keep_apart_than_nodes_never_fit() -> None:
    decision = placed(asking(replicas=3, **affinity("podAntiAffinity", HOST)), rack("a", "r1"), rack("b", "r1"))
    assert decision.mode is Mode.NEVER
    assert decision.reason == Reason.POD_ANTI_AFFINITY_UNMET
    assert "2 nodes for 3 pods" in decision.message


def test_pods_that_keep_apart_by_rack_go_to_a_rack_each() -> None:
    members = [rack("a", "r1"), rack("b", "r1"), rack("c", "r2")]
    nodes = nodes_of(placed(asking(replicas=2, **affinity("podAntiAffinity", "rack")), *members))
    assert "c" in nodes
    assert len(nodes) == 2


def test_pods_that_keep_apart_by_rack_share_a_node_that_is_in_no_rack() -> None:
    members = [rack("a", None), rack("b", "r1")]
    assert nodes_of(placed(asking(replicas=3, **affinity("podAntiAffinity", "rack")), *members)) == {"a"}


def test_pods_that_keep_apart_in_two_ways_are_matched_and_told_their_nodes() -> None:
    members = [
        node(name, labels={"rack": one, "end": other}, allocatable=resources(cpu="8", memory="64Gi", pods=110))
        for name, one, other in (("a", "r1", "e1"), ("b", "r1", "e2"), ("c", "r2", "e2"))
    ]
    two = [{"topologyKey": key, "labelSelector": APP} for key in ("rack", "end")]
    decision = placed(asking(replicas=2, affinity={"podAntiAffinity": {REQUIRED: two}}), *members)
    assert nodes_of(decision) == {"a", "c"}
    assert decision.chosen is not None
    assert decision.chosen.nodes_required
    assert decision.chosen.pods_per_node == (1, 1)
    assert placed(asking(replicas=3, affinity={"podAntiAffinity": {REQUIRED: two}}), *members).mode is Mode.NEVER


def test_a_pod_that_runs_keeps_away_whom_it_does_not_want() -> None:
    theirs = rules_of(affinity("podAntiAffinity", "rack"), "team", {"app": "web"})
    assert theirs is not None
    there = (Neighbour("team", {"app": "web"}, "a", anti_affinity=theirs.anti_affinity),)
    members = [rack("a", "r1"), rack("b", "r1"), rack("c", "r2")]
    assert nodes_of(placed(asking(replicas=2), *members, neighbours=there)) == {"c"}
    assert nodes_of(placed(asking(app="other"), *members, neighbours=there)) != {"c"}


def test_a_gang_that_wants_to_be_together_is_kept_to_the_domain_that_holds_it() -> None:
    members = [rack("a", "r1", "1"), rack("b", "r2", "2"), rack("c", "r2", "2")]
    decision = placed(asking(replicas=3, **affinity("podAffinity", "rack")), *members)
    assert nodes_of(decision) == {"b", "c"}
    assert decision.chosen is not None
    assert decision.chosen.node_selector["rack"] == "r2"


def test_affinity_to_pods_that_are_nowhere_waits_for_them() -> None:
    decision = placed(asking(**affinity("podAffinity", "rack", {"matchLabels": {"app": "web"}})), rack("a", "r1"))
    assert decision.mode is Mode.WAIT
    assert decision.reason == Reason.POD_AFFINITY_UNMET


def test_who_waits_for_a_neighbour_goes_beside_one_that_is_placed_after_it() -> None:
    late = asking("late", app="web")
    early = asking("early", **affinity("podAffinity", "rack", {"matchLabels": {"app": "web"}}))
    early = msgspec.structs.replace(early, priority=5)
    found = plan([early, late], snapshot([cpu_pool()], [rack("a", "r1")]), NOW, 1).decisions
    assert [one.mode for one in found] == [Mode.FIT, Mode.FIT]


def test_who_wants_others_near_is_placed_after_them_and_beside_them() -> None:
    members = [rack("a", "r1", "1"), rack("b", "r2", "8")]
    near = msgspec.structs.replace(asking("near", **affinity("podAffinity", "rack")), priority=5)
    plain = asking("plain", container={"resources": {"requests": {"cpu": "2"}}})
    found = {one.key.name: one for one in plan([near, plain], snapshot([cpu_pool()], members), NOW, 1).decisions}
    assert nodes_of(found["plain"]) == {"b"}
    assert nodes_of(found["near"]) == {"b"}


def test_who_wants_to_lie_as_even_as_others_is_placed_after_them() -> None:
    members = [rack("a", "r1"), rack("b", "r2", "1")]
    even = msgspec.structs.replace(asking("even", app="other", **spread("rack")), priority=5)
    plain = asking("plain", replicas=2, container={"resources": {"requests": {"cpu": "3"}}})
    found = {one.key.name: one for one in plan([even, plain], snapshot([cpu_pool()], members), NOW, 1).decisions}
    assert nodes_of(found["plain"]) == {"a"}
    assert nodes_of(found["even"]) == {"b"}


def test_gangs_of_one_cycle_that_want_each_other_are_kept_to_one_domain() -> None:
    members = [rack("a", "r1"), rack("b", "r2")]
    both = [asking(name, replicas=2, **affinity("podAffinity", "rack")) for name in ("one", "two")]
    found = plan(both, snapshot([cpu_pool()], members), NOW, 1).decisions
    kept = {one.chosen.node_selector["rack"] for one in found if one.chosen}
    assert len(kept) == 1


def test_a_spread_counts_the_racks_that_have_no_room_too() -> None:
    members = [rack("a", "r1", "8"), rack("b", "r2", "0")]
    decision = placed(asking(replicas=3, **spread("rack")), *members)
    assert decision.mode is Mode.WAIT
    assert decision.reason == Reason.TOPOLOGY_SPREAD_UNMET
    assert "a place for 1 of 3 pods" in decision.message


def test_a_spread_looks_at_what_the_emptiest_rack_holds_not_at_how_much_a_rack_holds() -> None:
    members = [rack("a", "r1"), rack("b", "r2")]
    assert nodes_of(placed(asking(replicas=6, **spread("rack")), *members)) == {"a", "b"}


def test_a_node_without_the_label_of_a_spread_is_no_place() -> None:
    members = [rack("a", None), rack("b", "r1"), rack("c", "r2")]
    assert nodes_of(placed(asking(replicas=2, **spread("rack")), *members)) == {"b", "c"}


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> dict[str, NamespaceRules]:
    return {"team": NamespaceRules(quotas=(quota_of("budget", {"hard": hard, **spec}, {"used": used or {}}),))}


def test_a_quota_that_is_used_up_makes_a_gang_wait_with_the_numbers() -> None:
    left = quota({"requests.cpu": "4"}, {"requests.cpu": "3"})
    decision = placed(asking(replicas=2), rack("a", "r1"), namespaces=left)
    assert decision.mode is Mode.WAIT
    assert decision.reason == Reason.QUOTA_EXCEEDED
    assert "leaves 1 requests.cpu of 4 requests.cpu, and 2 requests.cpu are needed" in decision.message


def test_a_gang_larger_than_its_quota_never_fits() -> None:
    decision = placed(asking(replicas=2), rack("a", "r1"), namespaces=quota({"pods": "1"}))
    assert decision.mode is Mode.NEVER
    assert "ask for 1 instead of 2 replicas" in str(decision.unblock)


def test_two_gangs_of_one_cycle_share_what_a_quota_leaves() -> None:
    there = snapshot([cpu_pool()], [rack("a", "r1")], namespaces=quota({"pods": "3"}))
    found = plan([asking("one", replicas=2), asking("two", replicas=2)], there, NOW, 1).decisions
    assert sorted(one.mode for one in found) == [Mode.WAIT, Mode.FIT]


def test_a_quota_of_accelerators_counts_what_the_pool_calls_them() -> None:
    ask = ask_of({"containers": [{"name": "main"}]})
    wanted = msgspec.structs.replace(gang(replicas=2, gpus=4), facts=PodFacts((), ask))
    decision = decide(wanted, snapshot([pool()], [node()], namespaces=quota({"requests.nvidia.com/gpu": "4"})))
    assert decision.reason == Reason.QUOTA_EXCEEDED
    assert "8 requests.nvidia.com/gpu are needed" in decision.message


def test_a_quota_that_wants_requests_stated_refuses_who_states_none() -> None:
    decision = placed(asking(), rack("a", "r1"), namespaces=quota({"requests.memory": "4Gi"}))
    assert decision.mode is Mode.NEVER
    assert "state requests.memory" in str(decision.unblock)


def test_a_limit_range_that_the_pods_break_is_named() -> None:
    limits = limits_of("small", {"limits": [{"type": "Container", "max": {"cpu": "500m"}}]})
    decision = placed(asking(), rack("a", "r1"), namespaces={"team": NamespaceRules(limits=limits)})
    assert decision.mode is Mode.NEVER
    assert decision.reason == Reason.LIMIT_RANGE_VIOLATED
    assert "LimitRange small" in decision.message
