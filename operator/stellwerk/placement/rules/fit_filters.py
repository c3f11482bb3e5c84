"""Hard rules that hardware sets: each a named function that returns a rejection or nothing."""

from __future__ import annotations

from typing import Final

from stellwerk.api import quantity
from stellwerk.api.labels import ANY_MODEL
from stellwerk.api.reasons import Reason
from stellwerk.model.accelerators import model_of
from stellwerk.model.decision import Rejection
from stellwerk.model.shares import WHOLE
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.rules import wording
from stellwerk.placement.rules.asking import Ask

_OTHER_HARDWARE: Final = 4
"""Weight of changes that need other hardware or other software, and not just another number."""


def accelerator_mismatch(ask: Ask, view: PoolView) -> Rejection | None:
    """The pool has the accelerator that this alternative names, under the resource it asks for."""
    option, has = ask.option, view.pool.accelerator
    if option is None:
        return None
    if has is None:
        found = "no accelerators"
    elif option.resource not in {None, has.resource}:
        found = f"{has.resource}, not {option.resource}"
    elif model_of(option.model) in {ANY_MODEL, model_of(has.model)}:
        return None
    else:
        found = f"{'accelerators of unknown model' if has.model == ANY_MODEL else has.model}, not {option.model}"
    offered = has.model if has and has.model != ANY_MODEL else None
    instead = f"accept {offered}" if offered else f"add a pool with {wording.model(option.model)}"
    return Rejection(Reason.ACCELERATOR_MISMATCH, f"it has {found}", instead, weight=_OTHER_HARDWARE)


def accelerator_memory_too_small(ask: Ask, view: PoolView) -> Rejection | None:
    """Each accelerator has the memory asked for; unknown memory is not enough."""
    option, has = ask.option, view.pool.accelerator
    least = max(option.memory_bytes or 0, option.share_bytes or 0) if option is not None else 0
    if has is None or not least:
        return None
    wanted = quantity.text(least, binary=True)
    if has.memory_bytes is None:
        return Rejection(
            Reason.ACCELERATOR_MEMORY_TOO_SMALL,
            f"the memory of its {wording.model(has.model)} is not known, {wanted} are needed",
            f"declare the accelerator memory of pool {view.pool.name}",
        )
    if least <= has.memory_bytes:
        return None
    there = quantity.text(has.memory_bytes, binary=True)
    return Rejection(
        Reason.ACCELERATOR_MEMORY_TOO_SMALL,
        f"its {wording.model(has.model)} has {there} of memory, {wanted} are needed",
        f"ask for {there} instead of {wanted} of memory per accelerator",
        effort=least - has.memory_bytes,
    )


def accelerator_partition_too_small(ask: Ask, view: PoolView) -> Rejection | None:
    """A partition of an accelerator is no whole one, and holds no larger share than it is."""
    option, has = ask.option, view.pool.accelerator
    if option is None or has is None or has.part_milli >= WHOLE or option.resource is not None:
        return None
    asked = None if option.is_share else WHOLE
    asked = option.share_milli if option.share_milli is not None else asked
    if asked is None or asked <= has.part_milli:
        return None
    there = f"partitions of {has.part_milli / WHOLE:g} of its {wording.model(has.model)}"
    return Rejection(
        Reason.ACCELERATOR_PARTITION_TOO_SMALL,
        f"it has {there}, and a pod needs {'whole ones' if asked == WHOLE else f'{asked / WHOLE:g} of one'}",
        f"ask for a share of at most {has.part_milli / WHOLE:g}",
        effort=asked - has.part_milli,
    )


def accelerators_per_node_too_few(ask: Ask, view: PoolView) -> Rejection | None:
    """One pod's accelerators are all in one node."""
    option, has = ask.option, view.pool.accelerator
    if option is None or has is None or option.is_share:
        return None
    there = has.count if option.resource is None else has.count * has.slices
    if option.count <= there:
        return None
    return Rejection(
        Reason.ACCELERATORS_PER_NODE_TOO_FEW,
        f"a pod needs {option.count} accelerators and a node of {view.pool.name} has {there}",
        f"ask for {there} instead of {option.count} accelerators per pod",
        effort=option.count - there,
    )


def node_selector_mismatch(ask: Ask, view: PoolView) -> Rejection | None:
    """Some node of the pool has the labels that the pods themselves require."""
    pod = ask.workload.pod
    if not pod.requirements or not view.open or view.selected(pod):
        return None
    return Rejection(
        Reason.NODE_SELECTOR_MISMATCH,
        f"no node of {view.pool.name} matches the pods' node selector ({pod.requirements})",
        f"drop {pod.requirements} from the pods' node selector",
    )


