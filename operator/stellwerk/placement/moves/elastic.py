"""Growth of elastic gangs: room that nobody waits for goes to those that can use it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from stellwerk.economics.disruption import option_of
from stellwerk.model.decision import Decision, Mode, Move, MoveKind
from stellwerk.model.placement import Placement, seats
from stellwerk.model.policy import Policy, policy_of
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Reservation, Snapshot
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.fleet.fleet import Fleet, PoolView
from stellwerk.placement.fleet.homes import Homes, is_free_to_go
from stellwerk.placement.offers.candidates import PREFERRED_NODES, Offer
from stellwerk.placement.packing.bins import Assignment
from stellwerk.placement.rules.asking import Ask
from stellwerk.placement.rules.spending import most_paid
from stellwerk.placement.rules.wording import pods as pods_text

GROW_PAUSE: Final = timedelta(minutes=1)
"""For so long after a change of its size a gang does not grow: who has just shrunk for others waits and sees."""

PoolKey = tuple[str, str]


class Terms(NamedTuple):
    """By which rules something is placed anew, and what runs where."""

    policy: Policy
    homes: Homes


class Rivals(NamedTuple):
    """Who else looks for room, by cluster and pool."""

    waiting: Mapping[PoolKey, int]
    """The highest priority that waits for room."""
    unbound: frozenset[PoolKey]
    """Where placed pods are yet to be bound: others that come could sit down where only these would have fitted."""

    def leave_room(self, place: Placement, priority: int) -> bool:
        """Tell whether a gang of this priority may take more room where it is."""
        key = (place.cluster, place.pool)
        above = self.waiting.get(key)
        return key not in self.unbound and (above is None or above < priority)


def growth(snapshot: Snapshot, fleet: Fleet, now: datetime, rivals: Rivals, moved: Iterable[str] = ()) -> list[Move]:
    """Return which elastic gangs grow now, and take their room.

    Args:
        snapshot: The world.
        fleet: Its free room, after everything that waits has been placed.
        now: The moment.
        rivals: Who else looks for room.
        moved: Uids of what is moved already.
    """
    homes = Homes(fleet.views, fleet.health)
    busy = frozenset(moved)
    moves = []
    for one in sorted(snapshot.running, key=_turn):
        place = one.placement
        if place is None or one.uid in busy or not may_grow(one, now):
            continue
        view = homes.of(place)
        if view is None or not rivals.leave_room(place, one.workload.priority):
            continue
        policy = policy_of(one.workload.policy, snapshot.policies)
        move = _grown(one, place, view, Terms(policy, homes))
        if move is not None:
            moves.append(move)
    return moves


def may_grow(running: Running, now: datetime) -> bool:
    """Tell whether a workload is an elastic gang that could use more pods and has been left in peace for a while."""
    workload, place = running.workload, running.placement
    if place is None or workload.min_replicas is None or not running.settled:
        return False
    if place.replicas >= workload.size(option_of(running)) or not is_free_to_go(workload):
        return False
    return not running.changed or now - datetime.fromisoformat(running.changed) >= GROW_PAUSE


def rivals_of(decisions: Iterable[Decision], priorities: Mapping[str, int], reserved: Iterable[Reservation]) -> Rivals:
    """Return who else looks for room, pool by pool.

    Args:
        decisions: Of this cycle.
        priorities: Of the workloads decided on, by uid.
        reserved: Room of pods that earlier cycles placed and that are not bound yet.
    """
    waiting: dict[PoolKey, int] = {}
    unbound = {(one.cluster, one.pool) for one in reserved}
    for decision in decisions:
        place = decision.chosen
        if decision.mode is Mode.FIT and place is not None:
            unbound.add((place.cluster, place.pool))
            unbound |= {(place.cluster, one.pool) for one in place.pod_sets}
        if decision.mode not in (Mode.WAIT, Mode.PREEMPT):
            continue
        for candidate in decision.candidates:
            if not any(rejection.permanent for rejection in candidate.rejections):
                key = (candidate.cluster, candidate.pool)
                waiting[key] = max(priorities[decision.uid], waiting.get(key, priorities[decision.uid]))
    return Rivals(waiting, frozenset(unbound))


def _turn(running: Running) -> tuple[int, str, str]:
    return -running.workload.priority, running.workload.identity.created, running.uid


def _grown(one: Running, place: Placement, view: PoolView, terms: Terms) -> Move | None:
    option, policy = option_of(one), terms.policy
    wanted = one.workload.size(option)
    bigger = range(place.replicas + 1, wanted + 1)
    most = most_paid(bigger, policy, lambda pods: terms.homes.cost_of(one, policy, pods))
    if most <= place.replicas:
        return None
    whole = terms.homes.cost_of(one, policy, most)
    more = _the_more(one.workload, option, most - place.replicas)
    asked = Ask(more, _unsized(option), policy, whole, terms.homes.health)  # no deadline: more pods only end earlier
    offer = Offer(asked, view, 0)
    nodes = offer.place() if not offer.rejections else None
    if not nodes:
        return None
    size = place.replicas + sum(node.pods for node in nodes)
    cost = terms.homes.cost_of(one, policy, size)
    wider = _wider(place, size, nodes)
    if wider is None:
        return None
    why = f"{view.pool.name} has room that nobody waits for"
    message = f"grown from {place.replicas} to {pods_text(size)} of {wanted}: {why}"
    return Move(one.key, one.uid, MoveKind.GROW, message, placement=wider, cost=cost)


def _the_more(workload: Workload, option: AcceleratorOption | None, pods: int) -> Workload:
    """Return a workload that asks for `pods` pods more, or fewer."""
    options = () if option is None else (_unsized(option),)
    kept = tuple(one for one in options if one is not None)
    return msgspec.structs.replace(workload, replicas=pods, min_replicas=1, others=(), accelerators=kept)


def _unsized(option: AcceleratorOption | None) -> AcceleratorOption | None:
    return None if option is None else msgspec.structs.replace(option, replicas=None)


def _wider(place: Placement, size: int, nodes: Sequence[Assignment]) -> Placement | None:
    """Return the larger placement; None if its pods have seats and there is no more room to write seats down."""
    if place.nodes_required:
        found = [*_taken_seats(place), *((one.node, one.pods) for one in nodes)]
        if len(found) > PREFERRED_NODES:
            return None
        hosts, pods = zip(*found, strict=True)
        return msgspec.structs.replace(place, replicas=size, preferred_nodes=hosts, pods_per_node=pods)
    names = dict.fromkeys([*place.preferred_nodes, *(one.node for one in nodes)])
    return msgspec.structs.replace(place, replicas=size, preferred_nodes=tuple(names)[:PREFERRED_NODES])


def _taken_seats(place: Placement) -> list[tuple[str, int]]:
    """Return nodes and pods of the first seats, one for each pod: after it shrank a gang has more seats than pods."""
    left, taken = place.replicas, []
    for node, pods in seats(place):
        if left > 0:
            taken.append((node, min(pods, left)))
            left -= pods
    return taken
