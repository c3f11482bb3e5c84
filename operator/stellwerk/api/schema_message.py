"""Says in words what a schema allows where jsonschema found something else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from jsonschema import ValidationError

from stellwerk.api import base, duration, money, quantity
from stellwerk.api.field_error import Keys

Said = Iterator[tuple[Keys, str]]
"""Further keys below the place of the error, and the sentence."""

_EXAMPLE: Final = " Example: `"
_SHOWN: Final = 60


def message(error: ValidationError) -> Said:
    """Yield what is allowed at the place of `error`, or below it."""
    said = _WORDS.get(str(error.validator))
    if said is None:
        yield (), error.message
    else:
        yield from said(error)


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _like(error: ValidationError) -> str:
    """Return the field's own example as the end of a sentence."""
    _, found, example = _schema(error).get("description", "").rpartition(_EXAMPLE)
    return f", such as {example.removesuffix('`.')}" if found else ""


def _schema(error: ValidationError) -> dict[str, Any]:
    return error.schema if isinstance(error.schema, dict) else {}


def _allowed(error: ValidationError) -> list[Any]:
    """Return the values of a keyword that takes one or several."""
    value: Any = error.validator_value
    return value if isinstance(value, list) else [value]


def _required(error: ValidationError) -> Said:
    for name in _allowed(error):
        if isinstance(error.instance, dict) and name not in error.instance:
            field = _schema(error).get("properties", {}).get(name, {})
            says, _, _ = field.get("description", "").partition(_EXAMPLE)
            yield (name,), f"is required: {says}" if says else "is required"


def _unknown(error: ValidationError) -> Said:
    known = list(_schema(error).get("properties", {}))
    for name in [*error.instance] if isinstance(error.instance, dict) else []:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"allowed: {', '.join(known)}"
            yield (name,), f"is not a field here; {hint}"


def _type(error: ValidationError) -> Said:
    names = [name for name in _allowed(error) if name != "null"]
    quotes = ""
    if "string" in names and isinstance(error.instance, int | float):
        quotes = f'; write it in quotes: "{error.instance}"'
    yield (), f"must be of type {' or '.join(names)}, not {_shown(error.instance)}{quotes}"


def _enum(error: ValidationError) -> Said:
    allowed = [value if isinstance(value, str) else _shown(value) for value in _allowed(error)]
    one_of = " or ".join(filter(None, (", ".join(allowed[:-1]), allowed[-1])))
    yield (), f"must be {one_of}, not {_shown(error.instance)}"


def _pattern(error: ValidationError) -> Said:
    words = _PATTERNS.get(str(error.validator_value))
    must = f"must be {words}" if words else f"must match {error.validator_value}"
    yield (), f"{must}{_like(error)}; it is {_shown(error.instance)}"


def _bound(text: str) -> Callable[[ValidationError], Said]:
    def say(error: ValidationError) -> Said:
        value = error.instance
        have = len(value) if isinstance(value, str | list | dict) else _shown(value)
        yield (), f"{text.format(error.validator_value)}, not {have}"

    return say


def _list_type(error: ValidationError) -> Said:
    keys = _schema(error).get("x-kubernetes-list-map-keys")
    yield (), f"repeats the {' and '.join(keys)} of another item" if keys else "is there twice"


_LABEL = "letters, digits, -, _ and ., with a letter or digit at both ends"
_PATTERNS: Final[Mapping[str, str]] = {
    base.DNS_LABEL: "lower-case letters, digits and -, with a letter or digit at both ends",
    base.DNS_SUBDOMAIN: "lower-case letters, digits, - and ., with a letter or digit at both ends",
    base.LABEL_TOKEN: _LABEL,
    base.LABEL_VALUE: f"empty or {_LABEL}",
    base.QUALIFIED_NAME: f"{_LABEL}, optionally after a DNS name and /",
    base.DATE_TIME: "a date and time as in RFC 3339",
    duration.POSITIVE: "a duration above zero in days, hours, minutes and seconds",
    duration.NON_NEGATIVE: "0s or a duration in days, hours, minutes and seconds",
    money.NON_NEGATIVE: "a decimal of zero or more, with at most six digits after the point",
    money.POSITIVE: "a decimal above zero",
    money.CURRENCY: "an ISO 4217 code of three capital letters",
    quantity.PATTERN: "a number without sign, optionally with m, k, M, G, T, P, Ki, Mi, Gi, Ti or Pi",
}
"""What the common patterns allow, in words."""

_WORDS: Final[Mapping[str, Callable[[ValidationError], Said]]] = {
    "required": _required,
    "additionalProperties": _unknown,
    "type": _type,
    "enum": _enum,
    "pattern": _pattern,
    "x-kubernetes-int-or-string": lambda error: iter(
        [((), f"must be a whole number or a string{_like(error)}, not {_shown(error.instance)}")]
    ),
    "x-kubernetes-list-type": _list_type,
    "minimum": _bound("must be at least {}"),
    "maximum": _bound("must be at most {}"),
    "minLength": _bound("must have at least {} characters"),
    "maxLength": _bound("must have at most {} characters"),
    "minItems": _bound("must have at least {} items"),
    "maxItems": _bound("must have at most {} items"),
    "minProperties": _bound("must have at least {} keys"),
    "maxProperties": _bound("must have at most {} keys"),
}
