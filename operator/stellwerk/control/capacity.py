"""What the nodes offer and what bound pods use of it, kept up to date event by event.

Room is counted from pods that are really bound, never from what somebody once intended: a GPU that kube-scheduler gave
to a pod that Stellwerk does not know is taken all the same (invariant S1).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import msgspec

from stellwerk.api.labels import PRICE_ANNOTATIONS, SEAT_GATE
from stellwerk.cluster import structs
from stellwerk.lifecycle.seating import Held, HeldPod
from stellwerk.model.capacity import Node, Taint
from stellwerk.model.discovery import HOSTNAME_LABEL
from stellwerk.model.podrules import Neighbour, anti_affinity_of, ports_of
from stellwerk.model.pods import pod_requests
from stellwerk.model.resources import Resources
from stellwerk.model.workload import WorkloadKey


class PodUse(msgspec.Struct, frozen=True):
    """The part of a pod that matters here."""

    job: str
    """As `structs.job_id` says it; empty for a pod of no Job."""
    node: str
    """Empty while it is not bound."""
    requests: Resources
    unschedulable: str | None
    index: int | None = None
    """Of an Indexed Job."""
    neighbour: Neighbour | None = None
    """As other pods must put up with it."""
    held: HeldPod | None = None
    """It waits to be told its node."""
    host: str = ""
    """Host name of the node that it was told, while it is not bound."""


class JobPods(msgspec.Struct, frozen=True):
    """The live pods of one Job."""

    bound: int = 0
    unbound: int = 0
    unschedulable: str | None = None
    """What kube-scheduler says of one that it cannot bind."""


class Places(msgspec.Struct, frozen=True):
    """Where the bound pods of a Job are."""

    by_node: tuple[tuple[str, int, Resources], ...] = ()
    """Node, pods there and what these take of it, in the order of the names."""
    indexes: tuple[tuple[int, str, Resources], ...] = ()
    """Index, node and request of each pod of an Indexed Job, in order."""


class Capacity:
    """Nodes of one cluster and their use.

    Attributes:
        freed: something was freed or added since the flag was last reset, so that what waits may fit now.

    """

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster
        self._nodes: dict[str, Node] = {}
        self._usage: dict[str, Resources] = {}
        self._pods: dict[str, PodUse] = {}
        self._guards: dict[str, Neighbour] = {}  # bound pods that keep others away
        self._by_job: defaultdict[str, dict[str, PodUse]] = defaultdict(dict)
        self._frozen_nodes: tuple[Node, ...] | None = None
        self.freed = False

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, by name; the same tuple until a node changes."""
        if self._frozen_nodes is None:
            self._frozen_nodes = tuple(self._nodes[name] for name in sorted(self._nodes))
        return self._frozen_nodes

    def node(self, name: str) -> Node | None:
        """Return a node; None if there is none of this name."""
        return self._nodes.get(name)

    @property
    def usage(self) -> Mapping[str, Resources]:
        """What live bound pods use, by node name; a copy."""
        return dict(self._usage)

    def neighbours(self, *, everyone: bool) -> tuple[Neighbour, ...]:
        """Return the bound pods that keep others away, or all of them where some pod looks at the others' labels."""
        if not everyone:
            return tuple(self._guards.values())
        return tuple(pod.neighbour for pod in self._pods.values() if pod.node and pod.neighbour is not None)

    def pods_of(self, job: str) -> JobPods:
        """Return the live pods of a Job, named as `structs.job_id` does."""
        pods = self._by_job.get(job, {})
        told = (pod.unschedulable for pod in pods.values() if pod.unschedulable)
        bound = sum(1 for pod in pods.values() if pod.node)
        return JobPods(bound, len(pods) - bound, next(told, None))

    def places_of(self, job: str) -> Places:
        """Return where the live, bound pods of a Job are, named as `structs.job_id` does."""
        bound = [pod for pod in self._by_job.get(job, {}).values() if pod.node]
        pods = Counter(pod.node for pod in bound)
        used: dict[str, Resources] = {}
        for pod in bound:
            used[pod.node] = used.get(pod.node, Resources()) + pod.requests
        indexes = sorted((pod.index, pod.node, pod.requests) for pod in bound if pod.index is not None)
        return Places(tuple((node, pods[node], used[node]) for node in sorted(pods)), tuple(indexes))

    def held_of(self, job: str) -> Held:
        """Return the pods of a Job that wait to be told their node, and where the others are."""
        pods = self._by_job.get(job, {}).values()
        waiting = tuple(sorted(pod.held for pod in pods if pod.held is not None))
        if not waiting:
            return Held()
        hosts = {name: node.labels.get(HOSTNAME_LABEL, "") for name, node in self._nodes.items() if node.usable}
        names = {host: name for name, host in hosts.items()}
        there = Counter(pod.node or names.get(pod.host, "") for pod in pods if pod.held is None)
        return Held(waiting, tuple(sorted(there.items())), tuple(sorted(pair for pair in hosts.items() if pair[1])))

    def set_node(self, new: structs.Node | None, old: structs.Node | None) -> bool:
        """Take in an event of a node; tell whether anything that decisions depend on changed (heartbeats do not)."""
        if new is None:
            gone = self._nodes.pop(old.metadata.name, None) if old is not None else None
            self._frozen_nodes = None if gone is not None else self._frozen_nodes
            return gone is not None
        node = node_from(new, self.cluster)
        if self._nodes.get(node.name) == node:
            return False
        self._nodes[node.name] = node
        self._frozen_nodes = None
        self.freed = True
        return True

    def set_pod(self, new: structs.Pod | None, old: structs.Pod | None) -> str:
        """Take in an event of a pod; return its Job if that Job's pods changed, else an empty string."""
        shown = new or old
        if shown is None:
            return ""
        uid = shown.metadata.uid
        before = self._pods.get(uid)
        after = None if new is None or new.terminal else use_of(new, before)
        if before == after:
            return ""
        self._replace(uid, before, after)
        return (after or before or _NOTHING).job

    def _replace(self, uid: str, before: PodUse | None, after: PodUse | None) -> None:
        for pod, sign in ((before, -1), (after, 1)):
            if pod is not None and pod.node:
                used = self._usage.get(pod.node, Resources()) + pod.requests * sign
                if used:
                    self._usage[pod.node] = used
                else:
                    self._usage.pop(pod.node, None)
        if before is not None:
            self.freed |= bool(before.node) and (after is None or not after.node)
            siblings = self._by_job[before.job]
            siblings.pop(uid, None)
            if not siblings:
                del self._by_job[before.job]
            self._pods.pop(uid)
            self._guards.pop(uid, None)
        if after is not None:
            self._pods[uid] = after
            if after.node and after.neighbour is not None and (after.neighbour.anti_affinity or after.neighbour.ports):
                self._guards[uid] = after.neighbour
            if after.job:
                self._by_job[after.job][uid] = after


