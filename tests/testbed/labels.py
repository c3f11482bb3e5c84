"""The labels that GPU nodes carry in the field, by who sets them."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.testbed.progress import TestbedError

PREFIX = "testbed.stellwerk.dev"


@dataclass(frozen=True, slots=True)
class Model:
    """A GPU as GPU Feature Discovery describes it; memory in MiB of the whole GPU."""

    product: str
    memory: int
    family: str
    compute: str
    mig_capable: bool = False


MODELS = {
    "T4": Model("Tesla-T4", 15360, "turing", "7.5"),
    "V100": Model("Tesla-V100-SXM2-16GB", 16384, "volta", "7.0"),
    "A10G": Model("NVIDIA-A10G", 23028, "ampere", "8.6"),
    "A100-40GB": Model("NVIDIA-A100-SXM4-40GB", 40960, "ampere", "8.0", mig_capable=True),
    "A100": Model("NVIDIA-A100-SXM4-80GB", 81920, "ampere", "8.0", mig_capable=True),
    "L4": Model("NVIDIA-L4", 23034, "ada-lovelace", "8.9"),
    "L40S": Model("NVIDIA-L40S", 46068, "ada-lovelace", "8.9"),
    "H100": Model("NVIDIA-H100-80GB-HBM3", 81559, "hopper", "9.0", mig_capable=True),
    "H200": Model("NVIDIA-H200", 143771, "hopper", "9.0", mig_capable=True),
    "B200": Model("NVIDIA-B200", 183359, "blackwell", "10.0", mig_capable=True),
}


def gpu_labels(model: str, gpus: int, memory: int | None, mig: Mapping[str, int]) -> dict[str, str]:
    """What GPU Feature Discovery writes; nothing for a node without GPUs."""
    if not gpus and not mig:
        return {}
    gpu = MODELS.get(model)
    if gpu is None:
        if memory is None:
            raise TestbedError(f"GPU model {model!r}: give gpu_memory, or one of {', '.join(MODELS)}")
        gpu = Model(model, memory, "undefined", "0.0")
    major, minor = gpu.compute.split(".")
    labels = {
        "gpu.present": "true",
        "gpu.product": gpu.product,
        "gpu.count": str(gpus),
        "gpu.memory": str(memory or gpu.memory),
        "gpu.family": gpu.family,
        "gpu.compute.major": major,
        "gpu.compute.minor": minor,
        "gpu.mode": "compute",
        "gpu.replicas": "1",
        "gpu.sharing-strategy": "none",
        "mig.capable": str(gpu.mig_capable).lower(),
        "cuda.driver-version.full": "580.95.05",
        "cuda.runtime-version.full": "13.0",
    }
    if gpu.mig_capable:
        labels["mig.strategy"] = "mixed" if mig else "single"
    for profile, count in mig.items():
        labels |= _mig_labels(gpu.product, profile, count)
    return {f"nvidia.com/{key}": value for key, value in labels.items()}


def _mig_labels(product: str, profile: str, count: int) -> dict[str, str]:
    """The labels of one profile under the mixed strategy, e.g. of `1g.10gb`."""
    slices, memory = profile.split(".")[:2]
    return {
        f"mig-{profile}.count": str(count),
        f"mig-{profile}.product": f"{product}-MIG-{profile}",
        f"mig-{profile}.memory": str(int(memory.removesuffix("gb")) * 1024),
        f"mig-{profile}.slices.gi": slices.removesuffix("g"),
        f"mig-{profile}.slices.ci": slices.removesuffix("g"),
        f"mig-{profile}.sharing-strategy": "none",
    }


def topology_labels(region: str | None, zone: str | None, block: str | None, rack: str | None) -> dict[str, str]:
    """Region and zone as the clouds write them, switches as topograph does: leaf is a rack, spine a block."""
    every = {
        "topology.kubernetes.io/region": region,
        "topology.kubernetes.io/zone": zone,
        "network.topology.nvidia.com/spine": block,
        "network.topology.nvidia.com/leaf": rack,
    }
    return {key: value for key, value in every.items() if value}


def cloud_labels(provider: str, pool: str, capacity: str, instance_type: str | None) -> dict[str, str]:
    """What Karpenter and the managed node groups of the clouds write about a machine."""
    labels = {"node.kubernetes.io/instance-type": instance_type} if instance_type else {}
    spot, reserved = capacity == "Spot", capacity == "Reserved"
    if provider == "aws":
        labels["karpenter.sh/nodepool"] = pool
        labels["karpenter.sh/capacity-type"] = "spot" if spot else "reserved" if reserved else "on-demand"
        labels["eks.amazonaws.com/capacityType"] = "SPOT" if spot else "CAPACITY_BLOCK" if reserved else "ON_DEMAND"
    if provider == "gcp":
        labels["cloud.google.com/gke-nodepool"] = pool
        labels["cloud.google.com/gke-provisioning"] = "spot" if spot else "reservation" if reserved else "standard"
        if spot:
            labels["cloud.google.com/gke-spot"] = "true"
    if provider == "azure":
        labels["kubernetes.azure.com/agentpool"] = pool
        labels["kubernetes.azure.com/cluster"] = "MC_testbed"
        labels["kubernetes.azure.com/scalesetpriority"] = "spot" if spot else "regular"
    return labels


def provider_id(provider: str, zone: str | None, name: str) -> str | None:
    """The machine's identity in the form that its cloud gives it; None on-prem."""
    forms = {
        "aws": f"aws:///{zone}/i-{name}",
        "gcp": f"gce://testbed/{zone}/{name}",
        "azure": f"azure:///subscriptions/testbed/virtualMachines/{name}",
    }
    return forms.get(provider)
