"""AIWorkloads and Jobs, linked to each other, and which of them changed since the last cycle."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from stellwerk.api.conditions import ConditionType
from stellwerk.api.labels import PLACEMENT_ANNOTATION
from stellwerk.api.reasons import Reason
from stellwerk.cluster import structs
from stellwerk.control.capacity import JobPods
from stellwerk.control.claims import Claims, key_of
from stellwerk.control.inflight import Seen
from stellwerk.lifecycle.eviction import is_evicted
from stellwerk.lifecycle.intake import workload_from
from stellwerk.lifecycle.observed import JobView, WorkloadState
from stellwerk.lifecycle.wire import WorkloadStatus
from stellwerk.model.workload import Identity, InvalidWorkload, Workload, WorkloadKey


class Workloads:
    """The linked caches of one cluster.

    Attributes:
        dirty: uids of AIWorkloads to look at in the next cycle.
        orphans: labelled Jobs that may need an AIWorkload, to look at in the next cycle.

    """

    def __init__(self) -> None:
        self.dirty: set[str] = set()
        self.orphans: set[WorkloadKey] = set()
        self._objects: dict[str, structs.AIWorkload] = {}
        self._parsed: dict[str, tuple[object, Workload | InvalidWorkload]] = {}
        self._uid_by_key: dict[WorkloadKey, str] = {}
        self._claims = Claims()
        self._jobs: dict[WorkloadKey, JobView] = {}
        self._job_by_uid: dict[str, WorkloadKey] = {}
        self._lost: set[str] = set()
        self._undecided_since: dict[str, float] = {}

    @property
    def uids(self) -> list[str]:
        """All AIWorkloads."""
        return list(self._objects)

    def set_workload(self, new: structs.AIWorkload | None, old: structs.AIWorkload | None) -> str:
        """Take in an event of an AIWorkload; return its uid."""
        shown = new or old
        if shown is None:
            return ""
        uid, key = shown.metadata.uid, key_of(shown.metadata)
        if new is None:
            self._forget(uid, key)
            return uid
        if uid not in self._objects and new.status.decision is None:
            self._undecided_since[uid] = time.monotonic()
        self._objects[uid] = new
        if is_evicted(new.status):
            self._lost.discard(uid)  # its Job went because it was to go
        self._uid_by_key[key] = uid
        self.dirty |= self._claims.note(new)
        return uid

    def set_job(self, new: structs.Job | None, old: structs.Job | None) -> None:
        """Take in an event of a Job that carries our label."""
        shown = new or old
        if shown is None:
            return
        key = key_of(shown.metadata)
        view = job_view(shown)
        owner = self._owner(view)
        if new is None:
            self._drop_job(view, owner)
        else:
            self._jobs[key] = view
            self._job_by_uid[view.uid] = key
        if owner is not None:
            self.dirty.add(owner)
        elif new is not None:
            self.orphans.add(key)

    def touch_job(self, job: str) -> str | None:
        """Mark the workload whose Job's pods changed; return its uid, if there is one."""
        owner = self._owner_of(job)
        if owner is not None:
            self.dirty.add(owner)
        return owner

    def found_for(self, job: str) -> structs.AIWorkload | None:
        """Return the AIWorkload that a Job runs for, which is named as `structs.job_id` does."""
        owner = self._owner_of(job)
        return None if owner is None else self._objects.get(owner)

    def _owner_of(self, job: str) -> str | None:
        namespace, _, uid = job.partition("/")
        key = self._job_by_uid.get(uid)
        return None if key is None or key.namespace != namespace else self._owner(self._jobs[key])

    def mark(self, uid: str) -> None:
        """Mark an AIWorkload, or a Job that no AIWorkload stands for yet, by its uid."""
        if uid in self._job_by_uid:
            self.orphans.add(self._job_by_uid[uid])
        else:
            self.dirty.add(uid)

    def look_at_all_jobs(self) -> None:
        """Mark every labelled Job that no AIWorkload stands for."""
        self.orphans.update(key for key, job in self._jobs.items() if self._owner(job) is None)

    def status(self, uid: str) -> WorkloadStatus:
        """Return the status last seen; a workload that is gone has the empty one."""
        found = self._objects.get(uid)
        return WorkloadStatus() if found is None else found.status

    def first_decided(self, uid: str, now: float) -> float | None:
        """Return seconds from the first sight of a workload to its first decision; None if that was before."""
        since = self._undecided_since.pop(uid, None)
        return None if since is None else now - since

    def is_young(self, uid: str, now: float, seconds: float) -> bool:
        """Tell whether a workload was first seen less than this ago and has not been decided yet."""
        since = self._undecided_since.get(uid)
        return since is not None and now - since < seconds

    def birth(self, uid: str) -> tuple[datetime, str]:
        """Return when a workload was created, and its class."""
        found = self._objects[uid]
        return datetime.fromisoformat(found.metadata.creation_timestamp or ""), str(found.spec.get("class", ""))

    def describe(self, uid: str) -> tuple[str, str]:
        """Return namespace and class, for metrics."""
        found = self._objects[uid]
        return found.metadata.namespace, str(found.spec.get("class", ""))

    def seen(self, uid: str) -> Seen:
        """Return what the cache shows of a workload, to compare with what was written."""
        found, job = self._objects.get(uid), self._job(uid)
        return Seen(
            version=None if found is None else found.metadata.resource_version,
            mark=None if job is None or job.suspend else job.annotations.get(PLACEMENT_ANNOTATION),
            alive=None if job is None or job.suspend or job.deleting else job.uid,
        )

    def job_id(self, uid: str) -> str:
        """Return the workload's Job as `structs.job_id` says it; empty if it has none now."""
        job = self._job(uid)
        return "" if job is None else structs.job_id(job.key.namespace, job.uid)

    def set_job_ids(self, uid: str) -> tuple[str, ...]:
        """Return the Jobs of the workload's further pod sets like `job_id`, in the order of the spec."""
        jobs = self._set_jobs(uid)
        return tuple("" if job is None else structs.job_id(job.key.namespace, job.uid) for job in jobs)

    def orphan(self, key: WorkloadKey) -> JobView | None:
        """Return a labelled Job that no AIWorkload stands for."""
        job = self._jobs.get(key)
        return None if job is None or self._owner(job) is not None else job

    def taken(self, key: WorkloadKey) -> bool:
        """Tell whether an AIWorkload of this name exists."""
        return key in self._uid_by_key

    def state(self, uid: str, pods: JobPods) -> WorkloadState | None:
        """Return all that is known of a workload, or None if it is gone."""
        found = self._objects.get(uid)
        if found is None:
            return None
        job, set_jobs = self._job(uid), self._set_jobs(uid)
        return WorkloadState(
            workload=self._taken(found) or self._workload(found, job),
            spec=found.spec,
            status=found.status,
            job=job,
            job_lost=uid in self._lost and None in (job, *set_jobs),
            set_jobs=set_jobs,
            deleting=found.metadata.deletion_timestamp is not None,
            pods_bound=pods.bound + (job.succeeded if job else 0),
            pods_unschedulable_message=pods.unschedulable,
        )

    def _job(self, uid: str) -> JobView | None:
        key = self._claims.job_of(uid)
        return None if key is None else self._job_for(uid, key)

    def _set_jobs(self, uid: str) -> tuple[JobView | None, ...]:
        return tuple(self._job_for(uid, key) for key in self._claims.set_jobs_of(uid))

    def _job_for(self, uid: str, key: WorkloadKey) -> JobView | None:
        job = self._jobs.get(key)
        return None if job is None or self._owner(job) != uid else job

    def _owner(self, job: JobView) -> str | None:
        """Return the uid of the AIWorkload that a Job runs for."""
        return self._claims.owner(job)

    def _taken(self, found: structs.AIWorkload) -> InvalidWorkload | None:
        """Tell an AIWorkload whose Job runs for another one that it does."""
        key = self._claims.job_of(found.metadata.uid)
        job = None if key is None or "workloadRef" not in found.spec else self._jobs.get(key)
        owner = None if job is None else self._owner(job)
        if job is None or owner in (None, found.metadata.uid):
            return None
        message = f"Job {job.key.name} runs for AIWorkload {self._objects[owner].metadata.name} already"
        return InvalidWorkload(_identity(found.metadata), Reason.JOB_TAKEN, message)

    def _workload(self, found: structs.AIWorkload, job: JobView | None) -> Workload | InvalidWorkload:
        """Parse once per generation (and per version of a user's Job); a status write only brings a new version."""
        meta = found.metadata
        identity = _identity(meta)
        version = (meta.generation, None if job is None or "workloadRef" not in found.spec else job.resource_version)
        known = self._parsed.get(meta.uid)
        if known is not None and known[0] == version:
            parsed = msgspec.structs.replace(known[1], identity=identity)
        else:
            parsed = workload_from(identity, found.spec, job)
            self._parsed[meta.uid] = (version, parsed)
        return _with_service(parsed, found.status)

    def _drop_job(self, view: JobView, owner: str | None) -> None:
        self._job_by_uid.pop(view.uid, None)
        if self._jobs.get(view.key, view).uid == view.uid:  # not one that was made anew under the name
            self._jobs.pop(view.key, None)
            placed = None if owner is None else self.status(owner).condition(ConditionType.PLACED)
            if owner is not None and (placed is None or placed.status != "False"):  # else it had to go
                self._lost.add(owner)

    def _forget(self, uid: str, key: WorkloadKey) -> None:
        for cache in (self._objects, self._parsed, self._undecided_since):
            cache.pop(uid, None)
        if self._uid_by_key.get(key) == uid:
            del self._uid_by_key[key]
        job = self._claims.job_of(uid)
        rivals = self._claims.forget(uid)
        self.dirty |= rivals
        if job is not None and not rivals:
            self.orphans.add(job)
        self._lost.discard(uid)
        self.dirty.discard(uid)


