"""Conditions, in the form that Kubernetes tools understand."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from stellwerk.api.base import MAX_COUNTER, Timestamp, WireModel, doc

Status = Literal["True", "False", "Unknown"]


class ConditionType(StrEnum):
    """The types of conditions that Stellwerk sets; an AIWorkload has all five from the first visit."""

    ACCEPTED = "Accepted"
    """The spec is valid and the policy exists and may be used."""
    PLACED = "Placed"
    """Capacity is reserved and the pool is chosen."""
    READY = "Ready"
    """All pods run."""
    EVICTED = "Evicted"
    """The workload was taken from its place."""
    FINISHED = "Finished"
    """The workload has ended, well or badly."""


PRICES_FRESH: Final = "PricesFresh"
"""Of a ComputePool: the price in force is the one that its source names, and not too old."""


CONSISTENT: Final = "Consistent"
"""Of a Tenant: its namespaces are its alone, and its parent exists."""


class Condition(WireModel):
    """One aspect of an object's state, as last observed."""

    type: Annotated[
        str,
        doc(
            "What the condition is about.",
            "Placed",
            min_length=1,
            max_length=63,
            pattern=r"^[A-Z][A-Za-z]*$",
        ),
    ]
    status: Annotated[Status, doc("Whether it holds; Unknown where it cannot be told.", "True")]
    reason: Annotated[
        str,
        doc(
            "One word for machines; docs/reference/reasons.md lists all.",
            "CheapestFeasible",
            min_length=1,
            max_length=63,
            pattern=r"^[A-Z][A-Za-z]*$",
        ),
    ]
    message: Annotated[str, doc("One sentence for people.", "Placed on pool onprem-h100.", max_length=4096)] = ""
    last_transition_time: Annotated[Timestamp, doc("When `status` last changed (RFC 3339).", "2026-11-22T19:00:00Z")]
    observed_generation: Annotated[
        int,
        doc("The generation of the spec that was judged.", 1, ge=0, le=MAX_COUNTER),
    ] = 0


Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        max_length=16,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    ),
]
"""Conditions, one per type."""
