"""Checks of `metadata` as the API server does them for custom resources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from stellwerk.api.base import DNS_LABEL, DNS_SUBDOMAIN, LABEL_VALUE, QUALIFIED_NAME
from stellwerk.api.crd import Node
from stellwerk.api.field_error import FieldError, Keys

_NAME: Final = re.compile(DNS_SUBDOMAIN.removesuffix("$") + r"\Z")
_NAMESPACE: Final = re.compile(DNS_LABEL.removesuffix("$") + r"\Z")
_LABEL_VALUE: Final = re.compile(LABEL_VALUE.removesuffix("$") + r"\Z")
_KEY: Final = re.compile(QUALIFIED_NAME.removesuffix("$") + r"\Z")

_MAX_NAME: Final = 253
_MAX_GENERATED: Final = 58
_MAX_LABEL: Final = 63
_MAX_ANNOTATIONS: Final = 256 * 1024

_STRING: Final[Node] = {"type": ["string", "null"]}
_FLAG: Final[Node] = {"type": ["boolean", "null"]}
_NUMBER: Final[Node] = {"type": ["integer", "null"]}
_STRINGS: Final[Node] = {"type": ["object", "null"], "additionalProperties": _STRING}
_OWNER: Final[Node] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _STRING),
        "controller": _FLAG,
        "blockOwnerDeletion": _FLAG,
    },
}

SCHEMA: Final[Node] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(
            (
                "name",
                "generateName",
                "namespace",
                "selfLink",
                "uid",
                "resourceVersion",
                "creationTimestamp",
                "deletionTimestamp",
            ),
            _STRING,
        ),
        "generation": _NUMBER,
        "deletionGracePeriodSeconds": _NUMBER,
        "labels": _STRINGS,
        "annotations": _STRINGS,
        "finalizers": {"type": ["array", "null"], "items": _STRING},
        "ownerReferences": {"type": ["array", "null"], "items": _OWNER},
        "managedFields": {"type": ["array", "null"], "items": {"type": "object"}},
    },
}
"""The fields that metadata may have and their types; null stands for an absent field."""


def check(metadata: dict[str, Any], *, namespaced: bool) -> Iterator[FieldError]:
    """Yield what the API server would refuse in a well-typed `metadata`."""
    yield from _check_name(metadata)
    if namespaced:  # the server ignores a namespace on what belongs to the whole cluster
        yield from _check_namespace(metadata.get("namespace") or "")
    yield from _check_labels(metadata.get("labels") or {})
    yield from _check_annotations(metadata.get("annotations") or {})
    for index, name in enumerate(metadata.get("finalizers") or ()):
        yield from _check_key(name or "", ("finalizers", index))
    yield from _check_owners(metadata.get("ownerReferences") or ())


def _check_name(metadata: dict[str, Any]) -> Iterator[FieldError]:
    name, prefix = metadata.get("name") or "", metadata.get("generateName") or ""
    rule = "must be lower-case letters, digits, - and ., and start and end with a letter or digit"
    if name and (len(name) > _MAX_NAME or not _NAME.match(name)):
        yield _error(("name",), f"{rule}; at most {_MAX_NAME} characters")
    elif not name and not prefix:
        yield _error(("name",), "is required (or generateName)")
    if prefix and not _NAME.match(prefix[:-1] + "a" if prefix.endswith("-") else prefix):
        yield _error(("generateName",), rule)


def _check_namespace(namespace: str) -> Iterator[FieldError]:
    if namespace and (len(namespace) > _MAX_LABEL or not _NAMESPACE.match(namespace)):
        yield _error(("namespace",), "must be lower-case letters, digits and -, at most 63")


def _check_labels(labels: dict[str, Any]) -> Iterator[FieldError]:
    for key, value in labels.items():
        yield from _check_key(key, ("labels", key))
        if len(value or "") > _MAX_LABEL or not _LABEL_VALUE.match(value or ""):
            text = "must be letters, digits, -, _ and ., and start and end with a letter or digit"
            yield _error(("labels", key), f"{text}; at most {_MAX_LABEL} characters")


def _check_annotations(annotations: dict[str, Any]) -> Iterator[FieldError]:
    for key in annotations:
        yield from _check_key(key.lower(), ("annotations", key))
    sizes = (len(key.encode()) + len((value or "").encode()) for key, value in annotations.items())
    if sum(sizes) > _MAX_ANNOTATIONS:
        yield _error(("annotations",), "must have at most 256 KiB in all")


def _check_key(key: str, keys: Keys) -> Iterator[FieldError]:
    prefix, _, name = key.rpartition("/")
    if len(prefix) > _MAX_NAME or len(name) > _MAX_LABEL or not _KEY.match(key):
        text = "must be a name of letters, digits, -, _ and . (at most 63), optionally after a DNS"
        yield _error(keys, f"{text} name and /, such as example.com/team")


def _check_owners(owners: list[dict[str, Any]] | tuple[()]) -> Iterator[FieldError]:
    for index, owner in enumerate(owners):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield _error(("ownerReferences", index, field), "is required")
    once = [owner for index, owner in enumerate(owners) if owner not in owners[:index]]
    if sum(bool(owner.get("controller")) for owner in once) > 1:
        yield _error(("ownerReferences",), "must have at most one with controller: true")


def _error(keys: Keys, message: str) -> FieldError:
    return FieldError(("metadata", *keys), message)
