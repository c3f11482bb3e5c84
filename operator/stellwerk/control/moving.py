"""From the moves of a plan to what is asked of the workloads that move, and the room that they take meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from stellwerk import metrics
from stellwerk.api.reasons import Reason
from stellwerk.control.store import Store
from stellwerk.lifecycle.eviction import is_leaving, was_evicted
from stellwerk.lifecycle.observed import Eviction, Resize, WorkloadState
from stellwerk.lifecycle.reservations import reserve
from stellwerk.logs import get_logger
from stellwerk.model.decision import Move, MoveKind
from stellwerk.model.snapshot import Reservation
from stellwerk.model.workload import Workload

_log = get_logger(__name__)

_REASONS: Final = {MoveKind.PREEMPT: Reason.PREEMPTED, MoveKind.MIGRATE: Reason.MIGRATED}


def is_promised(state: WorkloadState) -> bool:
    """Tell whether others make room for a waiting workload."""
    decision = state.status.decision
    return decision is not None and decision.mode == "Preempt"


def is_moving(state: WorkloadState) -> bool:
    """Tell whether a workload has left its place for a better one, and its pods are not gone yet."""
    return is_leaving(state) and was_evicted(state.status, Reason.MIGRATED)


def with_wishes(states: Sequence[WorkloadState], moves: Iterable[Move], store: Store) -> list[WorkloadState]:
    """Return the states of a cycle with what its moves ask for, and those of what else moves behind them.

    Args:
        states: What the cycle looked at.
        moves: What it decided for workloads that have a place.
        store: Knows those that it did not look at.
    """
    found = {state.workload.uid: state for state in states}
    for move in moves:
        state = found.get(move.uid) or store.state(move.uid)
        if state is not None:
            found[move.uid] = _asked(state, move)
            metrics.MOVES.labels(move.kind.value).inc()
            _log.info("move", workload=str(move.key), kind=move.kind.value, why=move.message)
    return list(found.values())


def room_of(move: Move, state: WorkloadState) -> Reservation | None:
    """Return the room that a move takes before any pod is there: of what grows the new pods, of what goes all."""
    workload, before = state.workload, state.status.placement
    if not isinstance(workload, Workload) or move.placement is None or before is None:
        return None
    if move.kind is MoveKind.MIGRATE:
        return reserve(workload, move.placement, move.placement.replicas)
    more = move.placement.replicas - before.replicas
    return reserve(workload, move.placement, more, ()) if more > 0 else None


def _asked(state: WorkloadState, move: Move) -> WorkloadState:
    reason = _REASONS.get(move.kind)
    if reason is not None:
        return msgspec.structs.replace(state, eviction=Eviction(reason, move.message))
    if move.placement is None:
        return state
    return msgspec.structs.replace(state, resize=Resize(move.placement, move.message, move.cost))
