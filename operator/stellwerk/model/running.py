"""What runs already: placed workloads with their pods, as planning sees those that it may move."""

from __future__ import annotations

import msgspec

from stellwerk.model.placement import Placement
from stellwerk.model.resources import Resources
from stellwerk.model.workload import Workload, WorkloadKey


class Running(msgspec.Struct, frozen=True):
    """A workload with pods on nodes."""

    workload: Workload
    placement: Placement | None
    """Where it is; None for one that leaves."""
    pods_by_node: tuple[tuple[str, int], ...]
    """Bound pods that have not ended, by name of their node, in the order of the names; pod set after pod set."""
    uses: tuple[tuple[str, Resources], ...]
    """What these pods take of each node, in the same order."""
    since: str
    """When it was given this place, RFC 3339 in UTC."""
    changed: str = ""
    """When the number of its pods was last changed, RFC 3339 in UTC; empty for never."""
    indexes: tuple[tuple[int, str, Resources], ...] = ()
    """Index, node and request of each bound main pod, in order; of elastic gangs only: the highest ones go first."""
    settled: bool = True
    """All its pods are bound, and no change to it is under way: only then is it moved."""
    leaving: bool = False
    """It has given its place up, and its pods are on their way out."""

    @property
    def going(self) -> tuple[tuple[str, Resources], ...]:
        """What pods on their way out still take, by node: all of one that leaves, the surplus of one that shrinks."""
        if self.leaving or self.placement is None:
            return self.uses
        return tuple((node, request) for index, node, request in self.indexes if index >= self.placement.replicas)

    @property
    def uid(self) -> str:
        """Of the workload."""
        return self.workload.uid

    @property
    def key(self) -> WorkloadKey:
        """Of the workload."""
        return self.workload.key
