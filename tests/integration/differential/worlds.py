"""Random small clusters: nodes in pools, pods that run already, and the rules of the namespaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.integration.differential.allowances import limit_range, quota
from tests.integration.differential.neighbours import pod_on
from tests.integration.differential.places import GPU, HOST, NODES, POOL_LABEL, ZONE, Object, Place

TIGHT: Final = 0.3
"""Part of the worlds in which gangs compete for the same nodes."""


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
            made.pods.append(pod_on(node, place, number, random))
    if random.random() < 0.1:
        made.limits.append(limit_range(random))
    if random.random() < 0.2:
        made.quotas += [quota(number, random) for number in range(random.randint(1, 2))]
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
        "slices": random.choice((1, 1, 2, 4)),
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
        offer[GPU] = str(shape["slices"] * (shape[GPU] if random.random() < 0.9 else shape[GPU] // 2))
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
        slices = {"slices": shape["slices"]} if shape["slices"] > 1 else {}
        spec["accelerator"] = {"model": shape["model"], "count": shape[GPU], "memory": "80Gi", **slices}
    if shape["declared"] and shape["taints"]:
        spec["taints"] = shape["taints"]
    return {"metadata": {"name": name, "uid": f"uid-{name}", "generation": 1}, "spec": spec}
