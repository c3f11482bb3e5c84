"""From events to facts of the ledger: which node was there when and at what price, and who was on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from stellwerk.api import duration
from stellwerk.api.conditions import ConditionType
from stellwerk.cluster import accounts, structs
from stellwerk.cluster.cache import EventType
from stellwerk.control.capacity import node_from
from stellwerk.control.store import Store
from stellwerk.economics.ledger.facts import Billing, Loss, NodeFacts, Party, PodSpan
from stellwerk.economics.ledger.observed import Observed
from stellwerk.economics.ledger.rates import accelerators_offered
from stellwerk.economics.service import lost_seconds
from stellwerk.logs import get_logger
from stellwerk.model.capacity import Node, Pool
from stellwerk.model.decision import MICROS
from stellwerk.model.pods import pod_requests
from stellwerk.placement.fleet.fleet import nodes_by_pool

_log = get_logger(__name__)

_UNCLEAR_SECONDS: Final = 20
"""A pod comes before its workload by so much at most: they come in streams of their own."""
_LOSSES_LIMIT: Final = 10_000
"""So many losses are kept at most until they are booked."""


def now_seconds() -> int:
    """Return the moment by this machine's clock."""
    return int(time.time())


class LedgerFacts:
    """Feeds `observed` from events; used in the main loop only.

    Args:
        store: Takes in the same events first, and knows pools and workloads.
        owners: Returns the tenant of each namespace that has one.
        clock: Returns the moment.

    Attributes:
        observed: What was seen.
        losses: Work that was lost and is not booked yet, by workload and moment.

    """

    def __init__(
        self, store: Store, owners: Callable[[], Mapping[str, str]], clock: Callable[[], int] = now_seconds
    ) -> None:
        self._store, self._owners, self._clock = store, owners, clock
        self.observed = Observed(clock())
        self.losses: dict[tuple[str, int], Loss] = {}
        self._lives: dict[str, tuple[str, int]] = {}  # uid and creation of nodes, by name
        self._looked_at: dict[str, tuple[Node, Pool | None]] = {}
        self._open: dict[str, tuple[PodSpan, str, int]] = {}  # pods of which it is not known whose they are
        self._look_again = False
        self._pools: tuple[Pool, ...] | None = None
        self._members: Mapping[str, Pool] = {}

    @property
    def cluster(self) -> str:
        """Whose facts these are."""
        return self._store.capacity.cluster

    def warm(self) -> None:
        """Note that all there is has been listed: from now on everything is seen."""
        self.observed.since = self._clock()

    def on_node(self, _type: EventType, new: structs.Node | None, old: structs.Node | None) -> None:
        """Take in a node."""
        if new is not None:
            name, uid = new.metadata.name, new.metadata.uid
            before = self._lives.get(name)
            if before is None or before[0] != uid:
                if before is not None:
                    self.observed.lose_node(before[0], self._clock())
                self._lives[name] = (uid, moment_of(new.metadata.creation_timestamp) or self._clock())
                self._looked_at.pop(name, None)
        elif old is not None:
            self._lose_node(old)

    def _lose_node(self, old: structs.Node) -> None:
        meta = old.metadata
        known = self._lives.get(meta.name)
        if meta.uid not in self.observed.nodes:  # it came and went between two looks
            node = node_from(old, self.cluster)
            owners = nodes_by_pool([node], self._store.pools)
            pool = next((one for one in self._store.pools if (one.cluster, one.name) in owners), None)
            start = moment_of(meta.creation_timestamp) or self._clock()
            self.observed.see_node(meta.uid, meta.name, start, facts_of(node, pool), self._clock())
        self.observed.lose_node(meta.uid, self._clock())
        if known is not None and known[0] == meta.uid:
            del self._lives[meta.name]
            self._looked_at.pop(meta.name, None)

    def on_pod(self, _type: EventType, new: structs.Pod | None, old: structs.Pod | None) -> None:
        """Take in a pod; one that has ended leaves the stream as if it were deleted."""
        if new is None or new.terminal:
            shown = new or old
            if shown is not None:
                self._open.pop(shown.metadata.uid, None)
                self.observed.lose_pod(shown.metadata.uid, self._clock())
        elif new.spec.node_name and not self._is_known(new):
            start = bound_at(new) or self._clock()
            requests = pod_requests(msgspec.to_builtins(new.spec))
            party = self._party(new.metadata.namespace, new.job)
            span = PodSpan(new.metadata.uid, new.spec.node_name, party, requests, start)
            self.observed.see_pod(span, self._clock())
            if new.job and not party.attempt:
                self._open[new.metadata.uid] = (span, new.job, self._clock())

    def recall(self, pod: accounts.EndedPod, since: int) -> None:
        """Take in a pod that ended while nobody watched, by the kubelet's word on when that was.

        Args:
            pod: It has ended; of one that was watched the end is known already.
            since: What ended before is booked.
        """
        end = moment_of(pod.ended_at)
        if end is not None and end > since:
            self.on_pod(
                "ADDED", msgspec.structs.replace(pod, status=structs.PodStatus("", pod.status.conditions)), None
            )
            self._open.pop(pod.metadata.uid, None)
            self.observed.lose_pod(pod.metadata.uid, end)

    def _is_known(self, pod: structs.Pod) -> bool:
        return self.observed.party_of(pod.metadata.uid) is not None

    def _party(self, namespace: str, job: str) -> Party:
        found = self._store.workloads.found_for(job) if job else None
        if found is None:
            return Party(namespace)
        placed = found.status.condition(ConditionType.PLACED)
        attempt = placed.last_transition_time if placed is not None and placed.status == "True" else ""
        class_ = str(found.spec.get("class", ""))
        return Party(namespace, class_, found.metadata.name, found.metadata.uid, attempt)

    def on_job(self, *_event: object) -> None:
        """Take in that a Job came, changed or went: it may tell whose pods are."""
        self._look_again = True

    def on_workload(self, _type: EventType, new: structs.AIWorkload | None, old: structs.AIWorkload | None) -> None:
        """Take in an AIWorkload: one that has lost its place has lost work."""
        self._look_again = True
        loss = None if new is None else loss_of(new, old)
        if loss is not None and len(self.losses) < _LOSSES_LIMIT:
            self.losses[loss.uid, loss.end] = loss

    def _find_parties(self) -> None:
        """Look whose the pods are of which that was not known when they came: streams have no common order."""
        for uid, (span, job, _) in list(self._open.items()):
            party = self._party(span.party.namespace, job)
            if party.attempt:
                del self._open[uid]
            if party != span.party:
                found = PodSpan(uid, span.node, party, span.requests, span.start)
                self.observed.see_pod(found, self._clock())

    @property
    def clear_until(self) -> int:
        """Up to when it is known whose the pods are; who is not known within some seconds is nobody's workload."""
        now = self._clock()
        return min((span.start for span, _, seen in self._open.values() if now - seen < _UNCLEAR_SECONDS), default=now)

    def refresh(self) -> None:
        """Look at which nodes have another pool, price or size than before, and whose namespaces are whose."""
        self.observed.see_tenants(self._owners(), self._clock())
        if self._look_again:
            self._look_again = False
            self._find_parties()
        pools = self._store.pools
        if pools is not self._pools:
            self._pools = pools
            self._members = {node.name: pool for pool in pools for node in self._store.members_of(pool)}
        now = self._clock()
        for node in self._store.capacity.nodes:
            pool, before = self._members.get(node.name), self._looked_at.get(node.name)
            life = self._lives.get(node.name)
            if life is None or (before is not None and before[0] is node and before[1] is pool):
                continue
            self._looked_at[node.name] = (node, pool)
            self.observed.see_node(life[0], node.name, life[1], facts_of(node, pool), now)


