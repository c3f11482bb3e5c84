"""What is kept of a disagreement, so that it can be looked at later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from stellwerk.cluster import structs
from stellwerk.model.decision import Plan
from tests.integration.differential.places import Object
from tests.integration.differential.worlds import World


@dataclass
class Disagreement:
    """kube-scheduler did something else than `plan()` said."""

    world: int
    round: int
    what: str
    said: str
    objects: dict[str, Any]

    def __str__(self) -> str:
        return f"world {self.world} round {self.round}: {self.what}\n  {self.said}"

    def dump(self) -> str:
        """All that is needed to look at it, as JSON."""
        return json.dumps(self.objects, indent=1, default=str)


def shown(world: World, plan: Plan, pods: Mapping[str, structs.Pod]) -> dict[str, Any]:
    """Return the world, what was decided in it, and the pods that are there."""
    return {
        "decisions": [msgspec.to_builtins(one, enc_hook=str) for one in plan.decisions],
        "nodes": [_essence(node) for node in world.nodes],
        "pools": world.pools,
        "limits": world.limits,
        "quotas": world.quotas,
        "pods": {name: structs.plain(pod) for name, pod in pods.items()},
    }


def _essence(node: Object) -> Object:
    meta, spec = node["metadata"], node["spec"]
    return {
        "name": meta["name"],
        "labels": meta["labels"],
        "taints": spec.get("taints"),
        "allocatable": node["status"]["allocatable"],
    }
