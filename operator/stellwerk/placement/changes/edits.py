"""Changes of what is asked for, that can be told to people and be tried.

An edit says what a person would have to do, and does the same to the workload or the policy as the planner sees them,
so that whether it helps is not argued but tried (whatif.py).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from stellwerk.model.policy import Policy
from stellwerk.model.workload import AcceleratorOption, Workload


class Kind(IntEnum):
    """What an edit is about, the smallest demand on people first."""

    REPLICAS = 0
    SHAPE = 1
    ACCELERATORS = 2
    REQUESTS = 3
    MEMORY = 4
    DEADLINE = 5
    CAPACITY_TYPE = 6
    REGION = 7
    PROVIDER = 8
    POOL_LABELS = 9
    COST_LIMIT = 10
    PREEMPTION = 11
    TOLERATION = 12
    SELECTOR = 13
    MODEL = 14
    JURISDICTION = 15
    CERTIFICATION = 16

    @property
    def is_size(self) -> bool:
        """Whether it changes how much is asked for: two such edits say the same thing twice."""
        return self <= Kind.REQUESTS

    @property
    def is_rule(self) -> bool:
        """Whether it changes a policy, and so holds for others too."""
        return self in _RULES


_RULES: Final = frozenset(
    {
        Kind.CAPACITY_TYPE,
        Kind.REGION,
        Kind.PROVIDER,
        Kind.POOL_LABELS,
        Kind.COST_LIMIT,
        Kind.PREEMPTION,
        Kind.JURISDICTION,
        Kind.CERTIFICATION,
    }
)


class Case(NamedTuple):
    """What is asked for, and under which rules."""

    workload: Workload
    policy: Policy


class Edit(msgspec.Struct, frozen=True):
    """One change of a case."""

    kind: Kind
    text: str
    """What to do, as an imperative clause."""
    apply: Callable[[Case], Case]
    weight: int = 1
    """How much it asks of people, as of a rejection."""
    effort: int = 0
    """Size of the change among those of its kind."""


Effect = Callable[[Case], Case]


def of_workload(change: Callable[[Workload], Workload]) -> Effect:
    """Change the workload."""
    return lambda case: case._replace(workload=change(case.workload))


def asked(**fields: object) -> Effect:
    """Set fields of the workload."""
    return of_workload(lambda workload: msgspec.structs.replace(workload, **fields))


def of_pods(**fields: object) -> Effect:
    """Set fields of what one pod asks for."""
    return of_workload(
        lambda workload: msgspec.structs.replace(workload, pod=msgspec.structs.replace(workload.pod, **fields))
    )


def ruled(**fields: object) -> Effect:
    """Set fields of the policy."""
    return lambda case: case._replace(policy=msgspec.structs.replace(case.policy, **fields))


def also(option: AcceleratorOption) -> Effect:
    """Accept one more alternative."""
    return of_workload(lambda one: msgspec.structs.replace(one, accelerators=(*one.accelerators, option)))


def instead(option: AcceleratorOption, other: AcceleratorOption) -> Effect:
    """Put one alternative in the place of another."""
    return of_workload(
        lambda workload: msgspec.structs.replace(
            workload, accelerators=tuple(other if one == option else one for one in workload.accelerators)
        )
    )
