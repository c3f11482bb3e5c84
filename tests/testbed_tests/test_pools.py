"""Nodes carry what the field's own tools write."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.testbed import pools
from tests.testbed.kubectl import Kubectl
from tests.testbed.pools import Pool
from tests.testbed.progress import TestbedError


@pytest.mark.integration
def test_nodes_offer_the_gpus_and_slices_of_their_pool(kubectl: Kubectl, add_nodes: Callable[[Pool], str]) -> None:
    name = add_nodes(Pool(name="mig", count=2, model="A100", gpus=4, mig={"1g.10gb": 7}))
    nodes = kubectl.list("nodes", "-l", f"{pools.POOL_LABEL}={name}")
    assert len(nodes) == 2
    for node in nodes:
        assert node["status"]["allocatable"]["nvidia.com/gpu"] == "4"
        assert node["status"]["allocatable"]["nvidia.com/mig-1g.10gb"] == "7"
        labels = node["metadata"]["labels"]
        assert labels["nvidia.com/gpu.product"] == "NVIDIA-A100-SXM4-80GB"
        assert labels["nvidia.com/mig.strategy"] == "mixed"
        assert labels["nvidia.com/mig-1g.10gb.memory"] == "10240"


@pytest.mark.parametrize(
    ("provider", "capacity", "key", "value"),
    [
        ("aws", "Spot", "karpenter.sh/capacity-type", "spot"),
        ("aws", "Spot", "eks.amazonaws.com/capacityType", "SPOT"),
        ("aws", "OnDemand", "karpenter.sh/capacity-type", "on-demand"),
        ("aws", "Reserved", "karpenter.sh/capacity-type", "reserved"),
        ("gcp", "Spot", "cloud.google.com/gke-spot", "true"),
        ("azure", "Spot", "kubernetes.azure.com/scalesetpriority", "spot"),
    ],
)
def test_a_cloud_node_says_how_it_is_bought(provider: str, capacity: str, key: str, value: str) -> None:
    node = pools.node(Pool(name="p", count=1, provider=provider, capacity=capacity), 0)
    assert node["metadata"]["labels"][key] == value


def test_an_owned_node_carries_no_label_of_a_cloud() -> None:
    labels = pools.node(Pool(name="p", count=1, capacity="Owned"), 0)["metadata"]["labels"]
    assert not [key for key in labels if "karpenter" in key or "cloud" in key or "azure" in key]


def test_nodes_spread_over_racks() -> None:
    pool = Pool(name="p", count=4, rack="r", nodes_per_rack=2)
    assert [pool.rack_of(index) for index in range(4)] == ["r-0", "r-0", "r-1", "r-1"]


def test_the_example_description_names_every_capacity_type() -> None:
    assert {pool.capacity for pool in pools.load(pools.EXAMPLE)} == set(pools.CAPACITY_TYPES)


def test_an_unknown_field_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pools.yaml"
    path.write_text("pools: [{name: p, count: 1, gpu: 8}]")
    with pytest.raises(TestbedError, match="unknown gpu"):
        pools.load(path)


def test_an_unknown_gpu_needs_its_memory() -> None:
    with pytest.raises(TestbedError, match="gpu_memory"):
        pools.node(Pool(name="p", count=1, model="NVIDIA-X900"), 0)
    node = pools.node(Pool(name="p", count=1, model="NVIDIA-X900", gpu_memory=1024), 0)
    assert node["metadata"]["labels"]["nvidia.com/gpu.product"] == "NVIDIA-X900"
