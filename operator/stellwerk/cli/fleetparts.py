"""What the parts of a fleet file have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictInt, StrictStr, WithJsonSchema
from pydantic.alias_generators import to_camel

from stellwerk.api import quantity
from stellwerk.api.base import QualifiedName


def _is_quantity(value: str | int) -> str | int:
    if quantity.exact(value) < 0:
        raise ValueError("must not be negative")
    return value


Quantity = Annotated[
    StrictInt | StrictStr,
    AfterValidator(_is_quantity),
    WithJsonSchema({"type": ["integer", "string"]}),
]
"""Any quantity that a node may report; wider than those of our kinds, which CEL has to bear."""

Quantities = dict[QualifiedName, Quantity]
"""Amounts by resource name, such as `{"cpu": "192", "memory": "2Ti", "nvidia.com/gpu": "8"}`."""


class FleetPart(BaseModel):
    """A part of the file: unknown fields refused, camelCase in the file."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,
    )
