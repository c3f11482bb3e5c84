"""Hard rules that a policy sets: each a named function that returns a rejection or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal
from typing import Final

import msgspec

from stellwerk.api import money
from stellwerk.api.reasons import Reason
from stellwerk.model.decision import MICROS, Rejection
from stellwerk.model.jurisdictions import countries
from stellwerk.model.policy import Policy
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.rules import wording
from stellwerk.placement.rules.asking import Ask
from stellwerk.placement.rules.spending import is_paid

_LEGAL: Final = 2
"""Weight of rules that somebody has signed for: to relax them is no small change."""

_UNKNOWN_EFFORT: Final = 2**62
"""A known excess is always the smaller thing to allow."""


def provider_not_allowed(ask: Ask, view: PoolView) -> Rejection | None:
    """The policy lists the providers that it trusts."""
    return _listed(Reason.PROVIDER_NOT_ALLOWED, "provider", view.pool.provider, ask.policy.providers, ask.policy)


def jurisdiction_not_allowed(ask: Ask, view: PoolView) -> Rejection | None:
    """The policy lists the jurisdictions under which data may lie; an unknown one is none of them."""
    allowed, actual = ask.policy.jurisdictions, view.pool.jurisdiction
    if not allowed or actual in allowed or actual in countries(allowed):
        return None
    if actual is None:
        return Rejection(
            Reason.JURISDICTION_NOT_ALLOWED,
            f"policy {ask.policy.name} requires jurisdiction {_any_of(allowed)}; that of "
            f"{view.pool.name} is not declared",
            f"declare the jurisdiction of pool {view.pool.name}",
        )
    rejection = _listed(Reason.JURISDICTION_NOT_ALLOWED, "jurisdiction", actual, allowed, ask.policy)
    return rejection and msgspec.structs.replace(rejection, weight=_LEGAL)


def certification_missing(ask: Ask, view: PoolView) -> Rejection | None:
    """The policy lists certifications of which the pool needs every one."""
    missing = sorted(set(ask.policy.certifications).difference(view.pool.certifications))
    if not missing:
        return None
    names = _all_of(missing)
    return Rejection(
        Reason.CERTIFICATION_MISSING,
        f"policy {ask.policy.name} requires {names}, which {view.pool.name} does not have",
        f"drop {names} from policy {ask.policy.name}",
        weight=_LEGAL,
    )


def region_not_allowed(ask: Ask, view: PoolView) -> Rejection | None:
    """The policy lists regions."""
    return _listed(Reason.REGION_NOT_ALLOWED, "region", view.pool.region, ask.policy.regions, ask.policy)


def capacity_type_not_allowed(ask: Ask, view: PoolView) -> Rejection | None:
    """The policy lists capacity types, for example to keep work off spot nodes."""
    actual, allowed = view.pool.capacity_type.value, ask.policy.capacity_types
    return _listed(Reason.CAPACITY_TYPE_NOT_ALLOWED, "capacity type", actual, allowed, ask.policy)


def pool_labels_mismatch(ask: Ask, view: PoolView) -> Rejection | None:
    """The policy requires labels of the pool."""
    required = ask.policy.pool_labels.items()
    missing = [f"{k}={v}" for k, v in sorted(required) if view.pool.labels.get(k) != v]
    if not missing:
        return None
    names = _all_of(missing)
    return Rejection(
        Reason.POOL_LABELS_MISMATCH,
        f"policy {ask.policy.name} requires the pool label {names}",
        f"label pool {view.pool.name} with {names}",
    )


def currency_mismatch(ask: Ask, view: PoolView) -> Rejection | None:
    """Amounts in different currencies are never compared, unless an exchange rate is known."""
    price, currency = view.pool.price, ask.policy.currency
    if price is None or price.counted_in(currency) is not None:
        return None
    return Rejection(
        Reason.CURRENCY_MISMATCH,
        f"its price is in {price.currency} and policy {ask.policy.name} counts in {currency}",
        f"price pool {view.pool.name} in {currency}",
    )


def price_unknown(ask: Ask, view: PoolView) -> Rejection | None:
    """The policy waits for a price; what has none may cost anything."""
    if view.pool.price is not None or not ask.policy.waits_for_prices:
        return None
    return Rejection(
        Reason.PRICE_UNKNOWN,
        f"its price is not known, and policy {ask.policy.name} does not use pools without a price",
        f"price pool {view.pool.name}",
        permanent=False,  # a catalogue may name one any time
    )


def cost_above_limit(ask: Ask, view: PoolView) -> Rejection | None:
    """The policy limits what a workload may cost per hour; an unknown cost keeps no limit."""
    limit, cost, policy = ask.policy.max_cost_per_hour, ask.cost, ask.policy
    if limit is None or is_paid(cost, policy):
        return None
    shown = f"{money.text(limit)} {policy.currency}"
    if cost.per_hour is None:
        return Rejection(
            Reason.COST_ABOVE_LIMIT,
            f"its cost is not known ({cost.unknown}) and policy {policy.name} allows {shown} at most",
            f"price pool {view.pool.name}",
            effort=_UNKNOWN_EFFORT,
        )
    asked = Decimal(cost.per_hour) / MICROS
    enough = asked.quantize(Decimal("0.01"), ROUND_CEILING)
    payer, what = f"policy {policy.name}", "it" if ask.paid is None else f"even {wording.pods(ask.most)} of it"
    return Rejection(
        Reason.COST_ABOVE_LIMIT,
        f"{what} would cost {money.text(asked, 2)} {cost.currency} per hour, {payer} allows {shown} at most",
        f"raise maxCostPerHour of policy {policy.name} to {money.text(enough)}",
        effort=cost.per_hour,
    )


def _listed(reason: Reason, what: str, actual: str, allowed: tuple[str, ...], policy: Policy) -> Rejection | None:
    """Reject what an allow-list does not hold; an empty list allows everything."""
    if not allowed or actual in allowed:
        return None
    shown = actual or "an unknown one"
    change = f"allow {what} {actual}" if actual else f"allow any {what}"
    return Rejection(
        reason,
        f"policy {policy.name} allows {what} {_any_of(allowed)}, not {shown}",
        f"{change} in policy {policy.name}",
    )


def _any_of(words: Iterable[str]) -> str:
    return " or ".join(words)


def _all_of(words: Iterable[str]) -> str:
    return " and ".join(words)
