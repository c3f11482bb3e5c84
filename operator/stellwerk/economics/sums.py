"""Sums of expected costs."""

from __future__ import annotations

from collections.abc import Sequence

from stellwerk.model.decision import Carbon, Cost, CostPart


def sum_of(costs: Sequence[Cost]) -> Cost:
    """Return what several things cost together, part by part; what is not known of one is not known of all.

    Raises:
        ValueError: There is nothing to add up.
    """
    if not costs:
        raise ValueError("there is no sum of no costs")
    first = costs[0]
    unknown = next((cost.unknown for cost in costs if cost.unknown), "")
    if any(cost.currency != first.currency for cost in costs):
        return Cost(first.currency, None, None, (), _carbon(costs), unknown or "its parts are in several currencies")
    hourly = [cost.per_hour for cost in costs if cost.per_hour is not None]
    totals = [cost.total for cost in costs if cost.total is not None]
    per_hour = sum(hourly) if len(hourly) == len(costs) else None
    if len(totals) < len(costs):
        return Cost(first.currency, per_hour, None, (), _carbon(costs), unknown)
    return Cost(first.currency, per_hour, sum(totals), _parts(costs), _carbon(costs), unknown)


def _parts(costs: Sequence[Cost]) -> tuple[CostPart, ...]:
    amounts: dict[str, int] = {}
    hourly: dict[str, int | None] = {}
    for cost in costs:
        for part in cost.parts:
            amounts[part.name] = amounts.get(part.name, 0) + part.amount
            before = hourly.get(part.name, 0)
            hourly[part.name] = None if before is None or part.per_hour is None else before + part.per_hour
    return tuple(CostPart(name, amount, hourly[name]) for name, amount in amounts.items())


def _carbon(costs: Sequence[Cost]) -> Carbon | None:
    known = [cost.carbon for cost in costs if cost.carbon is not None]
    if len(known) < len(costs):
        return None
    return Carbon(sum(one.milligrams for one in known), sum(one.milliwatt_hours for one in known))