def facts_of(node: Node, pool: Pool | None) -> NodeFacts:
    """Return what the ledger needs to know of a node; one of no pool has no known price."""
    if pool is None:
        return NodeFacts(Billing(node.cluster, ""), node.allocatable)
    devices = tuple(one for one in (pool.accelerator, *pool.further) if one is not None)
    price = pool.price
    billing = Billing(
        cluster=node.cluster,
        pool=pool.name,
        provider=pool.provider,
        region=pool.region,
        jurisdiction=pool.jurisdiction or "",
        capacity_type=pool.capacity_type.value,
        currency=price.currency if price else "",
        price=int((price.per_node_hour * MICROS).to_integral_value()) if price else None,
        accelerators=accelerators_offered(node.allocatable, devices),
    )
    return NodeFacts(billing, node.allocatable, devices)


def bound_at(pod: structs.Pod) -> int | None:
    """Return when a pod was bound, as the API server has it; None if it does not say."""
    for condition in pod.status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "True":
            return moment_of(condition.last_transition_time)
    return moment_of(pod.metadata.creation_timestamp)


def loss_of(new: structs.AIWorkload, old: structs.AIWorkload | None) -> Loss | None:
    """Return the work that a workload has lost by its last eviction; None if it has its place, or has another one.

    On average, see `economics.service.lost_seconds`; without checkpoints all that was done, also by earlier attempts.
    """
    evicted = new.status.condition(ConditionType.EVICTED)
    at = None if evicted is None or evicted.status != "True" else moment_of(evicted.last_transition_time)
    if evicted is None or at is None:
        return None
    try:
        interval = duration.seconds(str(new.spec["checkpointInterval"])) if "checkpointInterval" in new.spec else None
    except ValueError:
        interval = None
    start = moment_of(new.metadata.creation_timestamp) or at
    if interval is not None:
        placed = None if old is None else old.status.condition(ConditionType.PLACED)
        since = moment_of(placed.last_transition_time) if placed is not None and placed.status == "True" else None
        start = at - int(lost_seconds(at - (since or start), interval))
    return Loss(new.metadata.uid, start, at, evicted.reason, evicted.message[:200])


def moment_of(text: str | None) -> int | None:
    """Return a moment from how Kubernetes writes it; None if it does not."""
    return int(datetime.fromisoformat(text).timestamp()) if text else None
