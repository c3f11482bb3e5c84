"""Looking into a plan from outside: what it took of each node, and what a pod asks for, worked out anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from unittest.mock import patch

import msgspec

from stellwerk.model.capacity import Pool
from stellwerk.model.decision import Plan
from stellwerk.model.placement import PlacedAccelerator
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, PodShape, Workload
from stellwerk.placement.changes.whatif import Explainer
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW

Explained = tuple[Plan, Fleet]


@contextmanager
def overhearing(fleets: list[Fleet]) -> Iterator[None]:
    """Record the fleet of the round that is taken, as its decisions left it."""
    explained = Explainer.explained

    def heard(explainer: Explainer, asked: Sequence[object]) -> object:
        fleets.append(explainer._fleet)
        return explained(explainer, asked)  # type: ignore[arg-type]

    with patch.object(Explainer, "explained", heard):
        yield


def planned(pending: Sequence[Workload], seen: Snapshot) -> Explained:
    """Plan, and return the fleet as the decisions left it."""
    fleets: list[Fleet] = []
    with overhearing(fleets):
        made = plan(pending, seen, NOW, 1, looks=0)
    return made, fleets[-1]


def free_after(fleet: Fleet) -> dict[str, Resources]:
    """What is free on each node that takes pods; amounts may be negative where they were before."""
    free: dict[str, Resources] = {}
    for view in fleet.views:
        bins = view.bins
        for rank, name in enumerate(bins._names):
            key = bins._rows.keys[bins._rows.at[rank]]
            free[name] = Resources.of(dict(zip(bins.axis, key.vector, strict=True)))
    return free


def devices_after(fleet: Fleet) -> dict[str, tuple[tuple[int, ...], int]]:
    """Free slices of each device, and slices of one device, by node; only of sliced pools."""
    found: dict[str, tuple[tuple[int, ...], int]] = {}
    for view in fleet.views:
        bins = view.bins
        for rank, name in enumerate(bins._names):
            key = bins._rows.keys[bins._rows.at[rank]]
            if key.devices:
                found[name] = key.devices, bins._slices
    return found


def afterwards(seen: Snapshot, fleet: Fleet) -> Snapshot:
    """The world in which all that was placed runs."""
    offered = {one.name: one.allocatable for one in seen.nodes}
    free = free_after(fleet)
    usage = {name: offered[name] - free[name] for name in free if name in offered}
    return msgspec.structs.replace(seen, usage={**seen.usage, **usage})


def request_of(pod: PodShape, option: AcceleratorOption | None, there: Pool) -> Resources:
    """What one pod asks for there: whole accelerators take all slices of as many, a share takes slices of one."""
    has = there.accelerator
    if option is None or has is None:
        return pod.requests
    if option.share_milli is not None:
        units = ceil(option.share_milli * has.slices / 1000)
    elif option.share_bytes is not None:
        units = ceil(option.share_bytes * has.slices / (has.memory_bytes or 1))
    else:
        units = option.count * has.slices
    return pod.requests + Resources.of({has.resource: units})


def units_of(placed: PlacedAccelerator | None) -> Resources:
    """What a placement says that each pod asks for."""
    return Resources() if placed is None else Resources.of({placed.resource: placed.amount})


def gpus(resources: Resources) -> int:
    """Units of nvidia.com/gpu."""
    return resources.get(GPU)
