"""What pods demand of nodes, of each other and of their namespace, each until the real kube-scheduler has bound them.

Next to each fit stands what must not fit: the rule was looked at, and not only obeyed by luck. Nodes have 192 CPU.
`tests/integration/differential` plays thousands of random cases of the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.operator import objects
from tests.integration.operator.objects import Object
from tests.integration.operator.site import MERGE, Site
from tests.testbed.waiting import eventually

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def job(site: Site, name: str, gpus: int = 1, cpu: str = "1", pods: int = 1, **spec: Any) -> None:
    """Submit a user's Job; `spec` goes into the spec of its pods."""
    made = objects.user_job(name, site.name, gpus, parallelism=pods, completions=pods)
    pod = made["spec"]["template"]
    pod["metadata"]["labels"] = {"app": name.partition("-")[0]}
    pod["spec"] |= spec
    pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = cpu
    site.submit(made)


def container(name: str, cpu: str, **more: Any) -> Object:
    return {"name": name, "image": "example.com/side:1", "resources": {"requests": {"cpu": cpu}}, **more}


def label(site: Site, node: str, **labels: str) -> None:
    site.api.call("PATCH", f"/api/v1/nodes/{node}", {"metadata": {"labels": labels}}, MERGE)


def nodes_of(site: Site, name: str) -> list[str]:
    return sorted(pod["spec"]["nodeName"] for pod in site.list("pods", f"job-name={name}"))


def told(site: Site, name: str, reason: str) -> None:
    """Wait until a reason is among those for which a workload has no place.

    The API server tells of each kind by a stream of its own, so that a workload may be seen before a rule of its
    namespace. One that waits for room anyway shows when decisions follow the rule.
    """
    site.until(name, lambda seen: reason in str(seen["status"]["decision"]))


# ----------------------------------------------------------------------------------- nodes


def test_required_node_affinity_leaves_only_the_nodes_that_it_names(site: Site) -> None:
    pool = site.nodes("two", count=2)
    label(site, f"{pool}-1", disk="fast")
    eventually(lambda: site.api.get(f"/api/v1/nodes/{pool}-1")["metadata"]["labels"]["disk"] == "fast")
    site.declare(pool)
    terms = [{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["fast"]}]}]
    wants = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}
    job(site, "first", 8, affinity=wants)
    site.running("first")
    assert nodes_of(site, "first") == [f"{pool}-1"]
    job(site, "second", 8, affinity=wants)
    site.waits("second", "CapacityFull")
    job(site, "anywhere", 8)
    site.running("anywhere")
    assert nodes_of(site, "anywhere") == [f"{pool}-0"]


def test_a_taint_keeps_out_whoever_does_not_tolerate_it(site: Site) -> None:
    pool = site.nodes("kept", taints=({"key": "team", "value": "vision", "effect": "NoSchedule"},))
    site.declare(pool)
    job(site, "stranger")
    site.waits("stranger", "TaintNotTolerated")
    mine = {"key": "team", "operator": "Equal", "value": "vision", "effect": "NoSchedule"}
    job(site, "member", tolerations=[mine])
    site.running("member")
    assert nodes_of(site, "member") == [f"{pool}-0"]


# --------------------------------------------------------------------------------- each other


def test_a_host_port_is_given_once_per_node(site: Site) -> None:
    pool = site.pool("ports", nodes=2)
    site.known(pool)
    port = {"containerPort": 29500, "hostPort": 29500, "protocol": "TCP"}
    ports = [container("open", "1", restartPolicy="Always", ports=[port])]
    job(site, "gang", pods=2, initContainers=ports)
    site.running("gang")
    assert nodes_of(site, "gang") == [f"{pool}-0", f"{pool}-1"]
    job(site, "late", initContainers=ports)
    site.waits("late", "HostPortTaken")
    site.delete("jobs", "gang")
    site.running("late")


def test_pods_that_keep_apart_get_a_node_each(site: Site) -> None:
    pool = site.pool("apart", nodes=3)
    site.known(pool)
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "apart"}}}
    apart = {"podAntiAffinity": {REQUIRED: [term]}}
    job(site, "apart-three", pods=3, affinity=apart)
    site.running("apart-three")
    assert nodes_of(site, "apart-three") == [f"{pool}-{number}" for number in range(3)]
    job(site, "apart-fourth", affinity=apart)
    site.waits("apart-fourth", "PodAntiAffinityUnmet")


def test_pods_that_want_company_go_where_it_is(site: Site) -> None:
    pool = site.pool("near", nodes=2)
    site.known(pool)
    job(site, "cache", 6)
    site.running("cache")
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "cache"}}}
    near = {"podAffinity": {REQUIRED: [term]}}
    job(site, "reader", 2, affinity=near)
    site.running("reader")
    assert nodes_of(site, "reader") == nodes_of(site, "cache")
    job(site, "late", 2, affinity=near)
    site.waits("late")
    assert pool in str(site.aiw("late")["status"]["decision"]), "its other node has room"


