"""Points in time on the wire, and that their day exists."""

from __future__ import annotations

from datetime import UTC, datetime

from stellwerk.api.base import Rule


def exists_rule(field: str, attribute: str) -> Rule:
    """Demand of a `Timestamp` that 29 February is in a leap year, which its pattern cannot say."""
    moment = f"self.{field}"
    year = f"int({moment}.substring(0, 4))"
    return Rule(
        name=f"{field}-exists",
        cel=f"!has({moment}) || {moment}.substring(4, 10) != '-02-29' ||"
        f" {year} % 400 == 0 || ({year} % 4 == 0 && {year} % 100 != 0)",
        message=f"{field} must be a day that exists",
        holds=lambda model: getattr(model, attribute) is None or _exists(getattr(model, attribute)),
        field=field,
    )


def rfc3339(when: datetime) -> str:
    """Write a point in time as Kubernetes does: UTC, whole seconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc(text: str) -> str:
    """Return a point in time in UTC with whole seconds, so that texts sort like times: `2026-11-22T19:00:00Z`.

    Raises:
        ValueError: If `text` is no point in time.
    """
    return rfc3339(datetime.fromisoformat(text))


def _exists(moment: str) -> bool:
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return False
    return True
