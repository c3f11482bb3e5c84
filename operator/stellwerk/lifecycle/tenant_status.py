"""What the status of a Tenant should say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

import msgspec

from stellwerk.api import money
from stellwerk.api.conditions import CONSISTENT, ConditionType
from stellwerk.api.moment import rfc3339
from stellwerk.api.reasons import Reason
from stellwerk.api.tenant_reasons import TenantReason
from stellwerk.economics.ledger.facts import HOUR
from stellwerk.economics.ledger.periods import Period, bounds, told, zone
from stellwerk.economics.ledger.totals import Spent, Totals
from stellwerk.lifecycle.actions import Transaction
from stellwerk.lifecycle.config_status import Claim, condition, write
from stellwerk.lifecycle.merging import Json
from stellwerk.model.decision import MICROS

NO_CURRENCY: Final = "XXX"
"""ISO 4217 code for "no currency": time on nodes whose price is not known."""

_PERIODS: Final = {"Day": Period.DAY, "Week": Period.WEEK, "Month": Period.MONTH}
_CENTS: Final = 2


class Verdict(msgspec.Struct, frozen=True):
    """What was found of a tenant."""

    invalid: str = ""
    """What is wrong with its spec; empty if nothing."""
    problem: tuple[TenantReason, str] | None = None
    """What is not as it says."""


def tenant_status(body: Mapping[str, Any], verdict: Verdict, spend: Json | None, now: datetime) -> Transaction | None:
    """Return the write of what is known of a Tenant, None if it stands already.

    Args:
        body: The object as seen.
        verdict: What was found of it.
        spend: `spend` and `spentUntil` as they should be; None leaves what is there.
        now: The time for transitions.
    """
    metadata, old = body["metadata"], body.get("status") or {}
    accepted = Claim(ConditionType.ACCEPTED, "True", Reason.VALID)
    if verdict.invalid:
        accepted = Claim(ConditionType.ACCEPTED, "False", Reason.INVALID_SPEC, verdict.invalid)
    consistent = Claim(CONSISTENT, "True", TenantReason.CONSISTENT)
    if verdict.problem:
        consistent = Claim(CONSISTENT, "False", *verdict.problem)
    generation = metadata.get("generation", 0)
    conditions = [condition(old, claim, generation, now) for claim in (accepted, consistent)]
    new = {**old, "observedGeneration": generation, "conditions": conditions, **(spend or {})}
    return write("Tenant", metadata, old, new)


def spend_of(family: Sequence[str], totals: Totals, zone_name: str) -> Json:
    """Return `spend` and `spentUntil` of a tenant and all that are a part of it.

    Raises:
        ValueError: There is no such time zone.
    """
    where = zone(zone_name)
    rows = []
    for name, since, start, end in _periods(totals, where):
        for currency, spent in sorted(totals.of(family, start, end).items(), key=_priced_first):
            rows.append({"period": name, "since": since, **_amounts(currency, spent)})
    return {"spend": rows, "spentUntil": rfc3339(datetime.fromtimestamp(totals.until, UTC))}


def has_new_period(shown: Iterable[Mapping[str, Any]], totals: Totals, zone_name: str) -> bool:
    """Tell whether a period that is shown has ended.

    Raises:
        ValueError: There is no such time zone.
    """
    begun = {(name, since) for name, since, _, _ in _periods(totals, zone(zone_name))}
    return any((one["period"], one["since"]) not in begun for one in shown)


def _periods(totals: Totals, where: tzinfo) -> Iterator[tuple[str, str, int, int]]:
    """Yield name, beginning (RFC 3339), beginning and end of the periods that run."""
    for name, period in _PERIODS.items():
        start, end = bounds(max(0, totals.until - 1), period, where)
        yield name, told(start, where), start, end


def _priced_first(pair: tuple[str, Spent]) -> tuple[bool, str]:
    return (not pair[0], pair[0])


def _amounts(currency: str, spent: Spent) -> Json:
    hours = money.text(Decimal(spent.device_seconds) / (1000 * HOUR), _CENTS)
    if not currency:
        return {"currency": NO_CURRENCY, "amount": money.UNKNOWN, "acceleratorHours": hours}
    amount = money.text(Decimal(spent.amount) / (HOUR * MICROS), _CENTS)
    return {"currency": currency, "amount": amount, "acceleratorHours": hours}
