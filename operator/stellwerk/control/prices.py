"""The prices of all pools: judged anew when a table, a pool or a node changes, and remembered in the pools' status.

The last good price of a declared pool stands in its status, so that it outlives the process: the leader remembers what
it found good, a standby follows what the status says. That of a discovered pool is remembered while the process runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from stellwerk.api import money
from stellwerk.api.labels import ACCEPT_PRICE_ANNOTATION
from stellwerk.api.moment import rfc3339
from stellwerk.api.pool_reasons import PoolReason
from stellwerk.api.v1alpha1.computepool_price import PriceStatus
from stellwerk.cluster import structs
from stellwerk.economics.prices.judging import Judge, Verdict
from stellwerk.economics.prices.sanity import LARGEST_STEP, Memory
from stellwerk.economics.prices.tables import Tables
from stellwerk.logs import get_logger
from stellwerk.model.capacity import Node, Pool, Price

_log = get_logger(__name__)

PoolKey = tuple[str, str]
"""Cluster and name."""


class Prices:
    """The prices of the pools of one cluster; used from the main loop only, apart from `leading`.

    Args:
        step: the last good price may be multiplied or divided by so much at once.
        outdated: a list price that is older is told to be so; None for never.

    Attributes:
        leading: this replica remembers what it finds good, and does not follow what others wrote.
        tables: what is known of prices besides pools and nodes.

    """

    def __init__(self, step: Decimal = LARGEST_STEP, outdated: timedelta | None = None) -> None:
        self.leading = False
        self.tables = Tables()
        self._step, self._outdated = step, outdated
        self._memories: dict[str, Memory] = {}
        self._found: dict[PoolKey, Memory] = {}  # of discovered pools
        self._verdicts: dict[PoolKey, Verdict] = {}

    def see(self, new: structs.ComputePool | None, old: structs.ComputePool | None) -> bool:
        """Take in a ComputePool; tell whether its price must be judged anew.

        Of one that is new, or while another replica leads, what its status says is the last good price.
        """
        if new is None:
            if old is not None:
                self._memories.pop(old.metadata.name, None)
            return True
        name = new.metadata.name
        before = self._memories.get(name)
        memory = before if before is not None and self.leading else _remembered(new)
        accepted = (new.metadata.annotations or {}).get(ACCEPT_PRICE_ANNOTATION, "")
        self._memories[name] = msgspec.structs.replace(memory, accepted=accepted)
        return before != self._memories[name]

    def priced(
        self, pools: Iterable[Pool], members: Callable[[Pool], Sequence[Node]], now: datetime
    ) -> tuple[Pool, ...]:
        """Return the pools with the prices in force.

        Args:
            pools: As declared or discovered.
            members: The nodes of one of them.
            now: The time.
        """
        judge = Judge(self.tables.market, now, self._step, self._outdated)
        verdicts: dict[PoolKey, Verdict] = {}
        priced: list[Pool] = []
        for pool in pools:
            key = (pool.cluster, pool.name)
            verdict = _judged(judge, pool, members, self._memory(pool))
            self._tell(pool, verdict)
            self._remember(pool, verdict)
            verdicts[key] = verdict
            priced.append(msgspec.structs.replace(pool, price=verdict.price))
        self._verdicts = verdicts
        self._found = {key: one for key, one in self._found.items() if key in verdicts}
        return tuple(priced)

    def verdict(self, pool: Pool) -> Verdict | None:
        """Return what was last found of a pool's price; None if it was never judged."""
        return self._verdicts.get((pool.cluster, pool.name))

    def status_of(self, pool: Pool) -> Mapping[str, Any] | None:
        """Return what `status.price` of a declared pool should say; None for one of unknown price."""
        verdict = self.verdict(pool)
        if verdict is None or verdict.price is None:
            return None
        price, rates = verdict.price, self.tables.market.rates
        told = {"perNodeHour": money.text(price.per_node_hour), "currency": price.currency, "origin": price.origin}
        further = {"source": price.source, "validFrom": price.valid_from, "item": verdict.item}
        if rates.of is not None and rates.knows(price.currency):
            further["ratesOf"] = rfc3339(rates.of)
        return told | {key: text for key, text in further.items() if text}

    def _memory(self, pool: Pool) -> Memory:
        if pool.discovered:
            return self._found.get((pool.cluster, pool.name), Memory())
        return self._memories.get(pool.name, Memory())

    def _remember(self, pool: Pool, verdict: Verdict) -> None:
        memory = self._memory(pool)
        after = msgspec.structs.replace(memory, price=_plain(verdict.price), item=verdict.item if verdict.price else "")
        if pool.discovered:
            self._found[pool.cluster, pool.name] = after
        elif self.leading:
            self._memories[pool.name] = after

    def _tell(self, pool: Pool, verdict: Verdict) -> None:
        before = self.verdict(pool)
        if before is None or (before.reason, before.message) != (verdict.reason, verdict.message):
            level = _log.info if verdict.fresh or verdict.reason is PoolReason.NO_PRICE else _log.warning
            level("price", pool=pool.name, reason=str(verdict.reason), message=verdict.message)


def _judged(judge: Judge, pool: Pool, members: Callable[[Pool], Sequence[Node]], before: Memory) -> Verdict:
    """Judge without the nodes where the pool's own price is good: whose nodes they are is dear to find out."""
    if pool.price is not None or pool.on_prem is not None:
        verdict = judge.price(pool, (), before)
        if verdict.fresh:
            return verdict
    return judge.price(pool, members(pool), before)


def _plain(price: Price | None) -> Price | None:
    """Return a price without what it is elsewhere, which follows from the rates of the day."""
    return None if price is None else msgspec.structs.replace(price, elsewhere={})


def _remembered(pool: structs.ComputePool) -> Memory:
    """Read what was written; what cannot be read is as if no price had ever been known."""
    told = (pool.status or {}).get("price")
    if not told:
        return Memory()
    try:
        status = PriceStatus.model_validate(told)
    except ValueError as error:
        _log.warning("status.price not understood, it is learned anew", pool=pool.metadata.name, error=str(error))
        return Memory()
    amount = money.decimal(status.per_node_hour)
    price = Price(amount, status.currency, status.source or "", status.valid_from or "", status.origin)
    return Memory(price, status.item)
