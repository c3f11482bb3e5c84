"""Placing gangs whose pods mind their neighbours: exact, node by node, and only for those that need it.

kube-scheduler binds the pods of a gang one by one, each wherever it may go then. So that its free choice cannot
strand the gang, what is placed here is either independent of the order, or the pods are kept to the one domain where
all of them fit (`Found.selector`), or to the very nodes (`Found.exact`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from stellwerk.model.capacity import Node
from stellwerk.model.discovery import HOSTNAME_LABEL
from stellwerk.model.resources import Resources
from stellwerk.model.workload import PodFacts, PodShape
from stellwerk.placement.fleet.company import Company, Evenness, Lens, look
from stellwerk.placement.fleet.fleet import PoolView, untolerated
from stellwerk.placement.packing.bins import Assignment

_TWO: Final = 2


class Ruled(msgspec.Struct, frozen=True):
    """Pods of one kind that mind their neighbours."""

    pod: PodShape
    namespace: str
    facts: PodFacts | None
    request: Resources
    """Of one pod on the pool in question, accelerators included."""


class Found(msgspec.Struct, frozen=True):
    """Where pods go."""

    nodes: tuple[Assignment, ...] = ()
    selector: tuple[tuple[str, str], ...] = ()
    """Node labels that keep all pods in one domain."""
    exact: bool = False
    """The pods must be kept to these nodes."""

    @property
    def pods(self) -> int:
        """How many."""
        return sum(one.pods for one in self.nodes)


def find(company: Company, view: PoolView, ruled: Ruled, pods: int) -> Found:
    """Find room for as many of the pods as there is, at most `pods`; takes nothing."""
    lens = look(company, ruled.pod, ruled.namespace, ruled.facts)
    free = view.bins.spots(ruled.request, view.accepting(ruled.pod))
    nodes = {node.name: node for node in view.nodes if free.get(node.name) and not lens.away(node)}
    if not lens.rules.affinity or not (lens.starts or lens.fresh):
        return _fill(_Room(company, view, ruled, lens), nodes, free, pods)
    keys = tuple(sorted({term.topology_key for term in lens.rules.affinity}))
    groups: defaultdict[tuple[str, ...], dict[str, Node]] = defaultdict(dict)
    for name, node in nodes.items():
        groups[tuple(node.labels[key] for key in keys)][name] = node
    best = Found()
    for values, members in sorted(groups.items()):
        found = _fill(_Room(company, view, ruled, lens), members, free, pods)
        if found.pods > best.pods:
            best = msgspec.structs.replace(found, selector=tuple(zip(keys, values, strict=True)))
    return best


def take(view: PoolView, ruled: Ruled, found: Found) -> list[Assignment]:
    """Take the room that was found; nothing may have changed since."""
    kinds = view.accepting(ruled.pod)
    for one in found.nodes:
        view.bins.place(ruled.request, one.pods, kinds, only=frozenset({one.node}))
    return list(found.nodes)


class _Room(msgspec.Struct, frozen=True):
    company: Company
    view: PoolView
    ruled: Ruled
    lens: Lens

    def evenness(self) -> list[Evenness]:
        """Return what keeps the pods even, nothing placed yet."""
        spreads = self.lens.rules.spread
        keys = {one.topology_key for one in spreads}
        made = []
        for spread in spreads:
            nodes = [node for node in self.company.nodes.values() if keys <= node.labels.keys()]
            if spread.honor_affinity:
                nodes = [node for node in nodes if self._admits(node)]
            if spread.honor_taints:
                tolerations = (*self.view.tolerations, *self.ruled.pod.tolerations)
                nodes = [node for node in nodes if not untolerated([t for t in node.taints if t.blocks], tolerations)]
            made.append(Evenness(self.company, spread, self.lens, nodes))
        return made

    def _admits(self, node: Node) -> bool:
        requirements = self.ruled.pod.requirements
        return self.view.pool.selects(node) and requirements.matches(node.labels, node.name)


def _fill(room: _Room, nodes: Mapping[str, Node], free: Mapping[str, int], pods: int) -> Found:
    """Fill some nodes, one pod after the other, as even as the rules want it and else as tight as can be."""
    lens = room.lens
    apart = tuple(key for key in lens.apart if key != HOSTNAME_LABEL)
    alone = bool(lens.rules.ports) or HOSTNAME_LABEL in lens.apart
    most = {name: min(free[name], 1 if alone else pods) for name in nodes}
    exact = len(apart) > 1
    if len(apart) == _TWO and not lens.rules.spread:
        return _matched(nodes, apart, most, pods)
    even = room.evenness()
    taken: Counter[str] = Counter()
    used: set[tuple[str, str]] = set()
    order = sorted(nodes, key=lambda name: (free[name], name))
    while sum(taken.values()) < pods:
        open_ = [
            name
            for name in order
            if taken[name] < most[name]
            and not any((key, nodes[name].labels.get(key, "")) in used for key in apart)
            and all(one.admits(nodes[name]) for one in even)
        ]
        if not open_:
            break
        name = min(open_, key=lambda name: sum(one.there(nodes[name]) for one in even))  # of equals the tightest
        taken[name] += 1
        used |= {(key, nodes[name].labels[key]) for key in apart if key in nodes[name].labels}
        for one in even:
            one.add(nodes[name])
    return Found(tuple(Assignment(name, taken[name]) for name in order if taken[name]), exact=exact)


def _matched(nodes: Mapping[str, Node], keys: Sequence[str], most: Mapping[str, int], pods: int) -> Found:
    """Place pods that keep apart by two keys; on nodes that have neither label they are not in each other's way."""
    found: list[Assignment] = []
    left = pods
    for name in sorted(name for name, node in nodes.items() if not any(key in node.labels for key in keys)):
        if left:
            found.append(Assignment(name, min(left, most[name])))
            left -= found[-1].pods
    labelled = {name: node for name, node in nodes.items() if any(key in node.labels for key in keys)}
    found += [Assignment(name, 1) for name in _matching(labelled, keys)[:left]]
    return Found(tuple(found), exact=True)


def _matching(nodes: Mapping[str, Node], keys: Sequence[str]) -> list[str]:
    """Return as many nodes as can be without two that share a value of either of two keys.

    Values of one key and of the other are matched along augmenting paths; each node is an edge. A node
    without one of the labels stands alone by that key.
    """
    edges: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name in sorted(nodes):
        one, other = (nodes[name].labels.get(key) or f"\0{name}" for key in keys)
        edges[one].setdefault(other, name)
    held: dict[str, str] = {}

    def augment(one: str, seen: set[str]) -> bool:
        for other in edges[one]:
            if other not in seen:
                seen.add(other)
                if other not in held or augment(held[other], seen):
                    held[other] = one
                    return True
        return False

    for one in sorted(edges):
        augment(one, set())
    return sorted(edges[one][other] for other, one in held.items())
