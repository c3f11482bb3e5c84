"""One cycle: everything that changed since the last one is decided together, on one snapshot, and handed to the writer.

A cycle never waits for the API server. It runs to its end in the main loop without yielding, so that no event can
change the caches under it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from stellwerk import metrics
from stellwerk.cluster.outcome import Outcome, OutcomeKind
from stellwerk.control.inflight import InFlight
from stellwerk.control.store import Store
from stellwerk.lifecycle.actions import Transaction
from stellwerk.lifecycle.adopt import adoption
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.reservations import reserve
from stellwerk.lifecycle.transactions import actions_for, needs_decision
from stellwerk.logs import get_logger
from stellwerk.model.decision import Decision, Mode, Plan
from stellwerk.model.workload import Workload
from stellwerk.placement.planner import plan

_log = get_logger(__name__)

_REFUSED: Final = frozenset({OutcomeKind.INVALID, OutcomeKind.FORBIDDEN, OutcomeKind.NAME_TAKEN})
"""Outcomes that a user must hear of: sending the same again cannot help."""
_FIRST_RETRY_SECONDS: Final = 1.0
_LONGEST_RETRY_SECONDS: Final = 300.0


@dataclass(slots=True)
class _Batch:
    """What one cycle works on."""

    states: list[WorkloadState] = field(default_factory=list)
    pending: list[Workload] = field(default_factory=list)


class Cycle:
    """Decides and submits; used from the main loop only.

    Args:
        store: what is known.
        submit: hands a transaction to the writer.
        retry: calls back after so many seconds with a workload's uid; see `again`.

    """

    def __init__(
        self, store: Store, submit: Callable[[Transaction], None], retry: Callable[[float, str], None]
    ) -> None:
        self._store, self._submit, self._retry = store, submit, retry
        self._inflight = InFlight()
        self._refusals: dict[str, str] = {}
        self._attempts: dict[str, int] = {}
        self._number = 0

    @property
    def in_flight(self) -> int:
        """How many workloads have a write under way."""
        return len(self._inflight)

    def run_once(self) -> Plan:
        """Decide for all that changed, and submit what follows."""
        started = time.perf_counter()
        self._number += 1
        now = datetime.now(UTC)
        batch = self._take_batch()  # 1. what changed, and is not under way
        snapshot = self._store.snapshot(self._inflight.assumed)  # 2. one frozen view
        decided = plan(batch.pending, snapshot, now, self._number)  # 3. pure
        transactions = [*self._adoptions(), *actions_for(decided, batch.states, now)]  # 4. pure
        self._assume_and_submit(transactions, batch)  # 5. room is taken now, written later
        self._note(decided, time.perf_counter() - started)  # 6. what the cycle says of itself
        return decided

    def heard(self, outcome: Outcome) -> None:
        """Take in what became of a transaction: keep or give back what was assumed, and decide what to try again."""
        uid = outcome.transaction.uid
        for action in outcome.transaction.actions[: outcome.applied]:
            metrics.WRITES.labels(type(action).__name__, OutcomeKind.APPLIED).inc()
        if outcome.kind is OutcomeKind.APPLIED:
            self._attempts.pop(uid, None)
            self._inflight.written(uid, outcome.resource_version or None)
            return
        failed = outcome.transaction.actions[min(outcome.applied, len(outcome.transaction.actions) - 1)]
        metrics.WRITES.labels(type(failed).__name__, outcome.kind).inc()
        _log.warning(
            "write failed",
            workload=str(outcome.transaction.key),
            action=type(failed).__name__,
            outcome=outcome.kind.value,
            error=outcome.error,
        )
        if outcome.resource_version:
            self._inflight.written(uid, outcome.resource_version)  # placed, though its child is not there yet
        elif self._inflight.failed(uid):
            self._store.capacity.freed = True
        if outcome.kind in _REFUSED:
            self._refusals[uid] = outcome.error
        if outcome.kind is not OutcomeKind.NOT_LEADER:
            self._again(uid)

    def restart(self) -> None:
        """Forget all assumptions and look at everything: this replica has just begun to lead."""
        self._inflight.clear()
        self._refusals.clear()
        self._store.workloads.dirty.update(self._store.workloads.uids)
        self._store.workloads.look_at_all_jobs()

    def _again(self, uid: str) -> None:
        """Look at a workload again after a pause that doubles each time: the same write may well fail the same way."""
        tries = self._attempts[uid] = self._attempts.get(uid, 0) + 1
        self._retry(min(_FIRST_RETRY_SECONDS * 2 ** (tries - 1), _LONGEST_RETRY_SECONDS), uid)

    def _take_batch(self) -> _Batch:
        batch = _Batch()
        now = time.monotonic()
        for uid in sorted(self._store.drain()):
            version = self._store.workloads.resource_version(uid)
            if version is None:
                self._forget(uid)
            elif self._inflight.waits(uid, version, now):
                continue  # its echo will mark it again
            elif (state := self._state(uid)) is not None:
                batch.states.append(state)
                if isinstance(state.workload, Workload) and needs_decision(state):
                    batch.pending.append(state.workload)
        return batch

    def _state(self, uid: str) -> WorkloadState | None:
        state = self._store.state(uid)
        if state is not None and not self._inflight.waits(
            uid, state.workload.identity.resource_version, time.monotonic()
        ):
            self._inflight.settled(uid)
        return state

    def _forget(self, uid: str) -> None:
        self._inflight.failed(uid)
        self._refusals.pop(uid, None)
        self._attempts.pop(uid, None)

    def _adoptions(self) -> Iterable[Transaction]:
        """Make AIWorkloads for labelled, suspended Jobs that have none."""
        jobs = self._store.workloads
        for key in sorted(jobs.orphans):
            job = jobs.orphan(key)
            if job is not None and (transaction := adoption(job, taken=jobs.taken(key))) is not None:
                yield transaction
        jobs.orphans.clear()

    def _assume_and_submit(self, transactions: Sequence[Transaction], batch: _Batch) -> None:
        workloads = {workload.uid: workload for workload in batch.pending}
        now = time.monotonic()
        for transaction in transactions:
            placement, workload = transaction.assumes, workloads.get(transaction.uid)
            room = reserve(workload, placement, placement.replicas) if workload and placement else None
            self._inflight.submit(transaction, room, now)
            self._submit(transaction)

    def _note(self, decided: Plan, seconds: float) -> None:
        metrics.CYCLE.observe(seconds)
        for decision in decided.decisions:
            self._store.wait(decision.uid, waiting=decision.mode is not Mode.FIT)
            metrics.DECISIONS.labels(decision.mode.wire, decision.reason).inc()
            _log.info("decided", **_fields(decision, decided.cycle))


def _fields(decision: Decision, cycle: int) -> dict[str, object]:
    return {
        "workload": str(decision.key),
        "cycle": cycle,
        "mode": decision.mode.wire,
        "reason": decision.reason,
        "pool": decision.chosen.pool if decision.chosen else None,
        "considered": decision.considered,
    }
