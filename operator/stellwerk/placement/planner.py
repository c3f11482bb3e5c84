"""The plan of one cycle: every pending workload gets a decision, and the decision its reasons."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from stellwerk.api.labels import DEFAULT_POLICY
from stellwerk.api.reasons import Reason
from stellwerk.model.decision import Candidate, Decision, Mode, Plan, Verdict
from stellwerk.model.policy import BUILT_IN_POLICY, Policy
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement import wording
from stellwerk.placement.candidates import Offer, Shape, shape_of
from stellwerk.placement.contest import Solver
from stellwerk.placement.edits import Case
from stellwerk.placement.fleet import Fleet
from stellwerk.placement.offering import offers_for
from stellwerk.placement.opportunity import Opportunity
from stellwerk.placement.ordering import queue_order
from stellwerk.placement.packing import Assignment
from stellwerk.placement.pinning import pinned
from stellwerk.placement.preemption import RoomMaker, preempting
from stellwerk.placement.prospect import Prospect
from stellwerk.placement.settling import Scene, is_due, settled
from stellwerk.placement.together import Batch, Round, improved
from stellwerk.placement.whatif import LOOKS_PER_CYCLE, Explainer

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
    settle = settle and is_due(snapshot, now)
    if not pending and not settle:
        return Plan((), cycle, now)  # most cycles only follow what was decided before: spare them the fleet
    queue = queue_order(pending, snapshot.policies, snapshot.promised)
    planner = _Planner(_World(snapshot, pending, now, kept, settle, looks))
    best, bound = improved(Batch(queue, planner.again), planner.go(queue), planner, solver)
    return Plan(pinned(planner.explained(queue, best), pending, snapshot), cycle, now, best.moves, bound)


class _World(NamedTuple):
    """What one cycle looks at."""

    snapshot: Snapshot
    pending: Sequence[Workload]
    now: datetime
    kept: int
    settle: bool
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
        self._fleet = Fleet(world.snapshot, world.pending)
        self._opportunity = Opportunity(self._fleet, world.pending, world.snapshot.demand)
        self._prospects = judged(self._fleet)
        self._rooms = RoomMaker(world.snapshot, world.now)
        self._taken: dict[str, int | None] = {}

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
        if self._world.settle:
            scene = Scene(self._world.snapshot, self._fleet, self._world.now, queue, self._viable_for)
            moves += tuple(settled(scene, decisions, [move.uid for move in moves]))
        explainer = Explainer(self._fleet, self._rooms, self._world.now, self._world.looks)
        return Round(decisions, self._taken, moves, explainer)

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
        ranked = prospect.ranked() if prospect else []
        nodes = prospect.viable[index].place() if prospect else None
        if prospect is None or nodes is None:
            return None
        return self._placed(workload, prospect, (ranked, index), nodes)

    def decide(self, workload: Workload) -> Decision:
        """Decide for one workload and take its room."""
        policy = self._policy_of(workload)
        if policy is None:
            return _not_accepted(workload, Reason.POLICY_NOT_FOUND)
        if not policy.admits_namespace(workload.key.namespace):
            return _not_accepted(workload, Reason.POLICY_NOT_ALLOWED)
        prospect = self._prospect(workload, policy)
        self._taken[workload.uid] = None
        if prospect.stuck is None:
            ranked = prospect.ranked()
            for index in ranked:
                offer = prospect.viable[index]
                nodes = offer.place()
                if nodes is not None:
                    return self._placed(workload, prospect, (ranked, index), nodes)
                prospect.full[index] = offer.full()
            prospect.stuck = self._shortened(_stuck(workload, prospect.offers))
        room = self._rooms.make_room(workload, policy, prospect.viable)
        if room is not None:
            return preempting(workload, room, prospect.stuck)
        return msgspec.structs.replace(prospect.stuck, key=workload.key, uid=workload.uid)

    def _placed(
        self, workload: Workload, prospect: Prospect, choice: tuple[Sequence[int], int], nodes: list[Assignment]
    ) -> Decision:
        self._taken[workload.uid] = choice[1]
        decision = self._shortened(_fit(workload, prospect, choice, nodes))
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


def _not_accepted(workload: Workload, reason: Reason) -> Decision:
    policy, namespace = workload.policy, workload.key.namespace
    if reason is Reason.POLICY_NOT_FOUND:
        message = f"there is no PlacementPolicy {policy}"
        unblock = f"create PlacementPolicy {policy}, or name another one in spec.policy"
    else:
        message = f"PlacementPolicy {policy} may not be used in namespace {namespace}"
        unblock = f"add {namespace} to spec.namespaces of policy {policy}, or name another policy"
    return Decision(workload.key, workload.uid, Mode.NEVER, reason, message, accepted=False, unblock=unblock)


def _fit(
    workload: Workload, prospect: Prospect, choice: tuple[Sequence[int], int], nodes: list[Assignment]
) -> Decision:
    offer = prospect.viable[choice[1]]
    record, fitting, cheaper = _record(prospect, *choice)
    placement = offer.placement(nodes)
    cost = offer.priced(offer.cost_on(placement.replicas))
    return Decision(
        key=workload.key,
        uid=workload.uid,
        mode=Mode.FIT,
        reason=Reason.CHEAPEST_FEASIBLE if cheaper is None else Reason.CHEAPEST_TOGETHER,
        message=wording.chosen(offer.view.pool.name, cost, fitting, cheaper)
        + wording.partly(placement, offer.ask.size),
        chosen=placement,
        cost=cost,
        candidates=record,
        considered=len(prospect.offers),
    )


def _record(
    prospect: Prospect, ranked: Sequence[int], index: int
) -> tuple[tuple[Candidate, ...], int, Candidate | None]:
    """Return the candidates of a fit, how many others would have done, and the best one that was left to others."""
    chosen = prospect.viable[index].candidate(Verdict.CHOSEN)
    feasible: list[Candidate] = []
    rejected: list[Candidate] = []
    cheaper: Candidate | None = None
    rest = (other for other in range(len(prospect.viable)) if other not in ranked)
    better = ranked.index(index) if index in ranked else 0
    for place, other in enumerate([*ranked, *rest]):
        offer = prospect.viable[other]
        if other != index and other not in prospect.full and offer.fits():
            cheaper = cheaper or (offer.candidate(Verdict.FEASIBLE) if place < better else None)
            feasible.append(offer.candidate(Verdict.FEASIBLE))
        elif other != index:
            why = prospect.full.get(other) or offer.full()
            rejected.append(offer.candidate(Verdict.REJECTED, why))
    rejected += [offer.candidate(Verdict.REJECTED, offer.rejections) for offer in prospect.offers if offer.rejections]
    rejected.sort(key=lambda candidate: candidate.distance)  # stable: else by rank
    return (chosen, *feasible, *rejected), len(feasible), cheaper


def _stuck(workload: Workload, offers: Sequence[Offer]) -> Decision:
    """Explain why no candidate will do, and what is the smallest change that would."""
    judged = [offer.candidate(Verdict.REJECTED, offer.full()) for offer in offers]
    judged.sort(key=lambda candidate: candidate.distance)  # stable: else by rank
    never = bool(judged) and all(any(r.permanent for r in c.rejections) for c in judged)
    mode = Mode.NEVER if never else Mode.WAIT
    message = wording.stuck(workload, judged)
    unblock = wording.unblock(judged)
    if not judged:
        message = f"needs {wording.need(workload)}; there is no pool at all"
        unblock = "add nodes, or declare a ComputePool"
    return Decision(
        key=workload.key,
        uid=workload.uid,
        mode=mode,
        reason=_reason(mode, judged),
        message=message,
        unblock=unblock,
        candidates=tuple(judged),
        considered=len(judged),
    )


def _reason(mode: Mode, judged: Iterable[Candidate]) -> str:
    """Name the reason of a whole decision: the one thing in the way, if there is just one."""
    candidates = list(judged)
    if not candidates:
        return Reason.NO_POOL
    if mode is Mode.WAIT:
        passing = [c for c in candidates if not any(r.permanent for r in c.rejections)]
        return passing[0].rejections[0].reason
    permanent = [{r.reason for r in c.rejections if r.permanent} for c in candidates]
    shared = set.intersection(*permanent)
    first = (r.reason for r in candidates[0].rejections if r.reason in shared)
    return next(first, Reason.NEVER_FITS)
