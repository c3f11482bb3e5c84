"""What a container needs and may use, apart from accelerators."""

from __future__ import annotations

from typing import Annotated

from stellwerk.api.base import Rule, WireModel, doc, key_rule
from stellwerk.api.labels import ACCELERATOR_RESOURCE_PREFIXES
from stellwerk.api.quantity import Quantity, exact

Resources = dict[str, Quantity]
"""Amounts by resource name."""


def _names_accelerator(resources: Resources) -> bool:
    return any(name.startswith(ACCELERATOR_RESOURCE_PREFIXES) for name in resources)


def _no_accelerator(field: str) -> Rule:
    tests = " || ".join(f"k.startsWith('{prefix}')" for prefix in ACCELERATOR_RESOURCE_PREFIXES)
    return Rule(
        name=f"no-accelerator-in-{field}",
        cel=f"!has(self.{field}) || self.{field}.all(k, !({tests}))",
        message=f"{field} must not name accelerators (such as nvidia.com/gpu): ask for them in"
        " spec.accelerators, and the first container gets them",
        holds=lambda r: not _names_accelerator(getattr(r, field)),
        field=field,
    )


def _not_negative(field: str) -> Rule:
    return Rule(
        name=f"{field}-not-negative",
        cel=f"!has(self.{field}) || self.{field}.all(k, !quantity(string(self.{field}[k])).isLessThan(quantity('0')))",
        message=f"{field} must not be negative",
        holds=lambda r: all(exact(amount) >= 0 for amount in getattr(r, field).values()),
        field=field,
    )


def _within_limits(resources: ResourceRequirements) -> bool:
    limits = resources.limits
    return all(exact(amount) <= exact(limits[name]) for name, amount in resources.requests.items() if name in limits)


class ResourceRequirements(WireModel):
    """What a container needs and the most it may use, without accelerators."""

    rules = (
        _no_accelerator("requests"),
        _no_accelerator("limits"),
        key_rule("requests", "requests"),
        key_rule("limits", "limits"),
        _not_negative("requests"),
        _not_negative("limits"),
        Rule(
            name="requests-within-limits",
            cel="!has(self.requests) || !has(self.limits) || self.requests.all(k,"
            " !(k in self.limits) || quantity(string(self.requests[k]))"
            ".compareTo(quantity(string(self.limits[k]))) <= 0)",
            message="requests must not be above limits of the same resource",
            holds=_within_limits,
            field="requests",
        ),
    )

    requests: Annotated[
        Resources,
        doc(
            "What is reserved for the container: cpu in cores, memory in bytes.",
            {"cpu": "8", "memory": "64Gi"},
            max_length=16,
        ),
    ] = {}
    limits: Annotated[
        Resources,
        doc(
            "The most that the container may use: cpu in cores, memory in bytes.",
            {"memory": "64Gi"},
            max_length=16,
        ),
    ] = {}
