"""What nodes offer, as the drivers of three vendors describe it."""

from __future__ import annotations

import pytest

from stellwerk.model.accelerators import is_accelerator, memory_of, model_of
from stellwerk.model.capacity import Accelerator
from stellwerk.model.discovery import discover_pools
from stellwerk.model.offered import accelerators_of
from stellwerk.model.resources import Resources
from tests.builders import GIB, GPU, node, resources
from tests.testbed.labels import gpu_labels

SHARED = f"{GPU}.shared"
MIG = "nvidia.com/mig-1g.10gb"


def offered(amounts: dict[str, int], **labels: str) -> tuple[Accelerator, ...]:
    told = {key.replace("__", "/"): value for key, value in labels.items()}
    return accelerators_of(node(labels=told, allocatable=resources(cpu="8") + Resources.of(amounts)))


def nvidia(amounts: dict[str, int], product: str = "NVIDIA-H100-80GB-HBM3", **labels: str) -> tuple[Accelerator, ...]:
    told = {f"nvidia.com/{key.replace('_', '.')}": value for key, value in labels.items()}
    shown = {"nvidia.com/gpu.product": product, **told}
    return accelerators_of(node(labels=shown, allocatable=Resources.of(amounts)))


def test_whole_devices_are_one_unit_each() -> None:
    assert nvidia({GPU: 8}, gpu_replicas="1") == (Accelerator("H100", 8, GPU, 80 * GIB),)


def test_time_slicing_multiplies_the_resource() -> None:
    found = nvidia({GPU: 16}, "NVIDIA-H100-80GB-HBM3-SHARED", gpu_replicas="4", gpu_count="4")
    assert found == (Accelerator("H100", 4, GPU, 80 * GIB, slices=4),)


def test_a_slice_of_mps_is_a_partition_of_its_own() -> None:
    told = {"gpu_replicas": "4", "gpu_sharing-strategy": "mps"}
    found = nvidia({GPU: 16}, "NVIDIA-H100-80GB-HBM3-SHARED", **told)
    assert found == (Accelerator("H100", 16, GPU, 20 * GIB, part_milli=250),)


def test_slices_may_have_a_resource_of_their_own() -> None:
    assert nvidia({SHARED: 8}, gpu_replicas="4") == (Accelerator("H100", 2, SHARED, 80 * GIB, slices=4),)
    assert nvidia({SHARED: 8}, gpu_count="4") == (Accelerator("H100", 4, SHARED, 80 * GIB, slices=2),)


def test_slices_of_unknown_size_are_good_for_the_smallest_share_only() -> None:
    assert nvidia({SHARED: 8}) == (Accelerator("H100", 8, SHARED, None, slices=1, part_milli=1),)


@pytest.mark.parametrize(
    ("profile", "milli", "gib"),
    [("1g.10gb", 142, 10), ("2g.20gb", 285, 20), ("3g.40gb", 428, 40), ("7g.80gb", 1000, 80)],
)
def test_a_mig_profile_tells_part_and_memory(profile: str, milli: int, gib: int) -> None:
    resource = f"nvidia.com/mig-{profile}"
    (found,) = nvidia({resource: 7}, mig_strategy="mixed")
    assert found == Accelerator("H100", 7, resource, gib * GIB, part_milli=milli)


def test_a_node_may_offer_whole_devices_and_partitions() -> None:
    labels = gpu_labels("H100", 4, None, {"1g.10gb": 28})
    offer = Resources.of({GPU: 4, MIG: 28})
    assert accelerators_of(node(labels=labels, allocatable=offer)) == (
        Accelerator("H100", 4, GPU, 80 * GIB),
        Accelerator("H100", 28, MIG, 10 * GIB, part_milli=142),
    )


def test_under_the_single_strategy_the_product_says_that_devices_are_partitions() -> None:
    found = nvidia({GPU: 14}, "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", mig_strategy="single")
    assert found == (Accelerator("A100", 14, GPU, 5 * GIB, part_milli=142),)


def test_amd_partitions_and_memory_come_from_names_and_labels() -> None:
    told = {"amd.com__gpu.product-name": "AMD_Instinct_MI300X_OAM", "amd.com__gpu.vram": "192G"}
    assert offered({"amd.com/gpu": 8}, **told) == (Accelerator("MI300X", 8, "amd.com/gpu", 192 * GIB),)
    (part,) = offered({"amd.com/cpx_nps4": 64}, **told)
    assert part == Accelerator("MI300X", 64, "amd.com/cpx_nps4", 24 * GIB, part_milli=125)


@pytest.mark.parametrize("resource", ["gpu.intel.com/i915", "gpu.intel.com/xe", "habana.ai/gaudi"])
def test_intel_resources_are_accelerators(resource: str) -> None:
    (found,) = offered({resource: 4}, gpu_intel="x")
    assert (found.resource, found.count, found.part_milli) == (resource, 4, 1000)


@pytest.mark.parametrize(
    "resource",
    [
        "nvidia.com/rdma_shared_device_a",
        "nvidia.com/hostdev",
        "gpu.intel.com/i915_monitoring",
        "gpu.intel.com/millicores",
    ],
)
def test_what_is_counted_beside_the_devices_is_no_accelerator(resource: str) -> None:
    assert not is_accelerator(resource)
    assert offered({resource: 4}) == ()


def test_a_shared_product_is_the_same_model() -> None:
    assert model_of("NVIDIA-H100-80GB-HBM3-SHARED") == "H100"
    assert model_of("Brand-New-SHARED") == "BRAND-NEW"
    assert memory_of("", {"gpu.intel.com/memory.max": str(48 * GIB)}) == 48 * GIB


def test_sliced_and_whole_nodes_become_pools_of_their_own() -> None:
    whole = gpu_labels("H100", 4, None, {})
    sliced = {**whole, "nvidia.com/gpu.replicas": "4", "nvidia.com/gpu.sharing-strategy": "time-slicing"}
    members = [
        node("whole", labels=whole, allocatable=Resources.of({GPU: 4})),
        node("sliced", labels=sliced, allocatable=Resources.of({GPU: 16})),
    ]
    found = {pool.accelerator.slices: pool for pool in discover_pools(members, ()) if pool.accelerator}
    assert sorted(found) == [1, 4]
    assert found[4].selects(members[1])
    assert not found[4].selects(members[0])
    assert not found[1].selects(members[1]), "a pod for a whole one would get a slice there"


def test_a_node_with_partitions_beside_whole_devices_is_one_pool_with_both() -> None:
    labels = gpu_labels("H100", 4, None, {"1g.10gb": 28})
    (found,) = discover_pools([node(labels=labels, allocatable=Resources.of({GPU: 4, MIG: 28}))], ())
    assert found.accelerator is not None
    assert found.accelerator.resource == GPU
    assert [one.resource for one in found.further] == [MIG]
