"""The limit of a policy on what a workload costs per hour, which bounds from above how many pods it has at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from math import floor
from typing import Final

import msgspec

from stellwerk.model.decision import MICROS, Cost
from stellwerk.model.policy import Policy
from stellwerk.placement.rules.asking import Ask

_UNKNOWN: Final = 2**62
"""A cost per hour that is not known keeps no limit."""

CostOf = Callable[[int], Cost]
"""The expected cost of the whole workload with so many pods of the main set; per hour, more pods never cost less."""


def within_limit(ask: Ask, cost_of: CostOf) -> Ask:
    """Return the ask with the most pods that its policy pays for, at their cost; with the least if it pays for fewer.

    What is not elastic, and what costs nobody knows how much, stays as it is: a rule judges its cost.
    """
    if ask.least == ask.size or ask.cost.per_hour is None or is_paid(ask.cost, ask.policy):
        return ask
    pods = max(ask.least, most_paid(range(ask.least, ask.size), ask.policy, cost_of))
    return msgspec.structs.replace(ask, paid=pods, cost=cost_of(pods))


def most_paid(sizes: range, policy: Policy, cost_of: CostOf) -> int:
    """Return the most of these sizes that the policy pays for, or the number before the first one if it pays for none.

    Args:
        sizes: Numbers of pods, one by one upwards.
        policy: With the limit, or with none.
        cost_of: What so many cost.
    """
    limit = policy.max_cost_per_hour
    if limit is None:
        return sizes.stop - 1
    return sizes.start - 1 + bisect_right(sizes, floor(limit * MICROS), key=lambda pods: _per_hour(cost_of(pods)))


def is_paid(cost: Cost, policy: Policy) -> bool:
    """Tell whether a policy pays so much per hour."""
    limit = policy.max_cost_per_hour
    return limit is None or _per_hour(cost) <= limit * MICROS


def _per_hour(cost: Cost) -> int:
    return _UNKNOWN if cost.per_hour is None else cost.per_hour
