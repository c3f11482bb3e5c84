"""Decisions on workloads for which others make room: whose room it is, and what that costs."""

from __future__ import annotations

from typing import Final

import msgspec

from stellwerk.api.reasons import Reason
from stellwerk.model.decision import Candidate, Cost, CostPart, Decision, Mode, MoveKind, Verdict
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.moves.preemption import Room
from stellwerk.placement.rules import wording

DISRUPTION: Final = "Disruption"
"""Cost part: what others lose."""


def preempting(workload: Workload, room: Room, stuck: Decision) -> Decision:
    """Return the decision on a workload for which others make room; it has no place yet.

    Args:
        workload: Who needs the room.
        room: As `RoomMaker.make_room` returned it.
        stuck: The decision as it would be without.
    """
    offer, price = room.offer, room.price
    pool = offer.view.pool
    cost = with_disruption(offer.ask.cost, None if price.unknown else price.loss)
    chosen = msgspec.structs.replace(offer.candidate(Verdict.FEASIBLE), cost=cost)
    others = [one for one in stuck.candidates if (one.pool, one.cluster, one.option) != _of(chosen)]
    return msgspec.structs.replace(
        stuck,
        key=workload.key,
        uid=workload.uid,
        mode=Mode.PREEMPT,
        reason=Reason.PREEMPTING,
        message=_told(pool.name, room, cost),
        unblock=None,
        candidates=(chosen, *others)[: max(1, len(stuck.candidates))],
    )


def with_disruption(cost: Cost, loss: int | None) -> Cost:
    """Return the cost with what others lose as one more part; unknown if that is not known."""
    if loss is None:
        return msgspec.structs.replace(cost, total=None, parts=(), unknown="what others lose by it is not known")
    if cost.total is None or not loss:
        return cost
    parts = (*cost.parts, CostPart(DISRUPTION, loss))
    return msgspec.structs.replace(cost, total=cost.total + loss, parts=parts)


def _of(candidate: Candidate) -> tuple[str, str, AcceleratorOption | None]:
    return candidate.pool, candidate.cluster, candidate.option


def _told(pool: str, room: Room, cost: Cost) -> str:
    """Say whose room is taken and what that costs."""
    if not room.moves:
        return f"{pool} has room once {wording.listed(room.awaited)} {_have(len(room.awaited))} left it"
    kinds = {MoveKind.SHRINK: "shrinking", MoveKind.PREEMPT: "evicting"}
    acts = [
        f"{verb} {wording.listed([str(move.key) for move in room.moves if move.kind is kind])}"
        for kind, verb in kinds.items()
        if any(move.kind is kind for move in room.moves)
    ]
    loss = "an unknown amount" if room.price.unknown else wording.amount(room.price.loss, cost.currency)
    return f"{pool} has room after {' and '.join(acts)}, which loses {loss} of work and restarts"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
