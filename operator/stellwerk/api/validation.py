"""Offline validation: the verdict of the API server on a manifest, without an API server.

It stands for a create with strict field validation: unknown fields, metadata, the structural schema
with its defaults, then the rules that the server evaluates as CEL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from stellwerk.api import metadata
from stellwerk.api.base import Wire, WireModel
from stellwerk.api.crd import Node, structural_schema
from stellwerk.api.defaults import canonical, with_defaults
from stellwerk.api.field_error import FieldError, Keys
from stellwerk.api.labels import API_VERSION
from stellwerk.api.v1alpha1 import KINDS
from stellwerk.api.v1alpha1.kind import Kind

_BOTH_EMPTY: Final[tuple[tuple[Any, Any], ...]] = ((None, []), ([], None))

if TYPE_CHECKING:
    from stellwerk.api.schema_check import Checker

_KINDS: Final = {kind.info.kind: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the API server would say of a manifest."""

    errors: tuple[FieldError, ...]
    """What it would refuse; empty if it would accept the manifest."""
    manifest: Wire
    """The manifest with all defaults, as it would be stored; status is left out, as on a create."""
    object: Kind | None
    """The typed object; None if there are errors."""


def validate(manifest: object) -> Verdict:
    """Judge a decoded manifest of one of our kinds, as the API server judges a create.

    Strings that look like times must have been decoded as strings, as JSON does.
    """
    if not isinstance(manifest, dict):
        return _refused(FieldError((), "must be an object with apiVersion, kind, metadata and spec"))
    kind = _KINDS.get(str(manifest.get("kind")))
    if kind is None:
        known = " or ".join(_KINDS)
        return _refused(FieldError(("kind",), f"must be {known}, not {manifest.get('kind')!r}"))
    if manifest.get("apiVersion") != API_VERSION:
        return _refused(FieldError(("apiVersion",), f"must be {API_VERSION}"))
    return _judge(manifest, kind)


def validate_update(manifest: object, stored: Wire) -> Verdict:
    """Judge a manifest as the API server judges an update of the object that it has `stored`."""
    verdict = validate(manifest)
    if verdict.object is None:
        return verdict
    kind = type(verdict.object)
    errors = tuple(_changed(verdict.manifest, _create(stored, kind), kind))
    return Verdict(errors, verdict.manifest, None if errors else verdict.object)


def _refused(error: FieldError) -> Verdict:
    return Verdict((error,), {}, None)


def _judge(manifest: Wire, kind: type[Kind]) -> Verdict:
    stored = _create(manifest, kind)
    meta = stored["metadata"]
    body = {key: value for key, value in stored.items() if key != "metadata"}
    check = _checkers(kind)
    errors = [
        *check.metadata(meta, ("metadata",)),
        *check.body(body, ()),
        *check.status(manifest.get("status"), ("status",)),
    ]
    if not errors:
        errors += metadata.check(meta, namespaced=kind.info.scope == "Namespaced")
    if errors:
        return Verdict(tuple(errors), stored, None)
    typed = _typed(stored, kind)
    broken = tuple(broken_rules(typed))
    return Verdict(broken, stored, None if broken else typed)


class _Checkers(NamedTuple):
    metadata: Checker
    body: Checker
    status: Checker
    """Only refuses unknown fields: the server drops a new object's status before it looks at it."""


@cache
def _checkers(kind: type[Kind]) -> _Checkers:
    from stellwerk.api import schema_check  # noqa: PLC0415 - jsonschema is slow to import

    schema = _schema(kind)
    shape = schema_check.shape(schema["properties"]["status"])
    build = schema_check.Checker
    return _Checkers(build(metadata.SCHEMA), build(schema), build(shape))


def _create(manifest: Wire, kind: type[Kind]) -> Wire:
    """Return what the API server would store of `manifest`: with defaults and without status."""
    sent = {key: value for key, value in manifest.items() if key != "status"}
    stored: Wire = with_defaults(sent, _schema(kind))
    stored.setdefault("metadata", {})
    return stored


@cache
def _schema(kind: type[Kind]) -> Node:
    return structural_schema(kind)


def _typed(stored: Wire, kind: type[Kind]) -> Kind:
    return kind.model_validate({**stored, "metadata": _without_nulls(stored["metadata"])})


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _changed(new: Wire, old: Wire, kind: type[Kind]) -> Iterator[FieldError]:
    """Yield the frozen fields of the spec in which `new` differs from `old`."""
    model, schema = kind.model_fields["spec"].annotation, _schema(kind)
    ours, theirs = canonical(new, schema)["spec"], canonical(old, schema)["spec"]
    for frozen in getattr(model, "frozen_fields", ()):
        pair = ours.get(frozen.field), theirs.get(frozen.field)
        if pair[0] != pair[1] and pair not in _BOTH_EMPTY:
            yield FieldError(("spec", frozen.field), frozen.message)


def broken_rules(model: WireModel, keys: Keys = ()) -> Iterator[FieldError]:
    """Yield the rules of `model` and of everything in it that do not hold."""
    for rule in model.rules:
        if not rule.holds(model):
            yield FieldError((*keys, rule.field) if rule.field else keys, rule.message)
    for name, field in type(model).model_fields.items():
        value, key = getattr(model, name), field.alias or name
        if isinstance(value, WireModel):
            yield from broken_rules(value, (*keys, key))
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, WireModel):
                    yield from broken_rules(item, (*keys, key, index))
