"""What all wire models share: the frozen base class, field docs, object metadata and rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema

Wire = dict[str, Any]
"""A decoded JSON object as the API server sends it: camelCase keys, plain values."""


class Rule(NamedTuple):
    """A rule over several fields, written once for the API server (CEL) and for Python.

    The CRD generator emits `cel` and `message` as `x-kubernetes-validations`; offline validation
    runs `holds`. Tests against a real API server hold the two equal.
    """

    name: str
    """Unique within its model, kebab-case."""
    cel: str
    """The expression; it is true when the rule is kept."""
    message: str
    """One sentence that names the field and says what is allowed."""
    holds: Callable[[Any], bool]
    """The same in Python, over the parsed model."""
    field: str = ""
    """Wire name of the field to blame, if it is one field; empty blames the whole object."""


def key_rule(field: str, attribute: str) -> Rule:
    """Demand that the keys of a map may be keys of labels, which a schema cannot say."""
    pattern = re.compile(QUALIFIED_NAME)
    return Rule(
        name=f"{field}-keys",
        cel=f"!has(self.{field}) || self.{field}.all(k, k.size() <= {MAX_KEY} && k.matches(r'{QUALIFIED_NAME}'))",
        message=f"every key of {field} must be letters, digits, -, _ and ., optionally after a DNS name and /,"
        " such as example.com/team",
        holds=lambda model: all(len(key) <= MAX_KEY and pattern.fullmatch(key) for key in getattr(model, attribute)),
        field=field,
    )


class Frozen(NamedTuple):
    """A field that cannot be changed once the object exists (a CEL transition rule)."""

    field: str
    """Wire name of the field."""
    cel: str
    """The expression over `self` and `oldSelf`; it is true when nothing changed."""
    message: str
    """One sentence that names the field and says what to do instead."""


def frozen(field: str, remedy: str, *, is_list: bool = False) -> Frozen:
    """Forbid changes of `field`; for a list, absent and empty are the same."""
    new, old = f"self.{field}", f"oldSelf.{field}"
    if is_list:
        cel = (
            f"(has({new}) ? {new}.size() : 0) == (has({old}) ? {old}.size() : 0) && "
            f"(!has({new}) || !has({old}) || {new} == {old})"
        )
    else:
        cel = f"has({new}) == has({old}) && (!has({new}) || {new} == {old})"
    return Frozen(field, cel, f"{field} cannot be changed once the object exists: {remedy}")


def _field_path(field: str) -> dict[str, str]:
    return {"fieldPath": f".{field}"} if field else {}


class WireModel(BaseModel):
    """A part of a custom resource: immutable, unknown fields refused, camelCase on the wire."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,  # building every validator at import would cost the CLI its quick start
    )

    rules: ClassVar[tuple[Rule, ...]] = ()
    frozen_fields: ClassVar[tuple[Frozen, ...]] = ()

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Add the model's rules to its JSON schema, from which the CRDs are made."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        rules = [
            *({"rule": r.cel, "message": r.message} | _field_path(r.field) for r in cls.rules),
            *({"rule": f.cel, "message": f.message} | _field_path(f.field) for f in cls.frozen_fields),
        ]
        if rules:
            schema["x-kubernetes-validations"] = rules
        return schema

    def wire(self) -> Wire:
        """Return the JSON object that was parsed: what was not set (or defaulted by) is absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def doc(text: str, example: object, **bounds: Any) -> FieldInfo:  # noqa: ANN401 - as Field
    """Describe a field: what it says and in which unit, an example, and its bounds.

    Args:
        text: One or more sentences, the unit among them where there is one.
        example: A valid value, as decoded from JSON.
        bounds: Further arguments of `pydantic.Field`, such as `ge`, `max_length` or `pattern`.
    """
    shown = example if isinstance(example, str) else json.dumps(example)
    info: FieldInfo = Field(description=f"{text} Example: `{shown}`.", **bounds)
    return info


def list_map(*keys: str) -> dict[str, Any]:
    """Mark a list as a map by `keys`: no two items may agree in all of them."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


LIST_SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}
"""Marks a list of scalars as a set: no value twice."""

LIST_ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
"""Marks a list that is replaced as a whole."""

MAX_COUNTER = 2**53 - 1
"""The greatest whole number that every JSON reader keeps exactly."""

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
LABEL_TOKEN = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"  # noqa: S105 - a pattern, not a secret
MAX_KEY = 316
"""The longest key of a label: 252 characters of DNS name, a slash and 63 characters."""
QUALIFIED_NAME = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
)
DATE_TIME = (  # no `format: date-time` beside it: with that the server lets lists pass
    r"^[1-9][0-9]{3}-"
    r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$"
)

Name = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
"""A DNS label: lower-case letters, digits and `-`, at most 63."""

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN)]
"""A name of an object: DNS labels joined by dots, at most 253 characters."""

Token = Annotated[str, Field(min_length=1, max_length=63, pattern=LABEL_TOKEN)]
"""A word that may be a label value: letters, digits, `-`, `_`, `.`, at most 63."""

LabelValue = Annotated[str, Field(max_length=63, pattern=LABEL_VALUE)]
"""The value of a label: like `Token`, or empty."""

QualifiedName = Annotated[str, Field(min_length=1, max_length=MAX_KEY, pattern=QUALIFIED_NAME)]
"""The key of a label, taint or resource: an optional DNS prefix and `/`, then a name."""

Labels = dict[str, LabelValue]
"""Labels by key."""

Timestamp = Annotated[str, Field(max_length=40, pattern=DATE_TIME)]
"""A point in time as in RFC 3339, such as `2026-11-22T19:00:00Z`."""


class OwnerReference(WireModel):
    """The owner of an object, as Kubernetes writes it."""

    model_config = ConfigDict(extra="ignore")

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False
    block_owner_deletion: bool = False


class ObjectMeta(WireModel):
    """The part of an object's metadata that Stellwerk reads; the rest is ignored."""

    model_config = ConfigDict(extra="ignore")

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()
