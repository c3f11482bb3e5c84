"""Who else is on the nodes: pods that run, pods that this cycle has placed, and what they demand of each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from stellwerk.model.capacity import Node
from stellwerk.model.podrules import HostPort, Neighbour, PodRules, Spread, Term
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import PodFacts, PodShape, Workload
from stellwerk.placement.packing.bins import Assignment

NO_RULES: Final = PodRules()

Domains = dict[str, set[str]]
"""Values by topology key: domains of nodes."""

_ALIKE: Final = -1
"""Stands for the version of pods that do not mind who else is there."""

Concern = tuple[str, PodFacts | None, int] | None
"""What tells two workloads of one shape apart because of their neighbours; None for nothing."""


class Company:
    """The pods on the nodes of one snapshot; grows as gangs are placed."""

    def __init__(self, snapshot: Snapshot, pending: Iterable[Workload]) -> None:
        """Look at the pods that matter to the `pending` workloads."""
        self.nodes: Mapping[str, Node] = {node.name: node for node in snapshot.nodes}
        self._labels = {name: rules.labels for name, rules in snapshot.namespaces.items()}
        self._there = Counter[int]()
        self._pods: list[Neighbour] = []
        for pod in snapshot.neighbours:
            self._add(pod, 1)
        shapes = (pod for workload in pending for pod in (workload.pod, *(one.pod for one in workload.others)))
        rules = [shape.rules for shape in shapes if shape.rules is not None]
        self._looking = any(one.looks_at_others for one in rules)
        self._version = 0
        self._wanted: dict[tuple[str, PodFacts], bool] = {}
        self._guarded = any(pod.anti_affinity for pod in self._pods)
        self._bound = len(self._pods)

    def concern(self, workload: Workload) -> Concern:
        """Return what the decision depends on besides the shape, or None if neighbours do not matter."""
        shapes = ((workload.pod, workload.facts), *((one.pod, one.facts) for one in workload.others))
        namespace = workload.key.namespace
        if any(self.matters(pod, namespace, facts) for pod, facts in shapes):
            return namespace, workload.facts, self._version
        return (namespace, workload.facts, _ALIKE) if self._looking else None  # others look at its labels

    def matters(self, pod: PodShape, namespace: str, facts: PodFacts | None) -> bool:
        """Tell whether neighbours may keep such a pod from a node."""
        return pod.rules is not None or (self._guarded and facts is not None and self._unwanted(namespace, facts))

    def assume(self, workload: Workload, nodes: Sequence[Assignment]) -> None:
        """Take in the pods of the main pod set of a gang that was just placed."""
        rules, facts = workload.pod.rules or NO_RULES, workload.facts
        if facts is None or not (self._looking or rules.ports or rules.anti_affinity):
            return
        labels = dict(facts.labels)
        for one in nodes:
            pod = Neighbour(workload.key.namespace, labels, one.node, rules.ports, rules.anti_affinity)
            self._add(pod, one.pods)
        self._guarded |= bool(rules.anti_affinity)
        self._version += 1
        self._wanted.clear()

    def mark(self) -> int:
        """Return how many kinds of pods are known, for `back_to`."""
        return len(self._pods)

    def back_to(self, mark: int) -> None:
        """Forget the pods that were taken in since `mark`."""
        if len(self._pods) == mark:
            return
        for index in range(mark, len(self._pods)):
            del self._there[index]
        del self._pods[mark:]
        self._version += 1
        self._wanted.clear()

    def selected(self, term: Term, pod: Neighbour) -> bool:
        """Tell whether a term means this pod."""
        return term.selects(pod.namespace, pod.labels, self._labels.get(pod.namespace, {}))

    def pods(self) -> Iterable[tuple[Neighbour, int]]:
        """Return pods and how many like them are on the same node."""
        return ((pod, self._there[index]) for index, pod in enumerate(self._pods))

    def bound(self) -> Iterable[Neighbour]:
        """Return the pods that are really on their nodes, and were not just placed."""
        return self._pods[: self._bound]

    def domain(self, node: str, key: str) -> str | None:
        """Return the value of a topology key on a node, None if it has none."""
        found = self.nodes.get(node)
        return None if found is None else found.labels.get(key)

    def _add(self, pod: Neighbour, count: int) -> None:
        self._there[len(self._pods)] = count
        self._pods.append(pod)

    def _unwanted(self, namespace: str, facts: PodFacts) -> bool:
        known = self._wanted.get((namespace, facts))
        if known is None:
            pod = Neighbour(namespace, dict(facts.labels), "")
            known = any(self.selected(term, pod) for other in self._pods for term in other.anti_affinity)
            self._wanted[namespace, facts] = known
        return known


def friends_first(queue: Sequence[Workload], snapshot: Snapshot) -> Sequence[Workload]:
    """Let whoever wants its pods near others, or as even as others lie, come after those of the cycle.

    Placed before them it might start a domain of its own, where kube-scheduler then misses those others, or be even
    with what is there and not with what comes.
    """
    waiting = [one for one in queue if one.pod.rules is not None and (one.pod.rules.affinity or one.pod.rules.spread)]
    if not waiting:
        return queue
    labels = {name: rules.labels for name, rules in snapshot.namespaces.items()}
    ordered = list(queue)
    for one in waiting:
        rules, namespace = one.pod.rules or NO_RULES, one.key.namespace
        terms = [rules.affinity, *((Term("", spread.selector, (namespace,)),) for spread in rules.spread)]
        others = [
            at
            for at, other in enumerate(ordered)
            if other not in waiting and any(_is_meant(all_of, other, labels) for all_of in terms if all_of)
        ]
        here = ordered.index(one)
        if others and others[-1] > here:
            ordered.insert(others[-1], ordered.pop(here))
    return ordered


def _is_meant(terms: Sequence[Term], other: Workload, labels: Mapping[str, Mapping[str, str]]) -> bool:
    namespace, facts = other.key.namespace, other.facts
    own = dict(facts.labels) if facts else {}
    return facts is not None and all(term.selects(namespace, own, labels.get(namespace, {})) for term in terms)


class Lens(msgspec.Struct, frozen=True):
    """Where one pod may be because of its neighbours, as things stand."""

    rules: PodRules
    pod: Neighbour
    """The pod itself, on no node."""
    taken_ports: frozenset[str]
    """Nodes where one of its host ports is taken."""
    unwanted: Mapping[str, set[str]]
    """Domains where a pod is that it wants away from."""
    refused: Mapping[str, set[str]]
    """Domains that a pod keeps it away from."""
    near: tuple[set[str], ...]
    """For each term of its affinity, the domains where what it wants near is."""
    starts: bool
    """What it wants near is nowhere yet, and it is of that kind itself: the first of its kind may go anywhere."""
    fresh: bool
    """What it wants near was only just placed: until that is bound, the pod itself may be the first of its kind."""
    apart: tuple[str, ...]
    """Topology keys by which pods of its own kind keep apart."""

    def away(self, node: Node) -> str:
        """Say which rule keeps the pod from a node: `ports`, `anti-affinity`, `affinity`, or nothing."""
        if node.name in self.taken_ports:
            return "ports"
        for domains in (self.unwanted, self.refused):
            if any(node.labels.get(key) in values for key, values in domains.items()):
                return "anti-affinity"
        for term, values in zip(self.rules.affinity, self.near, strict=True):
            value = node.labels.get(term.topology_key)
            if value is None or not (self.starts or value in values):
                return "affinity"
        if any(one.topology_key not in node.labels for one in self.rules.spread):
            return "spread"
        return ""


def look(company: Company, pod: PodShape, namespace: str, facts: PodFacts | None) -> Lens:
    """Work out where such a pod may be."""
    rules = pod.rules or NO_RULES
    me = Neighbour(namespace, dict(facts.labels) if facts else {}, "", rules.ports, rules.anti_affinity)
    everyone = list(company.pods())
    near = _near(company, rules.affinity, [other for other, _ in everyone])
    return Lens(
        rules=rules,
        pod=me,
        taken_ports=frozenset(other.node for other, _ in everyone if collides(rules.ports, other.ports)),
        unwanted=_domains(
            company, ((t, o) for t in rules.anti_affinity for o, _ in everyone if company.selected(t, o))
        ),
        refused=_domains(company, ((t, o) for o, _ in everyone for t in o.anti_affinity if company.selected(t, me))),
        near=near,
        fresh=any(near) and not any(_near(company, rules.affinity, company.bound())),
        starts=not any(near) and all(company.selected(term, me) for term in rules.affinity),
        apart=tuple(sorted({t.topology_key for t in rules.anti_affinity if company.selected(t, me)})),
    )


def collides(ours: Sequence[HostPort], theirs: Sequence[HostPort]) -> bool:
    """Tell whether two pods cannot be on one node for their host ports."""
    return any(one.collides(other) for one in ours for other in theirs)


def _domains(company: Company, found: Iterable[tuple[Term, Neighbour]]) -> Domains:
    domains: defaultdict[str, set[str]] = defaultdict(set)
    for term, other in found:
        value = company.domain(other.node, term.topology_key)
        if value is not None:
            domains[term.topology_key].add(value)
    return dict(domains)


def _near(company: Company, terms: Sequence[Term], everyone: Iterable[Neighbour]) -> tuple[set[str], ...]:
    """Return for each term the domains of the pods that all terms mean."""
    near: tuple[set[str], ...] = tuple(set() for _ in terms)
    for other in everyone if terms else ():
        if all(company.selected(term, other) for term in terms):
            for term, values in zip(terms, near, strict=True):
                value = company.domain(other.node, term.topology_key)
                if value is not None:
                    values.add(value)
    return near


class Evenness:
    """How pods that a spread counts lie over its domains; changes as pods are placed."""

    def __init__(self, company: Company, spread: Spread, lens: Lens, eligible: Iterable[Node]) -> None:
        """Count the pods on the `eligible` nodes, each of which makes up a domain."""
        self._spread = spread
        self._own = spread.selector is not None and _counts(spread, lens.pod, lens.pod)
        self._nodes = {node.name: node.labels[spread.topology_key] for node in eligible}
        self._count = dict.fromkeys(self._nodes.values(), 0)
        for other, pods in company.pods():
            if other.node in self._nodes and not other.leaving and _counts(spread, lens.pod, other):
                self._count[self._nodes[other.node]] += pods

    def admits(self, node: Node) -> bool:
        """Tell whether one more pod may go to a node."""
        value = node.labels.get(self._spread.topology_key, "")
        if not self._count:
            return True
        least = min(self._count.values()) if len(self._count) >= self._spread.min_domains else 0
        return self._count.get(value, 0) + self._own - least <= self._spread.max_skew

    def there(self, node: Node) -> int:
        """Return how many pods count in a node's domain."""
        return self._count.get(node.labels.get(self._spread.topology_key, ""), 0)

    def add(self, node: Node) -> None:
        """Place one pod."""
        if self._own and node.name in self._nodes:
            self._count[self._nodes[node.name]] += 1


def _counts(spread: Spread, me: Neighbour, other: Neighbour) -> bool:
    same = Term(spread.topology_key, spread.selector, (me.namespace,))
    return same.selects(other.namespace, other.labels, {})
