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
from stellwerk.model.workload import WorkloadKey


class Claims:
    """AIWorkloads by the Job that they claim."""

    def __init__(self) -> None:
        self._job_of: dict[str, WorkloadKey] = {}
        self._claimants: dict[WorkloadKey, dict[str, structs.AIWorkload]] = {}

    def note(self, workload: structs.AIWorkload) -> set[str]:
        """Note what an AIWorkload claims now; return the uids of all that this may concern, itself among them."""
        uid, job = workload.metadata.uid, _claimed(workload)
        concerned: set[str] = set() if self._job_of.get(uid, job) == job else self.forget(uid)
        self._job_of[uid] = job
        claimants = self._claimants.setdefault(job, {})
        claimants[uid] = workload
        return concerned | claimants.keys()

    def forget(self, uid: str) -> set[str]:
        """Forget an AIWorkload; return the uids of those that claim the same Job."""
        job = self._job_of.pop(uid, None)
        if job is None:
            return set()
        claimants = self._claimants[job]
        del claimants[uid]
        if not claimants:
            del self._claimants[job]
        return set(claimants)

    def job_of(self, uid: str) -> WorkloadKey | None:
        """Return the Job that an AIWorkload claims, whether it exists or not; None if the AIWorkload is unknown."""
        return self._job_of.get(uid)

    def owner(self, job: JobView) -> str | None:
        """Return the uid of the AIWorkload that a Job runs for, or None."""
        claimants = self._claimants.get(job.key, {})
        valid = (one for uid, one in claimants.items() if "workloadRef" in one.spec or uid in job.owner_uids)
        first = min(valid, key=_precedence, default=None)
        return None if first is None else first.metadata.uid


def key_of(meta: structs.ObjectMeta) -> WorkloadKey:
    """Return namespace and name."""
    return WorkloadKey(meta.namespace, meta.name)


def _claimed(workload: structs.AIWorkload) -> WorkloadKey:
    meta, reference = workload.metadata, workload.spec.get("workloadRef")
    return WorkloadKey(meta.namespace, reference["name"] if reference else child_name(meta.name, meta.uid))


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
