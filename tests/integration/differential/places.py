"""Corners of one cluster that do not see each other: names, keys and values that only one of them has."""

from __future__ import annotations

from dataclasses import dataclass
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
