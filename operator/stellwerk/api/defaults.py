"""What the API server does to an object before it judges it: drops nulls, adds defaults.

And one thing it does when it compares: it ignores the order of lists that are maps or sets.
"""

from __future__ import annotations

import json
from typing import Any

from stellwerk.api.crd import Node

ABSENT: Node = {}
"""The schema of what has none: nothing is dropped, added or sorted below it."""


def with_defaults(value: Any, schema: Node) -> Any:  # noqa: ANN401 - any JSON
    """Return a copy of `value` without nulls that mean nothing and with the schema's defaults."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if not _drops(v, _child(schema, k))}
        for key, field in schema.get("properties", {}).items():
            if "default" in field and kept.get(key) is None:
                kept[key] = field["default"]
        return {key: with_defaults(item, _child(schema, key)) for key, item in kept.items()}
    if isinstance(value, list):
        items = schema.get("items", ABSENT)
        return [with_defaults(item, items) for item in value]
    return value


def canonical(value: Any, schema: Node) -> Any:  # noqa: ANN401 - any JSON
    """Return a copy of `value` in which lists that are maps or sets are sorted."""
    if isinstance(value, dict):
        return {key: canonical(item, _child(schema, key)) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    items = [canonical(item, schema.get("items", ABSENT)) for item in value]
    if schema.get("x-kubernetes-list-type") in {"map", "set"}:
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    return items


def _child(schema: Node, key: str) -> Node:
    found = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
    return found if isinstance(found, dict) else ABSENT


def _drops(value: object, schema: Node) -> bool:
    return value is None and bool(schema) and "default" not in schema
