"""Hard rules that other pods and the namespace set: each a named function that returns a rejection or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from stellwerk.api.reasons import Reason
from stellwerk.model.decision import Rejection
from stellwerk.model.discovery import HOSTNAME_LABEL
from stellwerk.model.podask import PodAsk
from stellwerk.placement.fleet.company import Lens, look
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.fleet.podrules import Ruled, find
from stellwerk.placement.fleet.quota import exceeded
from stellwerk.placement.rules import wording
from stellwerk.placement.rules.asking import Ask

_REASONS: Final[Mapping[str, Reason]] = {
    "ports": Reason.HOST_PORT_TAKEN,
    "affinity": Reason.POD_AFFINITY_UNMET,
    "anti-affinity": Reason.POD_ANTI_AFFINITY_UNMET,
    "spread": Reason.TOPOLOGY_SPREAD_UNMET,
}


def pod_ask_on(ask: Ask, view: PoolView) -> PodAsk | None:
    """Return what the API server will see of one pod on a pool, accelerators included."""
    facts, accelerator = ask.workload.facts, view.pool.accelerator
    if facts is None:
        return None
    if ask.workload.source == "job" or ask.option is None or accelerator is None:
        return facts.ask
    return facts.ask.with_accelerators(accelerator.resource, ask.request_on(view).get(accelerator.resource))


def ruled_on(ask: Ask, view: PoolView) -> Ruled | None:
    """Return the pods as ones that mind their neighbours; None if they need not."""
    workload = ask.workload
    if not view.company.matters(workload.pod, workload.key.namespace, workload.facts):
        return None
    return Ruled(workload.pod, workload.key.namespace, workload.facts, ask.request_on(view))


def limit_range_violated(ask: Ask, view: PoolView) -> Rejection | None:
    """The API server takes such pods at all."""
    return view.allowance.violated(ask.workload.key.namespace, pod_ask_on(ask, view))


def quota_exceeded(ask: Ask, view: PoolView) -> Rejection | None:
    """The quotas of the namespace have enough left for the whole gang."""
    namespace = ask.workload.key.namespace
    most, short = view.allowance.room(namespace, pod_ask_on(ask, view))
    return None if short is None or most >= ask.least else exceeded(namespace, short, ask.least)


def pods_keep_apart(ask: Ask, view: PoolView) -> Rejection | None:
    """The pool has a node, or a domain, for each pod of a gang whose pods keep apart."""
    ruled = ruled_on(ask, view)
    if ruled is None:
        return None
    lens = look(view.company, ruled.pod, ruled.namespace, ruled.facts)
    kinds, worst = view.accepting(ruled.pod), None
    members = [node for node in view.nodes if view.kind_of(node.name) in kinds]
    for key in (*lens.apart, *([HOSTNAME_LABEL] if lens.rules.ports else ())):
        values = {node.labels.get(key) for node in members}
        if None in values and not lens.rules.ports:
            continue  # pods on nodes without the label are not in each other's way
        places = len(members) if None in values else len(values)
        if places < ask.least and members and (worst is None or places < worst[0]):
            worst = (places, key)
    if worst is None:
        return None
    places, key = worst
    what = "nodes" if key == HOSTNAME_LABEL else f"values of {key}"
    return Rejection(
        Reason.HOST_PORT_TAKEN if lens.rules.ports else Reason.POD_ANTI_AFFINITY_UNMET,
        f"its pods keep apart, and {view.pool.name} has {places} {what} for {wording.pods(ask.least)}",
        f"ask for {places} instead of {wording.replicas(ask.least)}",
        effort=ask.least - places,
    )


def host_port_taken(ask: Ask, view: PoolView) -> Rejection | None:
    """Enough nodes with room have the pods' host ports free."""
    return _in_the_way(ask, view, "ports")


def pod_affinity_unmet(ask: Ask, view: PoolView) -> Rejection | None:
    """Enough nodes with room have the pods near that the affinity names, or one domain takes the whole gang."""
    return _in_the_way(ask, view, "affinity")


def pod_anti_affinity_unmet(ask: Ask, view: PoolView) -> Rejection | None:
    """Enough nodes with room are left by the anti-affinity of the pods, and of those that are there."""
    return _in_the_way(ask, view, "anti-affinity")


def topology_spread_unmet(ask: Ask, view: PoolView) -> Rejection | None:
    """Enough nodes with room are left by the even spread that the pods demand."""
    return _in_the_way(ask, view, "spread")


def _in_the_way(ask: Ask, view: PoolView, rule: str) -> Rejection | None:
    """Say that there is too little room because of other pods, if it is this rule most of all."""
    ruled = ruled_on(ask, view)
    kinds = view.accepting(ask.workload.pod)
    if ruled is None or not kinds or view.bins.room(ruled.request, kinds) < ask.least:
        return None  # another rule says why
    lens = look(view.company, ruled.pod, ruled.namespace, ruled.facts)
    free = view.bins.spots(ruled.request, kinds)
    away = Counter(lens.away(node) for node in view.nodes if node.name in free)
    if rule != max(sorted(_REASONS), key=lambda one: (away[one], one == _own(lens))):
        return None
    room = find(view.company, view, ruled, ask.least).pods
    if room >= ask.least:
        return None
    count = f"{away[rule]} of {len(free)} nodes of {view.pool.name} with room" if away[rule] else ""
    return Rejection(
        _REASONS[rule],
        f"{_said(rule, lens, count)}; there is a place for {room} of {wording.pods(ask.least)}",
        _change(rule, room, ask.least),
        permanent=False,
        effort=ask.least - room,
    )


def _own(lens: Lens) -> str:
    """Name the rule by which the pods of the gang are in each other's way."""
    if lens.rules.spread:
        return "spread"
    if lens.rules.ports:
        return "ports"
    return "anti-affinity" if lens.apart else "affinity"


def _said(word: str, lens: Lens, count: str) -> str:
    match word:
        case "ports":
            wanted = " and ".join(map(str, lens.rules.ports))
            return (
                f"host port {wanted} is taken on {count}" if count else f"one pod with host port {wanted} fits a node"
            )
        case "affinity":
            wanted = "; ".join(map(str, lens.rules.affinity))
            return (
                f"no pod that the pods want near ({wanted}) is at {count}"
                if count
                else f"no domain holds all ({wanted})"
            )
        case "anti-affinity":
            return f"anti-affinity rules out {count}" if count else "the pods want to be apart from each other"
        case _:
            return f"the pods' topology spread rules out {count}" if count else "the pods must spread evenly"


def _change(word: str, room: int, wanted: int) -> str:
    if room:
        return f"ask for {room} instead of {wording.replicas(wanted)}"
    rule = {"ports": "host ports", "affinity": "pod affinity", "anti-affinity": "anti-affinity"}
    return f"drop the {rule.get(word, 'topology spread constraint')}, or wait until other pods end"
