"""Smaller forms of a workload: fewer pods, less per pod, the same in another shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from stellwerk.api.reasons import Reason
from stellwerk.model.decision import Rejection
from stellwerk.model.resources import CPU, MEMORY, Resources
from stellwerk.model.workload import AcceleratorOption
from stellwerk.placement.changes.edits import Edit, Effect, Kind, also, asked, instead, of_pods
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.rules import wording
from stellwerk.placement.rules.crowd_filters import pod_ask_on
from stellwerk.placement.rules.fit_filters import capacity_full

_FRACTIONS: Final = (2, 4)
"""By what processors and memory of a pod are divided, where it is not known what would do."""
_ROUND: Final = {CPU: 100, MEMORY: 2**20}
"""Requests that are made smaller stay multiples of this: 0.1 processors, 1 MiB."""


def smaller(offer: Offer, rejection: Rejection) -> Iterator[Edit]:
    """Yield smaller forms that may do where a candidate has too little, the smallest change of each sort first."""
    yield from _fewer_replicas(offer, rejection)
    if rejection.reason == Reason.QUOTA_EXCEEDED:
        return
    if rejection.reason != Reason.ACCELERATORS_PER_NODE_TOO_FEW and _may_ask_less(offer, rejection):
        yield from _less_per_pod(offer)
    if offer.ask.option is not None and not offer.ask.option.is_share:
        now = rejection.reason == Reason.CAPACITY_FULL
        yield from _other_shape(offer, offer.ask.option, now=now)
        yield from _fewer_accelerators(offer, offer.ask.option, now=now)


def _fewer_replicas(offer: Offer, rejection: Rejection) -> Iterator[Edit]:
    """Yield fewer pods: as many as there ever is room for, and as many as there is room for now."""
    wanted = offer.ask.least
    found = {wanted - rejection.effort} if rejection.reason in _COUNTED else set()
    found.add(_room_now(offer))
    for pods in sorted(found, reverse=True):
        if 0 < pods < wanted:
            yield Edit(Kind.REPLICAS, *_to(offer, pods), effort=wanted - pods)


_COUNTED: Final = frozenset({Reason.CAPACITY_FULL, Reason.TOO_BIG_FOR_POOL})
"""Rejections whose effort is how many pods too many there are."""


def _room_now(offer: Offer) -> int:
    """Return how many pods there is room for now, as far as nodes and quotas go."""
    ask, view = offer.ask, offer.view
    full = capacity_full(ask, view)
    allowed, _ = view.allowance.room(ask.workload.key.namespace, pod_ask_on(ask, view))
    return min(ask.least if full is None else ask.least - full.effort, allowed)


def _to(offer: Offer, pods: int) -> tuple[str, Effect]:
    """Return the change to so many pods: of what an elastic gang starts with, of the alternative, or of all."""
    workload, option, wanted = offer.ask.workload, offer.ask.option, offer.ask.least
    if workload.min_replicas is not None:
        text = f"start with {pods} instead of {wording.replicas(wanted)}"
        return text, asked(min_replicas=pods)
    if option is not None and option.replicas is not None:
        fewer = msgspec.structs.replace(option, replicas=pods)
        text = f"ask for {pods} instead of {wording.replicas(wanted)} with {wording.model(option.model)}"
        return text, instead(option, fewer)
    text = f"ask for {pods} instead of {wording.replicas(wanted)}"
    return text, asked(replicas=pods)


def _may_ask_less(offer: Offer, rejection: Rejection) -> bool:
    """Tell whether processors and memory are short, and the namespace has no rules for them."""
    ask, view = offer.ask, offer.view
    if view.allowance.concern(ask.workload) is not None:
        return False
    if rejection.reason != Reason.CAPACITY_FULL:
        return True
    request = ask.request_on(view)
    rest = Resources.of({name: amount for name, amount in request.amounts if name not in _ROUND})
    kinds = view.accepting(ask.workload.pod)
    return view.bins.room(rest, kinds) > view.bins.room(request, kinds)


def _less_per_pod(offer: Offer) -> Iterator[Edit]:
    """Yield less of processors and memory: what a node has, or a part of it."""
    before, node = offer.ask.workload.pod.requests, offer.view.site.node
    for by in (1, *_FRACTIONS):
        less = {
            name: min(amount, node.get(name) if node is not None else amount) // by // _ROUND[name] * _ROUND[name]
            for name, amount in before.amounts
            if name in _ROUND
        }
        changed = {name: amount for name, amount in less.items() if 0 < amount < before.get(name)}
        if not changed:
            continue
        new = Resources.of({**dict(before.amounts), **changed})
        was = Resources.of({name: before.get(name) for name in changed})
        text = f"ask for {wording.resources(Resources.of(changed))} instead of {wording.resources(was)} per pod"
        yield Edit(Kind.REQUESTS, text, of_pods(requests=new), effort=by)


def _fewer_accelerators(offer: Offer, option: AcceleratorOption, *, now: bool) -> Iterator[Edit]:
    """Yield fewer accelerators per pod: as many as a node has, and halves of that."""
    has = offer.view.pool.accelerator
    most = option.count if has is None else min(option.count, has.count)
    for count in _halves(most, option.count):
        fewer = msgspec.structs.replace(option, count=count)
        if not _has_room(offer, fewer, offer.ask.least, now=now):
            continue
        text = f"ask for {count} instead of {option.count} accelerators per pod"
        yield Edit(Kind.ACCELERATORS, text, instead(option, fewer), weight=2, effort=option.count - count)


def _other_shape(offer: Offer, option: AcceleratorOption, *, now: bool) -> Iterator[Edit]:
    """Yield more pods with fewer accelerators each; a Job of the user has one shape."""
    workload = offer.ask.workload
    if workload.source == "job" or workload.min_replicas is not None:
        return
    size = workload.size(option)
    for count in _halves(option.count, option.count):
        if option.count % count == 0:
            pods = size * option.count // count
            other = msgspec.structs.replace(option, count=count, replicas=pods)
            if not _has_room(offer, other, pods, now=now):
                continue
            shape = f"{wording.pods(pods)} of {count} x {wording.model(option.model)}"
            text = f"accept {shape} instead of {size} of {option.count}"
            yield Edit(Kind.SHAPE, text, also(other), weight=2, effort=option.count - count)


def _has_room(offer: Offer, option: AcceleratorOption, pods: int, *, now: bool) -> bool:
    """Tell whether it is worth a try: whether so many pods fit the nodes as they are now, or would if nothing ran."""
    view, pod = offer.view, offer.ask.workload.pod
    request = msgspec.structs.replace(offer.ask, option=option).request_on(view)
    if now:
        return view.bins.fits(request, pods, view.accepting(pod))
    return view.room_when_empty(request, pod) >= pods


def _halves(most: int, before: int) -> Iterator[int]:
    while most >= 1:
        if most < before:
            yield most
        most //= 2
