"""What a gang of several pod sets is expected to cost: all sets run for as long as the main one, and start together."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import msgspec

from stellwerk.economics.cost import Site, expected_cost, run_hours
from stellwerk.economics.sums import sum_of
from stellwerk.model.decision import Cost
from stellwerk.model.policy import Policy
from stellwerk.model.workload import AcceleratorOption, PodSet, Workload

_SECONDS: Final = 3600


class SetAt(NamedTuple):
    """One further pod set at one place."""

    pod_set: PodSet
    option: AcceleratorOption | None
    """Its alternative of accelerators there."""
    site: Site


class MainAt(NamedTuple):
    """The main pod set at one place."""

    option: AcceleratorOption | None
    """Its alternative of accelerators there."""
    site: Site
    replicas: int
    """Pods that it has."""


def as_gang(workload: Workload, pod_set: PodSet, hours: Fraction) -> Workload:
    """Return one further pod set as a gang of its own that runs for so many hours."""
    return msgspec.structs.replace(
        workload,
        replicas=pod_set.replicas,
        pod=pod_set.pod,
        facts=pod_set.facts,
        accelerators=pod_set.accelerators,
        min_replicas=None,
        others=(),
        expected_runtime_s=max(1, round(hours * _SECONDS)),
        deadline=None,
        data=None,
    )


def cost_of_all(workload: Workload, policy: Policy, main: MainAt, further: Sequence[SetAt]) -> Cost:
    """Return the expected cost of a gang with all its pod sets.

    All wait for the nodes that come last, and that is paid for once.

    Args:
        workload: The gang.
        policy: Whose prices hold.
        main: Where the main pod set is.
        further: Where the further ones are.
    """
    if not further:
        return expected_cost(workload, main.option, main.site, policy, main.replicas)
    wait = max(main.site.wait_s, *(one.site.wait_s for one in further))
    whole = expected_cost(workload, main.option, _waiting(main.site, wait), policy, main.replicas)
    hours = run_hours(workload, main.option, main.replicas)
    sets = [
        expected_cost(as_gang(workload, one.pod_set, hours), one.option, _waiting(one.site), policy) for one in further
    ]
    return sum_of([whole, *sets])


def _waiting(site: Site, seconds: int = 0) -> Site:
    return site if site.wait_s == seconds else msgspec.structs.replace(site, wait_s=seconds)