# -------------------------------------------------------------------------- what a pod takes


def test_the_largest_init_container_and_all_sidecars_count(site: Site) -> None:
    """A sidecar runs beside all that starts after it: 100 + 60 of 192 are taken, and 32 are left."""
    pool = site.pool("sides")
    job(
        site,
        "first",
        cpu="100",
        initContainers=[container("mesh", "60", restartPolicy="Always"), container("fetch", "90")],
    )
    site.running("first")
    job(site, "large", cpu="10", initContainers=[container("fetch", "40")])
    site.waits("large", "CapacityFull")
    job(site, "beside", cpu="20", initContainers=[container("mesh", "20", restartPolicy="Always")])
    site.waits("beside", "CapacityFull")
    job(site, "small", cpu="10", initContainers=[container("fetch", "32")])
    site.running("small")
    assert nodes_of(site, "small") == [f"{pool}-0"]


@pytest.fixture
def sandbox(site: Site) -> Iterator[str]:
    """A RuntimeClass whose pods take 100 CPU more, and go to nodes that have it."""
    name, path = f"sandbox-{site.name}", "/apis/node.k8s.io/v1/runtimeclasses"
    made = {
        "metadata": {"name": name},
        "handler": "runc",
        "overhead": {"podFixed": {"cpu": "100"}},
        "scheduling": {"nodeSelector": {"runtime": name}},
    }
    site.api.call("POST", path, made)
    yield name
    site.api.call("DELETE", f"{path}/{name}")


def test_the_overhead_and_the_nodes_of_a_runtime_class_count(site: Site, sandbox: str) -> None:
    plain = site.pool("plain")
    site.workload("full", 8)
    site.running("full")
    job(site, "canary", runtimeClassName=sandbox)
    told(site, "canary", "NodeSelectorMismatch")
    site.delete("aiworkloads", "full")
    boxed = site.nodes("boxed", labels={"runtime": sandbox})
    site.declare(boxed, price={"perNodeHour": "90", "currency": "EUR"})
    site.running("canary")
    assert nodes_of(site, "canary") == [f"{boxed}-0"], "the dearer pool has the class"
    job(site, "large", cpu="95", runtimeClassName=sandbox)
    told(site, "large", "TooBigForPool")
    job(site, "outside", cpu="95")
    site.running("outside")
    assert nodes_of(site, "outside") == [f"{plain}-0"]


# ----------------------------------------------------------------------------- the namespace


def test_a_quota_is_kept_to_and_used_again_when_it_is_free(site: Site) -> None:
    site.pool("quota")
    job(site, "first", 8)
    site.running("first")
    job(site, "second", 4)
    site.waits("second", "CapacityFull")
    quota = {"metadata": {"name": "team"}, "spec": {"hard": {"requests.nvidia.com/gpu": "8"}}}
    site.api.call("POST", f"/api/v1/namespaces/{site.name}/resourcequotas", quota)
    told(site, "second", "QuotaExceeded")
    site.pool("more")
    job(site, "third", 1)
    site.waits("third", "QuotaExceeded")
    site.delete("jobs", "first")
    site.running("second")
    site.running("third")


def test_the_defaults_of_a_limit_range_take_room_and_its_bounds_are_kept(site: Site) -> None:
    pool = site.pool("limits")
    site.known(pool)
    default = {"type": "Container", "defaultRequest": {"cpu": "100"}, "default": {"cpu": "100"}, "max": {"cpu": "150"}}
    made = {"metadata": {"name": "sizes"}, "spec": {"limits": [default]}}
    site.api.call("POST", f"/api/v1/namespaces/{site.name}/limitranges", made)
    greedy = objects.pod_template({"duration": objects.FOREVER})
    greedy["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "160"}, "limits": {"cpu": "160"}}
    site.workload("canary", 1, replicas=9, template=greedy)  # too many, whatever the rules are
    told(site, "canary", "LimitRangeViolated")
    silent = objects.pod_template({"duration": objects.FOREVER})
    del silent["spec"]["containers"][0]["resources"]
    site.workload("first", 1, template=silent)
    site.running("first")
    (pod,) = site.pods("first")
    assert pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "100"
    site.workload("second", 1, template=silent)
    site.waits("second", "CapacityFull")
    modest = objects.pod_template({"duration": objects.FOREVER})
    modest["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "80"}, "limits": {"cpu": "80"}}
    site.workload("third", 1, template=modest)
    site.running("third")
