"""What runs, looked at again once everything that waits is decided: who grows, and who is better off elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from stellwerk.model.decision import Decision, Mode, Move
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.moves.defragmentation import make_way
from stellwerk.placement.moves.elastic import growth, may_grow, rivals_of
from stellwerk.placement.moves.migration import Migrator, budgets, may_move
from stellwerk.placement.offers.candidates import Offer


def could_change(snapshot: Snapshot, now: datetime) -> list[Workload]:
    """Return what runs and could be better off; where that is nothing, the fleet need not be looked at."""
    moving = {name for name, left in budgets(snapshot.policies, snapshot.moved, now).items() if left}
    return [
        one.workload
        for one in snapshot.running
        if may_grow(one, now)
        or (one.workload.policy in moving and may_move(one, snapshot.policies[one.workload.policy]))
    ]


class Scene(NamedTuple):
    """A cycle in which everything that waits has been decided."""

    snapshot: Snapshot
    fleet: Fleet
    """Its free room now."""
    now: datetime
    queue: Sequence[Workload]
    """What was decided on."""
    offers_of: Callable[[Workload], Sequence[Offer]]
    """Candidates of a workload that obey the rules."""


def settled(scene: Scene, decisions: dict[str, Decision], moved: Iterable[str]) -> list[Move]:
    """Return the moves that let waiting gangs in or make what runs better off, and take the room that they need.

    Args:
        scene: The cycle.
        decisions: By uid; those on gangs that others make way for are changed.
        moved: Uids of what moves already.
    """
    snapshot, fleet, now, queue, offers_of = scene
    busy = set(moved)
    migrator = Migrator(snapshot, fleet, now, busy)
    stuck = [(one, offers_of(one)) for one in queue if decisions[one.uid].mode is Mode.WAIT] if migrator.may_any else []
    making_way, changed = make_way(stuck, migrator, decisions)
    decisions.update(changed)
    busy |= {move.uid for move in making_way}
    rivals = rivals_of(decisions.values(), {one.uid: one.priority for one in queue}, snapshot.reserved)
    grown = growth(snapshot, fleet, now, rivals, busy)
    migrator.leave_alone(move.uid for move in grown)
    return [*making_way, *grown, *migrator.migrations()]
