"""Checks of a value against a structural schema, as strict as the API server's.

jsonschema does the walk; what Kubernetes means differently is replaced: patterns are those of RE2,
where `$` is only the very end; unknown fields are errors; lists may be maps or sets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from stellwerk.api.crd import Node
from stellwerk.api.field_error import FieldError, Keys
from stellwerk.api.schema_message import message

_INT64 = 2**63
Errors = Iterator[ValidationError]


class Checker:
    """Checks values against one structural schema."""

    def __init__(self, schema: Node) -> None:
        self._validator = _Validator(strict(schema))

    def __call__(self, value: object, keys: Keys) -> list[FieldError]:
        """Return everything in `value`, which is at `keys`, that breaks the schema, by path."""
        found = {
            FieldError((*keys, *error.absolute_path, *extra), text)
            for error in self._validator.iter_errors(value)
            for extra, text in message(error)
        }
        return sorted(found, key=lambda error: (json.dumps(error.keys), error.message))


def strict(schema: Node) -> Node:
    """Return `schema` with all fields refused that it does not name."""
    closed: Node = {}
    for key, value in schema.items():
        if key == "properties":
            closed[key] = {name: strict(field) for name, field in value.items()}
        elif key in {"items", "additionalProperties"} and isinstance(value, dict):
            closed[key] = strict(value)
        else:
            closed[key] = value
    if "properties" in schema:
        closed.setdefault("additionalProperties", False)
    return closed


def shape(schema: Node) -> Node:
    """Return only which fields `schema` names, so that nothing but unknown fields breaks it."""
    kept: Node = {}
    for key in ("properties", "items", "additionalProperties"):
        value = schema.get(key)
        if key == "properties" and value is not None:
            kept[key] = {name: shape(field) for name, field in value.items()}
        elif isinstance(value, dict):
            kept[key] = shape(value)
    return kept


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern)


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Node) -> Errors:  # noqa: ANN401
    if isinstance(value, str) and not _compiled(pattern).search(value):
        yield ValidationError("pattern")


def _int_or_string(_validator: Any, on: bool, value: Any, _schema: Node) -> Errors:  # noqa: ANN401, FBT001
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT64
    if on and not whole and not isinstance(value, str):
        yield ValidationError("int or string")


def _list_type(_validator: Any, kind: str, value: Any, schema: Node) -> Errors:  # noqa: ANN401
    if not isinstance(value, list) or kind == "atomic":
        return
    names = schema.get("x-kubernetes-list-map-keys")
    seen: set[str] = set()
    for index, item in enumerate(value):
        if names is not None and not isinstance(item, dict):
            continue
        identity = item if names is None else [item.get(name) for name in names]
        text = json.dumps(identity, sort_keys=True)
        if text in seen:
            yield ValidationError("duplicate", path=[index])
        seen.add(text)


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "pattern": _pattern,
        "x-kubernetes-int-or-string": _int_or_string,
        "x-kubernetes-list-type": _list_type,
    },
)
