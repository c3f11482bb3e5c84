"""Amounts of money in whole micro-units, and points in time, as tables write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
MOST: Final = Decimal(10) ** 12
"""No amount on the wire has more digits before the point, in any currency."""

_YEARS: Final = range(1970, 9999)
"""Whatever lies outside is a slip, and cannot be moved to another time zone."""
_DIGITS: Final = 30
"""Nobody writes more; a number with a huge exponent would take for ever to round."""


def micros(amount: Fraction) -> Decimal:
    """Return an amount rounded half-even to six decimals."""
    return Decimal(round(amount * 1_000_000)).scaleb(-6)


def number(text: str) -> Decimal | None:
    """Return the number that a table writes, None if it is none; it may be zero, negative, or not finite."""
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if not found.is_finite() or abs(found.adjusted()) <= _DIGITS else Decimal("Infinity")


def is_price(amount: Decimal | None) -> bool:
    """Tell whether a number can be a price: it is one, above zero, and can be written in a status."""
    return amount is not None and amount.is_finite() and 0 < amount < MOST


def currency(text: str) -> str | None:
    """Return the code of a currency in capitals, None if it is no such code."""
    code = text.strip().upper()
    return code if _CURRENCY.fullmatch(code) else None


def moment(text: str) -> datetime | None:
    """Return a day or a point in time in UTC, None if `text` is neither; what has no offset is in UTC.

    Raises nothing: whoever reads a table tells of the line.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if found.year not in _YEARS:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
