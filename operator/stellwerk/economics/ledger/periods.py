"""Hours, days, weeks and months of a time zone, as moments."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stellwerk.economics.ledger.facts import HOUR

_DECEMBER = 12


class Period(StrEnum):
    """What sums are taken over."""

    HOUR = "hour"
    """Whole hours of UTC: where a zone shifts by half an hour, its hours are no partition of time."""
    DAY = "day"
    """From midnight to midnight: 23 or 25 hours where clocks change."""
    WEEK = "week"
    """From Monday."""
    MONTH = "month"


def zone(name: str) -> tzinfo:
    """Return a time zone by its IANA name, such as `Europe/Berlin`.

    Raises:
        ValueError: There is none of this name.
    """
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: it names a folder
        raise ValueError(f"{name!r} is no time zone: write one as Europe/Berlin or UTC") from error


def told(moment: int, where: tzinfo) -> str:
    """Write a moment as RFC 3339, with the offset of a time zone."""
    return datetime.fromtimestamp(moment, where).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=65536)
def bounds(moment: int, period: Period, where: tzinfo) -> tuple[int, int]:
    """Return the period that a moment lies in: when it begins, and when the next one does."""
    if period is Period.HOUR:
        begin = moment // HOUR * HOUR
        return begin, begin + HOUR
    first = _first_day(datetime.fromtimestamp(moment, where).date(), period)
    return _midnight(first, where), _midnight(_next(first, period), where)


def _first_day(day: date, period: Period) -> date:
    if period is Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period is Period.MONTH else day


def _next(first: date, period: Period) -> date:
    if period is Period.MONTH:
        return date(first.year + 1, 1, 1) if first.month == _DECEMBER else date(first.year, first.month + 1, 1)
    return first + timedelta(days=7 if period is Period.WEEK else 1)


def _midnight(day: date, where: tzinfo) -> int:
    """Return when a day begins: at the change of the clocks where that skips its midnight."""
    return int(datetime(day.year, day.month, day.day, tzinfo=where).timestamp())
