"""What makes a model a kind: names, scope, printer columns, selectable fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from stellwerk.api.base import MAX_COUNTER, ObjectMeta, Rule, WireModel, doc
from stellwerk.api.conditions import Conditions


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`."""

    name: str
    path: str
    """Simple JSON path from the root, such as `.spec.class`."""
    description: str
    type: Literal["string", "integer", "date"] = "string"
    wide: bool = False
    """Shown with `-o wide` only."""


AGE = Column("AGE", ".metadata.creationTimestamp", "Time since the object was created.", "date")


@dataclass(frozen=True, slots=True)
class KindInfo:
    """What a CustomResourceDefinition says beside the schema."""

    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...]
    scope: Literal["Namespaced", "Cluster"]
    description: str
    columns: tuple[Column, ...]
    selectable_fields: tuple[str, ...] = ()


def short_name_rule(why: str) -> Rule:
    """Demand a `metadata.name` that may be a label value; `why` continues "because"."""
    return Rule(
        name="short-name",
        cel="!has(self.metadata.name) || self.metadata.name.size() <= 63",
        message=f"metadata.name must have at most 63 characters, because {why}",
        holds=lambda obj: len(obj.metadata.name) <= 63,  # noqa: PLR2004 - as in the CEL text
    )


class AnsweredStatus(WireModel):
    """The status of a kind that people write by hand: whether what they wrote is in force."""

    observed_generation: Annotated[int, doc("Generation of the spec that was seen.", 1, ge=0, le=MAX_COUNTER)] = 0
    conditions: Annotated[
        Conditions,
        doc(
            "Accepted.",
            [
                {
                    "type": "Accepted",
                    "status": "True",
                    "reason": "Valid",
                    "lastTransitionTime": "2026-11-22T19:00:00Z",
                }
            ],
        ),
    ] = ()


class Kind(WireModel):
    """A custom resource as a whole; subclasses add `spec` and `status`."""

    info: ClassVar[KindInfo]

    api_version: Literal["stellwerk.dev/v1alpha1"] = "stellwerk.dev/v1alpha1"
    kind: str
    metadata: ObjectMeta
