"""The reference pages in Markdown, made from the structural schemas and the reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from stellwerk.api.crd import Node, structural_schema
from stellwerk.api.labels import API_VERSION, CATEGORY
from stellwerk.api.pool_reasons import PoolReason
from stellwerk.api.reasons import Group, Reason, anchor
from stellwerk.api.tenant_reasons import TenantReason
from stellwerk.api.v1alpha1 import KINDS
from stellwerk.api.v1alpha1.kind import Kind

_HEADER: Final = "<!-- Generated from operator/stellwerk/api by `make generate`; do not edit. -->\n"
_BOUNDS: Final = (
    ("minimum", "≥ {}"),
    ("maximum", "≤ {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("minProperties", "at least {} keys"),
    ("maxProperties", "at most {} keys"),
)


def api_reference() -> str:
    """Return the page that documents every field of every kind."""
    lines = [
        _HEADER,
        "# API reference",
        "",
        (
            f"All kinds are of `{API_VERSION}` and of the category `{CATEGORY}`"
            f" (`kubectl get {CATEGORY}`). Unknown fields are refused. Money, rates and factors are"
            " decimal strings in quotes; durations are strings such as `90s`, `30m`, `6h`, `2d`,"
            " `1h30m`."
        ),
        "",
        *(f"- [{kind.info.kind}](#{kind.info.kind.lower()})" for kind in KINDS),
        "",
    ]
    for kind in KINDS:
        lines += _kind(kind)
    return "\n".join(lines)


def reason_reference() -> str:
    """Return the page that documents every reason, each with its own anchor."""
    lines = [
        _HEADER,
        "# Reasons",
        "",
        "Conditions, decisions, rejections and events carry one of these words as `reason`.",
        "",
    ]
    for group in Group:
        lines += [f"## {group.value}", ""]
        for reason in (*Reason, *PoolReason, *TenantReason):
            if reason.group is group:
                lines += [f'### <a id="{anchor(reason)}"></a>{reason.value}', "", reason.sentence, ""]
    return "\n".join(lines)


def _kind(kind: type[Kind]) -> Iterator[str]:
    info, schema = kind.info, structural_schema(kind)
    scope = "namespaced" if info.scope == "Namespaced" else "cluster-wide"
    yield from (f"## {info.kind}", "", info.description, "")
    yield f"Scope: {scope}. Short name: `{', '.join(info.short_names)}`. Plural: `{info.plural}`."
    yield from ("", "| column | shown | says | path |", "|---|---|---|---|")
    for column in info.columns:
        shown = "`-o wide`" if column.wide else "always"
        yield f"| {column.name} | {shown} | {column.description} | `{column.path}` |"
    yield ""
    if info.selectable_fields:
        fields = ", ".join(f"`{path[1:]}`" for path in info.selectable_fields)
        yield from (f"Field selectors: {fields}.", "")
    yield from _rules(schema, "")
    seen: dict[str, str] = {}
    for part in ("spec", "status"):
        yield from _object(schema["properties"][part], part, seen)


def _object(node: Node, path: str, seen: dict[str, str]) -> Iterator[str]:
    """Yield the section of an object, then those of the objects below it, each form once."""
    form = json.dumps(node.get("properties"), sort_keys=True)
    yield from (f"### `{path}`", "")
    if form in seen:
        yield from (f"The same fields as `{seen[form]}`.", "")
        return
    seen[form] = path
    required = node.get("required", [])
    yield from ("| field | type | default | allowed | says |", "|---|---|---|---|---|")
    for name, field in node["properties"].items():
        default = "required" if name in required else _default(field)
        says = field["description"].replace("|", "\\|")
        yield f"| `{name}` | {_type(field)} | {default} | {_allowed(field)} | {says} |"
    yield ""
    yield from _rules(node, path)
    for name, field in node["properties"].items():
        below, suffix = _below(field)
        if below is not None:
            yield from _object(below, f"{path}.{name}{suffix}", seen)


def _below(field: Node) -> tuple[Node | None, str]:
    """Return the object with fields of its own that `field` holds, if any, and its path suffix."""
    if "properties" in field:
        return field, ""
    if "properties" in field.get("items", {}):
        return field["items"], "[]"
    return None, ""


def _rules(node: Node, path: str) -> Iterator[str]:
    rules = node.get("x-kubernetes-validations", [])
    if rules:
        yield from (f"Rules of `{path}`:" if path else "Rules:", "")
        yield from (f"- {rule['message']}." for rule in rules)
        yield ""


def _type(field: Node) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "quantity"
    if field["type"] == "array":
        return f"list of {_type(field['items'])}"
    if "additionalProperties" in field:
        return f"map of {_type(field['additionalProperties'])}"
    return str(field["type"])


def _default(field: Node) -> str:
    return f"`{json.dumps(field['default'])}`" if "default" in field else ""


def _allowed(field: Node) -> str:
    if "enum" in field:
        return ", ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    said = [text.format(field[key]) for key, text in _BOUNDS if key in field]
    if field.get("x-kubernetes-list-type") == "set":
        said.append("no item twice")
    if field.get("x-kubernetes-list-type") == "map":
        said.append(f"each {' and '.join(field['x-kubernetes-list-map-keys'])} once")
    if "pattern" in field:
        said.append(f"`{field['pattern']}`".replace("|", "\\|"))
    return "; ".join(said)
