"""Decisions as they are recorded: what was chosen, what else there was, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from stellwerk.api.reasons import Reason
from stellwerk.model.decision import Candidate, Decision, Mode, Verdict
from stellwerk.model.workload import Workload
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.offers.prospect import Prospect
from stellwerk.placement.packing.bins import Assignment
from stellwerk.placement.rules import wording


def not_accepted(workload: Workload, reason: Reason) -> Decision:
    """Say that a workload may not use its policy, or that there is no such policy."""
    policy, namespace = workload.policy, workload.key.namespace
    if reason is Reason.POLICY_NOT_FOUND:
        message = f"there is no PlacementPolicy {policy}"
        unblock = f"create PlacementPolicy {policy}, or name another one in spec.policy"
    else:
        message = f"PlacementPolicy {policy} may not be used in namespace {namespace}"
        unblock = f"add {namespace} to spec.namespaces of policy {policy}, or name another policy"
    return Decision(workload.key, workload.uid, Mode.NEVER, reason, message, accepted=False, unblock=unblock)


def fit(workload: Workload, prospect: Prospect, index: int, nodes: list[Assignment]) -> Decision:
    """Say where a workload was placed and what it costs there; `index` is the chosen candidate."""
    offer = prospect.viable[index]
    placement = offer.placement(nodes)
    paid = offer.cost_on(placement.replicas)  # of an elastic gang that starts with less than it asks for
    (chosen, *others), fitting, cheaper = _record(prospect, index)
    record = (msgspec.structs.replace(chosen, cost=paid), *others)
    cost = offer.priced(paid)
    return Decision(
        key=workload.key,
        uid=workload.uid,
        mode=Mode.FIT,
        reason=_reason_of(cheaper),
        message=wording.chosen(offer.view.pool.name, cost, fitting, cheaper)
        + wording.partly(placement, offer.ask)
        + wording.coming(placement),
        chosen=placement,
        cost=cost,
        candidates=record,
        considered=len(prospect.offers),
    )


def _record(prospect: Prospect, index: int) -> tuple[tuple[Candidate, ...], int, Candidate | None]:
    """Return the candidates of a fit, how many others would have done, and the best one that was left to others."""
    chosen = prospect.viable[index].candidate(Verdict.CHOSEN)
    feasible: list[Candidate] = []
    rejected: list[Candidate] = []
    cheaper: Candidate | None = None
    for other, offer in enumerate(prospect.viable):
        if other != index and other not in prospect.full and offer.fits():
            cheaper = cheaper or (_left(offer, prospect.viable[index]) if other < index else None)
            feasible.append(offer.candidate(Verdict.FEASIBLE))
        elif other != index:
            why = prospect.full.get(other) or offer.full()
            rejected.append(offer.candidate(Verdict.REJECTED, why))
    rejected += [offer.candidate(Verdict.REJECTED, offer.rejections) for offer in prospect.offers if offer.rejections]
    rejected.sort(key=lambda candidate: candidate.distance)  # stable: else by rank
    return (chosen, *feasible, *rejected), len(feasible), cheaper


def _left(offer: Offer, chosen: Offer) -> Candidate | None:
    """Return a candidate that was left to others though it costs less; with its room if that is why."""
    if offer.order[:3] == chosen.order[:3]:
        return None
    candidate = offer.candidate(Verdict.FEASIBLE)
    if offer.weight < chosen.weight:
        return candidate
    return msgspec.structs.replace(candidate, cost=offer.priced(candidate.cost))


def _reason_of(cheaper: Candidate | None) -> str:
    if cheaper is None:
        return Reason.CHEAPEST_FEASIBLE
    return Reason.CHEAPEST_TOGETHER if cheaper.cost.room_taken is None else Reason.CHEAPEST_WITH_ROOM


def stuck(workload: Workload, offers: Sequence[Offer]) -> Decision:
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
