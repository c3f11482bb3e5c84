"""What a running workload can give: some pods of an elastic gang, or its whole place, and what it loses by that."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from stellwerk.economics.disruption import elapsed_s, eviction_loss, option_of, resize_loss
from stellwerk.model.decision import Cost, Move, MoveKind
from stellwerk.model.policy import Policy
from stellwerk.model.resources import Resources
from stellwerk.model.running import Running
from stellwerk.model.workload import Workload
from stellwerk.placement.fleet.poolview import PoolView
from stellwerk.placement.moves.victims import Price
from stellwerk.placement.rules import wording

Freed = dict[str, Resources]
"""What becomes free, by node."""

_NOTHING: Final = Resources()


class Step(msgspec.Struct, frozen=True):
    """One way to give room."""

    price: Price
    replicas: int
    """Pods that the workload has left; 0 where it is evicted."""
    freed: Freed


class Sacrifice(msgspec.Struct, frozen=True):
    """A workload that may have to give room, with its ways to do so, the cheapest first."""

    running: Running
    steps: tuple[Step, ...]
    cost: Cost
    """Expected where it runs."""
    prices: tuple[Price, ...]
    """Of the steps."""

    def freed(self, level: int) -> Freed:
        """Return what becomes free if it takes so many steps."""
        return self.steps[level - 1].freed if level else {}


def sacrifice_of(running: Running, cost: Cost, policy: Policy, now: datetime, patience_s: int | None) -> Sacrifice:
    """Return what a workload can give.

    Args:
        running: The workload.
        cost: Expected where it runs.
        policy: Its own.
        now: The moment.
        patience_s: It is evicted only if it has had its place for so long; None: it is not evicted at all.
    """
    steps = []
    have = running.placement.replicas if running.placement else 0
    for pods in range(1, spare_pods(running) + 1):
        loss = resize_loss(running, cost, policy, pods, now)
        steps.append(Step(_price(loss, pods), have - pods, freed_by(running, have - pods)))
    if patience_s is not None and elapsed_s(running, now) >= patience_s:
        loss = eviction_loss(running, cost, policy, now)
        steps.append(Step(_price(loss, sum(pods for _, pods in running.pods_by_node)), 0, freed_by(running, 0)))
    return Sacrifice(running, tuple(steps), cost, tuple(step.price for step in steps))


def spare_pods(running: Running) -> int:
    """Return how many pods an elastic gang can do without; 0 for any other, and while not all its pods run."""
    placement, workload = running.placement, running.workload
    if placement is None or workload.min_replicas is None or len(running.indexes) != placement.replicas:
        return 0
    return max(0, placement.replicas - workload.least(option_of(running)))


def freed_by(running: Running, replicas: int) -> Freed:
    """Return what becomes free by node if only the first `replicas` pods stay; with 0, all that it uses."""
    freed: Freed = {}
    if not replicas:
        for node, used in running.uses:  # of each pod set
            freed[node] = freed.get(node, _NOTHING) + used
        return freed
    for index, node, request in running.indexes:
        if index >= replicas:
            freed[node] = freed.get(node, _NOTHING) + request
    return freed


def expendable(sacrifice: Sacrifice) -> tuple[int, int, str]:
    """Rank: of those that lose as much, the least important goes first, then the one that was placed last."""
    running = sacrifice.running
    return running.workload.priority, -int("".join(filter(str.isdecimal, running.since)) or 0), running.uid


def move_of(sacrifice: Sacrifice, level: int, gainer: Workload) -> Move:
    """Return the move by which a workload gives room to another one."""
    running, step = sacrifice.running, sacrifice.steps[level - 1]
    loss = None if step.price.unknown else step.price.loss
    price = "loses an unknown amount" if loss is None else f"loses {wording.amount(loss, sacrifice.cost.currency)}"
    for_whom = f"{gainer.key} (priority {gainer.priority}, over {running.workload.priority})"
    if not step.replicas or running.placement is None:
        message = f"evicted for {for_whom}, which {price} of work and restart"
        return Move(running.key, running.uid, MoveKind.PREEMPT, message, gainer.uid, loss=loss)
    have = running.placement.replicas
    message = f"shrunk from {have} to {wording.pods(step.replicas)} for {for_whom}, which {price} of work and restart"
    place = msgspec.structs.replace(running.placement, replicas=step.replicas)
    return Move(running.key, running.uid, MoveKind.SHRINK, message, gainer.uid, place, loss=loss)


def add(freed: Freed, more: Freed, sign: int = 1) -> None:
    """Add what becomes free, or take it off again with a `sign` of -1."""
    for node, resources in more.items():
        freed[node] = freed.get(node, _NOTHING) + resources * sign


def minus(freed: Freed) -> Freed:
    """Return the same taken instead of freed."""
    taken: Freed = {}
    add(taken, freed, -1)
    return taken


def shift(views: Iterable[PoolView], freed: Freed) -> None:
    """Let room become free on nodes of these pools, each with room of its own; nodes of others are left out."""
    for view in views:
        view.bins.shift(freed)


def _price(loss: int | None, pods: int) -> Price:
    return Price(int(loss is None), loss or 0, 1, pods)
