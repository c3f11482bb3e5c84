"""GPU nodes from a few lines: Node objects with the labels that real machines carry.

GPU Feature Discovery describes the GPUs, Karpenter and the clouds the machine, topograph the network.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from tests.testbed.api import Api
from tests.testbed.labels import PREFIX, cloud_labels, gpu_labels, provider_id, topology_labels
from tests.testbed.progress import TestbedError
from tests.testbed.waiting import eventually

POOL_LABEL = f"{PREFIX}/pool"
EXAMPLE = Path(__file__).parent / "pools.yaml"
CAPACITY_TYPES = ("Owned", "Reserved", "OnDemand", "Spot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A set of like nodes.

    `model` is a key of `labels.MODELS` or a product name as GPU Feature Discovery writes it, then with
    `gpu_memory` in MiB. `gpus` counts whole GPUs per node, `mig` slices per node by profile, e.g.
    `{"1g.10gb": 7}`, `devices` what the device plugins of other vendors offer, by resource. With
    `nodes_per_rack` the nodes spread over racks `<rack>-0`, `<rack>-1` and so on.
    """

    name: str
    count: int
    gpus: int = 8
    model: str = "H100"
    gpu_memory: int | None = None
    cpu: int = 192
    memory: str = "2Ti"
    provider: str = "onprem"  # onprem, aws, gcp or azure; others get no cloud's labels
    region: str | None = None
    zone: str | None = None
    block: str | None = None
    rack: str | None = None
    nodes_per_rack: int = 0
    capacity: str = "OnDemand"
    instance_type: str | None = None
    mig: Mapping[str, int] = field(default_factory=dict)
    devices: Mapping[str, int] = field(default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.capacity not in CAPACITY_TYPES:
            raise TestbedError(f"pool {self.name}: capacity must be one of {', '.join(CAPACITY_TYPES)}")

    def rack_of(self, index: int) -> str | None:
        """The rack of the node with this index."""
        if self.rack is None or not self.nodes_per_rack:
            return self.rack
        return f"{self.rack}-{index // self.nodes_per_rack}"

    def resources(self) -> dict[str, str]:
        """What each node offers."""
        offers = {
            "cpu": str(self.cpu),
            "memory": self.memory,
            "ephemeral-storage": "1Ti",
            "pods": "110",
        }
        if self.gpus:
            offers["nvidia.com/gpu"] = str(self.gpus)
        offers |= {resource: str(n) for resource, n in self.devices.items()}
        return offers | {f"nvidia.com/mig-{profile}": str(n) for profile, n in self.mig.items()}


def node(pool: Pool, index: int) -> dict[str, Any]:
    """The Node object of a pool with this index, counted from 0."""
    name = f"{pool.name}-{index}"
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        POOL_LABEL: pool.name,
        **topology_labels(pool.region, pool.zone, pool.block, pool.rack_of(index)),
        **cloud_labels(pool.provider, pool.name, pool.capacity, pool.instance_type),
        **gpu_labels(pool.model, pool.gpus, pool.gpu_memory, pool.mig),
        **pool.labels,
    }
    spec: dict[str, Any] = {"taints": [dict(taint) for taint in pool.taints]}
    if identifier := provider_id(pool.provider, pool.zone, name):
        spec["providerID"] = identifier
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "spec": spec,
        "status": {"capacity": pool.resources(), "allocatable": pool.resources()},
    }


def load(path: Path) -> list[Pool]:
    """Read a pool description: YAML, a list below `pools`; TestbedError names the entry that is wrong."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    known = {one.name for one in fields(Pool)}
    pools = []
    for entry in raw["pools"]:
        if unknown := set(entry) - known:
            raise TestbedError(f"{path}: pool {entry.get('name')}: unknown {', '.join(sorted(unknown))}")
        entry["taints"] = tuple(entry.get("taints", ()))
        pools.append(Pool(**entry))
    return pools


def add(api: Api, pools: Iterable[Pool]) -> list[str]:
    """Create the nodes and wait until all are ready and free of the taints of a new node; their names.

    They take any pod that fits: tests that share a cluster pin theirs by the pool's label.
    """
    objects = [node(pool, index) for pool in pools for index in range(pool.count)]
    try:
        api.create_all("/api/v1/nodes", objects)
    finally:
        api.close()  # of the threads that made them
    names = [one["metadata"]["name"] for one in objects]
    # Each look reads all nodes: look less often where there are many, or the looking slows them down.
    eventually(lambda: _all_ready(api, names), limit=600, every=min(3.0, 0.05 + len(names) / 200))
    return names


def remove(api: Api, pool: str) -> None:
    """Delete the nodes of a pool by its name."""
    api.call("DELETE", f"/api/v1/nodes?labelSelector={POOL_LABEL}%3D{pool}")


def _all_ready(api: Api, names: list[str]) -> bool:
    items = api.get("/api/v1/nodes")["items"]
    ready = {one["metadata"]["name"] for one in items if _ready(one)}
    missing = [name for name in names if name not in ready]
    assert not missing, f"{len(missing)} of {len(names)} nodes are not ready, first {missing[0]}"
    return True


def _ready(one: dict[str, Any]) -> bool:
    taints = one["spec"].get("taints", [])
    fresh = any(taint["key"].startswith("node.kubernetes.io/not-ready") for taint in taints)
    conditions = one["status"].get("conditions", [])
    return not fresh and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
