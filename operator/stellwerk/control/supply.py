"""What is learned of pools while the operator runs, kept in their status so that it outlives the process.

The leader learns: stock-outs and deliveries from placed workloads, interruptions from spot nodes that go away under
pods of ours, and for how long nodes were watched with such pods on them. A standby follows what the status says, and
goes on from there when it takes over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import msgspec

from stellwerk.api import money
from stellwerk.api.moment import rfc3339
from stellwerk.api.v1alpha1.growth import PoolSupply
from stellwerk.cluster import structs
from stellwerk.economics.interruptions import posterior_rate
from stellwerk.lifecycle.actions import PatchConfigStatus
from stellwerk.lifecycle.observed import Eviction, WorkloadState
from stellwerk.lifecycle.patience import Patience, got_new_nodes, overdue, placed_at
from stellwerk.logs import get_logger
from stellwerk.model.capacity import CapacityType, Node, Pool
from stellwerk.model.supply import Backoff, StockOuts, Supply
from stellwerk.placement.fleet.fleet import nodes_by_pool

_log = get_logger(__name__)

_WORTH_A_WRITE: Final = (Fraction(5, 4), Fraction(1, 4))
"""Watched node-hours are written anew when they are a quarter more, and by a quarter of an hour: ever more rarely."""

PoolKey = tuple[str, str]
"""Cluster and name."""


@dataclass(slots=True)
class _Memory:
    stock: StockOuts = field(default_factory=StockOuts)
    interruptions: int = 0
    node_hours: Fraction = Fraction(0)
    noted_hours: Fraction = Fraction(0)
    """As the status says, and as decisions count."""

    def note(self) -> None:
        """Let the status and decisions follow what was seen, if that is worth a write."""
        factor, step = _WORTH_A_WRITE
        if self.node_hours >= max(self.noted_hours * factor, self.noted_hours + step):
            self.noted_hours = self.node_hours


class Supplies:
    """The memory of all pools; used from the main loop only, apart from `leading`.

    Args:
        backoff: how long a pool is left alone after a stock-out.
        patience: how long placed workloads wait for nodes.

    Attributes:
        leading: this replica learns, and does not follow what others wrote.

    """

    def __init__(self, backoff: Backoff | None = None, patience: Patience | None = None) -> None:
        self.leading = False
        self._backoff = backoff or Backoff(300.0, 14_400.0)
        self._patience = patience or Patience()
        self._memories: dict[str, _Memory] = {}
        self._blocked: frozenset[str] = frozenset()
        self._taken: set[str] = set()

    # ------------------------------------------------------------------------------ following

    def see(self, new: structs.ComputePool | None, old: structs.ComputePool | None) -> None:
        """Take in a ComputePool: of one that is new, or while another replica leads, what its status says."""
        if new is None:
            if old is not None:
                self._memories.pop(old.metadata.name, None)
        elif not self.leading or new.metadata.name not in self._memories:
            self._memories[new.metadata.name] = _remembered(new)

    def frozen(self, pools: Iterable[Pool], now: datetime) -> dict[PoolKey, Supply]:
        """Return what a cycle needs to know, by cluster and name of the pool; pools that nobody declared are absent."""
        found = {}
        for pool in pools:
            memory = self._memories.get(pool.name)
            if memory is not None and not pool.discovered and _learns(pool):
                found[pool.cluster, pool.name] = Supply(memory.stock.in_force(now), _rate(pool, memory))
        return found

    def lapsed(self, now: datetime) -> bool:
        """Tell whether a pool may be used again that was left alone when this was asked last."""
        blocked = frozenset(name for name, one in self._memories.items() if one.stock.in_force(now) is not None)
        ended = self._blocked - blocked
        self._blocked = blocked
        return bool(ended)

    def status_of(self, pool: Pool) -> Mapping[str, Any] | None:
        """Return what `status.supply` of a declared pool should say; None for one of which nothing is learned."""
        if not _learns(pool):
            return None
        memory = self._memories.setdefault(pool.name, _Memory())
        told: dict[str, Any] = {}
        if pool.growth is not None:
            moments = {"lastStockOut": memory.stock.last, "until": memory.stock.until}
            told = {"stockOuts": memory.stock.count, **{key: rfc3339(at) for key, at in moments.items() if at}}
        if pool.capacity_type is CapacityType.SPOT:
            memory.note()
            rate = _rate(pool, memory)
            told |= {"interruptions": memory.interruptions, "nodeHours": _hours(memory.noted_hours)}
            told |= {} if rate is None else {"ratePerHour": money.text(rate)}
        return told

    # ------------------------------------------------------------------------------- learning

    def judge(self, state: WorkloadState, pool: Pool, now: datetime, at: int = 0) -> Eviction | None:
        """Learn from a placed workload whether a pool delivered; return why it must give its place up, or None.

        Args:
            state: what was last seen of the workload.
            pool: where its main pod set is, or a further one.
            now: the moment.
            at: which further pod set that is, counted from 1; 0 for the main one.
        """
        placed = placed_at(state.status)
        if placed is None or not self.leading:
            return None
        why = overdue(state, pool, self._patience, now, at)
        if pool.growth is None:
            return why
        memory = self._memories.setdefault(pool.name, _Memory())
        if why is not None:
            before, memory.stock = memory.stock, memory.stock.again(placed, now, self._backoff)
            if memory.stock is not before:
                _log.warning("stock-out", pool=pool.name, count=memory.stock.count, until=str(memory.stock.until))
            why = msgspec.structs.replace(why, remember=self._note_of(pool))
        elif got_new_nodes(state, at):
            memory.stock = memory.stock.delivered(placed)
        return why

    def _note_of(self, pool: Pool) -> PatchConfigStatus:
        return PatchConfigStatus("ComputePool", pool.name, {"status": {"supply": self.status_of(pool)}})

    def watch(self, pools: Iterable[tuple[Pool, Sequence[Node]]], used: AbstractSet[str], seconds: float) -> None:
        """Count the time for which nodes of spot pools were watched with pods of ours on them.

        Args:
            pools: Pools with their nodes.
            used: Names of the nodes with pods of ours.
            seconds: How long that was so.
        """
        for pool, nodes in pools:
            if self.leading and _is_interruptible(pool) and (count := sum(node.name in used for node in nodes)):
                hours = Fraction(count) * Fraction(seconds) / 3600
                memory = self._memories.setdefault(pool.name, _Memory())
                memory.node_hours += hours.limit_denominator(1_000_000)

    def ends(self, node: Node, pools: Sequence[Pool], used: AbstractSet[str], *, gone: bool) -> None:
        """Count a spot node that is taken away with pods of ours on it, once however often it shows.

        Args:
            node: That is about to be taken away, or was.
            pools: All pools; the node is of one of them.
            used: Names of the nodes with pods of ours.
            gone: It does not exist any more: another one may get its name.
        """
        if self.leading and node.name in used and node.name not in self._taken:
            owners = nodes_by_pool([node], pools)
            for pool in pools:
                if (pool.cluster, pool.name) in owners and _is_interruptible(pool):
                    self._taken.add(node.name)
                    memory = self._memories.setdefault(pool.name, _Memory())
                    memory.interruptions += 1
                    memory.noted_hours = memory.node_hours
                    _log.warning("spot node interrupted", pool=pool.name, node=node.name, count=memory.interruptions)
        if gone:
            self._taken.discard(node.name)


def _is_interruptible(pool: Pool) -> bool:
    return pool.capacity_type is CapacityType.SPOT and not pool.discovered


def _learns(pool: Pool) -> bool:
    return pool.growth is not None or pool.capacity_type is CapacityType.SPOT


def _rate(pool: Pool, memory: _Memory) -> Decimal | None:
    if pool.capacity_type is not CapacityType.SPOT:
        return None
    return posterior_rate(pool.interruption_rate_per_hour, memory.interruptions, memory.noted_hours)


def _hours(hours: Fraction) -> str:
    return money.text(money.decimal(f"{float(hours):.6f}"))


def _remembered(pool: structs.ComputePool) -> _Memory:
    """Read what was written; what cannot be read is as if it had never been learned."""
    try:
        told = PoolSupply.model_validate((pool.status or {}).get("supply") or {})
    except ValueError as error:
        _log.warning("status.supply not understood, it is learned anew", pool=pool.metadata.name, error=str(error))
        return _Memory()
    hours = Fraction(told.node_hours or 0)
    stock = StockOuts(told.stock_outs, _moment(told.last_stock_out), _moment(told.until))
    return _Memory(stock, told.interruptions or 0, hours, hours)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
