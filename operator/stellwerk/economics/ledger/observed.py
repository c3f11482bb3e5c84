"""Everything that one replica has seen of nodes and pods and that is not booked yet.

Facts may come in any order and any number of times: they are keyed by uid, and the first word on a start or an end
counts. What is booked is forgotten, so memory follows what is there, and not how long the process runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from stellwerk.economics.ledger.facts import Line, NodeFacts, NodeSpan, Part, Party, PodSpan

ENDED_LIMIT: Final = 100_000
"""So many ended pods are kept at most; where they cannot be booked for that long, the oldest become a gap."""


class Observed:
    """Spans of one cluster.

    Args:
        since: From when on everything was seen; before it only what objects tell about themselves is known.

    Attributes:
        dirty: When something changed last about a node, by its uid; whoever has booked that takes it away.
        shared: How each node was shared out last, by its uid: while nothing changes, nothing is worked out anew.

    """

    def __init__(self, since: int) -> None:
        self.since = since
        self.nodes: dict[str, NodeSpan] = {}
        self.dirty: dict[str, int] = {}
        self.shared: dict[str, tuple[NodeFacts, list[Part], tuple[Line, ...]]] = {}
        self._pods: dict[str, PodSpan] = {}
        self._on: dict[str, dict[str, PodSpan]] = {}
        self._ended: dict[str, None] = {}  # uids of pods, oldest first
        self._lives: dict[str, list[str]] = {}  # node uids by name
        self._tenants: list[tuple[int, Mapping[str, str]]] = [(since, {})]

    # ------------------------------------------------------------------------------- nodes

    def see_node(self, uid: str, name: str, start: int, facts: NodeFacts, now: int) -> None:
        """Note a node as it is now."""
        span = self.nodes.get(uid)
        if span is None:
            self.nodes[uid] = NodeSpan(uid, name, min(start, now), [(now, facts)])
            self._lives.setdefault(name, []).append(uid)
        elif span.end is not None or span.versions[-1][1] == facts:
            return
        else:
            span.versions.append((max(now, span.versions[-1][0]), facts))
        self.dirty[uid] = now

    def lose_node(self, uid: str, now: int) -> None:
        """Note that a node is gone."""
        span = self.nodes.get(uid)
        if span is not None and span.end is None:
            span.end = max(now, span.start)
            self.dirty[uid] = now

    # -------------------------------------------------------------------------------- pods

    def see_pod(self, pod: PodSpan, now: int) -> None:
        """Note a bound pod; of one that is known only its party can become known better."""
        known = self._pods.get(pod.uid)
        if known is None:
            pod.start = min(pod.start, now)
            self._pods[pod.uid] = pod
            self._on.setdefault(pod.node, {})[pod.uid] = pod
        elif _knows_more(pod.party, known.party):
            known.party = pod.party
        else:
            return
        self._mark(pod.node, now)

    def lose_pod(self, uid: str, now: int) -> None:
        """Note that a pod has ended, or is gone."""
        pod = self._pods.get(uid)
        if pod is not None and pod.end is None:
            pod.end = max(now, pod.start)
            self._ended[uid] = None
            self._mark(pod.node, now)
            if len(self._ended) > ENDED_LIMIT:
                self._forget_oldest()

    def party_of(self, uid: str) -> Party | None:
        """Return the party of a pod; None if it was never seen."""
        pod = self._pods.get(uid)
        return None if pod is None else pod.party

    def pods_on(self, node: str) -> Iterable[PodSpan]:
        """Return the pods that are, or were, on a node."""
        return self._on.get(node, {}).values()

    def _mark(self, node: str, now: int) -> None:
        self.dirty.update(dict.fromkeys(self._lives.get(node, ()), now))

    # ------------------------------------------------------------------------------ tenants

    def see_tenants(self, tenants: Mapping[str, str], now: int) -> None:
        """Note whose the namespaces are from now on."""
        if self._tenants[-1][1] != tenants:
            self._tenants.append((now, dict(tenants)))
            self.dirty.update(dict.fromkeys(self.nodes, now))

    @property
    def tenancies(self) -> tuple[int, ...]:
        """When it changed whose the namespaces are."""
        return tuple(since for since, _ in self._tenants[1:])

    def tenant_of(self, party: Party, moment: int) -> str:
        """Return the tenant that a namespace belonged to; empty if to none."""
        found = self._tenants[0][1]
        for since, tenants in self._tenants[1:]:
            if since > moment:
                break
            found = tenants
        return found.get(party.namespace, "")

    # ---------------------------------------------------------------------------- forgetting

    def settled(self, booked: Callable[[NodeSpan], int]) -> None:
        """Forget what is booked.

        Args:
            booked: Says up to when a node is booked.
        """
        least = None
        for uid, node in list(self.nodes.items()):
            until = booked(node)
            least = until if least is None else min(least, until)
            while len(node.versions) > 1 and node.versions[1][0] <= until:
                del node.versions[0]
            if node.end is not None and until >= node.end:
                self._drop_node(uid, node)
        for uid in list(self._ended):
            pod = self._pods[uid]
            lives = [self.nodes[one] for one in self._lives.get(pod.node, ())]
            if all(booked(node) >= (pod.end or 0) for node in lives):
                self._drop_pod(uid)
        while least is not None and len(self._tenants) > 1 and self._tenants[1][0] <= least:
            del self._tenants[0]

    def forget_before(self, moment: int) -> None:
        """Forget what ended before `moment`, booked or not: who does not lead need not keep it for ever."""
        for uid in [uid for uid in self._ended if (self._pods[uid].end or 0) <= moment]:
            self._drop_pod(uid)
        for uid, node in [(uid, one) for uid, one in self.nodes.items() if one.end is not None and one.end <= moment]:
            self._drop_node(uid, node)
        for node in self.nodes.values():
            while len(node.versions) > 1 and node.versions[1][0] <= moment:
                del node.versions[0]
        while len(self._tenants) > 1 and self._tenants[1][0] <= moment:
            del self._tenants[0]
        self.since = max(self.since, moment)

    def _forget_oldest(self) -> None:
        oldest = list(self._ended)[: ENDED_LIMIT // 10]
        self.since = max(self.since, *(self._pods[uid].end or 0 for uid in oldest))
        for uid in oldest:
            self._drop_pod(uid)

    def _drop_pod(self, uid: str) -> None:
        pod = self._pods.pop(uid)
        self._ended.pop(uid, None)
        others = self._on[pod.node]
        del others[uid]
        if not others:
            del self._on[pod.node]

    def _drop_node(self, uid: str, node: NodeSpan) -> None:
        del self.nodes[uid]
        self.dirty.pop(uid, None)
        self.shared.pop(uid, None)
        lives = self._lives[node.name]
        lives.remove(uid)
        if not lives:
            del self._lives[node.name]


def _knows_more(new: Party, old: Party) -> bool:
    return bool(new.uid and not old.uid) or bool(new.uid == old.uid and new.attempt and not old.attempt)
