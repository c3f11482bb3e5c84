"""Running workloads that are better off elsewhere: moved only where it pays for what is lost, and a few an hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from stellwerk.economics.disruption import eviction_loss
from stellwerk.economics.moving import Balance, Start, balance
from stellwerk.model.decision import MICROS, Cost, Move, MoveKind
from stellwerk.model.policy import Policy, policy_of
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Snapshot
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.fleet.homes import Homes, is_free_to_go
from stellwerk.placement.fleet.poolview import PoolView
from stellwerk.placement.offers.candidates import Offer, Shape, shape_of
from stellwerk.placement.offers.offering import offers_for
from stellwerk.placement.rules import wording

HOUR: Final = timedelta(hours=1)

PoolKey = tuple[str, str]


class Prospective(msgspec.Struct, frozen=True):
    """A move that would pay, if there is room for it."""

    running: Running
    offer: Offer
    balance: Balance
    here: Cost


class Migrator:
    """Decides which running workloads move in one cycle, and takes the room that they go to."""

    def __init__(self, snapshot: Snapshot, fleet: Fleet, now: datetime, moved: Iterable[str] = ()) -> None:
        """Look at a fleet in which everything that waits has been placed; what is `moved` already stays as it is."""
        self._snapshot = snapshot
        self.now, self.policies = now, snapshot.policies
        self.homes = Homes(fleet.views, fleet.health)
        self._offers: dict[Shape, list[Offer]] = {}
        self._moved = set(moved)
        self._in_pool: defaultdict[PoolKey, list[Running]] | None = None
        self._left = budgets(snapshot.policies, snapshot.moved, now)

    def migrations(self) -> list[Move]:
        """Return the moves that save most, within what each policy allows in an hour, and take their room."""
        paying = [one for running in self._snapshot.running for one in self._paying(running)]
        moves = []
        for one in sorted(paying, key=lambda one: (-one.balance.gain, one.running.uid, one.offer.order)):
            policy = one.running.workload.policy
            if one.running.uid in self._moved or not self._left.get(policy):
                continue
            move = self._move(one)
            if move is not None:
                moves.append(move)
                self.note([one.running])
        return moves

    def movable(self, view: PoolView, priority: int) -> list[Running]:
        """Return what runs in a pool and may be moved for a workload of this priority, who loses least first.

        Gangs of several pod sets are left alone: their main set would hardly ever be all that is in the way.
        """
        found = []
        for one in self.in_pool(view):
            policy = policy_of(one.workload.policy, self.policies)
            if one.uid in self._moved or one.workload.priority > priority or one.workload.others:
                continue
            if may_move(one, policy):
                cost = self.homes.cost_of(one, policy)
                loss = eviction_loss(one, cost, policy, self.now)
                found.append((loss is None, loss or 0, one.uid, one))
        return [one for *_, one in sorted(found, key=lambda each: each[:3])]

    def in_pool(self, view: PoolView) -> list[Running]:
        """Return what runs in a pool."""
        if self._in_pool is None:
            self._in_pool = defaultdict(list)
            for one in self._snapshot.running:
                if one.placement is not None:
                    self._in_pool[one.placement.cluster, one.placement.pool].append(one)
        return self._in_pool[view.pool.cluster, view.pool.name]

    def view_of(self, running: Running) -> PoolView | None:
        """Return the pool where a workload runs."""
        place = running.placement
        return None if place is None else self.homes.of(place)

    def allows(self, policy: str, more: int) -> bool:
        """Tell whether a policy may move one workload after so `more` others in this hour."""
        return self._left.get(policy, 0) > more

    @property
    def may_any(self) -> bool:
        """Whether any policy may move anything in this hour."""
        return any(self._left.values())

    def leave_alone(self, uids: Iterable[str]) -> None:
        """Move none of these."""
        self._moved.update(uids)

    def note(self, moved: Iterable[Running]) -> None:
        """Count workloads that move for others."""
        for one in moved:
            self._moved.add(one.uid)
            self._left[one.workload.policy] -= 1

    def _paying(self, running: Running) -> list[Prospective]:
        """Return the other pools where a workload would cost enough less, room or no room."""
        workload, place = running.workload, running.placement
        policy = policy_of(workload.policy, self.policies)
        if place is None or not may_move(running, policy) or running.uid in self._moved:
            return []
        view = self.view_of(running)
        if view is None or not self._left.get(workload.policy):
            return []
        here = self.homes.cost_of(running, policy)
        minimum = int(policy.minimum_saving * MICROS)
        found = []
        for offer in self.offers_for(running, policy):
            if offer.rejections or offer.view is view:
                continue
            there = Start(offer.ask.cost, offer.ask.option, policy.restart_overhead_s)
            weighed = balance(running, here, there, self.now)
            if weighed is not None and weighed.pays(minimum):
                found.append(Prospective(running, offer, weighed, here))
        return found

    def offers_for(self, running: Running, policy: Policy) -> Sequence[Offer]:
        """Return all candidates of a workload that runs, the best first."""
        shape = shape_of(running.workload)
        if shape not in self._offers:
            self._offers[shape] = offers_for(running.workload, policy, self.homes, self.now)
        return self._offers[shape]

    def _move(self, one: Prospective) -> Move | None:
        running, offer = one.running, one.offer
        policy, mark = policy_of(running.workload.policy, self.policies), offer.view.company.mark()
        nodes = offer.place()
        if nodes is None or running.placement is None:
            return None
        place = offer.placement(nodes)
        cost, weighed = offer.cost_on(place.replicas), one.balance
        if running.workload.others:  # not all pod sets need have found room where they would have gone first
            again = balance(running, one.here, Start(cost, offer.ask.option, policy.restart_overhead_s), self.now)
            if again is None or not again.pays(int(policy.minimum_saving * MICROS)):
                offer.undo(nodes, mark)
                return None
            weighed = again
        message = (
            f"moved from {running.placement.pool} to {offer.view.pool.name}: the rest of its run costs"
            f" {wording.amount(weighed.saving, one.here.currency)} less there, and the move loses"
            f" {wording.amount(weighed.loss, one.here.currency)} of work and restart"
        )
        return Move(running.key, running.uid, MoveKind.MIGRATE, message, "", place, cost, weighed.loss, weighed.saving)


def may_move(running: Running, policy: Policy) -> bool:
    """Tell whether a workload may be moved at all: its policy moves, it does not forbid it, and all its pods run."""
    workload = running.workload
    return policy.migrates and workload.movable and running.settled and is_free_to_go(workload)


def budgets(policies: Mapping[str, Policy], moved: Mapping[str, Sequence[str]], now: datetime) -> dict[str, int]:
    """Return how many more workloads each policy may move now.

    Args:
        policies: By name.
        moved: When workloads of each policy were moved, RFC 3339.
        now: The moment; moves count for an hour.
    """
    left = {}
    for name, policy in policies.items():
        recent = sum(now - datetime.fromisoformat(moment) < HOUR for moment in moved.get(name, ()))
        left[name] = max(0, policy.max_moves_per_hour - recent) if policy.migrates else 0
    return left
