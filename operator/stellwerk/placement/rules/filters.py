"""The chain of hard rules, and how all of them are asked.

`RULES` look at what does not change while a cycle plans; `ROOM` looks at what is free. All of them
are asked about every candidate that is turned down, so that a person learns everything that stands
in the way and not only the first thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from stellwerk.api.reasons import Reason
from stellwerk.model.decision import Rejection
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.rules import crowd_filters as crowd
from stellwerk.placement.rules import fit_filters as fit
from stellwerk.placement.rules import policy_filters as policy
from stellwerk.placement.rules.asking import Ask, Filter
from stellwerk.placement.rules.deadline import deadline_infeasible

RULES: Final[tuple[Filter, ...]] = (
    policy.provider_not_allowed,  # who may hold the data
    policy.jurisdiction_not_allowed,  # whose law applies to it
    policy.certification_missing,
    policy.region_not_allowed,
    policy.capacity_type_not_allowed,
    policy.pool_labels_mismatch,
    policy.currency_mismatch,
    fit.accelerator_mismatch,  # what the pods need
    fit.accelerator_memory_too_small,
    fit.accelerator_partition_too_small,
    fit.accelerators_per_node_too_few,
    fit.node_selector_mismatch,
    fit.taint_not_tolerated,
    crowd.limit_range_violated,  # what the API server takes
    crowd.pods_keep_apart,  # what the pods demand of each other
    deadline_infeasible,  # when it must have ended
    policy.cost_above_limit,  # what it may cost
    fit.too_big_for_pool,  # how much there is at all
    policy.price_unknown,  # what only time mends
    fit.cluster_unavailable,
    fit.pool_has_no_nodes,
    fit.stocked_out,
)
"""What does not change while a cycle plans, in the order in which a person should hear of it."""

ROOM: Final[tuple[Filter, ...]] = (
    crowd.quota_exceeded,
    crowd.host_port_taken,
    crowd.pod_affinity_unmet,
    crowd.pod_anti_affinity_unmet,
    crowd.topology_spread_unmet,
    fit.capacity_full,
)
"""What changes with every placement."""

FILTERS: Final = RULES + ROOM


_MOOT: Final[Mapping[Filter, frozenset[str]]] = {
    fit.accelerator_memory_too_small: frozenset({Reason.ACCELERATOR_MISMATCH}),
    fit.accelerators_per_node_too_few: frozenset({Reason.ACCELERATOR_MISMATCH}),
    deadline_infeasible: frozenset({Reason.ACCELERATOR_MISMATCH}),
    fit.too_big_for_pool: frozenset({Reason.ACCELERATOR_MISMATCH, Reason.ACCELERATORS_PER_NODE_TOO_FEW}),
    fit.capacity_full: frozenset(
        {
            Reason.ACCELERATOR_MISMATCH,
            Reason.ACCELERATORS_PER_NODE_TOO_FEW,
            Reason.TOO_BIG_FOR_POOL,
            Reason.POOL_HAS_NO_NODES,
        }
    ),
}
"""Rules that say nothing new once a candidate is rejected for one of these reasons: a pool with the
wrong accelerator is not also too small, and one that is too small is not also full."""


def rejections(
    ask: Ask, view: PoolView, filters: Iterable[Filter], before: tuple[Rejection, ...] = ()
) -> tuple[Rejection, ...]:
    """Ask all `filters` and return the rejections `before` with every new one, in order."""
    found = list(before)
    for check in filters:
        moot = _MOOT.get(check, frozenset())
        if any(rejection.reason in moot for rejection in found):
            continue
        rejection = check(ask, view)
        if rejection is not None:
            found.append(rejection)
    return tuple(found)
