"""Who goes first: by priority and age, or as a policy orders its own workloads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from stellwerk.economics.service import Number, per_pod
from stellwerk.model.policy import BUILT_IN_POLICY, Policy, QueueOrder
from stellwerk.model.workload import AcceleratorOption, Workload

_FIRST_LEVEL: Final = 3600
"""Accelerator-seconds of service up to which a workload counts as new: one accelerator-hour."""
_LEVEL_FACTOR: Final = 10
"""Each level of service is so many times as wide as the one before it."""
_NO_POLICIES: Final[Mapping[str, Policy]] = MappingProxyType({})

Key = tuple[Number, ...]


def queue_order(
    pending: Iterable[Workload], policies: Mapping[str, Policy] = _NO_POLICIES, promised: frozenset[str] = frozenset()
) -> list[Workload]:
    """Sort what waits; no two workloads tie.

    Higher priority goes first, then those that room was `promised` to, then the older one, then by uid.
    A policy with another order rearranges its own workloads within one priority among the places that
    these would have by age: nobody else's place changes, so that one team's order is no other team's delay.

    Args:
        pending: What is to be ordered.
        policies: By name; what names an unknown policy goes by age.
        promised: Uids of those for whom others make room.
    """
    queue = sorted(pending, key=lambda one: (*_tier(one, promised), *_age(one)))
    places: defaultdict[tuple[str, tuple[int, bool]], list[int]] = defaultdict(list)
    for place, one in enumerate(queue):
        if policies.get(one.policy, BUILT_IN_POLICY).queue_order is not QueueOrder.PRIORITY:
            places[one.policy, _tier(one, promised)].append(place)
    for (name, _), own in places.items():
        key = _KEYS[policies[name].queue_order]
        members = sorted((queue[place] for place in own), key=lambda one: (key(one), _age(one)))
        for place, one in zip(own, members, strict=True):
            queue[place] = one
    return queue


def accelerators(workload: Workload, option: AcceleratorOption | None) -> Number:
    """Return how many accelerators a gang takes with one alternative; a pod without any counts as one.

    Whole numbers but for shares; what a share by memory takes depends on the pool, so it counts as one.
    """
    return per_pod(option) * workload.size(option) + sum(
        per_pod(next(iter(more.accelerators), None)) * more.replicas for more in workload.others
    )


def service_left(workload: Workload) -> Number:
    """Return the accelerator-seconds that the workload is expected to need yet, with its smallest alternative."""
    needed = min(accelerators(workload, option) * _runtime(workload, option) for option in workload.options)
    return max(0, needed - max(0, workload.served - workload.lost))


def service_level(served: int) -> int:
    """Return the level of a workload that had `served` accelerator-seconds: 0 up to one accelerator-hour, 1 up to ten.

    Levels instead of the bare amount, because two long workloads would take turns otherwise, and
    both would end as late as the later one.
    """
    level, bound = 0, _FIRST_LEVEL
    while served >= bound:
        level, bound = level + 1, bound * _LEVEL_FACTOR
    return level


def next_level_at(served: int) -> int:
    """Return the accelerator-seconds at which the next level begins."""
    return int(_FIRST_LEVEL * _LEVEL_FACTOR ** service_level(served))


def _shortest(workload: Workload) -> Key:
    return (service_left(workload),)


def _least_served(workload: Workload) -> Key:
    """Least service first; of one level the smaller gang, which leaves more room for the rest."""
    return service_level(workload.served), min(accelerators(workload, option) for option in workload.options)


_KEYS: Final[Mapping[QueueOrder, Callable[[Workload], Key]]] = MappingProxyType(
    {QueueOrder.SHORTEST_FIRST: _shortest, QueueOrder.LEAST_SERVICE: _least_served}
)


def _runtime(workload: Workload, option: AcceleratorOption | None) -> Number:
    if option is not None and option.runtime_s is not None:
        return option.runtime_s
    if option is None or option.speed == 1:
        return workload.expected_runtime_s
    return Fraction(workload.expected_runtime_s) / Fraction(option.speed)


def _tier(workload: Workload, promised: frozenset[str]) -> tuple[int, bool]:
    return -workload.priority, workload.uid not in promised


def _age(workload: Workload) -> Sequence[str]:
    return workload.identity.created, workload.uid
