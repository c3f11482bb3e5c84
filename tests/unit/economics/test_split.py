"""What of a node's price is whose."""

from __future__ import annotations

from decimal import Decimal

import pytest

from stellwerk.economics.split import split_price
from stellwerk.model.resources import Resources
from tests.builders import H100, resources

P5 = resources(cpu="192", memory="2Ti", gpu=8)


def test_accelerators_carry_what_cpu_and_memory_do_not() -> None:
    """192 cores x 0.031611 + 2048 GiB x 0.004237 = 14.746688 of 55.04."""
    split = split_price(Decimal("55.04"), P5, H100)
    assert (split.cpu, split.memory, split.accelerators) == (6_069_312, 8_677_376, 40_293_312)


@pytest.mark.parametrize("price", ["55.04", "0.000001", "7", "14.746688", "1234.567891"])
@pytest.mark.parametrize("accelerator", [H100, None])
def test_the_parts_add_up_to_the_price_to_the_last_micro(price: str, accelerator: object) -> None:
    split = split_price(Decimal(price), P5, H100 if accelerator else None)
    assert split.total == Decimal(price) * 1_000_000
    assert min(split.cpu, split.memory, split.accelerators) >= 0


def test_on_a_cheap_spot_node_the_host_takes_half_at_most() -> None:
    split = split_price(Decimal(7), P5, H100)
    assert split.accelerators == 3_500_000


def test_without_accelerators_cpu_and_memory_carry_everything_at_their_market_ratio() -> None:
    split = split_price(Decimal("0.5"), resources(cpu="8", memory="32Gi"), None)
    assert split.total == 500_000
    assert split.cpu / split.memory == pytest.approx(8 * 0.031611 / (32 * 0.004237), rel=1e-4)


def test_a_node_that_offers_neither_cpu_nor_memory_still_costs_its_price() -> None:
    assert split_price(Decimal(1), Resources(), None).total == 1_000_000
