"""Who pays which part of a node's price while a given set of pods is on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from stellwerk.economics.ledger.facts import Line, NodeFacts, Party
from stellwerk.economics.split import CPU_CORE_HOUR, GIB, MEMORY_GIB_HOUR, Split, split_price
from stellwerk.model.capacity import Accelerator
from stellwerk.model.decision import MICROS
from stellwerk.model.resources import CPU, MEMORY, Resources

OPENCOST_GPU_HOUR: Final = Decimal("0.95")
"""OpenCost's default rate of one GPU for an hour (configs/default.json); only ratios of its rates matter."""

_WHOLE: Final = 1000


class SplitMode(StrEnum):
    """How a node's price is split between its CPU, its memory and its accelerators."""

    RESIDUAL = "residual"
    """CPU and memory at market rates, the accelerators carry the rest."""
    OPENCOST = "opencost"
    """In the ratio of OpenCost's default rates, so that the parts equal OpenCost's."""


def split(price: int, facts: NodeFacts, mode: SplitMode) -> Split:
    """Split a price in micro-units per hour; the parts add up to it."""
    main = facts.accelerators[0] if facts.accelerators else None
    if mode is SplitMode.RESIDUAL:
        return split_price(Decimal(price) / MICROS, facts.offers, main)
    cpu = Fraction(CPU_CORE_HOUR) * facts.offers.get(CPU) / 1000
    memory = Fraction(MEMORY_GIB_HOUR) * facts.offers.get(MEMORY) / GIB
    devices = Fraction(OPENCOST_GPU_HOUR) * sum(one.count * one.part_milli for one in facts.accelerators) / _WHOLE
    total = cpu + memory + devices
    if not total:
        return Split(0, price, 0)
    parts = apportion(price, [cpu, memory, devices])
    return Split(*parts)


def lines_of(
    facts: NodeFacts, uses: Mapping[Party, Resources], mode: SplitMode = SplitMode.RESIDUAL
) -> tuple[Line, ...]:
    """Return what each party has of a node; what is left of the price is nobody's.

    Where more is used than the node offers, the price is shared in the ratio of the use. Rates of a node without a
    price are zero, and its billing says that they are not known.

    Args:
        facts: The node.
        uses: What each party's pods ask for together.
        mode: How the price is split.
    """
    parties = sorted(uses)
    price = facts.billing.price or 0
    parts = split(price, facts, mode)
    shares = _shares(facts, [uses[party] for party in parties])
    amounts = [
        parts.cpu * cpu + parts.memory * memory + parts.accelerators * devices for cpu, memory, devices in shares
    ]
    rates = apportion(price, [*amounts, max(Fraction(0), price - sum(amounts))])
    whole: list[Fraction | int] = [facts.billing.accelerators * devices for _, _, devices in shares]
    left = facts.billing.accelerators - sum(whole)
    counts = apportion(facts.billing.accelerators, [*whole, left])
    return tuple(Line(*each) for each in zip(parties, rates[:-1], counts[:-1], strict=True))


def apportion(total: int, shares: Sequence[Fraction | int]) -> list[int]:
    """Split a whole number in the ratio of `shares` into whole numbers that add up to it.

    The largest remainders get what rounding down leaves; of equal ones the first. All shares zero: the last gets all.

    Args:
        total: Zero or more.
        shares: Zero or more each; at least one.
    """
    whole = sum(shares)
    if not whole:
        return [*([0] * (len(shares) - 1)), total]
    exact = [Fraction(total) * share / whole for share in shares]
    found = [int(one) for one in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (found[i] - exact[i], i))
    for i in by_remainder[: total - sum(found)]:
        found[i] += 1
    return found


def accelerators_offered(offers: Resources, accelerators: Sequence[Accelerator]) -> int:
    """Return thousandths of whole devices that a node offers now; one whose plugin is gone offers none."""
    return sum(one.count * one.part_milli for one in accelerators if offers.get(one.resource))


def _shares(facts: NodeFacts, uses: Sequence[Resources]) -> list[tuple[Fraction, Fraction, Fraction]]:
    """Return which part of CPU, memory and accelerators each has: zero to one, together at most one."""
    cpu, memory = (_of_resource(facts.offers, uses, name) for name in (CPU, MEMORY))
    devices = [Fraction(0)] * len(uses)
    weights = {one.resource: one.count * one.part_milli for one in facts.accelerators}
    total = sum(weights.values())
    for name, weight in weights.items():
        for i, share in enumerate(_of_resource(facts.offers, uses, name)):
            devices[i] += share * weight / total
    return list(zip(cpu, memory, devices, strict=True))


def _of_resource(offers: Resources, uses: Sequence[Resources], name: str) -> list[Fraction]:
    used = [max(0, one.get(name)) for one in uses]
    whole = max(offers.get(name), sum(used))
    return [Fraction(one, whole) if whole else Fraction(0) for one in used]
