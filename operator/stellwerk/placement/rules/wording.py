"""Words for numbers: what messages about placements are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from stellwerk.api import money, quantity
from stellwerk.api.labels import ANY_MODEL
from stellwerk.model.decision import MICROS, Candidate, Change, Cost, Outcome
from stellwerk.model.placement import Placement
from stellwerk.model.resources import CPU, MEMORY, PODS, Resources
from stellwerk.model.workload import AcceleratorOption, PodShape, Workload
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.rules.asking import Ask

REASONS_NAMED: Final = 3
"""How many reasons a sentence gives; the decision record lists more."""

CHANGES_NAMED: Final = 2
"""How many alternatives `unblock` offers."""


def amount(micros: int, currency: str) -> str:
    """Write money: `16.05 EUR`; very small amounts keep all their digits."""
    exact = Decimal(micros) / MICROS
    return f"{exact:,.2f} {currency}" if micros >= MICROS // 10 else f"{money.text(exact)} {currency}"


def model(name: str) -> str:
    """Name an accelerator model in a sentence."""
    return "accelerator" if name == ANY_MODEL else name


def pods(count: int) -> str:
    """Write `1 pod`, `2 pods`."""
    return f"{count} pod" if count == 1 else f"{count} pods"


def replicas(count: int) -> str:
    """Write `1 replica`, `2 replicas`: the word of the spec, for changes to it."""
    return f"{count} replica" if count == 1 else f"{count} replicas"


def listed(names: Sequence[str]) -> str:
    """Name some workloads, `team/a, team/b and 3 more`."""
    more = len(names) - REASONS_NAMED
    shown = list(names[:REASONS_NAMED])
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def resources(vector: Resources) -> str:
    """Write a request for people, `8 CPU, 64Gi memory`, without the trivial `pods: 1`."""
    words = []
    for name, value in vector.amounts:
        if name == CPU:
            words.append(f"{quantity.milli_text(value)} CPU")
        elif name == MEMORY:
            words.append(f"{quantity.text(value, binary=True)} memory")
        elif name != PODS:
            words.append(f"{value} {name}")
    return ", ".join(words) or "nothing"


def need(workload: Workload) -> str:
    """Say what a gang needs: `16 x H100 or 16 x A100`, or its pods where it needs no accelerator."""
    sizes = [workload.least(option) for option in workload.options]
    main = _pods_need(workload.pod, workload.options, sizes)
    at_least = "at least " if workload.min_replicas is not None else ""
    others = [
        f"{_pods_need(one.pod, one.options, [one.replicas] * len(one.options))} for {one.name}"
        for one in workload.others
    ]
    return " and ".join([at_least + main, *others])


def _pods_need(pod: PodShape, options: Sequence[AcceleratorOption | None], sizes: Sequence[int]) -> str:
    words = [
        f"{pods(size)} of {resources(pod.requests)}" if option is None else _accelerators(option, size)
        for option, size in zip(options, sizes, strict=True)
    ]
    return " or ".join(dict.fromkeys(words))


def _accelerators(option: AcceleratorOption, replicas: int) -> str:
    """Write what one alternative comes to, `16 x H100` or `2 x 0.5 H100`."""
    if option.share_milli is not None:
        return f"{replicas} x {option.share_milli / 1000:g} {model(option.model)}"
    if option.share_bytes is not None:
        return f"{replicas} x {quantity.text(option.share_bytes, binary=True)} of {model(option.model)}"
    return f"{option.count * replicas} x {model(option.model)}"


def partly(placement: Placement, ask: Ask) -> str:
    """Say that an elastic gang starts with less than it could use, and if its policy pays for no more of it."""
    if placement.replicas >= ask.size:
        return ""
    text = f"; starts with {placement.replicas} of {pods(ask.size)}"
    limit = ask.policy.max_cost_per_hour
    if limit is None or placement.replicas != ask.paid:
        return text
    return f"{text}, for policy {ask.policy.name} allows {money.text(limit)} {ask.policy.currency} per hour at most"


def coming(placement: Placement) -> str:
    """Say for how many nodes pools have to grow first; nothing where all are there."""
    missing = placement.awaited_nodes
    return f"; {missing} {'node has' if missing == 1 else 'nodes have'} yet to come" if missing else ""


def occupancy(view: PoolView, room: int, wanted: int) -> str:
    """Say how full a pool is for a gang that does not fit."""
    free, everything = view.accelerators
    found = f"room for {room} of {pods(wanted)}"
    slices = view.pool.accelerator is not None and view.pool.accelerator.slices > 1
    text = f"{free} free of {everything}{' slices' if slices else ''}, {found}" if everything else found
    resting = len(view.nodes) - view.usable_nodes
    verb = "takes" if resting == 1 else "take"
    more = f" ({resting} of its {len(view.nodes)} nodes {verb} no pods now)" if resting else ""
    name = f"{view.pool.name}, grown as far as it may," if view.grows else view.pool.name
    return f"{name} has {text}{more}"


def chosen(pool: str, cost: Cost, others: int, cheaper: Candidate | None = None) -> str:
    """Say why a pool was chosen, and what it costs; `cheaper` is one with room that is left to others of the batch."""
    if cost.per_hour is None or cost.total is None:
        why = "fits, and no candidate that fits has a known cost" if others else "is the only candidate that fits"
        return f"{pool} {why}; what it costs is not known because {cost.unknown}"
    why = f"is the cheapest of {others + 1} candidates that fit" if others else "is the only candidate that fits"
    hourly = amount(cost.per_hour, cost.currency)
    if cheaper is not None and cheaper.cost.total is not None and cheaper.cost.room_taken is not None:
        saved = amount(cost.total - cheaper.cost.total, cost.currency)
        room = amount(cheaper.cost.room_taken - (cost.room_taken or 0), cost.currency)
        why = f"is best, for {cheaper.pool} would save {saved} and take room that is worth {room} more to others"
    elif cheaper is not None and cheaper.cost.total is not None:
        alone = amount(cheaper.cost.total, cost.currency)
        why = f"makes the whole batch cheapest, though {cheaper.pool} would cost this workload {alone}"
    return f"{pool} {why}: {hourly} per hour, {amount(cost.total, cost.currency)} in total"


def stuck(workload: Workload, candidates: Iterable[Candidate]) -> str:
    """Say what a gang needs and what stands in its way, pool by pool."""
    pools: dict[str, list[str]] = {}
    for candidate in candidates:
        pools.setdefault(candidate.rejections[0].message, []).append(candidate.pool)
    told = [
        text if any(_names(text, pool) for pool in names) else f"{', '.join(dict.fromkeys(names))}: {text}"
        for text, names in pools.items()
    ]
    more = len(told) - REASONS_NAMED
    rest = [f"and {more} more"] if more > 0 else []
    where = "in one cluster" if workload.others else "in one pool"
    return "; ".join([f"needs {need(workload)} {where}", *told[:REASONS_NAMED], *rest])


def _names(text: str, pool: str) -> bool:
    """Tell whether a sentence names a pool, as a word of its own."""
    return pool in (word.rstrip(",:;") for word in text.split())


def untried(change: str | None) -> str | None:
    """Mark a change as one that was not tried."""
    return f"perhaps {change}" if change else None


def changes(tried: Sequence[Change], policy: str) -> str | None:
    """Say the smallest change that would admit a gang and one alternative, each with where it runs then, at what cost.

    Args:
        tried: The smallest first.
        policy: The one that rules may be changed of.
    """
    return ", or ".join(change(one, policy) for one in tried[:CHANGES_NAMED]) or None


def change(one: Change, policy: str) -> str:
    """Say a change and what comes of it."""
    hourly = one.cost.per_hour
    cost = "at a cost that is not known" if hourly is None else f"at {amount(hourly, one.cost.currency)} per hour"
    if one.outcome is Outcome.WAITS:
        told = f"{one.asks}: would then wait for room on {one.pool}, {cost}"
    elif one.outcome is Outcome.EVICTS:
        told = f"{one.asks}: would run on {one.pool} {cost} once others have made room"
    else:
        told = f"{one.asks}: would run on {one.pool} {cost}"
    if one.elsewhere:
        told += " or on another pool"
    return f"{told}, unless others under policy {policy} take the room first" if one.contested else told


def unblock(candidates: Iterable[Candidate]) -> str | None:
    """Say the smallest change that would admit a gang, with at most one alternative of another kind.

    Args:
        candidates: The rejected ones, the nearest to being feasible first.
    """
    ranked = list(candidates)
    kinds: dict[tuple[str, ...], Candidate] = {}
    for candidate in ranked:
        if candidate.distance > ranked[0].distance:
            break
        kind = tuple(rejection.reason for rejection in candidate.rejections)
        if kind not in kinds or _effort(candidate) < _effort(kinds[kind]):
            kinds[kind] = candidate
    changes = [" and ".join(r.change for r in candidate.rejections) for candidate in kinds.values()]
    return ", or ".join(changes[:CHANGES_NAMED]) or None


def _effort(candidate: Candidate) -> int:
    return sum(rejection.effort for rejection in candidate.rejections)
