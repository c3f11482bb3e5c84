"""Which Job runs for which AIWorkload: at most one of each, whatever people write into references and labels.

An AIWorkload with a template claims the Job of its deterministic name in its own namespace, and gets it only if that
Job names it as its owner. One with a `workloadRef` claims the Job that it names. That a Job says so is never enough:
owner references can be forged, and are copied along with the Job.
"""

from __future__ import annotations

from stellwerk.api.conditions import ConditionType
from stellwerk.cluster import structs
from stellwerk.lifecycle.job import child_name
from stellwerk.lifecycle.observed import JobView
from stellwerk.lifecycle.podsets import set_job_keys
from stellwerk.model.workload import WorkloadKey


class Claims:
    """AIWorkloads by the Job that they claim."""

    def __init__(self) -> None:
        self._jobs_of: dict[str, tuple[WorkloadKey, ...]] = {}
        self._claimants: dict[WorkloadKey, dict[str, structs.AIWorkload]] = {}

    def note(self, workload: structs.AIWorkload) -> set[str]:
        """Note what an AIWorkload claims now; return the uids of all that this may concern, itself among them."""
        uid, jobs = workload.metadata.uid, _claimed(workload)
        concerned: set[str] = set() if self._jobs_of.get(uid, jobs) == jobs else self.forget(uid)
        self._jobs_of[uid] = jobs
        for job in jobs:
            claimants = self._claimants.setdefault(job, {})
            claimants[uid] = workload
            concerned |= claimants.keys()
        return concerned

    def forget(self, uid: str) -> set[str]:
        """Forget an AIWorkload; return the uids of those that claim the same Job."""
        rivals: set[str] = set()
        for job in self._jobs_of.pop(uid, ()):
            claimants = self._claimants[job]
            del claimants[uid]
            if not claimants:
                del self._claimants[job]
            rivals |= claimants.keys()
        return rivals

    def job_of(self, uid: str) -> WorkloadKey | None:
        """Return the main Job that an AIWorkload claims, whether it exists or not; None if that is unknown."""
        return next(iter(self._jobs_of.get(uid, ())), None)

    def set_jobs_of(self, uid: str) -> tuple[WorkloadKey, ...]:
        """Return the Jobs of further pod sets that an AIWorkload claims, in the order of the spec."""
        return self._jobs_of.get(uid, ())[1:]

    def owner(self, job: JobView) -> str | None:
        """Return the uid of the AIWorkload that a Job runs for, or None."""
        claimants = self._claimants.get(job.key, {})
        valid = (one for uid, one in claimants.items() if "workloadRef" in one.spec or uid in job.owner_uids)
        first = min(valid, key=_precedence, default=None)
        return None if first is None else first.metadata.uid


def key_of(meta: structs.ObjectMeta) -> WorkloadKey:
    """Return namespace and name."""
    return WorkloadKey(meta.namespace, meta.name)


def _claimed(workload: structs.AIWorkload) -> tuple[WorkloadKey, ...]:
    """Return the main Job, then those of further pod sets."""
    meta, reference = workload.metadata, workload.spec.get("workloadRef")
    main = WorkloadKey(meta.namespace, reference["name"] if reference else child_name(meta.name, meta.uid))
    return (main, *set_job_keys(meta.namespace, meta.name, meta.uid, workload.spec))


def _precedence(workload: structs.AIWorkload) -> tuple[bool, bool, bool, str, str]:
    """Who made the Job goes first, then who has not ended, then who has a place, then the oldest."""
    meta, status = workload.metadata, workload.status
    return (
        "workloadRef" in workload.spec,
        status.is_true(ConditionType.FINISHED),
        not status.is_true(ConditionType.PLACED),
        meta.creation_timestamp or "",
        meta.uid,
    )
