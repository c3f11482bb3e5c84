"""Accelerators of three vendors, found from what their device plugins and labellers write, and bound by their names.

Labels and resources are those that these projects document:

- AMD: the node labeller and device plugin of ROCm, https://github.com/ROCm/k8s-device-plugin (installation page:
  `amd.com/gpu.product-name=AMD_Instinct_MI300X_OAM`, `amd.com/gpu.vram=192G`; compute partitions under the naming
  strategy `mixed`: `amd.com/cpx_nps4`).
- Intel: the GPU plugin and its rules for node feature discovery,
  https://github.com/intel/intel-device-plugins-for-kubernetes (cmd/gpu_plugin: `gpu.intel.com/i915`,
  `gpu.intel.com/xe`; labels.md: `gpu.intel.com/product=Max_1550`, `gpu.intel.com/family=Max_Series`).
- Intel Gaudi: https://docs.habana.ai, device plugin for Kubernetes: `habana.ai/gaudi`. It documents no label of the
  product, so that the pool says which one it is.
- NVIDIA: device plugin and GPU feature discovery, https://github.com/NVIDIA/k8s-device-plugin (README, sharing with
  MPS: each replica has an equal part of memory and compute; `nvidia.com/gpu.sharing-strategy=mps`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.integration.operator import objects
from tests.integration.operator.objects import Object
from tests.integration.operator.site import Site
from tests.testbed.pools import POOL_LABEL


class Machine(NamedTuple):
    """What one node shows, an ask for some of it, and what the pod must then carry."""

    labels: dict[str, str]
    devices: dict[str, int]
    ask: dict[str, Any]
    limits: dict[str, str]
    gpus: int = 0
    model: str = "H100"


AMD = {
    "amd.com/gpu.cu-count": "304",
    "amd.com/gpu.device-id": "74a1",
    "amd.com/gpu.family": "AI",
    "amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM",
    "amd.com/gpu.simd-count": "1216",
    "amd.com/gpu.vram": "192G",
}
INTEL = {
    "gpu.intel.com/device.count": "4",
    "gpu.intel.com/family": "Max_Series",
    "gpu.intel.com/product": "Max_1550",
}
MPS = {
    "nvidia.com/gpu.product": "NVIDIA-A10G-SHARED",
    "nvidia.com/gpu.replicas": "4",
    "nvidia.com/gpu.sharing-strategy": "mps",
    "nvidia.com/mps.capable": "true",
}
MACHINES = {
    "amd": Machine(AMD, {"amd.com/gpu": 8}, {"model": "MI300X", "count": 2}, {"amd.com/gpu": "2"}),
    "amd by memory": Machine(
        AMD, {"amd.com/gpu": 8}, {"model": "MI300X", "count": 1, "memory": "160Gi"}, {"amd.com/gpu": "1"}
    ),
    "amd partition": Machine(
        AMD | {"amd.com/gpu.product-name": "AMD_Instinct_MI325X_OAM", "amd.com/gpu.vram": "256G"},
        {"amd.com/cpx_nps4": 64},
        {"model": "MI325X", "share": {"memory": "30Gi"}},
        {"amd.com/cpx_nps4": "1"},
    ),
    "intel, driver i915": Machine(
        INTEL, {"gpu.intel.com/i915": 4}, {"model": "MAX1550", "count": 4}, {"gpu.intel.com/i915": "4"}
    ),
    "intel, driver xe": Machine(
        INTEL | {"gpu.intel.com/product": "Max_1100"},
        {"gpu.intel.com/xe": 4, "gpu.intel.com/xe_monitoring": 1},
        {"model": "MAX1100", "count": 1},
        {"gpu.intel.com/xe": "1"},
    ),
    "nvidia mps": Machine(
        MPS, {}, {"model": "A10G", "share": {"fraction": "0.25"}}, {"nvidia.com/gpu": "1"}, 8, "A10G"
    ),
}


@pytest.fixture
def anywhere(site: Site) -> str:
    """A policy that allows pools which nobody declared."""
    return site.policy(f"{site.name}-anywhere", require={"poolLabels": {}})


def on(pool: str) -> Object:
    """A template of pods that stay on this test's nodes: others of the same model may be about."""
    return objects.pod_template({"duration": objects.FOREVER}, nodeSelector={POOL_LABEL: pool})


