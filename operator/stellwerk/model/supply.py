"""What was learned of a pool's nodes: whether new ones come when they are asked for, and how often they are taken away.

Values and pure steps between them; the clock is whoever calls.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec


class Supply(msgspec.Struct, frozen=True):
    """What a planning cycle knows of one pool beyond its declaration."""

    stocked_out_until: datetime | None = None
    """Until then nothing is placed on nodes that are not there yet; None where that is not ruled out."""
    rate_per_hour: Decimal | None = None
    """Interruptions per node and hour, learned; None leaves the declared rate."""


class Backoff(msgspec.Struct, frozen=True):
    """How long a pool is left alone after a stock-out."""

    base_s: float
    """After the first one, in seconds; twice that after the second, and so on."""
    cap_s: float
    """Never longer than this, in seconds."""

    def after(self, count: int) -> timedelta:
        """Return the pause after the `count`-th stock-out in a row, counted from 1."""
        doublings = min(count - 1, 62)  # a float holds no more worth having
        return timedelta(seconds=min(self.base_s * 2.0**doublings, self.cap_s))


class StockOuts(msgspec.Struct, frozen=True):
    """The stock-outs of one pool since it last delivered; times have whole seconds, as they are written."""

    count: int = 0
    last: datetime | None = None
    until: datetime | None = None

    def again(self, placed: datetime, now: datetime, backoff: Backoff) -> StockOuts:
        """Return the memory after nodes did not come for something placed at `placed`.

        What was placed before the last stock-out was noticed waited for the same nodes: it is the same stock-out.
        """
        if self.last is not None and placed <= self.last:
            return self
        whole = now.replace(microsecond=0)
        return StockOuts(self.count + 1, whole, whole + backoff.after(self.count + 1))

    def delivered(self, placed: datetime) -> StockOuts:
        """Return the memory after nodes came for something placed at `placed`: the first success ends the backoff."""
        if self.last is None or placed < self.last:
            return self
        return StockOuts()

    def in_force(self, now: datetime) -> datetime | None:
        """Return until when the pool is left alone, None if that is over."""
        return self.until if self.until is not None and now < self.until else None
