"""Gauges of the fleet, worked out from the caches every few seconds and set all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from stellwerk import metrics
from stellwerk.api.conditions import ConditionType
from stellwerk.cluster import structs
from stellwerk.cluster.reflector import Reflector
from stellwerk.control.store import Store
from stellwerk.lifecycle.actions import Transaction
from stellwerk.lifecycle.config_status import Found, pool_status
from stellwerk.model.capacity import Node, Pool
from stellwerk.model.snapshot import Snapshot

Labels = tuple[str, ...]

_UNKNOWN = "unknown"


def publish(store: Store, reflectors: Sequence[Reflector[Any]], cluster: str) -> None:
    """Set all gauges to what the caches say now."""
    _publish_pools(store)
    publish_prices(store, datetime.now(UTC))
    _publish_workloads(store)
    for reflector in reflectors:
        labels = (reflector.resource.name, cluster)
        metrics.STREAM_AGE.labels(*labels).set(reflector.age())
        metrics.STREAM_LISTS.labels(*labels).set(reflector.stats.lists)
        metrics.STREAM_ERRORS.labels(*labels).set(reflector.stats.errors)
        metrics.STREAM_UNDECODABLE.labels(*labels).set(reflector.undecodable)
        metrics.OBJECTS.labels(*labels).set(len(reflector.objects))


def counts_due(store: Store, declared: Iterable[structs.ComputePool], now: datetime) -> Iterator[Transaction]:
    """Return the writes that bring what was found of declared pools up to date in their status."""
    pools = {pool.name: pool for pool in store.pools if not pool.discovered}
    for body in declared:
        pool = pools.get(body.metadata.name)
        if pool is not None:
            nodes = store.members_of(pool)
            resource = pool.accelerator.resource if pool.accelerator else ""
            slices = pool.accelerator.slices if pool.accelerator else 1
            offered = sum(node.allocatable.get(resource) // slices for node in nodes)
            found = Found(len(nodes), offered, store.supplies.status_of(pool), store.prices.status_of(pool))
            due = pool_status(structs.plain(body), found, store.prices.verdict(pool), now)
            if due is not None:
                yield due


def _publish_pools(store: Store) -> None:
    snapshot = store.snapshot()
    accelerators: dict[Labels, float] = {}
    ratio: dict[Labels, float] = {}
    cost: dict[Labels, float] = {}
    nodes: dict[Labels, float] = {}
    for pool in snapshot.pools:
        key = (pool.cluster, pool.name)
        members = store.members_of(pool)
        usable = [node for node in members if node.usable]
        nodes[key] = len(usable)
        if pool.price is not None:
            priced = (*key, pool.capacity_type.value, pool.price.currency)
            cost[priced] = float(pool.price.per_node_hour * len(usable))
        if pool.accelerator is not None:
            counts = _accelerators(pool, members, snapshot)
            for state, count in counts.items():
                accelerators[(*key, pool.accelerator.model, pool.capacity_type.value, state)] = count
            if counts["total"]:
                ratio[key] = (counts["allocated"] + counts["reserved"]) / counts["total"]
    metrics.replace(metrics.POOL_ACCELERATORS, accelerators)
    metrics.replace(metrics.POOL_UTILIZATION, ratio)
    metrics.replace(metrics.POOL_COST, cost)
    metrics.replace(metrics.POOL_NODES, nodes)
    _publish_supply(snapshot)


def publish_prices(store: Store, now: datetime) -> None:
    """Set the gauges of what is known of prices."""
    ages: dict[Labels, float] = {}
    fresh: dict[Labels, float] = {}
    for pool in store.pools:
        verdict = store.prices.verdict(pool)
        fresh[pool.cluster, pool.name] = float(verdict is not None and verdict.fresh)
        if verdict is not None and verdict.price is not None and verdict.of is not None:
            ages[pool.cluster, pool.name, verdict.price.origin] = (now - verdict.of).total_seconds()
    tables = store.prices.tables.states
    old: dict[Labels, float] = {
        (name,): (now - table.of).total_seconds() for name, table in tables.items() if table.of is not None
    }
    metrics.replace(metrics.PRICE_AGE, ages)
    metrics.replace(metrics.PRICE_FRESH, fresh)
    metrics.replace(metrics.PRICE_TABLE_AGE, old)
    metrics.replace(metrics.PRICE_TABLE_READABLE, {(name,): float(not one.problem) for name, one in tables.items()})


def _publish_supply(snapshot: Snapshot) -> None:
    known = [(pool, supply) for pool in snapshot.pools if (supply := snapshot.supply.get((pool.cluster, pool.name)))]
    growing = ((pool, supply) for pool, supply in known if pool.growth is not None)
    out: dict[Labels, float] = {
        (pool.cluster, pool.name): float(supply.stocked_out_until is not None) for pool, supply in growing
    }
    rates: dict[Labels, float] = {
        (pool.cluster, pool.name): float(supply.rate_per_hour)
        for pool, supply in known
        if supply.rate_per_hour is not None
    }
    metrics.replace(metrics.POOL_STOCKED_OUT, out)
    metrics.replace(metrics.POOL_INTERRUPTIONS, rates)


def _accelerators(pool: Pool, nodes: Sequence[Node], snapshot: Snapshot) -> dict[str, float]:
    """Count devices; where they are offered in slices, a slice is a part of one."""
    resource = pool.accelerator.resource if pool.accelerator else ""
    slices = pool.accelerator.slices if pool.accelerator else 1
    used = (snapshot.usage[node.name].get(resource) for node in nodes if node.name in snapshot.usage)
    held = (one.pod.get(resource) * one.pods for one in snapshot.reserved if one.pool == pool.name)
    return {
        "total": sum(node.allocatable.get(resource) for node in nodes if node.usable) / slices,
        "allocated": sum(used) / slices,
        "reserved": sum(held) / slices,
    }


def _publish_workloads(store: Store) -> None:
    placed: Counter[Labels] = Counter()
    unpriced: Counter[Labels] = Counter()
    pending: Counter[Labels] = Counter()
    cost: dict[Labels, Decimal] = {}
    for uid in store.workloads.uids:
        status = store.workloads.status(uid)
        if status.is_true(ConditionType.FINISHED):
            continue
        if not status.is_true(ConditionType.PLACED) or status.placement is None:
            pending[(status.decision.reason if status.decision else "NotDecided",)] += 1
            continue
        namespace, class_ = store.workloads.describe(uid)
        placed[namespace, class_, status.placement.pool] += 1
        if status.cost is None or status.cost.per_hour == _UNKNOWN:
            unpriced[(namespace,)] += 1
        else:
            key = (namespace, class_, status.placement.pool, status.cost.currency)
            cost[key] = cost.get(key, Decimal(0)) + Decimal(status.cost.per_hour)
    metrics.replace(metrics.PLACED, placed)
    metrics.replace(metrics.UNPRICED, unpriced)
    metrics.replace(metrics.PENDING, pending)
    metrics.replace(metrics.PLACED_COST, {key: float(amount) for key, amount in cost.items()})
