"""The plan of one cycle: every pending workload gets a decision, and the decision its reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from stellwerk.api.labels import DEFAULT_POLICY
from stellwerk.api.reasons import Reason
from stellwerk.model.decision import Candidate, Decision, Mode, Move, Plan, Rejection, Verdict
from stellwerk.model.policy import BUILT_IN_POLICY, Policy
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement import wording
from stellwerk.placement.candidates import Offer, Shape, offers_for, shape_of
from stellwerk.placement.fleet import Fleet
from stellwerk.placement.ordering import queue_order
from stellwerk.placement.packing import Assignment
from stellwerk.placement.preemption import RoomMaker, preempting

CANDIDATES_KEPT: Final = 10
"""How many candidates a decision record holds."""


def plan(
    pending: Sequence[Workload], snapshot: Snapshot, now: datetime, cycle: int, *, kept: int = CANDIDATES_KEPT
) -> Plan:
    """Decide for all `pending` workloads on one `snapshot`, in queue order, each gang whole.

    What is decided takes its room at once, so that later decisions see it. A workload that finds no
    room does not hold up those behind it. The same arguments give the same plan, byte for byte,
    in whatever order nodes, pools and workloads come.

    Args:
        pending: What is to be decided.
        snapshot: The world.
        now: The moment of the decision.
        cycle: Its number.
        kept: How many candidates each decision records at most, the best first.
    """
    if not pending:
        return Plan((), cycle, now)  # most cycles only follow what was decided before: spare them the fleet
    cycle_planner = _Planner(snapshot, pending, now, kept)
    queue = queue_order(pending, snapshot.policies, snapshot.promised)
    decisions = tuple(cycle_planner.decide(workload) for workload in queue)
    return Plan(decisions, cycle, now, cycle_planner.moves)


class _Prospect:
    """What is known in this cycle of one shape: its candidates, and which of them are full."""

    def __init__(self, offers: list[Offer]) -> None:
        """Keep the `offers`, the best first."""
        self.offers = offers
        self.viable = [offer for offer in offers if not offer.rejections]
        self.full: dict[int, tuple[Rejection, ...]] = {}
        """Rejections of the viable offers that had no room; room never grows within a cycle."""
        self.stuck: Decision | None = None
        """The decision on the first workload of this shape that found no room."""


class _Planner:
    """The state of one cycle."""

    def __init__(self, snapshot: Snapshot, pending: Sequence[Workload], now: datetime, kept: int) -> None:
        """Start from a snapshot."""
        self._now = now
        self._policies = snapshot.policies
        self._kept = kept
        self._fleet = Fleet(snapshot, pending)
        self._prospects: dict[Shape, _Prospect] = {}
        self._rooms = RoomMaker(snapshot, now)

    @property
    def moves(self) -> tuple[Move, ...]:
        """What was decided for workloads that have a place already."""
        return self._rooms.moves

    def decide(self, workload: Workload) -> Decision:
        """Decide for one workload and take its room."""
        policy = self._policies.get(workload.policy)
        if policy is None and workload.policy == DEFAULT_POLICY:
            policy = BUILT_IN_POLICY
        if policy is None:
            return _not_accepted(workload, Reason.POLICY_NOT_FOUND)
        if not policy.admits_namespace(workload.key.namespace):
            return _not_accepted(workload, Reason.POLICY_NOT_ALLOWED)
        prospect = self._prospect(workload, policy)
        if prospect.stuck is None:
            for index, offer in enumerate(prospect.viable):
                if index not in prospect.full:
                    nodes = offer.place()
                    if nodes is not None:
                        return self._shortened(_fit(workload, prospect, index, nodes))
                    prospect.full[index] = offer.full()
            prospect.stuck = self._shortened(_stuck(workload, prospect.offers))
        room = self._rooms.make_room(workload, policy, prospect.viable) if policy.preempts else None
        if room is not None:
            return preempting(workload, room, prospect.stuck)
        return msgspec.structs.replace(prospect.stuck, key=workload.key, uid=workload.uid)

    def _shortened(self, decision: Decision) -> Decision:
        return msgspec.structs.replace(decision, candidates=decision.candidates[: self._kept])

    def _prospect(self, workload: Workload, policy: Policy) -> _Prospect:
        shape = shape_of(workload)
        prospect = self._prospects.get(shape)
        if prospect is None:
            offers = offers_for(workload, policy, self._fleet, self._now)
            prospect = self._prospects[shape] = _Prospect(offers)
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


def _fit(workload: Workload, prospect: _Prospect, index: int, nodes: list[Assignment]) -> Decision:
    offer = prospect.viable[index]
    record, fitting = _record(prospect, index)
    placement = offer.placement(nodes)
    cost = offer.cost_on(placement.replicas)
    return Decision(
        key=workload.key,
        uid=workload.uid,
        mode=Mode.FIT,
        reason=Reason.CHEAPEST_FEASIBLE,
        message=wording.chosen(offer.view.pool.name, cost, fitting) + wording.partly(placement, offer.ask.size),
        chosen=placement,
        cost=cost,
        candidates=record,
        considered=len(prospect.offers),
    )


def _record(prospect: _Prospect, index: int) -> tuple[tuple[Candidate, ...], int]:
    """Return the candidates of a fit, and how many others would have done."""
    chosen = prospect.viable[index].candidate(Verdict.CHOSEN)
    feasible: list[Candidate] = []
    rejected: list[Candidate] = []
    for other, offer in enumerate(prospect.viable):
        if other > index and offer.fits():
            feasible.append(offer.candidate(Verdict.FEASIBLE))
        elif other != index:
            why = prospect.full.get(other) or offer.full()
            rejected.append(offer.candidate(Verdict.REJECTED, why))
    rejected += [offer.candidate(Verdict.REJECTED, offer.rejections) for offer in prospect.offers if offer.rejections]
    rejected.sort(key=lambda candidate: candidate.distance)  # stable: else by rank
    return (chosen, *feasible, *rejected), len(feasible)


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
