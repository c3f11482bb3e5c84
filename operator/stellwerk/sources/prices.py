"""Prices and exchange rates from files: a catalogue and a table of rates that people mount, and those that come along.

A file that is changed is read again; one that cannot be read, or holds what cannot be right, is told of and what was
read last holds. Files that a ConfigMap mounts are swapped as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from stellwerk.economics.prices.catalogue import Catalogue, parse_catalogue
from stellwerk.economics.prices.currency import BadTableError, Rates, parse_rates
from stellwerk.economics.prices.quotes import Market
from stellwerk.economics.prices.tables import Tables, TableState, refuse_leaps

CATALOGUE: Final = "catalogue"
CURRENCIES: Final = "currencies"
BUILT_IN: Final = "built-in"

LARGEST_FILE: Final = 64 * 2**20
"""Bytes; the largest catalogues that are published have two million."""

_Signature = tuple[int, int, int]
_T = TypeVar("_T")


class PriceSource(Protocol):
    """Where tables come from."""

    def look(self, now: datetime) -> Tables:
        """Return the tables that hold `now`; never raises. May take its time, and be called in any thread."""


class PriceFiles:
    """Tables from files, over those that come with Stellwerk.

    Args:
        catalogue: prices in either layout of `parse_catalogue`; None for none.
        currencies: a table for `parse_rates`, which replaces the one that comes along; None for that one.
        built_in: whether the list prices that come along count.

    """

    def __init__(self, catalogue: Path | None = None, currencies: Path | None = None, *, built_in: bool = True) -> None:
        self._catalogue = _Watched(catalogue, parse_catalogue) if catalogue else None
        self._currencies = _Watched(currencies, lambda text, _: text) if currencies else None
        self._built_in = built_in_prices() if built_in else Catalogue()
        self._rates = Rates()

    def look(self, now: datetime) -> Tables:
        """Read what has changed; return what holds `now`."""
        states: dict[str, TableState] = {}
        catalogue = Catalogue()
        if self._catalogue is not None:
            self._catalogue.look()
            catalogue = self._catalogue.value or catalogue
            states[CATALOGUE] = TableState(catalogue.of, self._catalogue.problem)
        states[CURRENCIES] = self._look_at_rates(now)
        if self._built_in.listings:
            states[BUILT_IN] = TableState(_oldest(self._built_in))
        return Tables(Market(catalogue, self._built_in, self._rates), states)

    def _look_at_rates(self, now: datetime) -> TableState:
        problem = ""
        rates = self._rates if self._rates.per_euro else _built_in_rates(now)
        if self._currencies is not None:
            self._currencies.look()
            problem = self._currencies.problem
            if self._currencies.value is not None:
                try:
                    found = parse_rates(self._currencies.value, now)
                    refuse_leaps(found, rates)
                    rates = found
                except BadTableError as error:
                    problem = f"{self._currencies.path}: {error}"
        self._rates = rates
        return TableState(rates.of, problem)


class _Watched(Generic[_T]):
    """A file that is read when it has changed."""

    def __init__(self, path: Path, parse: Callable[[str, datetime], _T]) -> None:
        self.path, self._parse = path, parse
        self.value: _T | None = None
        self.problem = ""
        self._seen: _Signature | None = None

    def look(self) -> None:
        try:
            seen = self._signature()
            if seen == self._seen:
                return
            if seen[1] > LARGEST_FILE:
                raise BadTableError(f"it has more than {LARGEST_FILE // 2**20} MiB")  # noqa: TRY301 - told as all others
            text = self.path.read_text(encoding="utf-8")
            written = datetime.fromtimestamp(seen[0] / 1e9, UTC)
            if self._signature() != seen:
                return  # it is being written: the next look sees the whole
            self._seen = seen
            self.value = self._parse(text, written)
            self.problem = ""
        except (OSError, UnicodeDecodeError, BadTableError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self.problem = f"{self.path}: {why}"
            self._seen = self._seen if isinstance(error, BadTableError | UnicodeDecodeError) else None

    def _signature(self) -> _Signature:
        stat = self.path.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


@cache
def built_in_prices() -> Catalogue:
    """Return the list prices that come with Stellwerk."""
    return parse_catalogue(_packaged("prices.csv"))


def _built_in_rates(now: datetime) -> Rates:
    """Return the exchange rates that come along; none before their day."""
    try:
        return parse_rates(_packaged("currencies.csv"), now)
    except BadTableError:
        return Rates()


@cache
def _packaged(name: str) -> str:
    return resources.files("stellwerk.sources.builtin").joinpath(name).read_text(encoding="utf-8")


def _oldest(catalogue: Catalogue) -> datetime | None:
    days = [one.since for rows in catalogue.listings.values() for one in rows if one.since is not None]
    return min(days, default=None)
