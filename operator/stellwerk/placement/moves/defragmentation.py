"""Room for a gang that waits, made by moving others together: nobody loses a place, and it has to pay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import msgspec

from stellwerk.api.reasons import Reason
from stellwerk.economics.disruption import remaining_hours
from stellwerk.economics.moving import MARGIN, Start, balance
from stellwerk.model.decision import MICROS, Decision, Mode, Move, MoveKind
from stellwerk.model.policy import policy_of
from stellwerk.model.resources import CPU, PODS, Resources
from stellwerk.model.running import Running
from stellwerk.model.workload import Workload
from stellwerk.placement.moves.migration import Migrator
from stellwerk.placement.moves.sacrifices import Freed, add, freed_by, minus
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.packing.bins import Assignment
from stellwerk.placement.rules import wording

GANGS_LOOKED_AT: Final = 10
"""So many waiting gangs are tried in one cycle, the first in the queue."""

MOVERS_LOOKED_AT: Final = 16
"""So many running workloads of a pool are tried for each, those that lose least."""


_EVERYTHING: Final = Resources.of({CPU: 2**40, PODS: 2**40})
"""More than any node has of what every pod asks for."""


class Step(NamedTuple):
    """One workload that would move out of the way."""

    running: Running
    offer: Offer
    nodes: Sequence[Assignment]
    cost: int
    """What it loses, and what the rest of its run costs more there."""
    hurdle: int
    """What its policy wants to be saved by a move at least: nobody pays it, but the move has to be worth it as well."""


def make_way(
    waiting: Sequence[tuple[Workload, Sequence[Offer]]], migrator: Migrator, decisions: Mapping[str, Decision]
) -> tuple[list[Move], dict[str, Decision]]:
    """Return moves that let waiting gangs in, with the changed decisions on these, and take all the room.

    Args:
        waiting: Who found no room, with the candidates that obey the rules, in queue order.
        migrator: Knows who may move, and where to.
        decisions: As they are without.
    """
    moves: list[Move] = []
    changed: dict[str, Decision] = {}
    for workload, offers in waiting[:GANGS_LOOKED_AT]:
        for offer in offers:
            steps = _steps_for(workload, offer, migrator)
            if steps:
                moves += [_move(workload, step) for step in steps]
                changed[workload.uid] = _decided(decisions[workload.uid], offer, steps)
                break
    return moves, changed


def _steps_for(workload: Workload, offer: Offer, migrator: Migrator) -> list[Step]:
    """Move one workload after the other out of the way until the gang fits; nothing if that does not pay."""
    view, steps = offer.view, list[Step]()
    gain = _worth(offer, migrator)
    freed: Freed = {}
    for one in migrator.movable(view, workload.priority)[:MOVERS_LOOKED_AT]:
        step = _aside(one, migrator, steps)
        if step is None or sum(each.cost + each.hurdle for each in (*steps, step)) * MARGIN > gain:
            continue
        steps.append(step)
        given = freed_by(one, 0)
        add(freed, given)
        view.bins.shift(given)
        if offer.fits():
            offer.place()
            view.bins.shift(minus(freed))
            migrator.note([each.running for each in steps])
            return steps
    view.bins.shift(minus(freed))
    for step in steps:
        step.offer.view.bins.shift(_taken_back(step))
    return []


def _worth(offer: Offer, migrator: Migrator) -> Fraction:
    """Return in micro-units what it is worth to start now: the room stands idle until somebody here ends, at least."""
    hourly = offer.ask.cost.per_hour
    view = offer.view
    ends = [remaining_hours(one, migrator.now) for one in migrator.in_pool(view)]
    return Fraction(0) if hourly is None or not ends else hourly * min(ends)


def _aside(one: Running, migrator: Migrator, before: Sequence[Step]) -> Step | None:
    """Take room for a workload elsewhere, in its own pool or in another one; None if there is none."""
    policy = policy_of(one.workload.policy, migrator.policies)
    more = sum(step.running.workload.policy == one.workload.policy for step in before)
    view = migrator.view_of(one)
    if view is None or not migrator.allows(one.workload.policy, more):
        return None
    here = migrator.homes.cost_of(one, policy)
    for offer in migrator.offers_for(one, policy):
        start = Start(offer.ask.cost, offer.ask.option, policy.restart_overhead_s)
        weighed = None if offer.rejections else balance(one, here, start, migrator.now)
        nodes = None if weighed is None else _place_off(one, offer)
        if weighed is not None and nodes is not None:
            return Step(one, offer, nodes, weighed.loss - min(0, weighed.saving), int(policy.minimum_saving * MICROS))
    return None


def _place_off(one: Running, offer: Offer) -> Sequence[Assignment] | None:
    """Take room for a workload on other nodes than its own: beside itself it would be in the way as before."""
    closed = {node: _EVERYTHING for node, _ in one.uses}
    offer.view.bins.shift(minus(closed))
    nodes = offer.place()
    offer.view.bins.shift(closed)
    return nodes


def _move(gainer: Workload, step: Step) -> Move:
    running, place = step.running, step.offer.placement(list(step.nodes))
    loss = wording.amount(step.cost, step.offer.ask.cost.currency)
    message = f"moved to {', '.join(place.preferred_nodes[:3])} of {place.pool} for {gainer.key}, which costs {loss}"
    cost = step.offer.cost_on(place.replicas)
    return Move(running.key, running.uid, MoveKind.MIGRATE, message, gainer.uid, place, cost, step.cost)


def _decided(stuck: Decision, offer: Offer, steps: Sequence[Step]) -> Decision:
    cost = offer.ask.cost
    names = wording.listed([str(step.running.key) for step in steps])
    price = wording.amount(sum(step.cost for step in steps), cost.currency)
    message = f"{offer.view.pool.name} has room after moving {names} elsewhere, which costs {price}"
    return msgspec.structs.replace(stuck, mode=Mode.PREEMPT, reason=Reason.MAKING_ROOM, message=message, unblock=None)


def _taken_back(step: Step) -> Freed:
    request = step.offer.ask.request_on(step.offer.view)
    return {one.node: request * one.pods for one in step.nodes}
