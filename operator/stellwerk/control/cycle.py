"""One cycle: everything that changed since the last one is decided together, on one snapshot, and handed to the writer.

A cycle never waits for the API server. It runs to its end in the main loop without yielding, so that no event can
change the caches under it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec

from stellwerk import metrics
from stellwerk.cluster.outcome import Outcome, OutcomeKind
from stellwerk.control.improver import Improver
from stellwerk.control.inflight import InFlight
from stellwerk.control.moving import is_moving, is_promised, room_of, with_wishes
from stellwerk.control.retries import Retries
from stellwerk.control.store import Store
from stellwerk.lifecycle.actions import Action, CreateJob, PatchJob, Transaction
from stellwerk.lifecycle.adopt import adoption
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.reservations import reserve
from stellwerk.lifecycle.transactions import actions_for, needs_decision
from stellwerk.logs import get_logger
from stellwerk.model.decision import Decision, Mode, Move, MoveKind, Plan
from stellwerk.model.workload import Workload
from stellwerk.placement.batch.contest import Solver
from stellwerk.placement.planner import plan

_log = get_logger(__name__)

_REFUSED: Final = frozenset({OutcomeKind.INVALID, OutcomeKind.FORBIDDEN, OutcomeKind.NAME_TAKEN})
"""Outcomes of a write of a Job that a user must hear of: sending the same again at once cannot help. Where the status
itself is refused nobody can be told, and trying to would never end."""

_HESITATION_SECONDS: Final = 1.0
"""Who applies pools and workloads together has both seen within this time."""


@dataclass(slots=True)
class _Batch:
    """What one cycle works on."""

    states: list[WorkloadState] = field(default_factory=list)
    pending: list[Workload] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    """Pending ones with a write under way: planned, so that those behind them do not take their room, not decided."""

    def hold(self, uids: AbstractSet[str]) -> None:
        """Keep the decisions on these to ourselves for now."""
        self.held |= uids
        self.states = [state for state in self.states if state.workload.uid not in uids]


class Cycle:
    """Decides and submits; used from the main loop only.

    Args:
        store: what is known.
        submit: hands a transaction to the writer.
        later: after so many seconds, marks a workload by its uid and triggers a cycle.
        improver: is asked where several workloads compete; None leaves them as greedy placed them.

    """

    def __init__(
        self,
        store: Store,
        submit: Callable[[Transaction], None],
        later: Callable[[float, str], None],
        improver: Improver | None = None,
    ) -> None:
        self._store, self._submit, self._improver = store, submit, improver
        self._solver: Solver | None = None if improver is None else improver.consult
        self._inflight = InFlight(store.rooms)
        self._retries = Retries(later, time.monotonic)
        self._later = later
        self._told: dict[str, str] = {}  # version of each Job that was told why it is not taken in
        self._number = 0

    def run_once(self) -> Plan:
        """Decide for all that changed, and submit what follows."""
        started = time.perf_counter()
        self._number += 1
        now = datetime.now(UTC)
        batch = self._take_batch()  # 1. what changed, and is not under way
        snapshot = self._store.snapshot(batch.pending)  # 2. one frozen view
        found = plan(  # 3. pure
            batch.pending, snapshot, now, self._number, solver=self._solver, settle=self._store.roomy
        )
        self._set_aside(found, batch)
        self._hesitate(found, batch)
        decided = without(batch.held, found)
        batch.states = with_wishes(batch.states, decided.moves, self._store)
        due = [*self._adoptions(), *actions_for(decided, batch.states, now)]  # 4. pure
        self._assume_and_submit(due, batch, decided.moves)  # 5. room is taken now, written later
        self._note(decided, due, now)  # 6. what the cycle says of itself
        metrics.CYCLE.observe(time.perf_counter() - started)
        return decided

    def heard(self, outcome: Outcome) -> None:
        """Take in what became of a transaction: keep or give back what was assumed, and see what to try again."""
        uid = outcome.transaction.uid
        for action in outcome.transaction.actions[: outcome.applied]:
            metrics.WRITES.labels(type(action).__name__, OutcomeKind.APPLIED.value).inc()
        if outcome.kind is OutcomeKind.APPLIED:
            self._retries.succeeded(uid)
            self._inflight.written(uid, outcome.resource_version, time.monotonic())
            self._later_if_unseen(uid)
            return
        _report(outcome, self._number)
        if outcome.resource_version:
            # Placed, though its Job is not there yet.
            self._inflight.half_written(uid, outcome.resource_version, time.monotonic())
        else:
            self._store.running.settled(uid)
            self._store.capacity.freed |= self._inflight.failed(uid)
        self._told.pop(uid, None)  # a Job that was not taken in is tried again
        if outcome.kind is not OutcomeKind.NOT_LEADER:
            told = outcome.kind in _REFUSED and isinstance(_failed(outcome), CreateJob | PatchJob)
            self._retries.failed(uid, outcome.error if told else None)

    def restart(self) -> None:
        """Forget all assumptions and look at everything: this replica has just begun to lead."""
        self._inflight.clear()
        if self._improver is not None:
            self._improver.clear()
        self._store.running.clear()
        self._told.clear()
        self._store.look_at_everything()

    # --------------------------------------------------------------------------------- steps

    def _take_batch(self) -> _Batch:
        batch = _Batch()
        now = time.monotonic()
        thinking = frozenset[str]() if self._improver is None else self._improver.thinks_of
        for uid in sorted(self._store.drain()):
            seen = self._store.workloads.seen(uid)
            if seen.version is None:
                self._forget(uid)
            elif (known := self._store.state(uid)) is not None:
                state = msgspec.structs.replace(
                    known, refusal=self._retries.refusal(uid), eviction=self._store.overdue(known)
                )
                if uid in thinking or self._inflight.waits(uid, seen, now):
                    self._hold(batch, state)  # its echo, or the answer, will mark it again
                else:
                    self._inflight.settled(uid)
                    self._store.running.settled(uid)
                    self._add(batch, state)
        return batch

    def _hold(self, batch: _Batch, state: WorkloadState) -> None:
        uid = state.workload.uid
        if isinstance(state.workload, Workload) and needs_decision(state) and not self._store.rooms.assumes(uid):
            batch.pending.append(state.workload)
            batch.held.add(uid)

    def _add(self, batch: _Batch, state: WorkloadState) -> None:
        batch.states.append(state)
        self._store.promise(state.workload.uid, promised=is_promised(state))
        moving = is_moving(state)
        self._store.follow(state.workload.uid, followed=moving)
        if isinstance(state.workload, Workload) and (moving or needs_decision(state)):
            batch.pending.append(state.workload)
            if moving:
                batch.held.add(state.workload.uid)

    def _adoptions(self) -> Iterable[Transaction]:
        """Make AIWorkloads for labelled, suspended Jobs that have none, or say once why not."""
        jobs = self._store.workloads
        for key in sorted(jobs.orphans):
            job = jobs.orphan(key)
            if job is None or self._told.get(job.uid) == job.resource_version:
                continue
            transaction = adoption(job, taken=jobs.taken(key))
            if transaction is not None:
                self._told[job.uid] = job.resource_version
                yield transaction
        jobs.orphans.clear()

    def _set_aside(self, found: Plan, batch: _Batch) -> None:
        """Keep those to ourselves for whom better places are looked for; nobody else is given their room meanwhile."""
        if self._improver is None:
            return
        aside = self._improver.thinks_of - batch.held
        pending = {workload.uid: workload for workload in batch.pending if workload.uid in aside}
        for decision in found.decisions:
            workload, placement = pending.get(decision.uid), decision.chosen
            if workload is not None and placement is not None:
                self._store.rooms.assume(decision.uid, reserve(workload, placement, placement.replicas))
        batch.hold(pending.keys())
        self._improver.settle()

    def _hesitate(self, found: Plan, batch: _Batch) -> None:
        """Wait a moment with a first placement on a pool that nobody declared: its declaration may be on its way."""
        undeclared = {pool.name for pool in self._store.pools if pool.discovered}
        fits = {decision.uid for decision in found.decisions if decision.chosen and decision.chosen.pool in undeclared}
        now = time.monotonic()
        young = {uid for uid in fits - batch.held if self._store.workloads.is_young(uid, now, _HESITATION_SECONDS)}
        for uid in young:
            self._later(_HESITATION_SECONDS, uid)
        batch.hold(young)

    def _assume_and_submit(self, due: Sequence[Transaction], batch: _Batch, moves: Iterable[Move]) -> None:
        workloads = {workload.uid: workload for workload in batch.pending}
        states = {state.workload.uid: state for state in batch.states}
        moved = {move.uid: move for move in moves}
        now = time.monotonic()
        for transaction in due:
            placement, workload = transaction.assumes, workloads.get(transaction.uid)
            room = reserve(workload, placement, placement.replicas) if workload and placement else None
            if (move := moved.get(transaction.uid)) is not None:
                room = room_of(move, states[move.uid])
            self._inflight.submit(transaction, room, now)
            leaves = move is not None and move.kind in (MoveKind.PREEMPT, MoveKind.MIGRATE)
            place = None if move is None or leaves else move.placement
            self._store.running.changing(transaction.uid, leaving=leaves, placement=place)
            self._submit(transaction)

    def _note(self, decided: Plan, due: Sequence[Transaction], now: datetime) -> None:
        written = {transaction.uid for transaction in due}
        if decided.bound is not None:
            metrics.PLAN_GAP.set(decided.bound.gap)
        for decision in decided.decisions:
            self._store.wait(decision.uid, waiting=decision.mode is not Mode.FIT)
            self._store.promise(decision.uid, promised=decision.mode is Mode.PREEMPT)
            if decision.uid in written:  # what was only confirmed is not told again
                self._measure(decision, now)
                _log.info("decided", **_fields(decision, decided.cycle))

    def _measure(self, decision: Decision, now: datetime) -> None:
        metrics.DECISIONS.labels(decision.mode.wire, decision.reason).inc()
        waited = self._store.workloads.first_decided(decision.uid, time.monotonic())
        if waited is not None:
            metrics.DECISION.observe(waited)
        if decision.mode is Mode.FIT:
            created, class_ = self._store.workloads.birth(decision.uid)
            metrics.ADMISSION.labels(class_).observe(max(0.0, (now - created).total_seconds()))

    # ------------------------------------------------------------------------------- helpers

    def _later_if_unseen(self, uid: str) -> None:
        """An echo may have come before the writer's answer: then no further event would mark the workload."""
        if not self._inflight.waits(uid, self._store.workloads.seen(uid), time.monotonic()):
            self._store.mark(uid)

    def _forget(self, uid: str) -> None:
        if self._inflight.failed(uid):
            self._store.capacity.freed = True
        self._retries.forget(uid)
        self._store.demand.see(uid, None)


