"""Exchange rates: a dated table of what one euro is in other currencies."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from stellwerk.api.money import MICRO
from stellwerk.economics.prices.amounts import currency, micros, moment, number

EURO: Final = "EUR"
COLUMNS: Final = ("currency", "per_euro", "valid_from", "source")
"""Of a table of exchange rates; `source` may be left out, and lines that begin with # are comments."""


class BadTableError(ValueError):
    """A table cannot be used at all; the message says why, and in which line."""


class Rates(msgspec.Struct, frozen=True):
    """Exchange rates of one day."""

    per_euro: Mapping[str, Decimal] = {}
    """Units of a currency for one euro; the euro is not among them."""
    of: datetime | None = None
    """Since when the oldest of them holds; None where there are none."""

    def knows(self, code: str) -> bool:
        """Tell whether amounts in a currency can be converted."""
        return code == EURO or code in self.per_euro

    @property
    def currencies(self) -> tuple[str, ...]:
        """All that are known, in order; none where there is no table."""
        return tuple(sorted({EURO, *self.per_euro})) if self.per_euro else ()

    def convert(self, amount: Decimal, into: str, currency: str) -> Decimal | None:
        """Return an amount above zero in another currency, None if a rate is not known.

        Rounded half-even to six decimals, and never to zero: what costs something is not free elsewhere.

        Args:
            amount: Above zero.
            into: Code of the currency that is wanted.
            currency: Code of the currency of `amount`.
        """
        if into == currency:
            return amount
        if not (self.knows(into) and self.knows(currency)):
            return None
        return max(MICRO, micros(Fraction(amount) * self._units(into) / self._units(currency)))

    def everywhere(self, amount: Decimal, currency: str) -> dict[str, Decimal]:
        """Return an amount in all other currencies that are known."""
        found = {into: self.convert(amount, into, currency) for into in self.currencies if into != currency}
        return {into: one for into, one in found.items() if one is not None}

    def _units(self, code: str) -> Fraction:
        return Fraction(1) if code == EURO else Fraction(self.per_euro[code])


def parse_rates(text: str, now: datetime) -> Rates:
    """Read a table of exchange rates; of several rows of a currency the newest one counts that holds `now`.

    Raises:
        BadTableError: A row is wrong: a table of rates is right as a whole, or not used.
    """
    found: dict[str, tuple[datetime, Decimal]] = {}
    for line, row in rows_of(text, lambda _: COLUMNS[:3]):
        code, rate, since = currency(row["currency"]), number(row["per_euro"]), moment(row["valid_from"])
        if code is None or since is None or rate is None or not rate.is_finite() or rate <= 0:
            wanted = "a currency's code, a rate above zero and a day"
            raise BadTableError(f"line {line}: {wanted} are needed")
        if code == EURO:
            raise BadTableError(f"line {line}: the euro is what all rates are for")
        if since <= now and (code not in found or found[code][0] <= since):
            found[code] = (since, rate)
    if not found:
        raise BadTableError("it holds no rate that is in force")
    return Rates({code: rate for code, (_, rate) in sorted(found.items())}, min(since for since, _ in found.values()))


def rows_of(text: str, needed: Callable[[list[str]], Iterable[str]]) -> Iterator[tuple[int, dict[str, str]]]:
    """Return the rows of a CSV table with their line; names of columns in lower case, absent cells empty.

    Args:
        text: The table; lines that begin with # are comments.
        needed: Names the columns that a table with such a header must have.

    Raises:
        BadTableError: A column that is needed is not there, or a line cannot be read.
    """
    lines = [(at, one) for at, one in enumerate(text.removeprefix("\ufeff").splitlines(), 1) if _counts(one)]
    reader = csv.reader((one for _, one in lines), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in needed(header) if name not in header]
        if missing:
            raise BadTableError(f"it has no column {' and no column '.join(missing)}")
        for cells in reader:
            padded = [*cells, *[""] * (len(header) - len(cells))]
            yield lines[min(reader.line_num, len(lines)) - 1][0], dict(zip(header, padded, strict=False))
    except csv.Error as error:
        raise BadTableError(f"line {lines[min(reader.line_num, len(lines)) - 1][0]}: {error}") from error


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")