def _with_service(parsed: Workload | InvalidWorkload, status: WorkloadStatus) -> Workload | InvalidWorkload:
    """Add what the workload has had by its status: it may come back after a restart of ours, too."""
    had = status.service
    if had is None or isinstance(parsed, InvalidWorkload):
        return parsed
    return msgspec.structs.replace(parsed, served=had.accelerator_seconds, lost=had.lost_seconds)


def _identity(meta: structs.ObjectMeta) -> Identity:
    return Identity(key_of(meta), meta.uid, meta.generation, meta.resource_version, meta.creation_timestamp or "")


def job_view(job: structs.Job) -> JobView:
    """Reduce a Job to what decisions depend on."""
    meta, status = job.metadata, job.status
    finished, reason, message = _ending(status)
    return JobView(
        key=key_of(meta),
        uid=meta.uid,
        resource_version=meta.resource_version,
        labels=meta.labels or {},
        annotations=meta.annotations or {},
        owner_uids=tuple(owner.uid for owner in meta.owner_references or ()),
        suspend=bool(job.spec.suspend),
        started=status.start_time is not None,
        parallelism=1 if job.spec.parallelism is None else job.spec.parallelism,
        completions=job.spec.completions,
        template=_template(job.spec.template),
        active=status.active,
        ready=status.ready or 0,
        succeeded=status.succeeded,
        failed=status.failed,
        finished=finished,
        finished_reason=reason,
        finished_message=message,
        deleting=meta.deletion_timestamp is not None,
        terminating=status.terminating or 0,
    )


def _template(template: structs.PodTemplate) -> Mapping[str, Any]:
    built: Mapping[str, Any] = msgspec.to_builtins(template)
    return built


def _ending(status: structs.JobStatus) -> tuple[Literal["Complete", "Failed"] | None, str, str]:
    for condition in status.conditions or ():
        if condition.status != "True":
            continue
        if condition.type == "Complete":
            return "Complete", condition.reason or "", condition.message or ""
        if condition.type == "Failed":
            return "Failed", condition.reason or "", condition.message or ""
    return None, "", ""
