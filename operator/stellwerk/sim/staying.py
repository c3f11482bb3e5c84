"""Of plans that differ only in the names of like nodes, the one in which the fewest have to move."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from stellwerk.model.capacity import Node
from stellwerk.model.snapshot import Snapshot
from stellwerk.sim.jobs import Run, Seat

HOSTNAME = "kubernetes.io/hostname"


def like_nodes(fleet: Snapshot) -> dict[str, int]:
    """Return a number for each node name; nodes of one number differ in nothing but their name."""
    numbers: dict[object, int] = {}
    return {node.name: numbers.setdefault(_kind(node, fleet), len(numbers)) for node in fleet.nodes}


def staying(ideal: Sequence[tuple[Run, Seat]], kinds: Mapping[str, int]) -> list[tuple[Run, Seat]]:
    """Rename nodes of one kind so that as many accelerators as possible, step by step, stay where they are.

    Args:
        ideal: Who should have which seat; runs hold their present seats.
        kinds: Number of each node's kind, as `like_nodes` gives them.
    """
    names = _renamed(ideal, kinds)
    return [(run, _on(seat, names)) for run, seat in ideal]


def _renamed(ideal: Sequence[tuple[Run, Seat]], kinds: Mapping[str, int]) -> dict[str, str]:
    shared = _shared(ideal, kinds)
    names: dict[str, str] = {}
    taken: set[str] = set()
    for (there, here), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if there not in names and here not in taken:
            names[there] = here
            taken.add(here)
    spare: defaultdict[int, list[str]] = defaultdict(list)
    for name in sorted(kinds, reverse=True):
        if name not in taken:
            spare[kinds[name]].append(name)
    for name in sorted(kinds):
        if name not in names:
            names[name] = spare[kinds[name]].pop()
    return names


def _shared(ideal: Sequence[tuple[Run, Seat]], kinds: Mapping[str, int]) -> Counter[tuple[str, str]]:
    """Return how many accelerators stay if the first node of a pair gets the name of the second."""
    shared: Counter[tuple[str, str]] = Counter()
    for run, seat in ideal:
        for there, wanted in seat.pods:
            for here, held in run.seat.pods if run.seat is not None else ():
                if kinds[here] == kinds[there] and held == wanted:
                    shared[there, here] += round(run.size)
    return shared


def _on(seat: Seat, names: Mapping[str, str]) -> Seat:
    pods = ((names[name], amount) for name, amount in seat.pods)
    return replace(seat, pods=tuple(sorted(pods, key=lambda pod: pod[0])))


def _kind(node: Node, fleet: Snapshot) -> object:
    labels = tuple(sorted((key, value) for key, value in node.labels.items() if key != HOSTNAME))
    state = node.ready, node.unschedulable
    return node.cluster, node.allocatable, node.taints, labels, state, fleet.usage.get(node.name)
