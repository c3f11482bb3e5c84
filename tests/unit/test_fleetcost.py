"""The fleet-cost benchmark on price files of a few lines, and its optimum against trying everything."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from stellwerk.model.capacity import CapacityType
from tests.bench import fleetcost
from tests.bench.fleetcost_optimum import Pick, buckets, cuts, optimum, picks_of, spilled, without_capacity
from tests.bench.fleetcost_prices import offerings
from tests.bench.fleetcost_world import Draw, World

AWS = """\
instance_type,accelerator_count,allocatable_cpu,allocatable_memory,ondemand_usd_h_us_east_1
p4d.24xlarge,8,95690m,1082712Mi,21.957642
g4dn.metal,8,95690m,355262Mi,7.824
p5.48xlarge,8,191450m,1938410Mi,55.04
p5en.48xlarge,8,191450m,1937332Mi,63.296
g6e.48xlarge,8,191450m,1449132Mi,30.13118
g6.48xlarge,8,191450m,718987Mi,13.3504
g5.48xlarge,8,191450m,723299Mi,16.288
"""
SPOT = """\
region,instance_type,interruption_band,interruption_max_pct,savings_over_ondemand_pct
us-east-1,p4d.24xlarge,10-15%,16,67
eu-central-1,g4dn.metal,>20%,100,73
"""
AZURE = "region,vm_size,vcpu,memory_mb,gpu_count,ondemand_usd_h\nwesteurope,Standard_NC64as_T4_v3,64,450560,4,5.44\n"
GCP = "table,key,usd_h\ninstancePrices,g2-standard-96,8.46\npreemptiblePrices,g2-standard-96,2.54\n"
EU = """\
provider,country,region,instance_type,accelerator,accelerator_count,vcpu,memory_gib,ondemand_h,spot_h
nebius,FI,eu-north1,gpu-h100-sxm_8gpu-128vcpu-1600gb,H100,8,128,1600,23.60,10.00
"""


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    for name, text in {
        "aws_accelerator_instances": AWS,
        "aws_spot_advisor_gpu_linux": SPOT,
        "azure_gpu_ondemand": AZURE,
        "gcp_price_info_us_central1": GCP,
        "eu_providers_gpu_prices": EU,
    }.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def feasible(prices: Path, seed: int, jobs: int) -> World:
    draw = Draw(offerings(prices), seed, jobs)
    while optimum(draw.world()) is None:
        draw.grow()
    return draw.world()


def test_every_kind_of_capacity_is_on_offer_and_only_spot_is_interrupted(prices: Path) -> None:
    found = offerings(prices)
    assert {one.capacity for one in found} == set(CapacityType)
    assert all((one.rate is not None) == (one.capacity is CapacityType.SPOT) for one in found)
    assert len({one.name for one in found}) == len(found)


def test_the_same_seed_gives_the_same_instance(prices: Path) -> None:
    assert Draw(offerings(prices), 3, 20).world() == Draw(offerings(prices), 3, 20).world()


def test_pieces_of_a_node_add_up_to_it() -> None:
    assert set(cuts(3)) == {(0, 0, 1, 1), (0, 0, 0, 3)}
    assert all(sum(n * size for n, size in zip(cut, (8, 4, 2, 1), strict=True)) == 8 for cut in cuts(8))


def tightest(world: World, chosen: tuple[Pick, ...]) -> bool:
    """Tell whether the pods fit, the largest first: with sizes that divide each other that is never wrong."""
    free = {pool: sorted(nodes.elements()) for pool, nodes in buckets(world).items()}
    for pick in sorted(chosen, key=lambda one: -one.size):
        for _ in range(pick.pods):
            at = next((n for n, left in enumerate(free[pick.pool]) if left >= pick.size), None)
            if at is None:
                return False
            free[pick.pool][at] -= pick.size
            free[pick.pool].sort()
    return True


@pytest.mark.parametrize("seed", range(6))
def test_the_optimum_is_what_trying_everything_finds(prices: Path, seed: int) -> None:
    world = feasible(prices, seed, 4)
    mine = [[pick for pick in picks_of(world) if pick.job == job] for job in range(4)]
    every = [sum(p.cost for p in some) for some in itertools.product(*mine) if tightest(world, some)]
    found = optimum(world)
    assert found is not None
    assert found.cost == pytest.approx(min(every), rel=1e-5)


def test_nothing_is_cheaper_than_the_optimum_but_what_ignores_room(prices: Path) -> None:
    world = feasible(prices, 1, 30)
    best, picks = optimum(world), picks_of(world)
    assert best is not None
    cost, left = spilled(world, picks)
    assert without_capacity(world, picks) <= best.cost + 0.01
    assert left or cost >= best.cost - 0.01


def test_the_benchmark_prints_a_table_and_writes_what_it_measured(
    prices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    asked = ["--data", str(prices), "--seeds", "2", "--sizes", "12", "--json", str(out), "fits", "scarce"]
    assert fleetcost.main(asked) == 0
    told = json.loads(out.read_text(encoding="utf-8"))
    assert [one["jobs"] for one in told["instances"]] == [12] * 4
    assert all(one["plan"] > 0.999 for one in told["instances"])
    assert "family scarce" in capsys.readouterr().out


@pytest.mark.parametrize("clock", [(), ("--cpu-clock",)])
def test_it_also_plans_as_the_operator_does_with_a_child_and_a_budget(
    prices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], clock: tuple[str, ...]
) -> None:
    out = tmp_path / "out.json"
    asked = ["--data", str(prices), "--seeds", "1", "--sizes", "12", "--json", str(out), "--solver-seconds", "120"]
    assert fleetcost.main([*asked, *clock, "fits"]) == 0
    told = json.loads(out.read_text(encoding="utf-8"))["instances"][0]
    assert 0.999 < told["plan"] <= told["greedy"] + 1e-9
    assert "late" not in capsys.readouterr().out


def test_without_price_files_it_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fleetcost.main(["--data", str(tmp_path)]) == 1
    assert "--data" in capsys.readouterr().err