_NOTHING = PodUse("", "", Resources(), None)


def use_of(pod: structs.Pod, before: PodUse | None) -> PodUse:
    """Reduce a pod to what matters; its requests never change, so they are worked out once."""
    requests = before.requests if before else pod_requests(msgspec.to_builtins(pod.spec))
    told = None if pod.spec.node_name else pod.unschedulable
    selector = pod.spec.node_selector or {}
    host = "" if pod.spec.node_name else selector.get(HOSTNAME_LABEL, "")
    return PodUse(pod.job, pod.spec.node_name, requests, told, pod.index, _neighbour(pod, before), _held(pod), host)


def _held(pod: structs.Pod) -> HeldPod | None:
    gates = tuple(gate.name for gate in pod.spec.scheduling_gates or ())
    if SEAT_GATE not in gates or pod.metadata.deletion_timestamp is not None:
        return None
    key = WorkloadKey(pod.metadata.namespace, pod.metadata.name)
    return HeldPod(key, pod.metadata.uid, pod.index, tuple(gate for gate in gates if gate != SEAT_GATE))


def _neighbour(pod: structs.Pod, before: PodUse | None) -> Neighbour:
    meta, spec = pod.metadata, pod.spec
    labels = meta.labels or {}
    known = before.neighbour if before else None
    if known is None:
        has_ports = spec.host_network or any(
            one.ports for one in (*(spec.containers or ()), *(spec.init_containers or ()))
        )
        ports = ports_of(msgspec.to_builtins(spec)) if has_ports else ()
        affinity = None if spec.affinity is None else {"podAntiAffinity": spec.affinity.pod_anti_affinity}
        known = Neighbour("", {}, "", ports, anti_affinity_of(affinity, meta.namespace, labels))
    leaving = meta.deletion_timestamp is not None
    return Neighbour(meta.namespace, labels, spec.node_name, known.ports, known.anti_affinity, leaving)


def node_from(node: structs.Node, cluster: str) -> Node:
    """Build the planner's view of a node; one without a Ready condition is not ready."""
    return Node(
        name=node.metadata.name,
        labels=node.metadata.labels or {},
        allocatable=Resources.from_quantities(node.status.allocatable or {}),
        taints=tuple(Taint(taint.key, taint.effect, taint.value) for taint in node.spec.taints or ()),
        ready=node.ready,
        unschedulable=node.spec.unschedulable,
        cluster=cluster,
        annotations={key: text for key, text in (node.metadata.annotations or {}).items() if key in PRICE_ANNOTATIONS},
    )
