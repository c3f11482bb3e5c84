"""From a snapshot to a fleet file: like nodes in one line, what is placed and not bound yet counted as used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stellwerk.api import quantity
from stellwerk.api.labels import API_VERSION
from stellwerk.cli import fleetruleswriter
from stellwerk.cli.fleetnodes import HOSTNAME
from stellwerk.model.capacity import Node, Pool, Taint
from stellwerk.model.resources import CPU, MEMORY, Resources
from stellwerk.model.snapshot import Reservation, Snapshot
from stellwerk.placement.fleet.fleet import nodes_by_pool

_BYTES: Final = frozenset({MEMORY, "ephemeral-storage"})

Document = dict[str, Any]
Pairs = tuple[tuple[str, str], ...]
Shape = tuple[Resources, Resources, Pairs, tuple[Taint, ...], bool, Pairs]


@dataclass(slots=True)
class Exported:
    """What a live cluster showed.

    Attributes:
        snapshot: as the operator would plan on.
        pools: specs of the declared pools by name.
        policies: specs by name.
        notes: what the file cannot say.
        supply: `status.supply` of pools by name, where there is one.

    """

    snapshot: Snapshot
    pools: Mapping[str, Document]
    policies: Mapping[str, Document]
    notes: list[str] = field(default_factory=list)
    supply: Mapping[str, Document] = field(default_factory=dict)


def document(exported: Exported) -> Document:
    """Return the fleet file as plain values."""
    snapshot = exported.snapshot
    declared = [pool for pool in snapshot.pools if not pool.discovered]
    owned = nodes_by_pool(snapshot.nodes, declared)
    usage = _usage(exported)
    taken = {node.name for nodes in owned.values() for node in nodes}
    result: Document = {"apiVersion": API_VERSION, "kind": "Fleet", "pools": []}
    for pool in sorted(declared, key=lambda one: one.name):
        groups = _groups(owned.get((pool.cluster, pool.name), []), usage, pool)
        spec = dict(exported.pools[pool.name])
        learned = {"supply": dict(exported.supply[pool.name])} if exported.supply.get(pool.name) else {}
        result["pools"].append({"metadata": {"name": pool.name}, "spec": spec, "nodes": groups, **learned})
    if others := [node for node in snapshot.nodes if node.name not in taken]:
        result["nodes"] = _groups(others, usage, None)
    if exported.policies:
        result["policies"] = [
            {"metadata": {"name": name}, "spec": dict(exported.policies[name])} for name in sorted(exported.policies)
        ]
    if snapshot.namespaces:
        result["namespaces"] = fleetruleswriter.namespaces(snapshot.namespaces)
    if snapshot.runtime_classes:
        result["runtimeClasses"] = fleetruleswriter.runtime_classes(snapshot.runtime_classes)
    return result


def _usage(exported: Exported) -> dict[str, Resources]:
    """What bound pods use, and what is reserved for pods that are placed and not bound."""
    snapshot = exported.snapshot
    usage = dict(snapshot.usage)
    pools = nodes_by_pool(snapshot.nodes, snapshot.pools)
    for reservation in sorted(snapshot.reserved, key=lambda one: one.uid):
        nodes = pools.get((reservation.cluster, reservation.pool), [])
        left = _reserve(reservation, nodes, usage)
        if left:
            exported.notes.append(f"{left} reserved pods of pool {reservation.pool} found no room and are left out")
    return usage


def _reserve(reservation: Reservation, nodes: Iterable[Node], usage: dict[str, Resources]) -> int:
    """Add the reserved pods, on their preferred nodes first; return how many found no room."""
    rank = {name: index for index, name in enumerate(reservation.preferred_nodes)}
    left = reservation.pods
    for node in sorted(nodes, key=lambda one: (rank.get(one.name, len(rank)), one.name)):
        used = usage.get(node.name, Resources())
        pods = min(left, reservation.pod.copies_in(node.allocatable - used))
        if pods:
            usage[node.name] = used + reservation.pod * pods
            left -= pods
    return left


def _groups(nodes: Iterable[Node], usage: Mapping[str, Resources], pool: Pool | None) -> list[Document]:
    """Return one entry per shape of node, in an order that depends on the shapes alone."""
    counts: defaultdict[Shape, int] = defaultdict(int)
    for node in nodes:
        counts[_shape(node, usage.get(node.name, Resources()), pool)] += 1
    return [_entry(shape, counts[shape]) for shape in sorted(counts, key=repr)]


def _shape(node: Node, used: Resources, pool: Pool | None) -> Shape:
    known = dict(pool.node_selector) if pool else {}
    declared = pool.taints if pool else ()
    labels = {key: text for key, text in node.labels.items() if key != HOSTNAME and known.get(key) != text}
    taints = tuple(taint for taint in node.taints if taint not in declared)
    told = tuple(sorted(node.annotations.items()))
    return node.allocatable, used, tuple(sorted(labels.items())), taints, node.usable, told


def _entry(shape: Shape, count: int) -> Document:
    allocatable, used, labels, taints, usable, annotations = shape
    entry: Document = {"count": count, "allocatable": _quantities(allocatable)}
    if used:
        entry["used"] = _quantities(used)
    if not usable:
        entry["schedulable"] = False
    if labels:
        entry["labels"] = dict(labels)
    if annotations:
        entry["annotations"] = dict(annotations)
    if taints:
        entry["taints"] = [
            {"key": taint.key, **({"value": taint.value} if taint.value else {}), "effect": taint.effect}
            for taint in taints
        ]
    return entry


def _quantities(resources: Resources) -> dict[str, str]:
    return {name: _quantity(name, amount) for name, amount in resources.amounts}


def _quantity(name: str, amount: int) -> str:
    if name == CPU:
        return quantity.milli_text(amount)
    return quantity.text(amount, binary=name in _BYTES)
