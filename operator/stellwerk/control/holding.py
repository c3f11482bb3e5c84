"""What the caches add to the state of a workload: its pods as they will be made, and those that are held back."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from stellwerk.control.capacity import Capacity
from stellwerk.control.namespaces import Namespaces
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.model.admission import admitted
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
