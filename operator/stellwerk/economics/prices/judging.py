"""The price of a pool that is in force, and whether it is up to date: precedence, sanity, the last good price."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from stellwerk.api import money
from stellwerk.api.moment import rfc3339
from stellwerk.api.pool_reasons import PoolReason
from stellwerk.economics.prices.amounts import moment
from stellwerk.economics.prices.currency import Rates
from stellwerk.economics.prices.quotes import LISTED, Market, Origin, Quote, instance_of, quotes_for
from stellwerk.economics.prices.sanity import LARGEST_STEP, Memory, objection
from stellwerk.model.capacity import CapacityType, Node, Pool, Price


class Verdict(msgspec.Struct, frozen=True):
    """The price of a pool today."""

    price: Price | None
    """In force; None if none is known."""
    reason: PoolReason
    message: str
    """One sentence without a full stop; it changes with the facts, not with the time."""
    item: str
    of: datetime | None = None
    """How old the price in force is; None if nobody says."""

    @property
    def fresh(self) -> bool:
        """Whether the price in force is what its source names today, and not too old."""
        return self.reason is PoolReason.PRICE_IN_FORCE


class Judge(msgspec.Struct, frozen=True):
    """How prices are judged at one moment."""

    market: Market
    now: datetime
    step: Decimal = LARGEST_STEP
    """How far a price may go at once."""
    outdated: timedelta | None = None
    """A list price that is older is no longer up to date; None for never."""

    def price(self, pool: Pool, nodes: Sequence[Node], before: Memory = Memory()) -> Verdict:  # noqa: B008 - immutable
        """Return the price of a node of `pool`.

        The first source that says something is believed. If what it says cannot be right, the last good price
        holds; without one, the next source is asked. A price that begins later leaves the last good one in force.

        Args:
            pool: As it was declared or discovered.
            nodes: Its nodes.
            before: The last good price; it counts as long as the pool is what it was.
        """
        item = item_of(pool)
        same = before if before.item in {"", item} else msgspec.structs.replace(before, price=None)
        last = same.price
        refused = ""
        for quote in quotes_for(pool, nodes, self.market, self.now):
            why = objection(quote, same, self.market.rates, self.step)
            if not why and last is not None and quote.since is not None and quote.since > self.now:
                said = f"{_amount(quote)} of {quote.source} holds from {rfc3339(quote.since)}"
                return self._standing(last, item, PoolReason.PRICE_HELD, said)
            if not why:
                return self._taken(quote, item, refused)
            if last is not None:
                return self._standing(last, item, PoolReason.PRICE_REFUSED, why)
            refused = refused or why
        if refused:
            return Verdict(None, PoolReason.PRICE_REFUSED, refused, item)
        if last is not None and last.origin != Origin.POOL:
            return self._standing(last, item, PoolReason.PRICE_HELD, "no source names a price any more")
        return Verdict(None, PoolReason.NO_PRICE, _missing(pool, nodes), item)

    def _taken(self, quote: Quote, item: str, refused: str) -> Verdict:
        price = _price(quote, self.market.rates)
        said = f"{_amount(quote)} per node and hour, from {quote.source}"
        if refused:
            return Verdict(price, PoolReason.PRICE_REFUSED, f"{refused}; in force is {said}", item, quote.of)
        if self._is_outdated(quote):
            since = "" if quote.of is None else f", is of {rfc3339(quote.of)}"
            return Verdict(price, PoolReason.PRICE_OUTDATED, said + since, item, quote.of)
        return Verdict(price, PoolReason.PRICE_IN_FORCE, said, item, quote.of)

    def _standing(self, last: Price, item: str, reason: PoolReason, why: str) -> Verdict:
        """Let the last good price hold, at the rates of today."""
        said = f"{money.text(last.per_node_hour)} {last.currency} per node and hour"
        since = moment(last.valid_from) if last.valid_from else None
        price = in_rates(last, self.market.rates)
        return Verdict(price, reason, f"{why}; the last good price of {said} holds", item, since)

    def _is_outdated(self, quote: Quote) -> bool:
        if quote.origin not in {Origin.CATALOGUE, Origin.BUILT_IN} or self.outdated is None or quote.of is None:
            return False
        return self.now - quote.of > self.outdated


def item_of(pool: Pool) -> str:
    """Say what is priced: facts of the pool that do not depend on which nodes are there."""
    has = pool.accelerator
    words = [pool.capacity_type.value, pool.provider, pool.region, pool.zone or "", instance_of(pool, ())]
    words.append("" if has is None else f"{has.count}x{has.model}")
    return " ".join(word for word in words if word)[:253]


def in_rates(price: Price, rates: Rates) -> Price:
    """Return a price with what it is in all other currencies."""
    return msgspec.structs.replace(price, elsewhere=rates.everywhere(price.per_node_hour, price.currency))


def _price(quote: Quote, rates: Rates) -> Price:
    if quote.amount is None:
        raise ValueError(f"{quote.source} names no amount")
    valid = "" if quote.since is None else rfc3339(quote.since)
    return in_rates(Price(quote.amount, quote.currency, quote.source, valid, quote.origin.value), rates)


def _amount(quote: Quote) -> str:
    return f"{money.text(quote.amount or Decimal(0))} {quote.currency}"


def _missing(pool: Pool, nodes: Sequence[Node]) -> str:
    if pool.capacity_type not in LISTED:
        return (
            f"no source names a price: what is {pool.capacity_type.value} needs spec.price or annotations of its nodes"
        )
    instance = instance_of(pool, nodes)
    if not instance:
        return (
            "no source names a price: it has no spec.price, and its nodes have no instance type to look up, or several"
        )
    what = "Spot nodes" if pool.capacity_type is CapacityType.SPOT else "nodes"
    return f"no source names a price of {what} of type {instance} in {pool.region or 'an unknown region'}"
