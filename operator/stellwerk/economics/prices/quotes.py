"""What each source says that a node of a pool costs, in the order in which the sources are believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

import msgspec

from stellwerk.api import labels
from stellwerk.economics.prices.amounts import currency, is_price, micros, moment, number
from stellwerk.economics.prices.catalogue import Catalogue, Listing, Wanted
from stellwerk.economics.prices.currency import Rates
from stellwerk.economics.prices.onprem import on_prem_price
from stellwerk.model.capacity import CapacityType, Node, Pool
from stellwerk.model.discovery import INSTANCE_LABEL

LISTED: Final = frozenset({CapacityType.ON_DEMAND, CapacityType.SPOT})
"""What list prices are of. What is owned or reserved was paid at another price."""


class Origin(StrEnum):
    """The kinds of sources, the one that is believed first at the beginning (docs/adr/0018)."""

    POOL = "Pool"
    CATALOGUE = "Catalogue"
    ANNOTATION = "Annotation"
    BUILT_IN = "BuiltIn"


class Quote(msgspec.Struct, frozen=True):
    """What one source says; it may be nonsense."""

    origin: Origin
    said: str
    """The amount as it is written."""
    amount: Decimal | None
    """Per node and hour, rounded to six decimals; None if what is said is no number."""
    currency: str
    source: str
    since: datetime | None = None
    """Since when it holds, where that is said; it may be in the future."""
    of: datetime | None = None
    """How old it is; of what does not say since when it holds, when its table was written."""
    problem: str = ""
    """Why it cannot be used, apart from its amount."""


class Market(msgspec.Struct, frozen=True):
    """What is known of prices besides pools and nodes."""

    catalogue: Catalogue = Catalogue()
    built_in: Catalogue = Catalogue()
    rates: Rates = Rates()


def quotes_for(pool: Pool, nodes: Sequence[Node], market: Market, now: datetime) -> Iterator[Quote]:
    """Return what the sources say, in order; those that say nothing are left out."""
    own = _own(pool)
    if own is not None:
        yield own
    wanted = _wanted(pool, nodes)
    yield from _listed(Origin.CATALOGUE, market.catalogue, wanted, now)
    noted = _noted(nodes, market.rates)
    if noted is not None:
        yield noted
    yield from _listed(Origin.BUILT_IN, market.built_in, wanted, now)


def instance_of(pool: Pool, nodes: Iterable[Node]) -> str:
    """Return the instance type of a pool's nodes; empty if they have none, or several."""
    declared = pool.node_selector.get(INSTANCE_LABEL) or (pool.growth and pool.growth.labels.get(INSTANCE_LABEL))
    if declared:
        return declared
    found = {node.labels.get(INSTANCE_LABEL, "") for node in nodes}
    return found.pop() if len(found) == 1 else ""


def _own(pool: Pool) -> Quote | None:
    price, own = pool.price, pool.on_prem
    if price is not None:
        amount, said = price.per_node_hour, f"{price.per_node_hour:f}"
        code, source, valid_from = price.currency, price.source, price.valid_from
    elif own is not None and pool.node_power_watts is not None and pool.pue is not None:
        amount = on_prem_price(own, pool.node_power_watts, pool.pue)
        said, code, source, valid_from = f"{amount:f}", own.currency, own.source, own.valid_from
    else:
        return None
    since = moment(valid_from) if valid_from else None
    where = "spec.price" if price is not None else "spec.price.onPrem"
    return Quote(Origin.POOL, said, amount, code, f"{where}: {source}"[:253] if source else where, since, since)


def _wanted(pool: Pool, nodes: Iterable[Node]) -> Wanted | None:
    """Return what to look up; None for what is not sold by the hour, or of an unknown type."""
    instance = instance_of(pool, nodes)
    if not instance or pool.capacity_type not in LISTED:
        return None
    return Wanted(instance, pool.provider, pool.region, pool.zone or "", pool.capacity_type is CapacityType.SPOT)


def _listed(origin: Origin, catalogue: Catalogue, wanted: Wanted | None, now: datetime) -> Iterator[Quote]:
    found = None if wanted is None else catalogue.find(wanted, now)
    if found is not None:
        yield _quote(origin, found, catalogue.of)


def _quote(origin: Origin, one: Listing, of: datetime | None) -> Quote:
    line = f"{'catalogue' if origin is Origin.CATALOGUE else 'built-in list'} line {one.line}"
    source = f"{line}: {one.source}" if one.source else line
    return Quote(
        origin, one.said, _rounded(one.amount), one.currency, source[:253], one.since, one.since or of, one.problem
    )


def _noted(nodes: Iterable[Node], rates: Rates) -> Quote | None:
    """Return what annotations of the nodes say; where they differ, the dearest, and nonsense before all."""
    quotes = [
        _note(node) for node in sorted(nodes, key=lambda one: one.name) if labels.PRICE_ANNOTATION in node.annotations
    ]
    wrong = next((one for one in quotes if one.problem or not is_price(one.amount)), None)
    if wrong is not None or not quotes:
        return wrong
    first = quotes[0]
    amounts = [rates.convert(one.amount or Decimal(0), first.currency, one.currency) for one in quotes]
    known = [amount for amount in amounts if amount is not None]
    if len(known) < len(quotes):
        return msgspec.structs.replace(first, problem="other nodes are priced in currencies without a known rate")
    return quotes[known.index(max(known))]


def _note(node: Node) -> Quote:
    said = node.annotations[labels.PRICE_ANNOTATION]
    code = currency(node.annotations.get(labels.PRICE_CURRENCY_ANNOTATION, ""))
    day = node.annotations.get(labels.PRICE_VALID_FROM_ANNOTATION, "")
    since = moment(day) if day else None
    problem = "" if code else f"annotation {labels.PRICE_CURRENCY_ANNOTATION} names no currency"
    if day and since is None:
        problem = f"annotation {labels.PRICE_VALID_FROM_ANNOTATION} is no day"
    told = node.annotations.get(labels.PRICE_SOURCE_ANNOTATION, "")
    source = f"node {node.name}: {told}" if told else f"node {node.name}"
    return Quote(Origin.ANNOTATION, said, _rounded(number(said)), code or "", source[:253], since, since, problem)


def _rounded(amount: Decimal | None) -> Decimal | None:
    return amount if amount is None or not amount.is_finite() else micros(Fraction(amount))
