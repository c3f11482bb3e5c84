"""Parts of a node's price, checked by hand."""

from __future__ import annotations

import pytest

from stellwerk.economics.ledger.facts import Billing, NodeFacts, Party
from stellwerk.economics.ledger.rates import SplitMode, lines_of, split
from stellwerk.model.capacity import Accelerator
from tests.builders import GPU, H100, resources

P5 = resources(cpu="192", memory="2Ti", gpu=8)
PRICE = 55_040_000
A, B = Party("team-a", "Training", "a", "ua"), Party("team-b", "Training", "b", "ub")


def node(price: int | None = PRICE, offers: object = P5, accelerators: tuple[Accelerator, ...] = (H100,)) -> NodeFacts:
    billing = Billing("local", "p", currency="USD" if price else "", price=price, accelerators=8000)
    return NodeFacts(billing, offers, accelerators)


def test_four_of_eight_gpus_are_half_of_what_cpu_and_memory_leave() -> None:
    """55.04 - 192 x 0.031611 - 2048 x 0.004237 = 40.293312 for eight GPUs; four of them are 20.146656."""
    [line] = lines_of(node(), {A: resources(gpu=4)})
    assert (line.rate, line.accelerators) == (20_146_656, 4000)


def test_cpu_and_memory_are_paid_at_market_rates() -> None:
    """48 cores x 0.031611 + 512 GiB x 0.004237 = 1.517328 + 2.169344 = 3.686672."""
    [line] = lines_of(node(), {A: resources(cpu="48", memory="512Gi")})
    assert line.rate == 3_686_672


def test_a_full_node_leaves_nothing_idle() -> None:
    half = resources(cpu="96", memory="1Ti", gpu=4)
    lines = lines_of(node(), {A: half, B: half})
    assert [line.rate for line in lines] == [PRICE // 2, PRICE // 2]


def test_an_odd_price_is_shared_to_the_last_micro_unit() -> None:
    half = resources(cpu="96", memory="1Ti", gpu=4)
    lines = lines_of(node(price=1_000_001), {A: half, B: half})
    assert [line.rate for line in lines] == [500_001, 500_000]


def test_a_slice_of_a_shared_gpu_is_a_part_of_it() -> None:
    """Eight devices in four slices each: one of 32 slices is a 32nd of the GPUs' part, a quarter of a device."""
    shared = Accelerator("H100", 8, GPU, slices=4)
    offers = resources(cpu="192", memory="2Ti", gpu=32)
    [line] = lines_of(node(offers=offers, accelerators=(shared,)), {A: resources(gpu=1)})
    assert (line.rate, line.accelerators) == (40_293_312 // 32, 250)


def test_partitions_and_whole_devices_of_one_node_share_by_their_size() -> None:
    """Four whole devices and 28 partitions of a seventh: a partition is a seventh of an eighth of the GPUs' part."""
    mig = Accelerator("H100", 28, "nvidia.com/mig-1g.10gb", part_milli=143)
    whole = Accelerator("H100", 4, GPU)
    offers = resources(cpu="192", memory="2Ti", gpu=4, **{"nvidia.com/mig-1g.10gb": 28})
    facts = node(offers=offers, accelerators=(whole, mig))
    lines = lines_of(facts, {A: resources(gpu=1), B: resources(**{"nvidia.com/mig-1g.10gb": 7})})
    devices = 4 * 1000 + 28 * 143
    assert abs(lines[0].rate - 40_293_312 * 1000 / devices) <= 1
    assert abs(lines[1].rate - 40_293_312 * 7 * 143 / devices) <= 1


def test_in_opencost_mode_parts_have_the_ratio_of_its_default_rates() -> None:
    """M = 8 x 0.95 + 192 x 0.031611 + 2048 x 0.004237 = 22.346688; 7.6 of it are GPUs: 18.718710 of 55.04."""
    parts = split(PRICE, node(), SplitMode.OPENCOST)
    assert parts.total == PRICE
    assert abs(parts.accelerators - PRICE * 7.6 / 22.346688) < 1
    assert abs(parts.cpu - PRICE * 192 * 0.031611 / 22.346688) < 1


def test_who_uses_more_than_the_node_offers_pays_the_node_and_not_more() -> None:
    lines = lines_of(node(), {A: resources(gpu=8), B: resources(gpu=8)})
    assert [line.rate for line in lines] == [40_293_312 // 2, 40_293_312 // 2]
    assert sum(line.accelerators for line in lines) == 8000


def test_without_a_price_devices_are_counted_and_money_is_not() -> None:
    [line] = lines_of(node(price=None), {A: resources(gpu=2)})
    assert (line.rate, line.accelerators) == (0, 2000)


def test_a_node_whose_device_plugin_is_gone_is_idle_in_what_it_does_not_offer() -> None:
    facts = NodeFacts(Billing("local", "p", currency="USD", price=PRICE), resources(cpu="192", memory="2Ti"), (H100,))
    [line] = lines_of(facts, {A: resources(cpu="192", memory="2Ti")})
    assert line.rate == PRICE - 40_293_312


def test_the_worked_example_of_the_documentation() -> None:
    """20.146656 + 1.517328 + 2.169344 = 23.833328; 31.206672 is left of 55.04."""
    [line] = lines_of(node(), {A: resources(cpu="48", memory="512Gi", gpu=4)})
    assert (line.rate, PRICE - line.rate) == (23_833_328, 31_206_672)


def test_in_opencost_mode_a_workload_pays_what_opencosts_formula_says() -> None:
    """Its rates follow from the node's price by M = gpus x b + cpus x a + GiB; allocation x rate is the cost."""
    cpu_0, ram_0, gpu_0 = 0.031611, 0.004237, 0.95
    a, b = cpu_0 / ram_0, gpu_0 / ram_0
    per_gib = 55.04 / (8 * b + 192 * a + 2048)
    expected = 24 * a * per_gib + 256 * per_gib + 3 * b * per_gib
    [line] = lines_of(node(), {A: resources(cpu="24", memory="256Gi", gpu=3)}, SplitMode.OPENCOST)
    assert line.rate / 1e6 == pytest.approx(expected, rel=1e-6)
