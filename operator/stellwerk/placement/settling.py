"""What runs, looked at again once everything that waits is decided: who grows, and who is better off elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from stellwerk.model.decision import Decision, Move
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.elastic import growth, may_grow, waiting_for_room
from stellwerk.placement.fleet import Fleet
from stellwerk.placement.migration import Migrator, budgets, may_move


def is_due(snapshot: Snapshot, now: datetime) -> bool:
    """Tell whether anything that runs could be better off; if not, the fleet need not be looked at."""
    moving = {name for name, left in budgets(snapshot.policies, snapshot.moved, now).items() if left}
    return any(
        may_grow(one, now) or (one.workload.policy in moving and may_move(one, snapshot.policies[one.workload.policy]))
        for one in snapshot.running
    )


def settled(
    snapshot: Snapshot,
    fleet: Fleet,
    now: datetime,
    queue: Sequence[Workload],
    decided: tuple[Mapping[str, Decision], Sequence[Move]],
) -> list[Move]:
    """Return the moves that make what runs better off, and take the room that they need.

    Args:
        snapshot: The world.
        fleet: Its free room, after everything that waits has been placed.
        now: The moment.
        queue: What was decided on.
        decided: The decisions by uid, and the moves that they ask for.
    """
    decisions, moves = decided
    priorities = {workload.uid: workload.priority for workload in queue}
    waiting = waiting_for_room(decisions.values(), priorities)
    moved = {move.uid for move in moves}
    grown = growth(snapshot, fleet, now, waiting, moved)
    mover = Migrator(snapshot, fleet, now, moved | {move.uid for move in grown})
    return [*grown, *mover.migrations()]
