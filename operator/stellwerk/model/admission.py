"""What the API server makes of a pod: defaults of its namespace, what its runtime class adds, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from stellwerk.api import quantity
from stellwerk.model.accelerators import is_accelerator
from stellwerk.model.namespaces import Amounts, Limit, NamespaceRules, RuntimeClass
from stellwerk.model.podask import ContainerAsk, PodAsk
from stellwerk.model.resources import Resources
from stellwerk.model.workload import PodFacts, PodSet, PodShape, Workload

_MILLI: Final = 1000


def admitted(
    workload: Workload, namespaces: Mapping[str, NamespaceRules], runtime_classes: Mapping[str, RuntimeClass]
) -> Workload:
    """Return the workload with its pods as the API server will create them; asking again changes nothing."""
    rules = namespaces.get(workload.key.namespace)
    limits = rules.limits if rules else ()
    facts_of_all = (workload.facts, *(one.facts for one in workload.others))
    asks = [facts.ask for facts in facts_of_all if facts is not None]
    if not limits and not any(ask.runtime_class for ask in asks):
        return workload
    pod, facts = _admitted(workload, limits, runtime_classes)
    others = []
    for one in workload.others:
        its_pod, its_facts = _admitted(one, limits, runtime_classes)
        others.append(msgspec.structs.replace(one, pod=its_pod, facts=its_facts))
    return msgspec.structs.replace(workload, pod=pod, facts=facts, others=tuple(others))


def _admitted(
    one: Workload | PodSet, limits: tuple[Limit, ...], classes: Mapping[str, RuntimeClass]
) -> tuple[PodShape, PodFacts | None]:
    shape, facts = one.pod, one.facts
    if facts is None:
        return shape, facts
    ask = _without_default_accelerators(with_defaults(facts.ask, limits), facts.ask, one)
    found = classes.get(ask.runtime_class)
    requirements, tolerations = shape.requirements, shape.tolerations
    if found is not None:
        ask = msgspec.structs.replace(ask, overhead=found.overhead)
        more = tuple(one for one in found.node_selector if one not in requirements.all_of)
        requirements = msgspec.structs.replace(requirements, all_of=(*requirements.all_of, *more))
        tolerations = (*tolerations, *(one for one in found.tolerations if one not in tolerations))
    # What the shape does not count, such as accelerators, stays uncounted.
    requests = shape.requests + ask.requests - facts.ask.requests
    changed = msgspec.structs.replace(shape, requests=requests, requirements=requirements, tolerations=tolerations)
    return changed, msgspec.structs.replace(facts, ask=ask)


def _without_default_accelerators(ask: PodAsk, told: PodAsk, one: Workload | PodSet) -> PodAsk:
    """Leave the first container without accelerators by default: it gets those of its placement, and states them."""
    if not one.accelerators or not ask.containers or ask is told:
        return ask
    first, stated = ask.containers[0], {name for name, _ in (*told.containers[0].limits, *told.containers[0].requests)}

    def kept(amounts: Amounts) -> Amounts:
        return tuple((name, amount) for name, amount in amounts if name in stated or not is_accelerator(name))

    first = msgspec.structs.replace(first, requests=kept(first.requests), limits=kept(first.limits))
    return msgspec.structs.replace(ask, containers=(first, *ask.containers[1:]))


def with_defaults(ask: PodAsk, limits: tuple[Limit, ...]) -> PodAsk:
    """Fill in what containers do not say; the first limit range that says something counts."""
    default_limit, default_request = _defaults(limits)
    if not default_limit and not default_request:
        return ask
    return msgspec.structs.replace(
        ask,
        containers=tuple(_filled(one, default_limit, default_request) for one in ask.containers),
        init_containers=tuple(_filled(one, default_limit, default_request) for one in ask.init_containers),
    )


def _defaults(limits: tuple[Limit, ...]) -> tuple[dict[str, int], dict[str, int]]:
    default_limit: dict[str, int] = {}
    default_request: dict[str, int] = {}
    for limit in limits:
        if limit.kind == "Container":
            default_limit = {**dict(limit.default_limit), **default_limit}
            default_request = {**dict(limit.default_request), **default_request}
    return default_limit, default_request


def _filled(one: ContainerAsk, limit: Mapping[str, int], request: Mapping[str, int]) -> ContainerAsk:
    own = {**dict(one.limits), **dict(one.requests)}  # the API server copies limits to requests before
    requests, limits = {**limit, **request, **own}, {**limit, **dict(one.limits)}
    return ContainerAsk(tuple(sorted(requests.items())), tuple(sorted(limits.items())), one.sidecar)


def violations(ask: PodAsk, limits: tuple[Limit, ...]) -> Iterator[str]:
    """Say what the API server will refuse such a pod for; `ask` has the defaults of `limits` already."""
    for one in ask.everyone:
        yield from _above_own_limit(one)
    yield from _above_pod(ask)
    for limit in limits:
        for one in ask.everyone if limit.kind == "Container" else (_whole(ask),):
            yield from _against(limit, one)


def _above_own_limit(one: ContainerAsk) -> Iterator[str]:
    limits = dict(one.limits)
    for name, amount in one.requests:
        if name in limits and amount > limits[name]:
            yield f"a container asks for {said(name, amount)} and may have {said(name, limits[name])} at most"


def _above_pod(ask: PodAsk) -> Iterator[str]:
    if ask.pod is None:
        return
    alone = msgspec.structs.replace(ask, pod=None, overhead=Resources()).requests
    for name, amount in ask.pod.requests:
        if alone.get(name) > amount:
            yield f"its containers ask for {said(name, alone.get(name))}, and the pod for {said(name, amount)}"


def _whole(ask: PodAsk) -> ContainerAsk:
    bare = msgspec.structs.replace(ask, overhead=Resources())
    return ContainerAsk(bare.requests.without("pods").amounts, bare.limits.amounts)


def _against(limit: Limit, one: ContainerAsk) -> Iterator[str]:
    who = f"LimitRange {limit.source} wants of each {limit.kind.lower()}"
    requests, limits = {**dict(one.limits), **dict(one.requests)}, dict(one.limits)
    for name, least in limit.least:
        if name not in requests or requests[name] < least or limits.get(name, least) < least:
            yield f"{who} at least {said(name, least)}, and it asks for {_or_none(name, requests)}"
    for name, most in limit.most:
        if name not in limits or limits[name] > most or requests.get(name, 0) > most:
            yield f"{who} a limit of at most {said(name, most)}, and it has {_or_none(name, limits)}"
    yield from _ratios(who, limit.ratio_milli, requests, limits)


def _ratios(who: str, ratios: Amounts, requests: Mapping[str, int], limits: Mapping[str, int]) -> Iterator[str]:
    for name, ratio in ratios:
        asked, most = requests.get(name, 0), limits.get(name, 0)
        if not asked or not most or most * _MILLI > ratio * asked:
            times = f"{ratio / _MILLI:g}"
            yield (
                f"{who} a limit of {name} of at most {times} times the request, and it has "
                f"{_or_none(name, limits)} to {_or_none(name, requests)}"
            )


def _or_none(name: str, there: Mapping[str, int]) -> str:
    return said(name, there[name]) if name in there else f"no {name}"


def said(name: str, amount: int) -> str:
    """Say an amount as people write it: `500m cpu`, `2Gi memory`."""
    last = name.rpartition(".")[2] if "/" not in name else name
    if last == "cpu":
        return f"{quantity.milli_text(amount)} {name}"
    return f"{quantity.text(amount, binary=last in ('memory', 'ephemeral-storage'))} {name}"
