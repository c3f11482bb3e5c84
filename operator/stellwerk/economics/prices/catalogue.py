"""Catalogues: tables of what nodes of an instance type cost in a region, in two layouts that others write, too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from stellwerk.economics.prices.amounts import currency, is_price, moment, number
from stellwerk.economics.prices.currency import BadTableError, rows_of

SKYPILOT: Final = ("instancetype", "region", "price")
"""Columns without which a table is not in the layout of SkyPilot's catalogue; SpotPrice, AvailabilityZone and ours
(currency, valid_from, source, provider) may be left out, and others are not read."""

GPUHUNT: Final = ("instance_name", "location", "price", "spot")
"""The same for the layout of gpuhunt's catalogue; provider and ours may be left out."""

OUR_CURRENCY: Final = "USD"
"""Where a table has no column `currency`, as those of both projects."""


class Wanted(msgspec.Struct, frozen=True):
    """What a price is sought for; an empty text is not known."""

    instance: str
    provider: str = ""
    region: str = ""
    zone: str = ""
    spot: bool = False


class Listing(msgspec.Struct, frozen=True):
    """One price of one row."""

    instance: str
    provider: str
    """Empty if it holds for any."""
    region: str
    zone: str
    spot: bool
    said: str
    """The price as it is written."""
    amount: Decimal | None
    """None if that is no number; it may still be zero, negative, or not finite."""
    currency: str
    since: datetime | None
    source: str
    line: int
    problem: str = ""
    """Why the row cannot be used, apart from its price."""


class Catalogue(msgspec.Struct, frozen=True):
    """All prices of a table, by instance type in lower case."""

    listings: Mapping[str, tuple[Listing, ...]] = {}
    of: datetime | None = None
    """When the table was written, for rows that do not say since when they hold; None if nobody knows."""

    def find(self, wanted: Wanted, now: datetime) -> Listing | None:
        """Return the price that holds `now`; None if there is none.

        The newest of those that hold counts. Of several equally new ones, as of the zones of a region where the
        zone is not known, the dearest does; one that cannot be right comes before all others, so that it is told.
        """
        fitting = [one for one in self.listings.get(wanted.instance.lower(), ()) if _fits(one, wanted)]
        there = [one for one in fitting if one.since is None or one.since <= now]
        return max(there, key=lambda one: (_since(one), _weight(one)), default=None)


def _fits(one: Listing, wanted: Wanted) -> bool:
    if one.spot != wanted.spot or one.provider not in {"", wanted.provider}:
        return False
    if one.region not in {"", wanted.region}:
        return False
    return not (one.zone and wanted.zone) or one.zone == wanted.zone


def _since(one: Listing) -> float:
    return 0.0 if one.since is None else one.since.timestamp()


def _weight(one: Listing) -> tuple[bool, Decimal, int]:
    bad = bool(one.problem) or not is_price(one.amount)
    return bad, Decimal(0) if bad or one.amount is None else one.amount, -one.line


def parse_catalogue(text: str, of: datetime | None = None) -> Catalogue:
    """Read a table in either layout, told apart by its header.

    A row whose price cannot be right is kept: what asks for just that one hears of it.

    Args:
        text: The table as CSV; lines that begin with # are comments.
        of: When it was written.

    Raises:
        BadTableError: It has neither layout, or cannot be read.
    """
    found: dict[str, list[Listing]] = {}
    for line, row in rows_of(text, _layout):
        rows = _of_skypilot(row, line) if SKYPILOT[0] in row else [_of_gpuhunt(row, line)]
        for one in rows:
            if one.instance and one.said:
                found.setdefault(one.instance.lower(), []).append(one)
    return Catalogue({instance: tuple(rows) for instance, rows in found.items()}, of)


def _layout(names: list[str]) -> tuple[str, ...]:
    for layout in (SKYPILOT, GPUHUNT):
        if layout[0] in names:
            return layout
    raise BadTableError(f"its header has neither InstanceType (SkyPilot's layout) nor {GPUHUNT[0]} (gpuhunt's)")


def _of_skypilot(row: Mapping[str, str], line: int) -> list[Listing]:
    place = (row["instancetype"].strip(), row["region"].strip(), row.get("availabilityzone", "").strip())
    said = ((False, row["price"]), (True, row.get("spotprice", "")))
    return [_listing(row, line, place, (spot, price)) for spot, price in said]


def _of_gpuhunt(row: Mapping[str, str], line: int) -> Listing:
    place = (row["instance_name"].strip(), row["location"].strip(), "")
    spot = row["spot"].strip().lower()
    listing = _listing(row, line, place, (spot == "true", row["price"]))
    return listing if spot in {"true", "false"} else msgspec.structs.replace(listing, problem=f"spot is {spot!r}")


def _listing(row: Mapping[str, str], line: int, place: tuple[str, str, str], price: tuple[bool, str]) -> Listing:
    code, since = row.get("currency", "").strip() or OUR_CURRENCY, row.get("valid_from", "").strip()
    known, when = currency(code), moment(since) if since else None
    problem = f"{code!r} is no currency" if known is None else ""
    if since and when is None:
        problem = f"{since!r} is no day since when it holds"
    return Listing(
        instance=place[0],
        provider=row.get("provider", "").strip().lower(),
        region=place[1],
        zone=place[2],
        spot=price[0],
        said=price[1].strip(),
        amount=number(price[1]),
        currency=known or "",
        since=when,
        source=row.get("source", "").strip(),
        line=line,
        problem=problem,
    )
