"""Kubernetes quantities: `500m`, `2`, `1.5Gi`, `1e3`, with Kubernetes' own rounding."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Context, Decimal
from functools import lru_cache
from typing import Annotated, Final

from pydantic import StrictInt, StrictStr, WithJsonSchema

from stellwerk.api.base import Rule

_NUMBER = r"(\.[0-9]{1,3})?"
PATTERN: Final = (
    rf"^([0-9]{{1,18}}|[0-9]{{1,15}}{_NUMBER}(m|k|Ki)?|[0-9]{{1,12}}{_NUMBER}Mi?"
    rf"|[0-9]{{1,9}}{_NUMBER}(Gi?|[eE][0-9])|[0-9]{{1,6}}{_NUMBER}Ti?|[0-9]{{1,3}}{_NUMBER}Pi?)$"
)
"""Kubernetes' format without what nobody writes: signs, fractions below a millionth, exabytes. All
that is left is below 2^63 and exact, so that every implementation agrees on it; the memory of a node as its
kubelet reports it (`2113423488Ki`) is among it."""

MAX_LENGTH: Final = 32

_SUFFIXES: Final[dict[str, Decimal]] = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{letter: Decimal(1000) ** (i + 1) for i, letter in enumerate("kMGTPE")},
    **{f"{letter}i": Decimal(1024) ** (i + 1) for i, letter in enumerate("KMGTPE")},
}
_TEXT: Final = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]{1,3}))?"
)
_EXACT: Final = Context(prec=60)

Quantity = Annotated[
    StrictInt | StrictStr,
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "maxLength": MAX_LENGTH,
            "pattern": PATTERN,
        }
    ),
]
"""An amount of a resource: a whole number, or a string with an optional suffix, such as `80Gi`."""


def positive_rule(field: str) -> Rule:
    """Demand that a quantity is above zero."""
    return Rule(
        name=f"positive-{field}",
        cel=f"!has(self.{field}) || quantity(string(self.{field})).isGreaterThan(quantity('0'))",
        message=f"{field} must be above zero",
        holds=lambda model: getattr(model, field) is None or exact(getattr(model, field)) > 0,
        field=field,
    )


@lru_cache(maxsize=4096)
def exact(value: str | int) -> Decimal:
    """Return the exact number that a quantity stands for, in its base unit (cores, bytes, pieces).

    Raises:
        ValueError: If `value` is no quantity.
    """
    match = _TEXT.fullmatch(str(value))
    if match is None:
        raise ValueError(f"{value!r} is no quantity: write a number and a suffix as in 500m or 80Gi")
    number = Decimal(match["number"])
    if match["exponent"] is not None:
        return number.scaleb(int(match["exponent"]), _EXACT)
    return _EXACT.multiply(number, _SUFFIXES[match["suffix"] or ""])


def whole(value: str | int) -> int:
    """Return a quantity in whole base units (bytes, pieces), rounded up as Kubernetes does.

    Raises:
        ValueError: If `value` is no quantity.
    """
    return int(exact(value).to_integral_value(rounding=ROUND_CEILING))


def milli(value: str | int) -> int:
    """Return a quantity in thousandths (milli-cores), rounded up as Kubernetes does.

    Raises:
        ValueError: If `value` is no quantity.
    """
    return int((exact(value) * 1000).to_integral_value(rounding=ROUND_CEILING))


def text(amount: int, *, binary: bool = False) -> str:
    """Write whole base units briefly: with `binary` 85899345920 becomes `80Gi`, else `85899345920`.

    Only exact multiples are shortened, so that `whole(text(n, binary=...)) == n`.
    """
    if binary and amount:
        for power, letter in zip(range(6, 0, -1), "EPTGMK", strict=True):
            if amount % 1024**power == 0:
                return f"{amount // 1024**power}{letter}i"
    return str(amount)


def milli_text(amount: int) -> str:
    """Write thousandths briefly: 1500 becomes `1500m`, 2000 becomes `2`."""
    return f"{amount}m" if amount % 1000 else str(amount // 1000)
