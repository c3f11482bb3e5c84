"""Gangs of several pod sets: a Job for each, all placed or none, all stopped when one fails.

The main pod set's Job is the one of a gang with no other. The Jobs of the further sets have deterministic names, too,
and carry the placement of their set. Nothing is remembered: which Jobs must be made or must go follows from the status
and from the Jobs that are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from stellwerk.api.conditions import ConditionType
from stellwerk.api.labels import POD_SET_LABEL
from stellwerk.lifecycle.actions import Action, CreateJob, DeleteJob
from stellwerk.lifecycle.job import Json, build_job, child_name
from stellwerk.lifecycle.observed import JobView, WorkloadState
from stellwerk.lifecycle.wire import ChildStatus, WorkloadStatus
from stellwerk.model.placement import PlacedSet, Placement
from stellwerk.model.workload import Workload, WorkloadKey

_NAME_KEPT = 48
"""As for the main Job: so much of name and pod set, `-`, 8 digits, and `-9999` of a host name fit into 63."""


class Part(NamedTuple):
    """The Job of one pod set, on record and as seen."""

    child: ChildStatus | None
    job: JobView | None

    @property
    def is_replaced(self) -> bool:
        """Whether the Job is another one, of the same name, than the one on record."""
        return self.job is not None and self.child is not None and self.child.uid not in (None, self.job.uid)


def set_job_name(name: str, uid: str, pod_set: str) -> str:
    """Return the name of the Job of a further pod set: always the same, and of no other one."""
    kept = name[: _NAME_KEPT - len(pod_set) - 1].rstrip("-")
    return child_name(f"{kept}-{pod_set}", f"{uid}/{pod_set}")


def set_job_keys(namespace: str, name: str, uid: str, spec: Mapping[str, Any]) -> tuple[WorkloadKey, ...]:
    """Return namespace and name of the Jobs of the further pod sets, in the order of the spec."""
    sets = () if "workloadRef" in spec else spec.get("podSets") or ()
    return tuple(WorkloadKey(namespace, set_job_name(name, uid, one["name"])) for one in sets)


def parts_of(state: WorkloadState) -> list[Part]:
    """Return the Jobs of all pod sets, the main one first."""
    recorded = {child.name: child for child in state.status.children}
    key, uid = state.workload.key, state.workload.uid
    names = [one.name for one in set_job_keys(key.namespace, key.name, uid, state.spec)]
    jobs = state.set_jobs or (None,) * len(names)
    further = [Part(recorded.get(name), job) for name, job in zip(names, jobs, strict=True)]
    return [Part(state.status.child, state.job), *further]


def children_seen(state: WorkloadState, *, forget: bool) -> tuple[ChildStatus, ...]:
    """Return the further Jobs as the status records them; `forget` drops those that are not there any more."""
    found = (
        ChildStatus("batch/v1", "Job", job.key.name, job.uid) if job is not None else None if forget else child
        for child, job in parts_of(state)[1:]
    )
    return tuple(child for child in found if child is not None)


def build_set_job(workload: Workload, spec: Mapping[str, Any], placement: Placement, placed: PlacedSet) -> Json:
    """Return the manifest of the Job of one further pod set, the same for the same arguments."""
    one = next(item for item in spec["podSets"] if item["name"] == placed.name)
    job = build_job(workload, {**spec, "template": one["template"]}, placement.of_set(placed))
    job["metadata"]["name"] = set_job_name(workload.key.name, workload.uid, placed.name)
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        metadata["labels"] = {**metadata["labels"], POD_SET_LABEL: placed.name}
    return job


def missing_set_jobs(state: WorkloadState, placement: Placement) -> list[Action]:
    """Return what makes the Jobs of further pod sets that are not there."""
    workload = state.workload
    if not isinstance(workload, Workload):
        return []
    there = {job.key.name for job in state.set_jobs if job is not None}
    known = {one["name"] for one in state.spec.get("podSets") or ()}
    sets = (placed for placed in placement.pod_sets if placed.name in known)
    made = (build_set_job(workload, state.spec, placement, placed) for placed in sets)
    return [CreateJob(workload.key, workload.uid, job) for job in made if job["metadata"]["name"] not in there]


def stopping_actions(state: WorkloadState, new: WorkloadStatus, *, again: bool) -> list[Action]:
    """Return what ends the Jobs of a gang that has no place any more: it failed, lost a Job or gave its place up.

    Args:
        state: What was last seen of it.
        new: Its status as written, or as it stands.
        again: It gave its place up and will be placed again: what has ended must go, too, but for the main Job, of
            which others take care.
    """
    placed = new.condition(ConditionType.PLACED)
    if not has_sets(state) or placed is None or placed.status != "False":
        return []
    jobs = [job for job in _own(state, [*([] if again else [state.job]), *state.set_jobs]) if not job.deleting]
    return [DeleteJob(job.key, job.uid) for job in jobs if again or job.finished is None]


def has_remains(state: WorkloadState) -> bool:
    """Tell whether Jobs of a gang without a place are still there: a new place would find them in the way."""
    return has_sets(state) and any(True for _ in _own(state, [state.job, *state.set_jobs]))


def has_sets(state: WorkloadState) -> bool:
    """Tell whether the gang has further pod sets."""
    return bool(state.spec.get("podSets")) and "template" in state.spec


def _own(state: WorkloadState, jobs: Sequence[JobView | None]) -> Iterator[JobView]:
    return (job for job in jobs if job is not None and state.workload.uid in job.owner_uids)
