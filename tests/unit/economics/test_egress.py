"""What bringing data to a pool costs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from stellwerk.economics.cost import Site, expected_cost
from stellwerk.economics.egress import GIB, LIST_PRICES, egress
from stellwerk.model.policy import EgressPrice
from stellwerk.model.workload import DataAt
from tests.builders import gang, policy, pool, resources

AT_AWS = DataAt(100 * GIB, "aws", "eu-central-1")
DOLLARS = policy(currency="USD")


def test_data_that_is_there_costs_nothing_in_any_currency() -> None:
    assert egress(AT_AWS, pool(provider="aws", region="eu-central-1"), policy(currency="EUR")) == (0, "")


def test_data_of_another_provider_is_paid_for_per_gib() -> None:
    assert egress(AT_AWS, pool(provider="gcp", region="europe-west3"), DOLLARS) == (9_000_000, "")


def test_another_region_of_the_same_provider_is_cheaper_and_not_free() -> None:
    assert egress(AT_AWS, pool(provider="aws", region="us-east-1"), DOLLARS) == (1_000_000, "")


def test_a_provider_without_a_known_price_makes_the_cost_unknown() -> None:
    amount, missing = egress(DataAt(GIB, "acme", "de"), pool(provider="aws"), DOLLARS)
    assert missing == "what data out of acme costs in USD is not known"
    assert amount == 0


def test_a_list_price_in_another_currency_is_not_known() -> None:
    _, missing = egress(AT_AWS, pool(provider="gcp", region="europe-west3"), policy(currency="EUR"))
    assert missing == "what data out of aws costs in EUR is not known"


def test_what_a_provider_gives_away_is_free_in_any_currency() -> None:
    assert egress(DataAt(GIB, "nebius", "eu-north1"), pool(provider="aws"), policy(currency="EUR")) == (0, "")


def test_the_policy_s_own_prices_come_first() -> None:
    own = policy(currency="EUR", egress_prices={"aws": EgressPrice(Decimal("0.08"), Decimal("0.02"))})
    assert egress(AT_AWS, pool(provider="gcp"), own) == (8_000_000, "")
    assert egress(AT_AWS, pool(provider="aws", region="us-east-1"), own) == (2_000_000, "")


@pytest.mark.parametrize("where", [{"provider": ""}, {"provider": "aws", "region": ""}])
def test_a_pool_of_which_nobody_knows_where_it_lies_has_an_unknown_cost(where: dict[str, str]) -> None:
    assert "is not known" in egress(AT_AWS, pool(**where), DOLLARS)[1]


def test_egress_is_a_part_of_the_total_and_not_of_the_hour() -> None:
    node = resources(cpu="96", memory="1Ti", pods=110, gpu=8)
    there = pool(provider="gcp", region="europe-west3", currency="USD")
    without = gang()
    with_data = gang(data=AT_AWS)
    before = expected_cost(without, without.options[0], Site(there, node), DOLLARS)
    after = expected_cost(with_data, with_data.options[0], Site(there, node), DOLLARS)
    assert before.total is not None
    assert after.total == before.total + 9_000_000
    assert after.per_hour == before.per_hour
    assert {part.name: part.amount for part in after.parts}["Egress"] == 9_000_000


def test_no_list_price_is_below_nothing_and_regions_are_never_dearer() -> None:
    for provider, price in LIST_PRICES.items():
        assert price.between_regions >= 0, provider
        assert price.between_regions <= max(price.out, Decimal("0.01")), provider
