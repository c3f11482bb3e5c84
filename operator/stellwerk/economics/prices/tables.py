"""The tables of prices and rates that are in force, and how each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from stellwerk.economics.prices.currency import BadTableError, Rates
from stellwerk.economics.prices.quotes import Market
from stellwerk.economics.prices.sanity import LARGEST_STEP, leaps


class TableState(msgspec.Struct, frozen=True):
    """How one table is."""

    of: datetime | None = None
    """How old it is: since when its oldest rate or price holds, or when its file was written."""
    problem: str = ""
    """Why it could not be read; what was read last holds. Empty if nothing is wrong."""


class Tables(msgspec.Struct, frozen=True):
    """All tables."""

    market: Market = Market()
    states: Mapping[str, TableState] = {}
    """By name: `catalogue`, `currencies`, `built-in`."""


def refuse_leaps(new: Rates, old: Rates) -> None:
    """See that no exchange rate has changed as rates never do.

    Raises:
        BadTableError: One has.
    """
    for code, rate in new.per_euro.items():
        before = old.per_euro.get(code)
        if before is not None and leaps(rate, before, LARGEST_STEP):
            ratio = f"{float(rate / before):.6g}"
            raise BadTableError(f"{code} at {rate} for a euro is {ratio} times the last rate of {before}")