def without(held: AbstractSet[str], decided: Plan) -> Plan:
    """Return the plan without the decisions on some workloads, and without what others must do for these."""
    kept = tuple(decision for decision in decided.decisions if decision.uid not in held)
    moves = tuple(move for move in decided.moves if move.cause not in held)
    return msgspec.structs.replace(decided, decisions=kept, moves=moves)


def _report(outcome: Outcome, cycle: int) -> None:
    failed = type(_failed(outcome)).__name__
    metrics.WRITES.labels(failed, outcome.kind.value).inc()
    level = logging.DEBUG if outcome.kind is OutcomeKind.NOT_LEADER else logging.WARNING  # thousands at once, none news
    _log.log(
        level,
        "write failed",
        workload=str(outcome.transaction.key),
        cycle=cycle,
        action=failed,
        outcome=outcome.kind.value,
        error=outcome.error,
    )


def _failed(outcome: Outcome) -> Action:
    actions = outcome.transaction.actions
    return actions[min(outcome.applied, len(actions) - 1)]


def _fields(decision: Decision, cycle: int) -> dict[str, object]:
    return {
        "workload": str(decision.key),
        "cycle": cycle,
        "mode": decision.mode.wire,
        "reason": str(decision.reason),
        "pool": decision.chosen.pool if decision.chosen else None,
        "considered": decision.considered,
    }
