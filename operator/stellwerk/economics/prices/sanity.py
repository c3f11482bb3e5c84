"""Whether a price can be right: above zero, in the range of what nodes cost, and no leap away from the last one."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from stellwerk.api import money
from stellwerk.api.labels import ACCEPT_PRICE_ANNOTATION
from stellwerk.economics.prices.amounts import is_price, number
from stellwerk.economics.prices.currency import Rates
from stellwerk.economics.prices.quotes import Quote
from stellwerk.model.capacity import Price

DOLLAR: Final = "USD"
LOWEST: Final = Decimal("0.0001")
HIGHEST: Final = Decimal(10_000)
"""No node costs less or more than that per hour, in US dollars: the dearest of today is below 150."""

LARGEST_STEP: Final = Decimal(10)
"""The dearest offer of one accelerator is ten times the cheapest (docs/adr/0018): more is an error of units."""


class Memory(msgspec.Struct, frozen=True):
    """What is known of a pool's price from before."""

    price: Price | None = None
    """The last good one."""
    item: str = ""
    """What the pool was then; empty if nobody knows."""
    accepted: str = ""
    """The amount that a person has confirmed, as it is annotated; empty if none."""


def objection(quote: Quote, before: Memory, rates: Rates, step: Decimal = LARGEST_STEP) -> str:
    """Say in a clause why a price is refused; empty if it is not.

    Args:
        quote: What a source says.
        before: The last good price of the same thing.
        rates: To compare it in other currencies.
        step: The last good price may be multiplied or divided by so much.
    """
    amount = quote.amount
    if quote.problem:
        return f"{quote.source}: {quote.problem}"
    if amount is None or not is_price(amount):
        return f"{quote.source} says {quote.said[:40]!r}, and a price is a number above zero"
    why = _leap(amount, quote.currency, before.price, rates, step)
    if not why or number(before.accepted) == amount:
        return ""
    confirm = f'annotate the pool with {ACCEPT_PRICE_ANNOTATION}: "{money.text(amount)}" to accept it'
    return f"{quote.source} says {money.text(amount)} {quote.currency}, {why}; {confirm}"


def leaps(new: Decimal, old: Decimal, step: Decimal) -> bool:
    """Tell whether an amount is more than `step` times another one, or less than that part of it; both above zero."""
    return not 1 / Fraction(step) <= Fraction(new) / Fraction(old) <= Fraction(step)


def _leap(amount: Decimal, currency: str, last: Price | None, rates: Rates, step: Decimal) -> str:
    """Say in a clause what is strange about a price; empty if nothing is."""
    dollars = rates.convert(amount, DOLLAR, currency)
    if dollars is not None and not LOWEST <= dollars <= HIGHEST:
        return "and no node costs that per hour"
    if last is None:
        return ""
    shown = f"the last good price of {money.text(last.per_node_hour)} {last.currency}"
    same = rates.convert(amount, last.currency, currency)
    if same is None:
        return f"which cannot be compared with {shown}"
    if not leaps(same, last.per_node_hour, step):
        return ""
    return f"which is {float(Fraction(same) / Fraction(last.per_node_hour)):.6g} times {shown}"
