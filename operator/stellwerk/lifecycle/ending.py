"""How a workload ended: well, badly, or because somebody took its Job away."""

from __future__ import annotations

from typing import Final

import msgspec

from stellwerk.api.conditions import ConditionType
from stellwerk.api.labels import POLICY_LABEL
from stellwerk.api.reasons import Reason
from stellwerk.lifecycle.observed import JobView, WorkloadState
from stellwerk.lifecycle.podsets import Part, parts_of
from stellwerk.lifecycle.records import MESSAGE_LIMIT
from stellwerk.lifecycle.standing import is_taken

_TRUE: Final = "True"


class Claim(msgspec.Struct, frozen=True):
    """What a condition should say now."""

    type: ConditionType
    status: str
    reason: str
    message: str = ""


def ending_of(state: WorkloadState) -> Claim | None:
    """Return how the workload ended, or None if it has not.

    A gang of several pod sets is complete when all its Jobs are, fails with the first that does, and ends with the
    first that is taken away.
    """
    placed = state.status.is_true(ConditionType.PLACED) and not is_taken(state)
    parts = [part._replace(job=None) if placed and part.is_replaced else part for part in parts_of(state)]
    jobs = [part.job for part in parts]
    failed = next((job for job in jobs if job is not None and job.finished == "Failed"), None)
    if failed is not None:
        return _failed(failed)
    done = [job for job in jobs if job is not None and job.finished == "Complete"]
    if len(done) == len(jobs):
        names = " and ".join(job.key.name for job in done)
        message = f"Job {names} completed" if len(done) == 1 else f"Jobs {names} completed"
        return Claim(ConditionType.FINISHED, _TRUE, Reason.JOB_COMPLETE, message[:MESSAGE_LIMIT])
    gone = [part for part in parts if part.job is None and (state.job_lost or part.child is not None)]
    return _taken_away(gone[0]) if placed and gone else None


def _failed(job: JobView) -> Claim:
    why = ": ".join(text for text in (job.finished_reason, job.finished_message) if text)
    message = f"Job {job.key.name} failed" + (f" ({why})" if why else "")
    return Claim(ConditionType.FINISHED, _TRUE, Reason.JOB_FAILED, message[:MESSAGE_LIMIT])


def _taken_away(part: Part) -> Claim:
    name = f"Job {part.child.name}" if part.child is not None else "its Job"
    message = f"{name} was deleted, replaced or lost the label {POLICY_LABEL}; create a new AIWorkload to run it again"
    return Claim(ConditionType.FINISHED, _TRUE, Reason.CHILD_DELETED, message)
