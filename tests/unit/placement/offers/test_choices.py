"""Where the further pod sets of a gang go: beside the main one, on nodes yet to come, for no more than is paid."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from stellwerk.api.reasons import Reason
from stellwerk.model.capacity import Growth, Pool
from stellwerk.model.decision import MICROS, Decision, Mode
from stellwerk.model.supply import Supply
from stellwerk.model.workload import AcceleratorOption
from stellwerk.placement.planner import plan
from tests.builders import LATER, NOW, decide, gang, nodes, policy, pool, resources, snapshot
from tests.unit.placement.test_asks import CPU_NODES, CPU_POOL, cpu_set, placed, with_sets

GPU_NODE = resources(cpu="96", memory="1Ti", gpu=8)
CPU_NODE = resources(cpu="96", memory="1Ti")


def growing(name: str = "pool", most: int = 4, wait: int = 300, **facts: Any) -> Pool:
    """A pool that may get nodes."""
    return pool(name, growth=Growth(most, wait, CPU_NODE if facts.get("price") == "2" else GPU_NODE), **facts)


CHEAP = growing("cheap", wait=600, price="2", accelerator=None)
"""A pool of CPUs that has no nodes yet."""
SMALL = nodes(1, allocatable=resources(cpu="64", memory="1Ti", pods=110, gpu=8))
"""A node with too little CPU for a loader of 90."""


def homes(found: Decision) -> dict[str, tuple[str, int]]:
    """Pool of each further pod set, and how many nodes it has yet to get for it."""
    return {one.name: (one.pool, one.new_nodes) for one in placed(found).pod_sets}


# ---------------------------------------------------------------------------------- nodes yet to come


def test_all_pod_sets_may_go_to_nodes_that_a_pool_has_yet_to_get() -> None:
    found = decide(with_sets(cpu_set(replicas=2, cpu="80")), snapshot([growing()], []))
    assert (placed(found).new_nodes, homes(found)) == (1, {"loader": ("pool", 1)}), "one pod is beside the main one"
    assert all(not one.preferred_nodes for one in placed(found).pod_sets)
    assert "2 nodes have yet to come" in found.message


def test_a_pool_does_not_get_more_nodes_for_all_pod_sets_together_than_it_may() -> None:
    found = decide(with_sets(cpu_set(replicas=4, cpu="90")), snapshot([growing(most=4)], []))
    assert (found.mode, found.reason) == (Mode.WAIT, Reason.CAPACITY_FULL)
    assert "pod set loader: cluster local has too little room beside the other pods" in found.message


def test_a_further_pod_set_alone_may_wait_for_nodes() -> None:
    found = decide(with_sets(cpu_set(cpu="90")), snapshot([pool(), CHEAP], nodes(1)))
    assert (placed(found).new_nodes, homes(found)) == (0, {"loader": ("cheap", 1)})


def test_nodes_that_are_there_come_before_new_ones_of_the_pool_of_the_main_set() -> None:
    dear = pool("dear", price="32", accelerator=None)
    seen = snapshot([growing(), dear], [*nodes(1), *nodes(1, "dear", gpu=0)])
    assert homes(decide(with_sets(cpu_set(cpu="90")), seen)) == {"loader": ("dear", 0)}
    assert homes(decide(with_sets(cpu_set(cpu="90")), snapshot([growing()], nodes(1)))) == {"loader": ("pool", 1)}


def test_who_waits_for_new_nodes_anyway_has_all_pod_sets_on_them() -> None:
    seen = snapshot([growing(), CPU_POOL], CPU_NODES)
    assert homes(decide(with_sets(cpu_set()), seen)) == {"loader": ("pool", 0)}, "beside the main pod on its new node"


def test_the_wait_for_nodes_is_paid_once_and_the_longest_one_counts() -> None:
    rules = [policy(waiting_price_per_hour=Decimal(6))]
    found = decide(with_sets(cpu_set(cpu="90")), snapshot([growing(most=1), CHEAP], [], policies=rules))
    assert homes(found) == {"loader": ("cheap", 1)}
    assert found.cost is not None
    waits = [part.amount for part in found.cost.parts if part.name == "Waiting"]
    assert waits == [1 * MICROS], "ten minutes at 6 EUR per hour"
    assert sum(part.amount for part in found.cost.parts) == found.cost.total


@pytest.mark.parametrize(("deadline", "mode"), [("13:10:00", Mode.FIT), ("13:09:59", Mode.NEVER)])
def test_nodes_for_a_further_pod_set_must_come_in_time_for_the_deadline(deadline: str, mode: Mode) -> None:
    ask = with_sets(cpu_set(cpu="90"), deadline=f"2026-11-22T{deadline}Z")
    found = decide(ask, snapshot([pool(), CHEAP], SMALL))
    assert found.mode is mode
    if mode is Mode.NEVER:
        assert found.candidates[0].rejections[0].reason == Reason.DEADLINE_INFEASIBLE
        assert "pod set loader: nodes that come after 10m come too late for the deadline" in found.message


def test_an_elastic_gang_starts_with_enough_pods_to_make_up_for_the_wait() -> None:
    ask = with_sets(cpu_set(cpu="90"), replicas=4, min_replicas=1, deadline="2026-11-22T14:05:00Z")  # 1 h on four
    assert placed(decide(ask, snapshot([pool(), CPU_POOL], [*nodes(2), *CPU_NODES]))).replicas == 2
    assert decide(ask, snapshot([pool(), CHEAP], nodes(2))).mode is not Mode.FIT
    assert placed(decide(ask, snapshot([pool(), CHEAP], nodes(3)))).replicas == 3


def test_a_stocked_out_pool_gets_no_further_pod_set_on_new_nodes() -> None:
    seen = snapshot([pool(), CHEAP], SMALL, supply={("local", "cheap"): Supply(LATER)})
    found = decide(with_sets(cpu_set(cpu="90")), seen)
    assert found.mode is Mode.WAIT
    assert "stocked out until" in found.message


def test_gangs_of_one_batch_share_the_nodes_that_are_to_come() -> None:
    asks = [with_sets(cpu_set(cpu="60"), name=f"gang-{n}", gpus=2) for n in range(3)]
    found = plan(asks, snapshot([growing(most=2)], []), NOW, 1).decisions
    assert sorted(one.mode for one in found) == [Mode.WAIT, Mode.FIT, Mode.FIT]


# ----------------------------------------------------------------------------------- room for all sets


def test_an_elastic_main_set_leaves_room_for_the_further_ones() -> None:
    ask = with_sets(cpu_set(cpu="24"), replicas=6, gpus=0, min_replicas=1, requests=resources(cpu="16", pods=1))
    found = decide(ask, snapshot([CPU_POOL], CPU_NODES))
    assert (placed(found).replicas, homes(found)) == (4, {"loader": ("cpu", 0)})
    assert "starts with 4 of 6 pods" in found.message


def test_a_pod_set_makes_way_for_one_that_has_nowhere_else_to_go() -> None:
    render = msgspec.structs.replace(cpu_set("render", cpu="60"), accelerators=(AcceleratorOption("H100", 1),))
    seen = snapshot([pool(), CPU_POOL], [*nodes(1), *CPU_NODES])
    found = decide(with_sets(cpu_set(cpu="60"), render, gpus=4), seen)
    assert homes(found) == {"loader": ("cpu", 0), "render": ("pool", 0)}


def test_the_candidates_of_an_elastic_gang_cost_what_they_would_start_with() -> None:
    small = pool("small", price="20")
    seen = snapshot([small, pool("large", price="25")], [*nodes(1, "small"), *nodes(2, "large")])
    found = decide(with_sets(cpu_set(cpu="80"), replicas=2, min_replicas=1), seen)
    other = next(one for one in found.candidates if one.pool == "large")
    alone = decide(with_sets(cpu_set(cpu="80"), replicas=2, min_replicas=1), snapshot(seen.pools[1:], seen.nodes[1:]))
    assert alone.cost is not None
    assert (other.cost.per_hour, other.cost.total) == (alone.cost.per_hour, alone.cost.total)


# ------------------------------------------------------------------------------------- what is paid


def hourly(found: Decision) -> Decimal:
    assert found.cost is not None
    return Decimal(found.cost.per_hour or 0) / MICROS


def test_a_limit_that_is_met_exactly_pays_and_a_millionth_less_sends_a_set_to_a_cheaper_pool() -> None:
    ask, seen = with_sets(cpu_set(replicas=3)), snapshot([pool(), CPU_POOL], [*nodes(1), *CPU_NODES])
    near = decide(ask, seen)
    assert homes(near) == {"loader": ("pool", 0)}
    for less, where in ((Decimal(0), "pool"), (Decimal("0.000001"), "cpu")):
        limit = hourly(near) - less
        found = decide(ask, msgspec.structs.replace(seen, policies={"default": policy(max_cost_per_hour=limit)}))
        assert homes(found) == {"loader": (where, 0)}
        assert hourly(found) <= limit


def test_where_only_dear_pools_have_room_the_gang_waits_and_is_told_what_it_would_cost_there() -> None:
    ask, busy = with_sets(cpu_set(cpu="80")), {"cpu-0000": resources(cpu="90")}
    seen = snapshot([pool(), CPU_POOL], [*nodes(1), *CPU_NODES])
    rules = policy(max_cost_per_hour=hourly(decide(ask, seen)) - Decimal("0.01"))
    found = decide(ask, msgspec.structs.replace(seen, policies={"default": rules}, usage=busy))
    assert (found.mode, found.reason) == (Mode.WAIT, Reason.COST_ABOVE_LIMIT)
    assert "where there is room now, it would cost" in found.message
    assert "raise maxCostPerHour of policy default to" in (found.unblock or "")


def test_where_only_a_pool_without_a_price_has_room_nobody_is_told_to_pay_for_it() -> None:
    free = pool("free", price=None, accelerator=None)
    rules, busy = [policy(max_cost_per_hour=Decimal(100))], {"cpu-0000": resources(cpu="90")}
    members = [*nodes(1), *nodes(1, "free", gpu=0), *CPU_NODES]
    seen = snapshot([pool(), free, CPU_POOL], members, policies=rules, usage=busy)
    found = decide(with_sets(cpu_set(cpu="90")), seen)
    assert (found.mode, found.reason) == (Mode.WAIT, Reason.CAPACITY_FULL)
    assert "maxCostPerHour" not in (found.unblock or "")


def test_what_no_pool_is_cheap_enough_for_never_fits() -> None:
    seen = snapshot([pool(), CPU_POOL], [*nodes(1), *CPU_NODES], policies=[policy(max_cost_per_hour=Decimal(25))])
    found = decide(with_sets(cpu_set()), seen)
    assert (found.mode, found.candidates[0].rejections[0].reason) == (Mode.NEVER, Reason.COST_ABOVE_LIMIT)


def test_a_pool_without_a_price_takes_no_set_of_what_is_limited() -> None:
    free = pool("free", price=None, accelerator=None)
    members = [*nodes(1), *nodes(1, "free", gpu=0), *CPU_NODES]
    seen = snapshot([pool(), free, CPU_POOL], members, policies=[policy(max_cost_per_hour=Decimal(100))])
    assert homes(decide(with_sets(cpu_set(cpu="90")), seen)) == {"loader": ("cpu", 0)}


def test_an_elastic_gang_is_smaller_where_only_a_dearer_pool_has_room_for_a_set() -> None:
    ask = with_sets(cpu_set(cpu="80"), replicas=2, min_replicas=1, requests=resources(cpu="1", memory="1Gi", pods=1))
    seen = snapshot([pool(), CPU_POOL], [*nodes(3), *CPU_NODES])
    two = hourly(decide(gang(replicas=2, requests=resources(cpu="1", memory="1Gi", pods=1)), seen))
    limited = msgspec.structs.replace(seen, policies={"default": policy(max_cost_per_hour=two + 2)})
    assert (placed(decide(ask, limited)).replicas, homes(decide(ask, limited))) == (2, {"loader": ("cpu", 0)})
    found = decide(ask, msgspec.structs.replace(limited, usage={"cpu-0000": resources(cpu="90")}))
    assert (placed(found).replicas, homes(found)) == (1, {"loader": ("pool", 0)})
    assert hourly(found) <= two + 2
