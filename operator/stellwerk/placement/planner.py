"""The plan of one cycle: every pending workload gets a decision, and the decision its reasons."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from stellwerk.api.labels import DEFAULT_POLICY
from stellwerk.api.reasons import Reason
from stellwerk.model.decision import Decision, Mode, Plan
from stellwerk.model.policy import BUILT_IN_POLICY, Policy
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.batch.contest import Solver
from stellwerk.placement.batch.together import Batch, Round, improved
from stellwerk.placement.changes.edits import Case
from stellwerk.placement.changes.whatif import LOOKS_PER_CYCLE, Explainer
from stellwerk.placement.fleet.company import friends_first
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.fleet.homes import Homes
from stellwerk.placement.fleet.opportunity import Opportunity
from stellwerk.placement.fleet.pinning import pinned
from stellwerk.placement.moves.preemption import RoomMaker
from stellwerk.placement.moves.promises import preempting
from stellwerk.placement.moves.settling import Scene, could_change, settled
from stellwerk.placement.offers.candidates import Offer, Shape, shape_of
from stellwerk.placement.offers.offering import offers_for
from stellwerk.placement.offers.prospect import Prospect
from stellwerk.placement.offers.records import fit, not_accepted, stuck
from stellwerk.placement.ordering import queue_order
from stellwerk.placement.packing.bins import Assignment

CANDIDATES_KEPT: Final = 10
"""How many candidates a decision record holds."""


def plan(  # noqa: PLR0913 - the world, the moment, and two ways to ask
    pending: Sequence[Workload],
    snapshot: Snapshot,
    now: datetime,
    cycle: int,
    *,
    kept: int = CANDIDATES_KEPT,
    solver: Solver | None = None,
    settle: bool = False,
    looks: int = LOOKS_PER_CYCLE,
) -> Plan:
    """Decide for all `pending` workloads on one `snapshot`, in queue order, each gang whole.

    What is decided takes its room at once, so that later decisions see it. A workload that finds no
    room does not hold up those behind it. Where several compete for the same room, other ways to
    place them are looked at, and taken if they are better (`together`). The same arguments give the
    same plan, byte for byte, in whatever order nodes, pools and workloads come.

    Args:
        pending: What is to be decided.
        snapshot: The world.
        now: The moment of the decision.
        cycle: Its number.
        kept: How many candidates each decision records at most, the best first.
        solver: Asked for the best assignment of workloads that compete; None does without.
        settle: Look at what runs as well: who grows, and who is better off elsewhere.
        looks: How many candidates may be judged to find out what would admit those who wait.
    """
    running = could_change(snapshot, now) if settle else []
    if not pending and not running:
        return Plan((), cycle, now)  # most cycles only follow what was decided before: spare them the fleet
    queue = friends_first(queue_order(pending, snapshot.policies, snapshot.promised), snapshot)
    planner = _Planner(_World(snapshot, pending, now, kept, running, looks))
    best, bound = improved(Batch(queue, planner.again), planner.go(queue), solver)
    return Plan(pinned(planner.explained(queue, best), pending, snapshot), cycle, now, best.moves, bound)


class _World(NamedTuple):
    """What one cycle looks at."""

    snapshot: Snapshot
    pending: Sequence[Workload]
    now: datetime
    kept: int
    running: Sequence[Workload]
    """What has a place and is looked at again."""
    looks: int


_Kind = tuple[Shape, Hashable]
"""A shape, and what tells workloads of it apart because of their neighbours and their namespace."""

_Judged = Callable[[Fleet], dict[_Kind, Prospect]]
"""What is known of shapes already, on a fresh fleet."""


class _Planner:
    """The state of one round of a cycle."""

    def __init__(self, world: _World, judged: _Judged = lambda _: {}) -> None:
        """Start from a snapshot."""
        self._world = world
        self._policies = world.snapshot.policies
        self._fleet = Fleet(world.snapshot, [*world.pending, *world.running])
        self._opportunity = Opportunity(self._fleet, world.pending, world.snapshot.demand)
        self._prospects = judged(self._fleet)
        self._rooms = RoomMaker(world.snapshot, world.now, Homes(self._fleet.views, self._fleet.health))
        self._taken: dict[str, int | None] = {}
        self._seen: dict[str, Prospect] = {}

    def again(self) -> _Planner:
        """Return a planner of the same snapshot on which nothing is placed; what was judged for good is kept."""
        return _Planner(self._world, self._judged_on)

    def _judged_on(self, fleet: Fleet) -> dict[_Kind, Prospect]:
        views = {id(old): new for old, new in zip(self._fleet.views, fleet.views, strict=True)}
        return {shape: prospect.on(views) for shape, prospect in self._prospects.items()}

    def go(self, queue: Sequence[Workload], wanted: Mapping[str, int] = MappingProxyType({})) -> Round:
        """Decide for all: first whoever has a wanted candidate, on just that, then the rest, each in this order."""
        decisions: dict[str, Decision] = {}
        for workload in queue:
            decision = self._decide_as_wanted(workload, wanted[workload.uid]) if workload.uid in wanted else None
            if decision is not None:
                decisions[workload.uid] = decision
        for workload in queue:
            if workload.uid not in decisions:
                decisions[workload.uid] = self.decide(workload)
        self._look_again(queue, decisions)
        moves = self._rooms.moves
        if self._world.running:
            scene = Scene(self._world.snapshot, self._fleet, self._world.now, queue, self._viable_for)
            moves += tuple(settled(scene, decisions, [move.uid for move in moves]))
        explainer = Explainer(self._fleet, self._rooms, self._world.now, self._world.looks)
        return Round(decisions, self._taken, self._seen, moves, explainer)

    def _look_again(self, queue: Sequence[Workload], decisions: dict[str, Decision]) -> None:
        """Decide anew for those who wait for neighbours: pods that were placed after their turn may be the ones."""
        looking = [one for one in queue if one.pod.rules is not None and one.pod.rules.looks_at_others]
        grown = bool(looking)
        while grown:
            grown = False
            for workload in looking:
                if decisions[workload.uid].mode is Mode.WAIT:
                    decisions[workload.uid] = self.decide(workload)
                    grown |= decisions[workload.uid].mode is Mode.FIT

    def _decide_as_wanted(self, workload: Workload, index: int) -> Decision | None:
        prospect = self.prospect_of(workload)
        nodes = prospect.viable[index].place() if prospect else None
        if prospect is None or nodes is None:
            return None
        return self._placed(workload, prospect, index, nodes)

    def decide(self, workload: Workload) -> Decision:
        """Decide for one workload and take its room."""
        policy = self._policy_of(workload)
        if policy is None:
            return not_accepted(workload, Reason.POLICY_NOT_FOUND)
        if not policy.admits_namespace(workload.key.namespace):
            return not_accepted(workload, Reason.POLICY_NOT_ALLOWED)
        prospect = self._prospect(workload, policy)
        self._taken[workload.uid], self._seen[workload.uid] = None, prospect
        if prospect.stuck is None:
            while (index := prospect.best()) is not None:
                offer = prospect.viable[index]
                nodes = offer.place()
                if nodes is not None:
                    return self._placed(workload, prospect, index, nodes)
                prospect.full[index] = offer.full()
            prospect.stuck = self._shortened(stuck(workload, prospect.offers))
        room = self._rooms.make_room(workload, policy, prospect.viable)
        if room is not None:
            return preempting(workload, room, prospect.stuck)
        return msgspec.structs.replace(prospect.stuck, key=workload.key, uid=workload.uid)

    def _placed(self, workload: Workload, prospect: Prospect, index: int, nodes: list[Assignment]) -> Decision:
        self._taken[workload.uid], self._seen[workload.uid] = index, prospect
        decision = self._shortened(fit(workload, prospect, index, nodes))
        self._opportunity.passed()
        return decision

    def _viable_for(self, workload: Workload) -> Sequence[Offer]:
        prospect = self.prospect_of(workload)
        return prospect.viable if prospect else ()

    def prospect_of(self, workload: Workload) -> Prospect | None:
        """Return what a workload may choose from; None if its policy does not accept it."""
        policy = self._policy_of(workload)
        if policy is None or not policy.admits_namespace(workload.key.namespace):
            return None
        return self._prospect(workload, policy)

    def explained(self, queue: Sequence[Workload], best: Round) -> tuple[Decision, ...]:
        """Return the decisions of the best round; those on what waits say which changes would admit it."""
        if best.explainer is None:
            return tuple(best.decisions[workload.uid] for workload in queue)
        ruled = ((workload, self._policy_of(workload) or BUILT_IN_POLICY) for workload in queue)
        cases = (Case(workload, policy) for workload, policy in ruled)
        return best.explainer.explained([(case, best.decisions[case.workload.uid]) for case in cases])

    def _policy_of(self, workload: Workload) -> Policy | None:
        policy = self._policies.get(workload.policy)
        return BUILT_IN_POLICY if policy is None and workload.policy == DEFAULT_POLICY else policy

    def _shortened(self, decision: Decision) -> Decision:
        return msgspec.structs.replace(decision, candidates=decision.candidates[: self._world.kept])

    def _prospect(self, workload: Workload, policy: Policy) -> Prospect:
        shape = (shape_of(workload), self._fleet.concern(workload))
        prospect = self._prospects.get(shape)
        if prospect is None:
            offers = offers_for(workload, policy, self._fleet, self._world.now)
            prospect = self._prospects[shape] = Prospect(offers)
        return prospect
