"""YAML text to plain values, as kubectl reads it, keeping the line of every field.

PyYAML's own construction differs from Kubernetes in three ways that matter here: it turns
unquoted timestamps into dates, `1:30` into 90, and lets a key appear twice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from stellwerk.api.field_error import Keys

#: What a document may expand to. Anchors can blow a small file up without bound.
MAX_NODES: Final = 500_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STR: Final = "tag:yaml.org,2002:str"
_MERGE: Final = "tag:yaml.org,2002:merge"
_EXPONENT: Final = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]{1,2}")


class TreeError(ValueError):
    """The text is not the YAML that Kubernetes would read; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def compose(text: str) -> Iterator[yaml.Node]:
    """Yield the root node of each document that is not empty.

    Raises:
        TreeError: the text is not YAML.
    """
    if text.lstrip()[:1] in {"{", "["}:  # JSON may be indented by tabs, YAML may not
        text = re.sub(r"(?m)^[\t ]+", lambda tabs: " " * len(tabs.group()), text)
    try:
        for node in yaml.compose_all(text, Loader=_Loader):
            if not _is_null(node):
                yield node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise TreeError(mark.line + 1 if mark else 0, f"not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise TreeError(0, f"not YAML: {error}") from error


def to_plain(node: yaml.Node) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a node in JSON's terms.

    Raises:
        TreeError: a key appears twice or is no text, an anchor contains itself, or the document
            expands to more than MAX_NODES values.
    """
    return _Builder().build(node, ())


def line_of(node: yaml.Node, keys: Keys) -> int:
    """Return the line (from 1) of the field that `keys` lead to, or of its closest parent that exists."""
    line = node.start_mark.line + 1
    for key in keys:
        found = _child(node, key)
        if found is None:
            break
        line, node = found
    return line


def _child(node: yaml.Node, key: str | int) -> tuple[int, yaml.Node] | None:
    """Return line and node of a field or an item, None where there is none."""
    if isinstance(node, yaml.SequenceNode):
        if not isinstance(key, int) or not 0 <= key < len(node.value):
            return None
        return node.value[key].start_mark.line + 1, node.value[key]
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((_place(name, value) for name, value in node.value if name.value == key), None)


def _place(key: yaml.Node, value: yaml.Node) -> tuple[int, yaml.Node]:
    return key.start_mark.line + 1, value


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


class _Builder:
    """Builds plain values and counts them."""

    def __init__(self) -> None:
        self.nodes = 0

    def build(self, node: yaml.Node, parents: tuple[int, ...]) -> Any:  # noqa: ANN401 - any JSON value
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise TreeError(node.start_mark.line + 1, f"more than {MAX_NODES} values in one document")
        if id(node) in parents:
            raise TreeError(node.start_mark.line + 1, "an anchor contains itself")
        inside = (*parents, id(node))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, inside)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, inside) for item in node.value]
        return _scalar(node)

    def mapping(self, node: yaml.MappingNode, inside: tuple[int, ...]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                merged = {**self.merged(value, inside), **merged}
                continue
            name = _key(key)
            if name in own:
                raise TreeError(key.start_mark.line + 1, f'the key "{name}" appears twice')
            own[name] = self.build(value, inside)
        return {**merged, **own}

    def merged(self, node: yaml.Node, inside: tuple[int, ...]) -> dict[str, Any]:
        """`<<: *anchor`: the anchor's keys, earlier ones first where several are named."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        result: dict[str, Any] = {}
        for source in sources:
            value = self.build(source, inside)
            if not isinstance(value, dict):
                raise TreeError(node.start_mark.line + 1, "only a mapping can be merged by `<<`")
            result = {**value, **result}
        return result


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise TreeError(node.start_mark.line + 1, "a key must be text")
    return str(node.value)


def _scalar(node: yaml.Node) -> Any:  # noqa: ANN401 - any JSON value
    kind = node.tag.rpartition(":")[2]
    text = str(node.value)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in {"true", "yes", "on"}
    if kind == "int" and ":" not in text:
        return _integer(node, text.replace("_", ""))
    if kind == "float" and ":" not in text:
        return _number(node, text.replace("_", ""))
    if kind == "str" and isinstance(node, yaml.ScalarNode) and not node.style and _EXPONENT.fullmatch(text):
        value = float(text)  # YAML 1.1 would want a point in it, Kubernetes does not
        return int(value) if value.is_integer() else value
    return text


def _integer(node: yaml.Node, text: str) -> int:
    sign, digits = (-1, text[1:]) if text[:1] == "-" else (1, text.lstrip("+"))
    try:
        if len(digits) > 1 and digits[0] == "0" and digits[1] not in "xXbBoO":
            return sign * int(digits, 8)
        return sign * int(digits, 0)
    except ValueError as error:
        raise TreeError(node.start_mark.line + 1, f"{text} is no number") from error


def _number(node: yaml.Node, text: str) -> float:
    try:
        value = float(text.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError as error:
        raise TreeError(node.start_mark.line + 1, f"{text} is no number") from error
    if not math.isfinite(value):
        raise TreeError(node.start_mark.line + 1, f"{text} cannot be written in JSON")
    return value
