"""The prices of a plan over files: the same precedence and the same sanity as in a cluster, without a memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from stellwerk.api import money
from stellwerk.api.moment import rfc3339
from stellwerk.api.pool_reasons import PoolReason
from stellwerk.economics.prices.judging import Judge, Verdict
from stellwerk.economics.prices.quotes import Origin
from stellwerk.economics.prices.tables import Tables
from stellwerk.model.capacity import Node, Pool
from stellwerk.placement.fleet.fleet import nodes_by_pool
from stellwerk.sources.prices import CURRENCIES, PriceFiles

NAMED_POOLS = 5
"""So many pools of one kind are named in a note."""


@dataclass(frozen=True, slots=True)
class PriceInputs:
    """Where prices come from, and as of when."""

    now: datetime
    catalogue: Path | None = None
    currencies: Path | None = None


@dataclass(frozen=True, slots=True)
class PricedPool:
    """A pool and what was found of its price."""

    pool: Pool
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class PriceList:
    """What a plan counts with."""

    now: datetime
    pools: tuple[PricedPool, ...] = ()
    tables: Tables = field(default_factory=Tables)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the tables that were named; a plan is not made with others in their place."""
        return tuple(state.problem for state in self.tables.states.values() if state.problem)

    def notes(self, currencies: Sequence[str]) -> Iterator[str]:
        """Say whose prices are not declared but looked up, and how old they are.

        Args:
            currencies: Those in which policies count.
        """
        for origin, table in ((Origin.CATALOGUE, "the catalogue"), (Origin.BUILT_IN, "the built-in list")):
            found = [one for one in self.pools if one.verdict.price is not None and one.verdict.price.origin == origin]
            if found:
                oldest = min((one.verdict.of for one in found if one.verdict.of is not None), default=None)
                yield f"prices from {table}{self.age(oldest)}: {_named(found)}"
        refused = (one for one in self.pools if one.verdict.reason is PoolReason.PRICE_REFUSED)
        yield from (f"price of {one.pool.name} refused: {one.verdict.message}" for one in refused)
        used = {one.verdict.price.currency for one in self.pools if one.verdict.price is not None}
        if any(wanted != currency for currency in used for wanted in currencies):
            state = self.tables.states.get(CURRENCIES)
            yield f"currencies are converted at exchange rates{self.age(state.of if state else None)}"

    def age(self, of: datetime | None) -> str:
        """Say of when something is, and how many days old."""
        if of is None:
            return " of an unknown day"
        days = max(0, (self.now - of).days)
        return f" of {of.date().isoformat()} ({days} day{'' if days == 1 else 's'} old)"


def price(pools: Sequence[Pool], nodes: Sequence[Node], inputs: PriceInputs) -> tuple[tuple[Pool, ...], PriceList]:
    """Return the pools with their prices, and where these come from."""
    tables = PriceFiles(inputs.catalogue, inputs.currencies).look(inputs.now)
    judge = Judge(tables.market, inputs.now)
    members = nodes_by_pool(nodes, pools)
    found = tuple(PricedPool(pool, judge.price(pool, members.get((pool.cluster, pool.name), []))) for pool in pools)
    priced = tuple(msgspec.structs.replace(one.pool, price=one.verdict.price) for one in found)
    return priced, PriceList(inputs.now, found, tables)


def document(prices: PriceList) -> Mapping[str, object]:
    """Return the prices as plain values: what a report tells of them."""
    return {
        "pools": [_pool(one, prices) for one in prices.pools],
        "tables": [{"name": name} | _of(state.of, prices) for name, state in sorted(prices.tables.states.items())],
    }


def _pool(one: PricedPool, prices: PriceList) -> dict[str, object]:
    verdict, found = one.verdict, one.verdict.price
    told: dict[str, object] = {"cluster": one.pool.cluster, "pool": one.pool.name, "fresh": verdict.fresh}
    told |= {"reason": str(verdict.reason), "message": verdict.message}
    if found is not None:
        amount = money.text(found.per_node_hour)
        told |= {"perNodeHour": amount, "currency": found.currency, "origin": found.origin, "source": found.source}
    return told | _of(verdict.of if found is not None else None, prices)


def _of(of: datetime | None, prices: PriceList) -> dict[str, object]:
    return {} if of is None else {"of": rfc3339(of), "ageDays": max(0, (prices.now - of).days)}


def _named(found: Sequence[PricedPool]) -> str:
    names = [one.pool.name for one in found]
    more = len(names) - NAMED_POOLS
    return ", ".join(names[:NAMED_POOLS]) + (f" and {more} more" if more > 0 else "")