def limits_of(pod: Object) -> dict[str, str]:
    found: dict[str, str] = pod["spec"]["containers"][0]["resources"]["limits"]
    return found


@pytest.mark.parametrize("kind", MACHINES)
def test_what_a_vendors_plugin_offers_is_found_and_bound(site: Site, anywhere: str, kind: str) -> None:
    machine = MACHINES[kind]
    pool = site.nodes("found", gpus=machine.gpus, model=machine.model, labels=machine.labels, devices=machine.devices)
    site.workload("train", 0, policy=anywhere, accelerators=[machine.ask], template=on(pool))
    placed = site.running("train")["status"]["placement"]
    assert placed["pool"].startswith("auto-"), "nobody declared it"
    (pod,) = site.pods("train")
    assert pod["spec"]["nodeName"] == f"{pool}-0"
    assert limits_of(pod) == machine.limits


def test_a_slice_of_mps_is_not_joined_to_a_larger_one(site: Site, anywhere: str) -> None:
    """The plugin refuses requests for several: a pod that asked for them would be bound, and then fail on its node."""
    pool = site.nodes("mps", gpus=8, model="A10G", labels=MPS)
    site.workload("quarter", 0, policy=anywhere, accelerators=[MACHINES["nvidia mps"].ask], template=on(pool))
    site.running("quarter")
    half, whole = {"model": "A10G", "share": {"fraction": "0.5"}}, {"model": "A10G"}
    for name, ask in (("half", half), ("whole", whole)):
        site.workload(name, 0, policy=anywhere, accelerators=[ask], template=on(pool))
        told = site.waits(name)["status"]["decision"]["candidates"]
        ours = [one for one in told if one.get("reason") == "AcceleratorPartitionTooSmall"]
        assert ours, told


def test_a_declared_pool_may_name_a_resource_that_no_label_tells_of(site: Site) -> None:
    pool = site.nodes("gaudi", gpus=0, devices={"habana.ai/gaudi": 8})
    gaudi = {"model": "GAUDI3", "count": 8, "memory": "128Gi", "resource": "habana.ai/gaudi"}
    site.declare(pool, accelerator=gaudi)
    site.workload("train", 0, accelerators=[{"model": "GAUDI3", "count": 8, "memory": "96Gi"}])
    site.running("train")
    (pod,) = site.pods("train")
    assert (pod["spec"]["nodeName"], limits_of(pod)) == (f"{pool}-0", {"habana.ai/gaudi": "8"})


def test_alternatives_of_three_vendors_go_where_the_run_is_cheapest(site: Site) -> None:
    nvidia = site.pool("nvidia", price={"perNodeHour": "40", "currency": "EUR"})
    amd = site.nodes("amd", gpus=0, devices={"amd.com/gpu": 8})
    intel = site.nodes("intel", gpus=0, devices={"gpu.intel.com/xe": 8})
    prices = {amd: ("MI300X", "amd.com/gpu", "30"), intel: ("MAX1550", "gpu.intel.com/xe", "10")}
    for pool, (model, resource, price) in prices.items():
        offer = {"model": model, "count": 8, "resource": resource}
        site.declare(pool, accelerator=offer, price={"perNodeHour": price, "currency": "EUR"})
    site.known(nvidia, amd, intel)
    asks = [
        {"model": "H100", "count": 8, "expectedRuntime": "4h"},
        {"model": "MI300X", "count": 8, "expectedRuntime": "2h"},
        {"model": "MAX1550", "count": 8, "expectedRuntime": "60h"},
    ]
    for name, pool, resource in (
        ("a", amd, "amd.com/gpu"),
        ("b", nvidia, "nvidia.com/gpu"),
        ("c", intel, "gpu.intel.com/xe"),
    ):
        site.workload(name, 0, accelerators=asks)
        site.running(name)
        (pod,) = site.pods(name)
        assert (pod["spec"]["nodeName"], limits_of(pod)) == (f"{pool}-0", {resource: "8"})
