"""Expected cost, by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from stellwerk.economics.cost import Site, expected_cost
from stellwerk.model.capacity import CapacityType, Pool
from stellwerk.model.decision import Cost
from stellwerk.model.policy import Policy
from stellwerk.model.workload import AcceleratorOption, Workload
from tests.builders import gang, policy, pool, resources

BIG_NODE = resources(cpu="100", memory="1000Gi", gpu=8)
FULL_POD = resources(cpu="100", memory="1000Gi", pods=1)
"""Asks for all of a node's CPU and memory: with 8 GPUs it pays the whole price."""

SPOT = {"capacity_type": CapacityType.SPOT, "interruption_rate_per_hour": Decimal("0.1")}
GREEN = {"pue": Decimal("1.5"), "grid_carbon": Decimal(400), "node_power_watts": Decimal(10_000)}


def cost(workload: Workload, there: Pool, rules: Policy | None = None) -> Cost:
    option = workload.options[0]
    return expected_cost(workload, option, Site(there, BIG_NODE), rules or policy())


def whole_nodes(replicas: int = 1, **facts: Any) -> Workload:
    return gang(replicas=replicas, requests=FULL_POD, **facts)


def amounts(found: Cost) -> dict[str, int]:
    return {part.name: part.amount for part in found.parts}


def test_a_pod_that_takes_a_whole_node_pays_its_price() -> None:
    found = cost(whole_nodes(replicas=3, expected_runtime_s=7200), pool(price="32"))
    assert found.per_hour == 96_000_000
    assert found.total == 192_000_000
    assert amounts(found) == {"Compute": 192_000_000}


def test_a_pod_pays_for_its_part_of_cpu_memory_and_accelerators() -> None:
    """Host: 100 x 0.031611 + 1000 x 0.004237 = 7.3981; the rest, 24.6019, is 8 GPUs at 3.0752375."""
    found = cost(gang(gpus=2, requests=resources(cpu="10", memory="100Gi", pods=1)), pool(price="32"))
    assert found.per_hour == round((0.1 * 7.3981 + 2 * 3.0752375) * 1_000_000)


def test_a_faster_accelerator_is_paid_for_a_shorter_time() -> None:
    fast = (AcceleratorOption("H100", 8, speed=Decimal("2.5")),)
    found = cost(whole_nodes(accelerators=fast, expected_runtime_s=36_000), pool(price="32"))
    assert (found.per_hour, found.total) == (32_000_000, 128_000_000)


def test_spot_risk_is_interruptions_times_lost_work_and_restart() -> None:
    """10 h at 0.1 per hour: one interruption, losing 15 min of work and 5 min of restart: 20 min at 32 per hour."""
    found = cost(whole_nodes(expected_runtime_s=36_000, checkpoint_interval_s=1800), pool(price="32", **SPOT))
    assert amounts(found) == {"Compute": 320_000_000, "SpotRisk": 10_666_667}
    assert found.total == 330_666_667
    assert found.per_hour == 32_000_000


def test_without_checkpoints_half_of_the_run_is_lost() -> None:
    found = cost(whole_nodes(expected_runtime_s=36_000), pool(price="32", **SPOT), policy(restart_overhead_s=0))
    assert amounts(found)["SpotRisk"] == 5 * 32_000_000


def test_a_gang_is_stopped_by_the_loss_of_any_of_its_nodes() -> None:
    alone = cost(whole_nodes(expected_runtime_s=3600), pool(price="32", **SPOT))
    four = cost(whole_nodes(replicas=4, expected_runtime_s=3600), pool(price="32", **SPOT))
    assert amounts(four)["SpotRisk"] == pytest.approx(16 * amounts(alone)["SpotRisk"], abs=16)


def test_a_checkpoint_interval_longer_than_the_run_is_no_checkpoint() -> None:
    rare = cost(whole_nodes(expected_runtime_s=3600, checkpoint_interval_s=86_400), pool(price="32", **SPOT))
    assert rare == cost(whole_nodes(expected_runtime_s=3600), pool(price="32", **SPOT))


def test_carbon_is_energy_at_the_meter_times_grid_times_price() -> None:
    """10 kW x PUE 1.5 x 2 h = 30 kWh; x 400 g = 12 kg; at 100 per tonne: 1.2."""
    found = cost(
        whole_nodes(expected_runtime_s=7200), pool(price="32", **GREEN), policy(carbon_price_per_tonne=Decimal(100))
    )
    assert found.carbon is not None
    assert (found.carbon.milliwatt_hours, found.carbon.milligrams) == (30_000_000, 12_000_000)
    assert amounts(found) == {"Compute": 64_000_000, "Carbon": 1_200_000}
    assert found.per_hour == 32_600_000


def test_a_pod_answers_for_its_share_of_the_power() -> None:
    found = cost(gang(gpus=2, expected_runtime_s=7200), pool(**GREEN))
    assert found.carbon is not None
    assert found.carbon.milliwatt_hours == 30_000_000 / 4


def test_work_without_accelerators_answers_for_the_larger_of_its_cpu_and_memory_shares() -> None:
    found = cost(gang(gpus=0, requests=resources(cpu="10", memory="500Gi", pods=1)), pool(**GREEN))
    assert found.carbon is not None
    assert found.carbon.milliwatt_hours == 7_500_000


@pytest.mark.parametrize("missing", ["pue", "grid_carbon", "node_power_watts"])
def test_without_carbon_data_a_total_that_prices_carbon_is_unknown_and_not_lower(missing: str) -> None:
    there = pool(**{**GREEN, missing: None})
    priced = cost(gang(), there, policy(carbon_price_per_tonne=Decimal(100)))
    free = cost(gang(), there)
    assert (priced.total, priced.carbon) == (None, None)
    assert "carbon" in priced.unknown
    assert free.total is not None


def test_a_pool_without_price_has_an_unknown_cost_and_not_a_cost_of_zero() -> None:
    found = cost(gang(), pool(price=None))
    assert (found.per_hour, found.total, found.parts) == (None, None, ())
    assert found.unknown == "it has no price"


def test_a_spot_pool_without_interruption_rate_has_an_unknown_total() -> None:
    found = cost(gang(), pool(capacity_type=CapacityType.SPOT))
    assert found.total is None
    assert found.per_hour is not None


def test_a_pool_without_nodes_has_an_unknown_cost() -> None:
    found = expected_cost(gang(), AcceleratorOption("H100", 8), Site(pool(), None), policy())
    assert (found.total, found.unknown) == (None, "it has no nodes")
