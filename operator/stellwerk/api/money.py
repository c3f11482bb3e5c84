"""Money, rates and factors on the wire: decimal strings, because floats do not add up."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final

from pydantic import Field

UNKNOWN: Final = "unknown"
"""Stands for an amount where no price is known; it is never zero."""

MICRO: Final = Decimal("0.000001")
"""The smallest amount that is written: six decimals."""

_AMOUNT = r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?"
NON_NEGATIVE: Final = rf"^{_AMOUNT}$"
POSITIVE: Final = r"^(0\.0{0,5}[1-9][0-9]{0,5}|[1-9][0-9]{0,11}(\.[0-9]{1,6})?)$"
AMOUNT_OR_UNKNOWN: Final = rf"^(unknown|-?{_AMOUNT})$"
CURRENCY: Final = r"^[A-Z]{3}$"

_DECIMAL: Final = re.compile(rf"-?{_AMOUNT}|0\.[0-9]{{1,12}}")

Amount = Annotated[str, Field(min_length=1, max_length=20, pattern=NON_NEGATIVE)]
"""A decimal of zero or more with at most six decimals, such as `"2.5"`."""

PositiveAmount = Annotated[str, Field(min_length=1, max_length=20, pattern=POSITIVE)]
"""A decimal above zero."""

KnownOrNot = Annotated[str, Field(min_length=1, max_length=20, pattern=AMOUNT_OR_UNKNOWN)]
"""A decimal, or the word `unknown`."""

Currency = Annotated[str, Field(min_length=3, max_length=3, pattern=CURRENCY)]
"""An ISO 4217 code, such as `EUR`."""


def decimal(text: str) -> Decimal:
    """Return the number that `text` writes.

    Raises:
        ValueError: If `text` is no decimal string of the wire format.
    """
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text!r} is no decimal: write digits, at most six after the point")
    return Decimal(text)


def text(amount: Decimal, places: int = 6) -> str:
    """Write `amount` rounded half-even to `places` decimals, without superfluous zeros.

    Raises:
        ValueError: If `amount` is not finite.
    """
    if not amount.is_finite():
        raise ValueError(f"no amount of money: {amount}")
    rounded = amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    written = f"{rounded:f}"
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return "0" if written in {"-0", ""} else written
