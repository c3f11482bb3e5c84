"""The chain of hard rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from stellwerk.api.reasons import Group, Reason
from stellwerk.economics.cost import expected_cost
from stellwerk.model.capacity import Pool
from stellwerk.model.policy import Policy
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.rules.asking import Ask, Filter
from stellwerk.placement.rules.filters import FILTERS, ROOM, RULES, rejections
from tests.builders import GIB, gang, nodes, policy, pool, resources
from tests.judging import judge, view_of


@pytest.mark.parametrize("check", FILTERS, ids=lambda check: check.__name__)
def test_a_free_pool_of_the_right_kind_passes_every_rule(check: Filter) -> None:
    assert judge(check) is None


def test_every_reason_of_the_group_of_filters_is_given_by_a_rule() -> None:
    source = {check.__name__.replace("_", "") for check in FILTERS}
    assert source >= {r.value.lower() for r in Reason if r.group is Group.FILTER}


def test_the_chain_asks_in_the_order_in_which_people_should_hear() -> None:
    names = [check.__name__ for check in FILTERS]
    assert names == [
        "provider_not_allowed",
        "jurisdiction_not_allowed",
        "certification_missing",
        "region_not_allowed",
        "capacity_type_not_allowed",
        "pool_labels_mismatch",
        "currency_mismatch",
        "accelerator_mismatch",
        "accelerator_memory_too_small",
        "accelerator_partition_too_small",
        "accelerators_per_node_too_few",
        "node_selector_mismatch",
        "taint_not_tolerated",
        "limit_range_violated",
        "pods_keep_apart",
        "deadline_infeasible",
        "cost_above_limit",
        "too_big_for_pool",
        "price_unknown",
        "cluster_unavailable",
        "pool_has_no_nodes",
        "stocked_out",
        "quota_exceeded",
        "host_port_taken",
        "pod_affinity_unmet",
        "pod_anti_affinity_unmet",
        "topology_spread_unmet",
        "capacity_full",
    ]
    assert (*RULES, *ROOM) == FILTERS


def reasons(workload: Workload, there: Pool, rules: Policy, **facts: Any) -> list[str]:
    view = view_of(there, nodes(2), workload, **facts)
    option = workload.options[0]
    ask = Ask(workload, option, rules, expected_cost(workload, option, view.site, rules))
    return [rejection.reason for rejection in rejections(ask, view, FILTERS)]


def test_everything_that_stands_in_the_way_is_collected_in_order() -> None:
    strict = policy(providers=("aws",), regions=("eu-1",), max_cost_per_hour=Decimal(1))
    busy = {member.name: resources(gpu=8) for member in nodes(2)}
    assert reasons(gang(), pool(), strict, usage=busy) == [
        "ProviderNotAllowed",
        "RegionNotAllowed",
        "CostAboveLimit",
        "CapacityFull",
    ]


def test_a_wrong_accelerator_is_not_also_called_too_small_or_full() -> None:
    wrong = gang(accelerators=(AcceleratorOption("A100", 64, memory_bytes=GIB * 999),), replicas=99)
    assert reasons(wrong, pool(), policy()) == ["AcceleratorMismatch"]


def test_what_is_too_big_is_not_also_called_full() -> None:
    assert reasons(gang(replicas=99), pool(), policy()) == ["TooBigForPool"]


def test_asks_are_values() -> None:
    ask = Ask(gang(), None, policy(), expected_cost(gang(), None, view_of(pool(), nodes(1), gang()).site, policy()))
    assert msgspec.structs.replace(ask) == ask
