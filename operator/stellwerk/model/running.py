"""What runs already: placed workloads with their pods, as planning sees those that it may move."""

from __future__ import annotations

import msgspec

from stellwerk.model.decision import Placement
from stellwerk.model.workload import Workload, WorkloadKey


class Running(msgspec.Struct, frozen=True):
    """A workload with pods on nodes."""

    workload: Workload
    placement: Placement
    """Where it is; of one that leaves, where it was."""
    pods_by_node: tuple[tuple[str, int], ...]
    """Bound pods that have not ended, by name of their node, in the order of the names."""
    since: str
    """When it was given this place, RFC 3339 in UTC."""
    changed: str = ""
    """When the number of its pods was last changed, RFC 3339 in UTC; empty for never."""
    indexes: tuple[tuple[int, str], ...] = ()
    """Index and node of each bound pod, in order; of elastic gangs only, which shrink from the highest index."""
    settled: bool = True
    """All its pods are bound, and no change to it is under way: only then is it moved."""
    leaving: bool = False
    """It has given its place up, and its pods are on their way out."""

    @property
    def uid(self) -> str:
        """Of the workload."""
        return self.workload.uid

    @property
    def key(self) -> WorkloadKey:
        """Of the workload."""
        return self.workload.key

    @property
    def spare(self) -> int:
        """How many pods it can do without, 0 if it is not elastic."""
        least = self.workload.min_replicas
        return 0 if least is None else max(0, self.placement.replicas - least)