def taint_not_tolerated(ask: Ask, view: PoolView) -> Rejection | None:
    """Some node that the pods select lets them in, by their own tolerations or the pool's declaration."""
    pod = ask.workload.pod
    if not view.nodes or view.accepting(pod):
        return None
    tolerated, selected = view.tolerated(pod), view.selected(pod)
    if tolerated and not selected:
        return None  # another rule says why
    taints = " and ".join(map(str, view.blocking_taints(pod)))
    which = "its nodes that match the pods' node selector" if tolerated else "its nodes"
    return Rejection(
        Reason.TAINT_NOT_TOLERATED,
        f"{which} carry the taint {taints}",
        f"tolerate {taints}, or declare it in spec.taints of pool {view.pool.name}",
    )


def cluster_unavailable(ask: Ask, view: PoolView) -> Rejection | None:
    """Nothing new goes to a cluster that does not answer."""
    why = ask.health.get(view.pool.cluster)
    if why is None:
        return None
    cluster = view.pool.cluster
    return Rejection(
        Reason.CLUSTER_UNAVAILABLE,
        f"cluster {cluster} is unavailable: {why}",
        f"bring cluster {cluster} back",
        permanent=False,
    )


def too_big_for_pool(ask: Ask, view: PoolView) -> Rejection | None:
    """The gang would fit if nothing else ran."""
    workload, name = ask.workload, view.pool.name
    if not view.accepting(workload.pod):
        return None  # another rule says why
    if _offers_no_accelerator(ask, view):
        return None  # not a matter of size: nodes without a driver yet
    wanted = ask.least
    room = view.room_when_empty(ask.request_on(view), workload.pod)
    if room >= wanted:
        return None
    if room:
        change = f"ask for {room} instead of {wording.replicas(wanted)}"
    else:
        change = f"ask for less per pod than {wording.resources(ask.request_on(view))}"
    return Rejection(
        Reason.TOO_BIG_FOR_POOL,
        f"even empty, {name} would hold {room} of {wording.pods(wanted)}",
        change,
        weight=1 if room else _OTHER_HARDWARE,
        effort=wanted - room,
    )


def pool_has_no_nodes(ask: Ask, view: PoolView) -> Rejection | None:
    """Some node of the pool takes pods now, and offers the accelerator that the pool is declared to have."""
    name, nodes = view.pool.name, len(view.nodes)
    if view.usable_nodes and not _offers_no_accelerator(ask, view):
        return None
    if view.usable_nodes and view.pool.accelerator is not None:
        resource = view.pool.accelerator.resource
        found = f"none of the {nodes} nodes of {name} offers {resource}"
        change = f"see that the driver and the device plugin run on the nodes of pool {name}"
    elif nodes:
        found, change = f"none of the {nodes} nodes of {name} takes pods now", f"make a node of pool {name} ready"
    else:
        found, change = f"{name} has no nodes", f"add nodes to pool {name}"
    return Rejection(Reason.POOL_HAS_NO_NODES, found, change, permanent=False)


def stocked_out(ask: Ask, view: PoolView) -> Rejection | None:  # noqa: ARG001 - a rule like the others
    """New nodes of the pool came in time when they were asked for last, or that is long enough ago."""
    if view.stocked_out is None:
        return None
    until, name = f"{view.stocked_out:%Y-%m-%d %H:%M} UTC", view.pool.name
    return Rejection(
        Reason.STOCKED_OUT,
        f"{name} did not get new nodes in time: stocked out until {until}",
        f"wait until {until}, or add nodes to pool {name}",
        permanent=False,
    )


def _offers_no_accelerator(ask: Ask, view: PoolView) -> bool:
    has = view.pool.accelerator
    if has is None or ask.option is None or not view.nodes:
        return False  # AcceleratorMismatch and PoolHasNoNodes say it
    return not any(offer.get(has.resource) for offer, _ in view.capacity)


def capacity_full(ask: Ask, view: PoolView) -> Rejection | None:
    """The whole gang finds room now."""
    pod, wanted = ask.workload.pod, ask.least
    kinds = view.accepting(pod)
    if not kinds or not view.usable_nodes:
        return None  # another rule says why
    room = view.bins.room(ask.request_on(view), kinds)
    if room >= wanted:
        return None
    if room:
        change = f"ask for {room} instead of {wording.replicas(wanted)}"
    else:
        change = f"free room in pool {view.pool.name} for {wording.pods(wanted)}"
    return Rejection(
        Reason.CAPACITY_FULL, wording.occupancy(view, room, wanted), change, permanent=False, effort=wanted - room
    )
