"""A gang put into a pool of one's choice, wherever kube-scheduler finds room there."""

from __future__ import annotations

import msgspec

from stellwerk.api.labels import POD_SET_LABEL
from stellwerk.lifecycle.actions import CreateJob
from stellwerk.model.capacity import Accelerator, Pool
from stellwerk.model.decision import Candidate
from stellwerk.model.placement import PlacedAccelerator, Placement
from stellwerk.model.shares import units_of
from stellwerk.model.workload import AcceleratorOption, Workload
from tests.integration.differential.seeing import Child


def anywhere(workload: Workload, pool: Pool, candidate: Candidate) -> Placement:
    """Place a gang in a pool, wherever kube-scheduler finds room."""
    option, has = candidate.option, pool.accelerator
    placed = None if option is None or has is None else _whole(option, has)
    tolerations = [
        {"key": one.key, "operator": "Equal" if one.value else "Exists", "value": one.value, "effect": one.effect}
        for one in pool.taints
    ]
    return msgspec.convert(
        {
            "cluster": pool.cluster,
            "pool": pool.name,
            "capacityType": pool.capacity_type,
            "replicas": workload.least(option),
            "accelerator": None if placed is None else msgspec.to_builtins(placed),
            "nodeSelector": dict(pool.node_selector),
            "tolerations": tolerations,
        },
        Placement,
    )


def is_of_further_set(child: Child) -> bool:
    """Tell whether this is the Job of another pod set than the main one."""
    return isinstance(child, CreateJob) and POD_SET_LABEL in child.manifest["metadata"]["labels"]


def _whole(option: AcceleratorOption, has: Accelerator) -> PlacedAccelerator:
    units = units_of(option, has)
    return PlacedAccelerator(has.model, option.count, has.resource, None if units == option.count else units)
