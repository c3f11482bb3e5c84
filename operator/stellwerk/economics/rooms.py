"""What free room costs by list price: the measure of what it is worth to those who are still to come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec

from stellwerk.economics.cost import Site
from stellwerk.economics.split import split_price


class Stock(msgspec.Struct, frozen=True):
    """The accelerators of one pool."""

    model: str
    free: Fraction
    """Accelerators that nobody uses now."""
    prices: Mapping[str, Fraction] = {}
    """Micro-units per hour of one accelerator, by currency; empty where it is not known."""


def list_price(site: Site) -> dict[str, Fraction]:
    """Return the price per hour of one accelerator of a pool in micro-units, by currency; nothing if unknown."""
    price, has = site.pool.price, site.pool.accelerator
    if price is None or has is None or site.node is None:
        return {}
    amounts = {**price.elsewhere, price.currency: price.per_node_hour}
    splits = ((currency, split_price(amount, site.node, has)) for currency, amount in amounts.items())
    return {currency: Fraction(split.accelerators, has.count) for currency, split in splits}


def free_at_list_price(stocks: Iterable[Stock], currency: str) -> Fraction | None:
    """Return what all free accelerators cost per hour in micro-units; None if no price in this currency is known.

    Where a price is not known, or known in another currency only, the dearest of the same model counts, and
    else the dearest of all: what is not known is never cheap.
    """
    there = list(stocks)
    dearest: dict[str, Fraction] = {}
    for stock in there:
        if currency in stock.prices:
            dearest[stock.model] = max(stock.prices[currency], dearest.get(stock.model, Fraction(0)))
    if not dearest:
        return None
    most = max(dearest.values())
    own = ((stock, stock.prices.get(currency, dearest.get(stock.model, most))) for stock in there)
    return sum((stock.free * price for stock, price in own), Fraction(0))
