"""Random small clusters: nodes in pools, pods that run already, and the rules of the namespaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.testbed.labels import PREFIX

Object = dict[str, Any]

POOL_LABEL: Final = f"{PREFIX}/pool"
ZONE: Final = "topology.kubernetes.io/zone"
HOST: Final = "kubernetes.io/hostname"
GPU: Final = "nvidia.com/gpu"
MI: Final = 2**20
APPS: Final = ("web", "train", "cache")
KEEP_RUNNING: Final = {f"{PREFIX}/duration": "never"}
NODES: Final = 6
"""Per slot; those that a world does not need are out of reach."""
LABELS: Final = (POOL_LABEL, ZONE, "disk", "rank", "runtime", "nvidia.com/gpu.product")
RESOURCES: Final = ("cpu", "memory", "pods", "ephemeral-storage", GPU, "hugepages-2Mi", "example.com/license")


TIGHT: Final = 0.3
"""Part of the worlds in which gangs compete for the same nodes."""


@dataclass(frozen=True)
class Place:
    """One of many independent corners of a cluster: its own nodes, namespaces and label values.

    Attributes:
        number: tells it from others.

    """

    number: int

    @property
    def namespaces(self) -> tuple[str, str]:
        """Where workloads are, and a neighbour."""
        return f"d{self.number}-a", f"d{self.number}-b"

    @property
    def rack(self) -> str:
        """A topology key that no node of another place has."""
        return f"rack{self.number}.example.com/name"

    def node(self, index: int) -> str:
        """Name of a node."""
        return f"d{self.number}-{index}"

    def app(self, name: str) -> str:
        """Value of a pod's label `app` that no pod of another place has."""
        return f"{name}-{self.number}"


@dataclass
class World:
    """What is there before anything is asked."""

    place: Place
    nodes: list[Object] = field(default_factory=list)
    pools: list[Object] = field(default_factory=list)
    pods: list[Object] = field(default_factory=list)
    limits: list[Object] = field(default_factory=list)
    quotas: list[Object] = field(default_factory=list)
    tight: bool = False
    """Little but the size of pods and nodes tells them apart: gangs of one round compete for the same nodes."""


def world_of(place: Place, random: Random, tight: float = TIGHT) -> World:
    """Make a world, the same for the same state of `random`; `tight` is the chance of a tight one."""
    if random.random() < tight:
        return _tight(place, random)
    made = World(place)
    pools = random.randint(1, 3)
    size = random.randint(2, NODES)
    shapes = [_shape(random) for _ in range(pools)]
    for index in range(size):
        pool = index % pools
        made.nodes.append(_node(place, index, f"d{place.number}-p{pool}", random, shapes[pool]))
    for pool in range(pools):
        made.pools.append(_pool(f"d{place.number}-p{pool}", shapes[pool], random))
    for node in made.nodes:
        for number in range(random.choice((0, 0, 1, 1, 2))):
            made.pods.append(_pod(place, node, number, random))
    if random.random() < 0.1:
        made.limits.append(_limit_range(random))
    if random.random() < 0.2:
        made.quotas += [_quota(number, random) for number in range(random.randint(1, 2))]
    return made


def _tight(place: Place, random: Random) -> World:
    made = World(place, tight=True)
    shape = _shape(random) | {"taints": [], GPU: random.choice((0, 4, 8)), "model": "H100"}
    shape["model"] = "H100" if shape[GPU] else None
    for index in range(random.randint(2, NODES)):
        node = _node(place, index, f"d{place.number}-p0", random, shape)
        node["spec"] = {"taints": [], "unschedulable": False}
        if random.random() < 0.3:
            node["spec"]["taints"] = [{"key": "soft", "value": "x", "effect": "PreferNoSchedule"}]
        if random.random() < 0.3:
            node["status"]["allocatable"]["cpu"] = str(random.randint(2, 16))
        made.nodes.append(node)
    made.pools.append(_pool(f"d{place.number}-p0", shape, random))
    return made


def _shape(random: Random) -> Object:
    gpus = random.choice((0, 0, 2, 4))
    return {
        "cpu": random.choice((4, 8, 8, 16)),
        "memory": random.choice((8, 16, 32)) * 1024,
        GPU: gpus,
        "model": random.choice(("H100", "L4")) if gpus else None,
        "taints": [_taint(random)] if random.random() < 0.25 else [],
        "declared": random.random() < 0.5,
    }


