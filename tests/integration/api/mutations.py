"""Ways to spoil a valid manifest, derived from its schema: every field, every keyword, both sides."""

import copy
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from stellwerk.api.crd import Node

Keys = tuple[str | int, ...]

GONE = object()
"""Stands for a field that is taken away."""

WRONG_TYPES = (None, True, 7, 1.0, 1.5, "text", [], {})
STRINGS = (
    *("", " ", "a", "A", "a b", "-a", "a-", "a.b", "a..b", "a/b", "a/b/c", "A/b", "/a", "ä", "a\n"),
    *("0", "1", "00", "01", "0.0", "0.5", "1.5", "1.", ".5", "-1", "+1", "1e3", "1E3", "1e-2", "5"),
    *("0.000001", "0.0000001", "3", "3.0", "3.1", "0.9", "2.99999", "1234567890123"),
    *("5m", "1h30m", "30m1h", "0s", "0m", "1h0m", "100000s", "90", "1.5h", "1w"),
    *("80Gi", "80gi", "80 Gi", "1k", "1K", "1E", "NaN", "unknown"),
    *(
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2024-02-29T00:00:00Z",
        "2026-02-28T24:00:00Z",
        "2026-02-28",
    ),
    *("2026-02-28T23:59:60Z", "2026-02-28T23:59:59.123Z", "2026-02-28t23:59:59z"),
    *("2026-02-28T23:59:59+14:00", "2026-02-28T23:59:59+99:99", "0000-01-01T00:00:00Z"),
    *("EEA", "EU", "eu", "DEU", "H100", "NVIDIA-H100-80GB-HBM3", "metadata.labels['a']"),
)


class Mutation(NamedTuple):
    """One change of a manifest."""

    keys: Keys
    value: Any

    def __str__(self) -> str:
        """Say it in a line."""
        value = "gone" if self.value is GONE else repr(self.value)
        return f"{'.'.join(map(str, self.keys))} = {value if len(value) < 70 else value[:70]}"

    def of(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Return a changed copy of `manifest`."""
        changed = copy.deepcopy(manifest)
        place: Any = changed
        for key in self.keys[:-1]:
            place = place[key]
        if self.value is GONE:
            del place[self.keys[-1]]
        else:
            place[self.keys[-1]] = self.value
        return changed


def all_mutations(manifest: dict[str, Any], schema: Node) -> list[Mutation]:
    """Return changes of everything in the spec of `manifest`.

    The same value is tried on one field of each form only; but each field is taken away once.
    """
    found: dict[tuple[object, str], Mutation] = {}
    for one in mutations(manifest["spec"], schema["properties"]["spec"], ("spec",)):
        place = one.keys if one.value is GONE or one.keys[-1] == "bogus" else _form(_schema_at(schema, one.keys))
        found.setdefault((place, repr(one.value)), one)
    return list(found.values())


def _form(node: Node) -> str:
    """Return what `node` allows, without what it says."""
    return json.dumps({key: value for key, value in node.items() if key not in {"description", "default"}})


def _schema_at(schema: Node, keys: Keys) -> Node:
    for key in keys:
        if isinstance(key, int):
            schema = schema["items"]
        else:
            schema = schema.get("properties", {}).get(key) or schema.get("additionalProperties", {})
    return schema


def mutations(value: Any, schema: Node, keys: Keys) -> Iterator[Mutation]:
    """Yield changes of everything in `value`, which is at `keys` and has this structural schema."""
    for wrong in WRONG_TYPES:
        yield Mutation(keys, wrong)
    if schema.get("x-kubernetes-int-or-string"):
        yield from (Mutation(keys, other) for other in (*STRINGS, 0, -1, 1.0, 1.5, True, 2**62, 2**63))
    else:
        yield from _BY_TYPE[schema["type"]](value, schema, keys)


def _of_object(value: Any, schema: Node, keys: Keys) -> Iterator[Mutation]:
    if "properties" not in schema:
        yield from _of_map(value, schema, keys)
        return
    yield Mutation((*keys, "bogus"), 1)
    yield Mutation((*keys, "bogus"), None)
    for key, item in value.items():
        yield Mutation((*keys, key), GONE)
        yield from mutations(item, schema["properties"][key], (*keys, key))


def _of_map(value: Any, schema: Node, keys: Keys) -> Iterator[Mutation]:
    key, item = next(iter(value.items()))
    yield Mutation((*keys, "a key!"), item)
    yield Mutation(keys, {f"k{i}": item for i in range(schema["maxProperties"])})
    yield Mutation(keys, {f"k{i}": item for i in range(schema["maxProperties"] + 1)})
    yield from mutations(item, schema["additionalProperties"], (*keys, key))


def _of_array(value: Any, schema: Node, keys: Keys) -> Iterator[Mutation]:
    yield Mutation(keys, [*value, value[0]])
    yield Mutation(keys, [value[0]] * (schema["maxItems"] + 1))
    yield Mutation(keys, [*value, None])
    for index, item in enumerate(value):
        yield from mutations(item, schema["items"], (*keys, index))


def _of_string(value: Any, schema: Node, keys: Keys) -> Iterator[Mutation]:
    if "pattern" in schema or "enum" in schema:
        yield from (Mutation(keys, other) for other in STRINGS)
    yield from (Mutation(keys, other) for other in ("", f"{value}\n", f"\n{value}", value.upper()))
    longest = schema.get("maxLength", 20)
    for letter in ("ä", value[:1]):
        yield Mutation(keys, letter * longest)
        yield Mutation(keys, letter * (longest + 1))


def _of_integer(_value: Any, schema: Node, keys: Keys) -> Iterator[Mutation]:
    least, most = schema["minimum"], schema["maximum"]
    for other in (least - 1, least, most, most + 1, float(least), "1", 2**63, -(2**63) - 1, 10**30):
        yield Mutation(keys, other)


def _of_boolean(_value: Any, _schema: Node, keys: Keys) -> Iterator[Mutation]:
    yield from (Mutation(keys, other) for other in ("true", "", 0, 1, False))


_BY_TYPE = {
    "object": _of_object,
    "array": _of_array,
    "string": _of_string,
    "integer": _of_integer,
    "boolean": _of_boolean,
}
