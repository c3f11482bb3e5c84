"""Lines of the ledger for other programs: a row for each period, node and party, in our columns or in FOCUS's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC
from decimal import Decimal
from typing import Final

import msgspec

from stellwerk.api import money
from stellwerk.economics.ledger.facts import HOUR, Billing, Entry, Loss, Party
from stellwerk.economics.ledger.periods import Period, bounds, told
from stellwerk.economics.ledger.report import Kind, Question, Sum, losses_by_workload, lost_seconds, rounded, slices
from stellwerk.model.decision import MICROS

Row = Mapping[str, str]

COLUMNS: Final = (
    "start", "end", "cluster", "pool", "provider", "region", "jurisdiction", "capacity_type", "node", "node_uid",
    "kind", "tenant", "namespace", "class", "workload", "workload_uid", "attempt", "currency", "cost", "lost",
    "accelerator_hours", "hours",
)  # fmt: skip
"""Of our own format; `cost` and `lost` are empty where no price is known."""


class Booked(msgspec.Struct):
    """One row before it is written."""

    start: int
    end: int
    billing: Billing
    node: tuple[str, str]
    """Name and uid."""
    kind: Kind
    party: Party
    seconds: int
    sum: Sum
    cost: int = 0
    """Micro-units, rounded so that all rows of a currency add up to their rounded total."""


def booked(entries: Iterable[Entry], losses: Iterable[Loss], question: Question) -> list[Booked]:
    """Return the rows of a time, in order; their costs add up to what the nodes cost.

    Args:
        entries: What is booked.
        losses: What was lost.
        question: Over which time and period; its keys do not matter.
    """
    lost = losses_by_workload(losses)
    found: dict[tuple[object, ...], Booked] = {}
    for part in slices(entries, question):
        entry, party = part.entry, part.line.party
        key = (part.period, entry.uid, entry.billing, part.kind, party)
        row = found.get(key)
        if row is None:
            start, end = _charged(part.start, question)
            row = Booked(start, end, entry.billing, (entry.node, entry.uid), part.kind, party, 0, Sum())
            found[key] = row
        row.seconds += part.end - part.start
        row.sum.add(part, lost_seconds(part, lost))
    rows = sorted(found.values(), key=lambda row: (row.start, row.node, row.kind, row.party))
    for currency in {row.billing.currency for row in rows}:
        same = [row for row in rows if row.billing.currency == currency]
        for row, cost in zip(same, rounded([row.sum.amount for row in same]), strict=True):
            row.cost = cost
    return rows


def _charged(moment: int, question: Question) -> tuple[int, int]:
    start, end = bounds(moment, question.period or Period.DAY, question.zone)
    return max(start, question.start), min(end, question.end)


def own(row: Booked) -> Row:
    """Return a row in our columns."""
    billing, party, priced = row.billing, row.party, row.billing.price is not None
    values = (
        told(row.start, UTC), told(row.end, UTC), billing.cluster, billing.pool, billing.provider, billing.region,
        billing.jurisdiction, billing.capacity_type, *row.node, row.kind.value, party.tenant, party.namespace,
        party.class_, party.workload, party.uid, party.attempt, billing.currency,
        _micros(row.cost) if priced else "", _micros(row.sum.lost // HOUR) if priced else "",
        _hours(row.sum.device_seconds, 1000), _hours(row.seconds, 1),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def focus(row: Booked) -> Row:
    """Return a row in the columns of FOCUS 1.0, the cost specification of the FinOps Foundation.

    A row without a price has empty costs, where FOCUS wants a number: nobody may read it as free.
    """
    billing, party = row.billing, row.party
    cost = _micros(row.cost) if billing.price is not None else ""
    month = bounds(row.start, Period.MONTH, UTC)
    tags = {
        "cluster": billing.cluster,
        "pool": billing.pool,
        "jurisdiction": billing.jurisdiction,
        "kind": row.kind.value,
        "class": party.class_,
        "workload": party.workload,
        "attempt": party.attempt,
    }
    return {
        "BilledCost": cost,
        "BillingAccountId": billing.cluster,
        "BillingAccountName": billing.cluster,
        "BillingCurrency": billing.currency,
        "BillingPeriodEnd": told(month[1], UTC),
        "BillingPeriodStart": told(month[0], UTC),
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": _described(row),
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": told(row.end, UTC),
        "ChargePeriodStart": told(row.start, UTC),
        "ConsumedQuantity": _hours(row.seconds, 1),
        "ConsumedUnit": "Hours",
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "InvoiceIssuerName": billing.provider,
        "ListCost": cost,
        "PricingCategory": "Dynamic" if billing.capacity_type == "Spot" else "Standard",
        "PricingQuantity": _hours(row.seconds, 1),
        "PricingUnit": "Hours",
        "ProviderName": billing.provider,
        "PublisherName": billing.provider,
        "RegionId": billing.region,
        "RegionName": billing.region,
        "ResourceId": row.node[1],
        "ResourceName": row.node[0],
        "ResourceType": "Node",
        "ServiceCategory": "Compute",
        "ServiceName": f"Node pool {billing.pool}",
        "SubAccountId": party.tenant or party.namespace,
        "SubAccountName": party.tenant or party.namespace,
        "Tags": json.dumps({key: value for key, value in tags.items() if value}, sort_keys=True),
    }


def _described(row: Booked) -> str:
    if row.kind is Kind.IDLE:
        return f"idle part of node {row.node[0]}"
    if row.kind is Kind.UNSEEN:
        return f"part of node {row.node[0]} while nobody watched"
    who = f"{row.party.namespace}/{row.party.workload}" if row.party.workload else f"pods of {row.party.namespace}"
    return f"{who} on node {row.node[0]}"


def _micros(amount: int) -> str:
    return money.text(Decimal(amount) / MICROS)


def _hours(seconds: int, per: int) -> str:
    return money.text(Decimal(seconds) / (per * HOUR))


FOCUS_COLUMNS: Final = tuple(focus(Booked(0, 0, Billing("", ""), ("", ""), Kind.WORK, Party(), 0, Sum())))
"""In the order in which they are written."""
