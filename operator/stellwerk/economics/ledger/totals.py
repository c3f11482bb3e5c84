"""What tenants have spent in the periods that run, kept up to date entry by entry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from stellwerk.economics.ledger.facts import Entry

QUARTER: Final = 900
"""Seconds of a bucket: the offset of every time zone in use is a whole number of them, so no period cuts one."""

KEPT: Final = 33 * 86_400
"""Seconds for which buckets are kept: longer than any month."""


class Spent(msgspec.Struct):
    """What one tenant spent in one currency; an empty currency is time without a price."""

    amount: int = 0
    """Micro-units times seconds per hour: 3600 of it are one micro-unit."""
    device_seconds: int = 0
    """Thousandths of devices times seconds."""


class Totals:
    """Sums by tenant, currency and quarter of an hour."""

    def __init__(self) -> None:
        self._buckets: dict[str, dict[tuple[str, int], Spent]] = {}
        self.until = 0
        """When the last entry ends that was added."""
        self._looked_at = 0

    def add(self, entries: Iterable[Entry], now: int) -> None:
        """Add entries that were booked; what is older than any period that runs is left out, and forgotten."""
        if now // QUARTER != self._looked_at:
            self._looked_at = now // QUARTER
            self._forget(now)
        for entry in entries:
            self.until = max(self.until, entry.end)
            start = max(entry.start, now - KEPT)
            while start < entry.end:
                bucket = start // QUARTER
                stop = min(entry.end, (bucket + 1) * QUARTER)
                self._add(entry, bucket, stop - start)
                start = stop

    def _add(self, entry: Entry, bucket: int, seconds: int) -> None:
        for line in entry.lines:
            if line.party.tenant:
                spent = self._buckets.setdefault(line.party.tenant, {})
                found = spent.setdefault((entry.billing.currency, bucket), Spent())
                found.amount += line.rate * seconds
                found.device_seconds += line.accelerators * seconds

    def _forget(self, now: int) -> None:
        oldest = (now - KEPT) // QUARTER
        for tenant, buckets in list(self._buckets.items()):
            for key in [key for key in buckets if key[1] < oldest]:
                del buckets[key]
            if not buckets:
                del self._buckets[tenant]

    def of(self, tenants: Iterable[str], start: int, end: int) -> dict[str, Spent]:
        """Return what some tenants spent together, by currency.

        Args:
            tenants: Their names.
            start: When the period begins; a whole number of quarters of an hour.
            end: When it ends.
        """
        found: dict[str, Spent] = {}
        for tenant in tenants:
            for (currency, bucket), spent in self._buckets.get(tenant, {}).items():
                if start <= bucket * QUARTER < end:
                    total = found.setdefault(currency, Spent())
                    total.amount += spent.amount
                    total.device_seconds += spent.device_seconds
        return found
