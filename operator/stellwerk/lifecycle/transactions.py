"""From a plan to what must be written: one transaction per workload that something is due for, or none."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from stellwerk.api.conditions import ConditionType
from stellwerk.lifecycle.actions import Action, CreateJob, PatchJob, PatchStatus, Transaction
from stellwerk.lifecycle.ending import ending_of
from stellwerk.lifecycle.eviction import is_evicted, is_leaving, leaving_actions, must_go
from stellwerk.lifecycle.job import build_job, carries, job_patch
from stellwerk.lifecycle.merging import Json, merge_patch
from stellwerk.lifecycle.messages import events_for
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.podsets import has_remains, missing_set_jobs, stopping_actions
from stellwerk.lifecycle.resizing import resize_actions, resize_event
from stellwerk.lifecycle.seating import seat_actions
from stellwerk.lifecycle.standing import awaits_release, holds_place
from stellwerk.lifecycle.status import next_status, refusal_of, same_meaning
from stellwerk.lifecycle.wire import WorkloadStatus
from stellwerk.model.decision import Decision, Plan
from stellwerk.model.workload import Workload


def needs_decision(state: WorkloadState) -> bool:
    """Tell whether a workload must be planned: valid, not placed, not ended, and its Job not running."""
    status = state.status
    settled = status.is_true(ConditionType.FINISHED) or holds_place(state)
    return (
        not settled
        and not state.deleting
        and not is_leaving(state)
        and not has_remains(state)
        and state.refusal is None
        and isinstance(state.workload, Workload)
        and ending_of(state) is None
        and refusal_of(state, None) is None
    )


def actions_for(plan: Plan, states: Iterable[WorkloadState], now: datetime) -> tuple[Transaction, ...]:
    """Return what must be written for these workloads, in their order; nothing where nothing is due.

    Asking again after the actions took effect returns nothing: what is due follows from the difference
    between what was seen and what should be, never from what was done before.
    """
    decisions = {decision.uid: decision for decision in plan.decisions}
    due = (_transaction(state, decisions.get(state.workload.uid), now, plan.cycle) for state in states)
    return tuple(transaction for transaction in due if transaction is not None)


def _transaction(state: WorkloadState, decision: Decision | None, now: datetime, cycle: int) -> Transaction | None:
    if state.deleting:
        return None  # the child goes with its owner
    workload, old = state.workload, state.status
    new = next_status(state, decision, now, cycle)
    written = not same_meaning(old, new)
    actions: list[Action] = []
    if written:
        body = {"status": status_patch(old, new)}
        identity = workload.identity
        if must_go(state) and state.eviction is not None and state.eviction.remember is not None:
            actions.append(state.eviction.remember)
        actions.append(PatchStatus(workload.key, workload.uid, identity.resource_version, body))
    actions += _child_actions(state, new) or leaving_actions(state, new)
    actions += stopping_actions(state, new, again=is_evicted(new))
    if new.placement is not None and state.held:
        actions += seat_actions(new.placement, state.held)
    if written:
        actions += events_for(state, new)
        if told := resize_event(state):
            actions.append(told)
    if not actions:
        return None
    assumes = decision.chosen if decision is not None and new.is_true(ConditionType.PLACED) else None
    return Transaction(workload.key, workload.uid, tuple(actions), assumes)


def _child_actions(state: WorkloadState, new: WorkloadStatus) -> list[Action]:
    """Return what brings the Job of a placed workload about, from the placement on record."""
    workload, placement, job = state.workload, new.placement, state.job
    if not isinstance(workload, Workload) or placement is None or not new.is_true(ConditionType.PLACED):
        return []
    if workload.source == "template":
        # The main Job comes last: once it is seen, those of further pod sets were, too.
        main = [] if job else [CreateJob(workload.key, workload.uid, build_job(workload, state.spec, placement))]
        return [*missing_set_jobs(state, placement), *main, *resize_actions(state, new)]
    if job is not None and awaits_release(job) and not carries(job, placement, workload.uid):
        return [PatchJob(job.key, job.resource_version, job_patch(job, placement, workload.uid))]
    return resize_actions(state, new)


def status_patch(old: WorkloadStatus, new: WorkloadStatus) -> Json:
    """Return the merge patch between two statuses."""
    return merge_patch(_builtins(old), _builtins(new))


def _builtins(status: WorkloadStatus) -> Json:
    built: Json = msgspec.to_builtins(status)
    return built
