"""The kopf handlers: one for each kind that people write by hand and that stays small. Decorators and one call each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import kopf

from stellwerk.api.labels import GROUP, VERSION

Judge = Callable[[str, Mapping[str, Any]], None]
"""Takes a kind and an object as seen; judges it and has the verdict written to its status."""


def registry_for(judge: Judge) -> kopf.OperatorRegistry:
    """Return the registry of all handlers; each hands what it saw to `judge`.

    Only event handlers: they keep no state in the object's metadata, where a user could forge it, and write nothing.
    """
    registry = kopf.OperatorRegistry()

    @kopf.on.event(GROUP, VERSION, "placementpolicies", registry=registry)
    async def placement_policy(event: kopf.RawEvent, **_: Any) -> None:  # noqa: ANN401 - kopf's handler protocol
        """Judge a PlacementPolicy."""
        if event["type"] != "DELETED":
            judge("PlacementPolicy", event["object"])

    @kopf.on.event(GROUP, VERSION, "computepools", registry=registry)
    async def compute_pool(event: kopf.RawEvent, **_: Any) -> None:  # noqa: ANN401 - kopf's handler protocol
        """Judge a ComputePool."""
        if event["type"] != "DELETED":
            judge("ComputePool", event["object"])

    return registry
