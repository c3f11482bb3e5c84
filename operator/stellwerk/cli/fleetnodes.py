"""From the node groups of a fleet file to nodes and what is used of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from stellwerk.api.labels import LOCAL_CLUSTER, PRICE_ANNOTATIONS
from stellwerk.cli.fleetmodel import NodeGroup
from stellwerk.model.capacity import Node, Pool, Taint
from stellwerk.model.resources import PODS, Resources

HOSTNAME: Final = "kubernetes.io/hostname"
#: The kubelet's default; a fleet file need not repeat it.
DEFAULT_PODS: Final = "110"


class Nodes:
    """Collects nodes under names that follow from their place in the file."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.usage: dict[str, Resources] = {}

    def add_pool(self, pool: Pool, groups: Sequence[NodeGroup]) -> None:
        """Add the nodes of a declared pool: they carry its selector's labels and its taints."""
        self._add(pool.name, groups, pool)

    def add_others(self, groups: Sequence[NodeGroup]) -> None:
        """Add nodes that no pool declares."""
        self._add("node", groups, None)

    def _add(self, prefix: str, groups: Sequence[NodeGroup], pool: Pool | None) -> None:
        for name, group in _named(prefix, groups):
            node = _node(name, group, pool)
            self.nodes.append(node)
            if group.used:
                self.usage[name] = _used(group.used)


def _named(prefix: str, groups: Sequence[NodeGroup]) -> Iterator[tuple[str, NodeGroup]]:
    width = len(str(sum(group.count for group in groups)))
    members = (group for group in groups for _ in range(group.count))
    for number, group in enumerate(members, start=1):
        yield f"{prefix}-{number:0{width}d}", group


def _node(name: str, group: NodeGroup, pool: Pool | None) -> Node:
    selector: Mapping[str, str] = pool.node_selector if pool else {}
    declared = pool.taints if pool else ()
    own = tuple(Taint(key=taint.key, effect=taint.effect, value=taint.value) for taint in group.taints)
    allocatable = Resources.from_quantities({PODS: DEFAULT_PODS, **group.allocatable})
    labels = {HOSTNAME: name, **selector, **group.labels}
    return Node(
        name,
        labels,
        allocatable,
        taints=tuple(dict.fromkeys((*declared, *own))),
        unschedulable=not group.schedulable,
        cluster=pool.cluster if pool else LOCAL_CLUSTER,
        annotations={key: text for key, text in group.annotations.items() if key in PRICE_ANNOTATIONS},
    )


def _used(quantities: Mapping[str, str | int]) -> Resources:
    """What is used; where accelerators are, at least one pod is too."""
    return Resources.from_quantities({PODS: "1", **quantities})
