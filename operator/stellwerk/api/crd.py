"""CustomResourceDefinitions from the models: a structural schema, and what `kubectl` shows.

The converter accepts exactly what it knows: a keyword that it has no rule for, a string, list or map
without a limit, or a number that is no whole one raises, so that nothing loose reaches a cluster.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from stellwerk.api.base import Wire
from stellwerk.api.labels import CATEGORY, GROUP, VERSION
from stellwerk.api.v1alpha1.kind import Column, Kind

Node = dict[str, Any]
"""A node of a JSON schema."""

_COPIED: Final[tuple[str, ...]] = (
    "description",
    "type",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
)
"""Keywords that mean the same in a structural schema, in the order in which they are written."""

_HANDLED: Final = frozenset(_COPIED) | {
    "$ref",
    "title",
    "default",
    "const",
    "anyOf",
    "items",
    "properties",
    "additionalProperties",
    "x-kubernetes-validations",
}
_INT32_MAX: Final = 2**31 - 1
_API_VERSION_DOC: Final = f"Version of the schema. Example: `{GROUP}/{VERSION}`."


class SchemaError(ValueError):
    """A model cannot be written as a structural schema; the message names the place."""


def custom_resource_definition(kind: type[Kind]) -> Wire:
    """Return the CustomResourceDefinition of `kind` as a manifest.

    Raises:
        SchemaError: If a model uses something that has no structural form.
    """
    info = kind.info
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{info.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": info.kind,
                "listKind": f"{info.kind}List",
                "plural": info.plural,
                "singular": info.singular,
                "shortNames": list(info.short_names),
                "categories": [CATEGORY],
            },
            "scope": info.scope,
            "versions": [_version(kind)],
        },
    }


def _version(kind: type[Kind]) -> Wire:
    version: Wire = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(column) for column in kind.info.columns],
    }
    if kind.info.selectable_fields:
        paths = kind.info.selectable_fields
        version["selectableFields"] = [{"jsonPath": path} for path in paths]
    version["schema"] = {"openAPIV3Schema": structural_schema(kind)}
    return version


def _column(column: Column) -> Wire:
    written: Wire = {
        "name": column.name,
        "type": column.type,
        "description": column.description,
        "jsonPath": column.path,
    }
    return {**written, "priority": 1} if column.wide else written


def structural_schema(kind: type[Kind]) -> Node:
    """Return the structural OpenAPI v3 schema of `kind`, with defaults, bounds and CEL rules.

    Raises:
        SchemaError: If a model uses something that has no structural form.
    """
    schema = kind.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    properties = schema["properties"]
    root: Node = {
        "description": kind.info.description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"description": _API_VERSION_DOC, "type": "string"},
            "kind": {
                "description": f"The kind. Example: `{kind.info.kind}`.",
                "type": "string",
            },
            "metadata": {"type": "object"},  # the server allows no description here
            "spec": _Converter(definitions)(properties["spec"], "spec"),
            "status": _Converter(definitions, defaults=False)(properties["status"], "status"),
        },
    }
    rules = schema.get("x-kubernetes-validations")
    return {**root, "x-kubernetes-validations": rules} if rules else root


class _Converter:
    """Turns nodes of pydantic's JSON schema into structural ones.

    Status goes without defaults: what the operator reads back is then what it wrote. So do empty
    lists and objects: their absence says the same.
    """

    def __init__(self, definitions: Mapping[str, Node], *, defaults: bool = True) -> None:
        self._definitions = definitions
        self._defaults = defaults

    def __call__(self, node: Node, path: str) -> Node:
        node = self._inlined(node, path)
        unknown = set(node) - _HANDLED
        if unknown:
            raise SchemaError(f"{path}: no structural form for {', '.join(sorted(unknown))}")
        written: Node = {key: node[key] for key in _COPIED if key in node}
        if "const" in node:
            written["enum"] = [node["const"]]
        default = node.get("default")
        if self._defaults and default is not None and not isinstance(default, dict | list):
            written |= _defaulted(written, default, path)
        written.update(self._children(node, path))
        if "x-kubernetes-validations" in node:
            written["x-kubernetes-validations"] = node["x-kubernetes-validations"]
        _check(written, path)
        return written

    def _inlined(self, node: Node, path: str) -> Node:
        """Resolve `$ref` and `X | None`; what stands beside them wins."""
        beside = {key: value for key, value in node.items() if key not in {"$ref", "anyOf"}}
        if "$ref" in node:
            name = node["$ref"].removeprefix("#/$defs/")
            return {**self._inlined(self._definitions[name], path), **beside}
        if "anyOf" not in node:
            return node
        if node.get("x-kubernetes-int-or-string"):
            return beside
        others = [option for option in node["anyOf"] if option != {"type": "null"}]
        if len(others) != 1 or len(node["anyOf"]) != 2:  # noqa: PLR2004 - X and null
            raise SchemaError(f"{path}: a union has no structural form, except with None")
        return {**self._inlined(others[0], path), **beside}

    def _children(self, node: Node, path: str) -> Node:
        if "properties" in node:
            properties = node["properties"]
            return {"properties": {k: self(v, f"{path}.{k}") for k, v in properties.items()}}
        if "items" in node:
            return {"items": self(node["items"], f"{path}[]")}
        values = node.get("additionalProperties")
        if isinstance(values, dict):
            return {"additionalProperties": self(values, f"{path}[*]")}
        return {}


def _defaulted(node: Node, default: object, path: str) -> Node:
    """Return the default of a field, or, below a list, words that tell it.

    `kubectl apply` compares lists as a whole: with defaults in their items it would find a difference
    each time, and a second apply of the same file would not say `unchanged`.
    """
    if "[]" not in path:
        return {"default": default}
    shown = default if isinstance(default, str) else json.dumps(default)
    says, example, rest = node["description"].rpartition(" Example: ")
    absent = f" Absent means `{shown}`." if shown else ""
    return {"description": f"{says}{absent}{example}{rest}"}


def _check(node: Node, path: str) -> None:
    if node.get("x-kubernetes-int-or-string"):
        _demand(node, path, "maxLength")
        return
    check = _CHECKS.get(node.get("type", ""))
    if check is None:
        raise SchemaError(f"{path}: no structural form for type {node.get('type')}")
    check(node, path)


def _demand(node: Node, path: str, *keywords: str) -> None:
    missing = [keyword for keyword in keywords if keyword not in node]
    if missing:
        raise SchemaError(f"{path}: {node.get('type', 'value')} without {', '.join(missing)}")


def _check_string(node: Node, path: str) -> None:
    if "enum" not in node:
        _demand(node, path, "maxLength")


def _check_integer(node: Node, path: str) -> None:
    _demand(node, path, "minimum", "maximum")
    node["format"] = "int32" if node["maximum"] <= _INT32_MAX else "int64"


def _check_array(node: Node, path: str) -> None:
    _demand(node, path, "items", "maxItems", "x-kubernetes-list-type")


def _check_object(node: Node, path: str) -> None:
    if "additionalProperties" in node:
        _demand(node, path, "maxProperties")
    else:
        _demand(node, path, "properties")


_CHECKS: Final[Mapping[str, Callable[[Node, str], None]]] = {
    "string": _check_string,
    "integer": _check_integer,
    "boolean": lambda _node, _path: None,
    "array": _check_array,
    "object": _check_object,
}
