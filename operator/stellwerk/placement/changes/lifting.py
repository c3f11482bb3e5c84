"""What could be changed about each thing that stands in the way of a workload on one candidate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from functools import partial
from typing import Final

import msgspec

from stellwerk.api import money
from stellwerk.api.labels import ANY_MODEL
from stellwerk.api.reasons import Reason
from stellwerk.model.decision import MICROS, Rejection
from stellwerk.placement.changes.edits import Edit, Kind, also, asked, instead, of_pods, ruled
from stellwerk.placement.changes.sizes import smaller
from stellwerk.placement.fleet.fleet import tolerating
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.rules import wording
from stellwerk.placement.rules.deadline import later
from stellwerk.placement.rules.spending import most_paid


def edits_for(offer: Offer, rejections: tuple[Rejection, ...]) -> Iterator[Edit]:
    """Yield what could be changed about each of the things that speak against a candidate.

    Of what keeps further pod sets away nothing is tried: they go to pools of their own.
    """
    for rejection in rejections:
        make = None if rejection.pod_set else _EDITS.get(rejection.reason)
        if make is not None:
            yield from make(offer, rejection)


def _full(offer: Offer, rejection: Rejection) -> Iterator[Edit]:
    yield from smaller(offer, rejection)
    policy = offer.ask.policy
    if not policy.preempts:
        yield Edit(Kind.PREEMPTION, f"allow preemption in policy {policy.name}", ruled(preempts=True), weight=2)


def _memory(offer: Offer, rejection: Rejection) -> Iterator[Edit]:
    option, has = offer.ask.option, offer.view.pool.accelerator
    if option is None or has is None or has.memory_bytes is None:
        return
    most = has.memory_bytes
    less = msgspec.structs.replace(
        option,
        memory_bytes=None if option.memory_bytes is None else min(most, option.memory_bytes),
        share_bytes=None if option.share_bytes is None else min(most, option.share_bytes),
    )
    yield Edit(Kind.MEMORY, rejection.change, instead(option, less), effort=rejection.effort)


def _partition(offer: Offer, rejection: Rejection) -> Iterator[Edit]:
    option, has = offer.ask.option, offer.view.pool.accelerator
    if option is not None and has is not None and option.count == 1:
        less = msgspec.structs.replace(option, share_milli=has.part_milli)
        yield Edit(Kind.MEMORY, rejection.change, instead(option, less), effort=rejection.effort)


def _model(offer: Offer, rejection: Rejection) -> Iterator[Edit]:
    option, has = offer.ask.option, offer.view.pool.accelerator
    if option is None or has is None or has.model == ANY_MODEL or option.resource not in {None, has.resource}:
        return
    other = msgspec.structs.replace(option, model=has.model)
    known = {(one.model, one.count, one.replicas) for one in offer.ask.workload.accelerators}
    if (other.model, other.count, other.replicas) not in known:
        yield Edit(Kind.MODEL, rejection.change, also(other), weight=rejection.weight)


def _selector(offer: Offer, rejection: Rejection) -> Iterator[Edit]:
    demands = offer.ask.workload.pod.requirements
    for one in demands.all_of if len(demands.all_of) + bool(demands.any_of) > 1 else ():
        rest = msgspec.structs.replace(demands, all_of=tuple(other for other in demands.all_of if other != one))
        yield Edit(Kind.SELECTOR, f"drop {one} from the pods' node selector", of_pods(requirements=rest))
    none = msgspec.structs.replace(demands, all_of=(), any_of=())
    yield Edit(Kind.SELECTOR, rejection.change, of_pods(requirements=none), effort=1)


def _taint(offer: Offer, _: Rejection) -> Iterator[Edit]:
    pod = offer.ask.workload.pod
    taints = offer.view.blocking_taints(pod)
    more = (*pod.tolerations, *(tolerating(taint) for taint in taints))
    yield Edit(Kind.TOLERATION, f"tolerate {' and '.join(map(str, taints))}", of_pods(tolerations=more))


def _deadline(offer: Offer, rejection: Rejection) -> Iterator[Edit]:
    text = offer.ask.workload.deadline
    if text is not None:
        enough = later(datetime.fromisoformat(text), rejection.effort * 60)
        if enough is not None:
            moment = enough.strftime("%Y-%m-%dT%H:%M:%SZ")
            yield Edit(Kind.DEADLINE, rejection.change, asked(deadline=moment), effort=rejection.effort)


def _cost(offer: Offer, rejection: Rejection) -> Iterator[Edit]:
    if offer.ask.cost.per_hour is None:
        return  # nothing that is allowed makes an unknown cost known
    yield from _cheap_enough(offer)
    enough = (Decimal(rejection.effort) / MICROS).quantize(Decimal("0.01"), ROUND_CEILING)
    text = f"raise maxCostPerHour of policy {offer.ask.policy.name} to {money.text(enough)}"
    yield Edit(Kind.COST_LIMIT, text, ruled(max_cost_per_hour=enough), effort=rejection.effort)


def _cheap_enough(offer: Offer) -> Iterator[Edit]:
    """Yield with how many pods an elastic gang could start for what the policy pays."""
    ask, wanted = offer.ask, offer.ask.least
    if ask.workload.min_replicas is None:
        return
    pods = most_paid(range(1, wanted), ask.policy, offer.expected_on)
    if 0 < pods < wanted:
        text = f"start with {pods} instead of {wording.replicas(wanted)}"
        yield Edit(Kind.REPLICAS, text, asked(min_replicas=pods), effort=wanted - pods)


Lift = Callable[[Offer, Rejection], Iterator[Edit]]
"""What could be changed about one rejection of a candidate."""


def _listed(
    kind: Kind, field: str, value: Callable[[Offer], str | None], offer: Offer, rejection: Rejection
) -> Iterator[Edit]:
    """Yield the edit that adds a pool's value to a list of the policy; an empty value is any."""
    there = value(offer)
    if there is None:
        return  # not known: to be declared, not to be allowed
    allowed = (*getattr(offer.ask.policy, field), there) if there else ()
    yield Edit(kind, rejection.change, ruled(**{field: allowed}), weight=rejection.weight)


