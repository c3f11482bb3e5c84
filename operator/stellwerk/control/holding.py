"""What the caches add to the state of a workload: its pods as they will be made, where, and those that must wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from stellwerk.control.capacity import Capacity, JobPods
from stellwerk.control.namespaces import Namespaces
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.model.admission import admitted
from stellwerk.model.capacity import Pool
from stellwerk.model.placement import Placement
from stellwerk.model.workload import Workload


def as_admitted(known: Namespaces, state: WorkloadState | None) -> WorkloadState | None:
    """Look at the pods as the API server will make them: what is reserved for them is what they will take."""
    if state is None or not isinstance(state.workload, Workload):
        return state
    made = admitted(state.workload, known.frozen, known.runtime_classes)
    return state if made is state.workload else msgspec.structs.replace(state, workload=made)


def with_held(state: WorkloadState | None, capacity: Capacity, jobs: Iterable[str]) -> WorkloadState | None:
    """Add the pods of its Jobs that wait to be told their node; only few placements hold any back."""
    placement = None if state is None else state.status.placement
    if state is None or placement is None:
        return state
    if not (placement.nodes_required or any(one.nodes_required for one in placement.pod_sets)):
        return state
    held = tuple(capacity.held_of(job) for job in jobs)
    return msgspec.structs.replace(state, held=held) if any(one.pods for one in held) else state


def with_unbound(state: WorkloadState | None, jobs: Sequence[JobPods]) -> WorkloadState | None:
    """Add of which of its pod sets kube-scheduler says that it cannot bind a pod, the main one first."""
    if state is None or len(jobs) == 1:
        return state
    told = [one.unschedulable for one in jobs]
    return msgspec.structs.replace(
        state,
        pods_unschedulable_message=next((one for one in told if one), None),
        sets_unbound=tuple(one is not None for one in told),
    )


def pools_of(placement: Placement, pools: Iterable[Pool]) -> list[Pool]:
    """Return the pool of each pod set, the main one first; of one that is gone what the placement tells of it."""
    known = {(one.cluster, one.name): one for one in pools}
    parts = (placement, *(placement.of_set(placed) for placed in placement.pod_sets))
    return [known.get((part.cluster, part.pool)) or Pool(part.pool, part.node_selector) for part in parts]
