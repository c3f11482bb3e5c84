"""Pools that nobody declared."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from stellwerk.model.capacity import CapacityType, Node
from stellwerk.model.discovery import discover_pools
from tests.builders import node, nodes, pool, resources, taint

PRODUCT = "nvidia.com/gpu.product"
H100 = {PRODUCT: "NVIDIA-H100-80GB-HBM3", "topology.kubernetes.io/region": "eu-1"}


def bare(name: str, labels: Mapping[str, str], **facts: object) -> Node:
    """Build a node with just these labels."""
    offer = facts.pop("allocatable", resources(cpu="96", memory="1Ti", pods=110, gpu=8))
    return Node(name, {"kubernetes.io/hostname": name, **labels}, offer, **facts)  # type: ignore[arg-type]


def test_like_nodes_become_one_pool_that_selects_exactly_them() -> None:
    members = [bare(f"n{i}", H100) for i in range(3)]
    others = [bare("other", {**H100, PRODUCT: "NVIDIA-L4"})]
    found = discover_pools([*members, *others], [])
    assert [p.accelerator.model for p in found if p.accelerator] == ["H100", "L4"]
    first = found[0]
    assert [n.name for n in (*members, *others) if first.selects(n)] == ["n0", "n1", "n2"]
    assert first.discovered
    assert first.price is None
    assert first.accelerator is not None
    assert (first.accelerator.count, first.accelerator.memory_bytes) == (8, 80 * 2**30)


def test_nodes_of_a_declared_pool_are_not_discovered_again() -> None:
    assert discover_pools(nodes(2), [pool()]) == ()


@pytest.mark.parametrize(
    ("label", "value", "capacity"),
    [
        ("karpenter.sh/capacity-type", "spot", CapacityType.SPOT),
        ("karpenter.sh/capacity-type", "on-demand", CapacityType.ON_DEMAND),
        ("karpenter.sh/capacity-type", "reserved", CapacityType.RESERVED),
        ("eks.amazonaws.com/capacityType", "SPOT", CapacityType.SPOT),
        ("cloud.google.com/gke-spot", "true", CapacityType.SPOT),
        ("kubernetes.azure.com/scalesetpriority", "spot", CapacityType.SPOT),
        ("no.such/label", "spot", CapacityType.ON_DEMAND),
    ],
)
def test_the_labels_of_every_cloud_say_how_a_node_is_paid(label: str, value: str, capacity: CapacityType) -> None:
    (found,) = discover_pools([bare("n", {**H100, label: value})], [])
    assert found.capacity_type is capacity


def test_spot_and_on_demand_nodes_of_one_product_are_two_pools() -> None:
    members = [bare(kind, {**H100, "karpenter.sh/capacity-type": kind}) for kind in ("spot", "on-demand")]
    assert len({p.name for p in discover_pools(members, [])}) == 2


def test_a_gpu_node_without_any_label_is_found_by_its_resource() -> None:
    (found,) = discover_pools([bare("n", {"kubernetes.io/os": "linux"})], [])
    assert found.accelerator is not None
    assert (found.accelerator.model, found.accelerator.resource) == ("any", "nvidia.com/gpu")
    assert found.node_selector == {"kubernetes.io/os": "linux"}


def test_nodes_that_labels_cannot_tell_from_others_become_pools_by_host_name() -> None:
    """A selector cannot say that a label is absent, so the plain nodes need another one."""
    labelled, plain = bare("labelled", H100), bare("plain", {})
    found = discover_pools([labelled, plain], [])
    chosen = {tuple(n.name for n in (labelled, plain) if p.selects(n)) for p in found}
    assert chosen == {("labelled",), ("plain",)}


def test_any_label_that_tells_nodes_apart_is_used_before_host_names() -> None:
    plain = [bare(f"p{i}", {"rack": "r1"}) for i in range(2)]
    found = discover_pools([bare("labelled", {**H100, "rack": "r2"}), *plain], [])
    assert {tuple(n.name for n in plain if p.selects(n)) for p in found} == {(), ("p0", "p1")}


def test_nodes_without_accelerators_are_found_too() -> None:
    (found,) = discover_pools([bare("n", {"kubernetes.io/os": "linux"}, allocatable=resources(cpu="8", pods=110))], [])
    assert found.accelerator is None
    assert found.name.startswith("auto-cpu-")


def test_the_taint_that_guards_accelerators_is_tolerated_and_no_other() -> None:
    guarded = bare("n", H100, taints=(taint(), taint("maintenance")))
    (found,) = discover_pools([guarded], [])
    assert [t.key for t in found.taints] == ["nvidia.com/gpu"]


def test_names_do_not_depend_on_the_order_of_nodes_and_fit_a_label() -> None:
    long = {
        "topology.kubernetes.io/zone": "a-very-long-zone-name-1a",
        "node.kubernetes.io/instance-type": "p5.48xlarge.x",
    }
    members = [bare(f"n{i}", {**H100, **long, "topology.kubernetes.io/region": f"r{i % 2}"}) for i in range(4)]
    found = discover_pools(members, [])
    assert found == discover_pools(members[::-1], [])
    assert all(len(p.name) <= 63 for p in found)
    assert len({p.name for p in found}) == 2


def test_the_provider_follows_from_whose_labels_a_node_carries() -> None:
    (found,) = discover_pools([bare("n", {**H100, "cloud.google.com/gke-nodepool": "h"})], [])
    assert found.provider == "gcp"
    assert node().labels  # nodes of nobody's cloud have no provider
    (other,) = discover_pools([bare("n", H100)], [])
    assert other.provider == ""