def _certification(offer: Offer, rejection: Rejection) -> Iterator[Edit]:
    has = offer.view.pool.certifications
    kept = tuple(one for one in offer.ask.policy.certifications if one in has)
    yield Edit(Kind.CERTIFICATION, rejection.change, ruled(certifications=kept), weight=rejection.weight)


def _pool_labels(offer: Offer, _: Rejection) -> Iterator[Edit]:
    policy, has = offer.ask.policy, offer.view.pool.labels
    kept = {key: value for key, value in policy.pool_labels.items() if has.get(key) == value}
    gone = [f"{key}={value}" for key, value in sorted(policy.pool_labels.items()) if key not in kept]
    text = f"drop the pool label {' and '.join(gone)} from policy {policy.name}"
    yield Edit(Kind.POOL_LABELS, text, ruled(pool_labels=kept))


_EDITS: Final[Mapping[str, Lift]] = {
    Reason.CAPACITY_FULL: _full,
    Reason.TOO_BIG_FOR_POOL: smaller,
    Reason.QUOTA_EXCEEDED: smaller,
    Reason.ACCELERATORS_PER_NODE_TOO_FEW: smaller,
    Reason.ACCELERATOR_MEMORY_TOO_SMALL: _memory,
    Reason.ACCELERATOR_PARTITION_TOO_SMALL: _partition,
    Reason.ACCELERATOR_MISMATCH: _model,
    Reason.NODE_SELECTOR_MISMATCH: _selector,
    Reason.TAINT_NOT_TOLERATED: _taint,
    Reason.DEADLINE_INFEASIBLE: _deadline,
    Reason.COST_ABOVE_LIMIT: _cost,
    Reason.PROVIDER_NOT_ALLOWED: partial(_listed, Kind.PROVIDER, "providers", lambda offer: offer.view.pool.provider),
    Reason.REGION_NOT_ALLOWED: partial(_listed, Kind.REGION, "regions", lambda offer: offer.view.pool.region),
    Reason.CAPACITY_TYPE_NOT_ALLOWED: partial(
        _listed, Kind.CAPACITY_TYPE, "capacity_types", lambda offer: offer.view.pool.capacity_type.value
    ),
    Reason.JURISDICTION_NOT_ALLOWED: partial(
        _listed, Kind.JURISDICTION, "jurisdictions", lambda offer: offer.view.pool.jurisdiction
    ),
    Reason.CERTIFICATION_MISSING: _certification,
    Reason.POOL_LABELS_MISMATCH: _pool_labels,
}
"""What nobody who asks can change (nodes, prices, a cluster that is away) is absent."""