def _taint(random: Random) -> Object:
    return random.choice(
        (
            {"key": "dedicated", "value": "ml", "effect": "NoSchedule"},
            {"key": "dedicated", "value": "web", "effect": "NoSchedule"},
            {"key": "batch", "effect": "NoSchedule"},
            {"key": "soft", "value": "x", "effect": "PreferNoSchedule"},
        )
    )


def _node(place: Place, index: int, pool: str, random: Random, shape: Object) -> Object:
    name = place.node(index)
    labels = {
        HOST: name,
        POOL_LABEL: pool,
        "rank": str(random.randint(0, 20)),
    }
    if random.random() < 0.9:
        labels[ZONE] = f"d{place.number}-z{random.randint(0, 2)}"
    if random.random() < 0.8:
        labels[place.rack] = f"r{random.randint(0, 2)}"
    if random.random() < 0.7:
        labels["disk"] = random.choice(("ssd", "hdd"))
    if random.random() < 0.3:
        labels["runtime"] = "sandbox"
    if shape["model"]:
        labels["nvidia.com/gpu.product"] = f"NVIDIA-{shape['model']}"
    offer = _offer(random, shape)
    taints = [dict(taint) for taint in shape["taints"]]
    if random.random() < 0.12:
        taints = _with(taints, _taint(random))
    cordoned = random.random() < 0.08
    if cordoned:
        taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "spec": {"taints": taints, "unschedulable": cordoned},
        "status": {"capacity": offer, "allocatable": offer},
    }


