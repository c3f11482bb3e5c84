"""Durations on the wire: `90s`, `30m`, `6h`, `2d`, `1h30m`."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import Field

_PART = r"[1-9][0-9]{0,4}"
_PARTS = rf"({_PART}d)?({_PART}h)?({_PART}m)?({_PART}s)?"
POSITIVE: Final = rf"^{_PARTS}$"
NON_NEGATIVE: Final = rf"^(0s|{_PARTS})$"
MAX_LENGTH: Final = 24

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_PATTERN: Final = re.compile(rf"(?:0s|{_PARTS})")

Duration = Annotated[str, Field(min_length=2, max_length=MAX_LENGTH, pattern=POSITIVE)]
"""A duration above zero: days, hours, minutes, seconds in this order, such as `1h30m`."""

DurationOrZero = Annotated[str, Field(min_length=2, max_length=MAX_LENGTH, pattern=NON_NEGATIVE)]
"""A duration that may be `0s`."""


def seconds(text: str) -> int:
    """Return the seconds in `text`.

    Raises:
        ValueError: If `text` is no duration of the wire format.
    """
    match = _PATTERN.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"{text!r} is no duration: write days, hours, minutes, seconds as in 1h30m")
    parts = zip(match.groups(), _UNITS, strict=True)
    return sum(int(part[:-1]) * unit for part, (_, unit) in parts if part is not None)


def text(seconds: int) -> str:
    """Write whole `seconds` (zero or more) as briefly as possible: 5400 becomes `1h30m`.

    Raises:
        ValueError: If `seconds` is negative.
    """
    if seconds < 0:
        raise ValueError(f"a duration cannot be negative: {seconds}")
    written = ""
    for letter, unit in _UNITS:
        count, seconds = divmod(seconds, unit)
        written += f"{count}{letter}" if count else ""
    return written or "0s"