def _offer(random: Random, shape: Object) -> Object:
    offer = {
        "cpu": str(max(1, shape["cpu"] - random.choice((0, 0, 0, 1)))),
        "memory": f"{shape['memory'] - random.choice((0, 0, 100))}Mi",
        "pods": str(random.choice((110, 110, 110, 3))),
        "ephemeral-storage": random.choice(("100Gi", "2Gi")),
    }
    if shape[GPU]:
        offer[GPU] = str(shape[GPU] if random.random() < 0.9 else shape[GPU] // 2)
    if random.random() < 0.2:
        offer["hugepages-2Mi"] = "512Mi"
    if random.random() < 0.2:
        offer["example.com/license"] = "2"
    return offer


def _with(taints: list[Object], other: Object) -> list[Object]:
    same = any((one["key"], one["effect"]) == (other["key"], other["effect"]) for one in taints)
    return taints if same else [*taints, other]


def _pool(name: str, shape: Object, random: Random) -> Object:
    spec: Object = {
        "nodeSelector": {POOL_LABEL: name},
        "provider": "onprem",
        "region": "de-fra",
        "jurisdiction": "DE",
        "capacityType": random.choice(("Owned", "OnDemand")),
        "price": {"perNodeHour": str(random.randint(1, 40)), "currency": "EUR", "source": "the tests"},
    }
    if shape[GPU]:
        spec["accelerator"] = {"model": shape["model"], "count": shape[GPU], "memory": "80Gi"}
    if shape["declared"] and shape["taints"]:
        spec["taints"] = shape["taints"]
    return {"metadata": {"name": name, "uid": f"uid-{name}", "generation": 1}, "spec": spec}


def _pod(place: Place, node: Object, number: int, random: Random) -> Object:
    """A pod that was bound before Stellwerk looked; now and then more than the node has room for."""
    app = random.choice(APPS)
    container: Object = {
        "name": "main",
        "image": "example.com/old:1",
        "resources": {"requests": {"cpu": random.choice(("100m", "500m", "1", "2")), "memory": "256Mi"}},
    }
    gpus = int(node["status"]["allocatable"].get(GPU, "0"))
    if gpus and random.random() < 0.4:
        container["resources"]["limits"] = {GPU: str(random.randint(1, max(1, gpus // 2)))}
    if random.random() < 0.25:
        container["ports"] = [_port(random)]
    spec: Object = {
        "nodeName": node["metadata"]["name"],
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
    }
    if random.random() < 0.25:
        spec["affinity"] = {"podAntiAffinity": {_REQUIRED: [term(place, random)]}}
    if random.random() < 0.15:
        spec["priorityClassName"] = "differential-high"
    return {
        "metadata": {
            "name": f"old-{node['metadata']['name']}-{number}",
            "namespace": random.choice(place.namespaces),
            "labels": {"app": place.app(app), "team": random.choice(("red", "blue"))},
            "annotations": KEEP_RUNNING,
        },
        "spec": spec,
    }


_NOT_RED: Final[Object] = {"key": "team", "operator": "NotIn", "values": ["red"]}
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def term(place: Place, random: Random) -> Object:
    """A term of pod affinity or anti-affinity over the pods of this place."""
    app = place.app(random.choice(APPS))
    selector: Object = random.choice(
        (
            {"matchLabels": {"app": app}},
            {"matchLabels": {"app": app}},
            {"matchExpressions": [{"key": "app", "operator": "In", "values": [app, place.app("other")]}]},
            {"matchLabels": {"app": app}, "matchExpressions": [_NOT_RED]},
            {"matchLabels": {"app": app}, "matchExpressions": [{"key": "team", "operator": "Exists"}]},
        )
    )
    made: Object = {"labelSelector": selector, "topologyKey": random.choice((HOST, HOST, ZONE, place.rack))}
    match random.randint(0, 5):
        case 0:
            made["namespaces"] = list(place.namespaces)
        case 1:
            made["namespaces"] = [place.namespaces[1]]
        case 2:
            made["namespaceSelector"] = {"matchLabels": {"place": str(place.number)}}
        case 3:
            made["namespaceSelector"] = {"matchExpressions": [{"key": "side", "operator": "In", "values": ["b"]}]}
    if "team" not in str(selector):  # Kubernetes takes a key in one place only
        match random.randint(0, 8):
            case 0:
                made["matchLabelKeys"] = ["team"]
            case 1:
                made["mismatchLabelKeys"] = ["team"]
    return made


def _port(random: Random) -> Object:
    port: Object = {"containerPort": 80, "hostPort": random.choice((8080, 9090))}
    if random.random() < 0.3:
        port["protocol"] = "UDP"
    if random.random() < 0.3:
        port["hostIP"] = random.choice(("127.0.0.1", "10.0.0.1", "0.0.0.0"))  # noqa: S104 - what a pod asks for
    return port


port_of = _port


def _limit_range(random: Random) -> Object:
    item: Object = {"type": "Container"}
    if random.random() < 0.6:
        item["default"] = {"cpu": random.choice(("500m", "1500m")), "memory": "512Mi"}
    if random.random() < 0.5:
        item["defaultRequest"] = {"cpu": "250m"}
    if random.random() < 0.4:
        item["max"] = {"cpu": "2", "memory": "4Gi"}
    if random.random() < 0.3:
        item["min"] = {"memory": "64Mi"}
    if random.random() < 0.2:
        item["maxLimitRequestRatio"] = {"cpu": "2"}
    limits = [item] if len(item) > 1 else []
    if random.random() < 0.4 or not limits:
        limits.append({"type": "Pod", "max": {"cpu": random.choice(("1", "3")), "memory": "8Gi"}})
    return {"metadata": {"name": "limits"}, "spec": {"limits": limits}}


def _quota(number: int, random: Random) -> Object:
    hard: Object = {}
    choices = (
        ("pods", random.choice(("3", "6", "20"))),
        ("requests.cpu", random.choice(("2", "6"))),
        ("cpu", random.choice(("3", "8"))),
        ("limits.memory", "8Gi"),
        ("requests.memory", random.choice(("4Gi", "16Gi"))),
        (f"requests.{GPU}", random.choice(("1", "4"))),
    )
    for name, amount in random.sample(choices, random.randint(1, 2)):
        hard[name] = amount
    spec: Object = {"hard": hard}
    match random.randint(0, 6):
        case 0:
            expression = {
                "scopeName": "PriorityClass",
                "operator": random.choice(("In", "NotIn")),
                "values": ["differential-high"],
            }
            spec["scopeSelector"] = {"matchExpressions": [expression]}
        case 1:
            spec["scopes"] = ["NotBestEffort"]
        case 2:
            spec["scopes"] = ["BestEffort"]
            spec["hard"] = {"pods": "2"}
        case 3:
            spec["hard"] = {"count/pods": random.choice(("4", "8"))}
    return {"metadata": {"name": f"quota-{number}"}, "spec": spec}
