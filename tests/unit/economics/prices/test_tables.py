"""Catalogues in both layouts, tables of rates, and what is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from stellwerk.economics.prices.catalogue import Catalogue, Listing, Wanted, parse_catalogue
from stellwerk.economics.prices.currency import BadTableError, Rates, parse_rates
from stellwerk.economics.prices.tables import refuse_leaps
from tests.builders import NOW

SKYPILOT = """\
# a comment, and an empty line below

InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,SpotPrice
p5.48xlarge,192,2048,H100,8,"{'Gpus': [{'Name': 'H100'}]}",us-east-1,us-east-1a,55.04,25.0
p5.48xlarge,192,2048,H100,8,"{'Gpus': [{'Name': 'H100'}]}",us-east-1,us-east-1b,55.04,27.0
p5.48xlarge,192,2048,H100,8,"{'Gpus': [{'Name': 'H100'}]}",eu-north-1,eu-north-1a,60.00,
"""
GPUHUNT = """\
provider,instance_name,location,price,cpu,memory,gpu_vendor,gpu_count,gpu_name,gpu_memory,spot,disk_size
aws,p5.48xlarge,us-east-1,55.04,192,2048,nvidia,8,H100,80,False,
aws,p5.48xlarge,us-east-1,25.5,192,2048,nvidia,8,H100,80,True,
nebius,gpu-h100,eu-north1,2.95,16,200,nvidia,1,H100,80,maybe,
"""


def find(table: Catalogue, **wanted: object) -> Listing | None:
    told = {"instance": "p5.48xlarge", "provider": "aws", "region": "us-east-1", **wanted}
    return table.find(Wanted(**told), NOW)


def price(found: Listing | None) -> Decimal | None:
    return None if found is None else found.amount


def test_a_table_in_the_layout_of_skypilot_is_read() -> None:
    table = parse_catalogue(SKYPILOT)
    assert price(find(table)) == Decimal("55.04")
    assert price(find(table, instance="P5.48XLARGE")) == Decimal("55.04")
    assert price(find(table, region="eu-north-1")) == 60
    assert find(table, region="eu-north-1", spot=True) is None  # the cell is empty: not known, not free
    assert find(table, region="eu-west-1") is None
    assert find(table, instance="p4d.24xlarge") is None


def test_where_the_zone_is_not_known_the_dearest_zone_counts() -> None:
    table = parse_catalogue(SKYPILOT)
    assert price(find(table, spot=True, zone="us-east-1a")) == 25
    assert price(find(table, spot=True)) == 27


def test_a_table_in_the_layout_of_gpuhunt_is_read() -> None:
    table = parse_catalogue(GPUHUNT)
    assert price(find(table)) == Decimal("55.04")
    assert price(find(table, spot=True)) == Decimal("25.5")
    assert find(table, provider="gcp") is None
    odd = table.listings["gpu-h100"][0]
    assert odd.problem == "spot is 'maybe'"


def test_the_newest_price_that_holds_already_counts() -> None:
    header = "InstanceType,Region,Price,valid_from,currency,source\n"
    days = ("2026-01-01", "2026-11-01T00:00:00+01:00", "2027-01-01")
    table = parse_catalogue(header + "".join(f"g,r,{at},{day},EUR,s\n" for at, day in enumerate(days, 1)))
    found = table.find(Wanted("g", region="r"), NOW)
    assert found is not None
    assert (found.amount, found.currency, found.line) == (2, "EUR", 3)
    assert table.find(Wanted("g", region="r"), datetime(2025, 1, 1, tzinfo=UTC)) is None


def test_an_announced_price_alone_is_none_yet() -> None:
    table = parse_catalogue("InstanceType,Region,Price,valid_from\ng,r,1,2027-01-01\n")
    assert table.find(Wanted("g", region="r"), NOW) is None


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31T23:59:59-14:00", "1969-12-31", "2023-02-29"])
def test_a_day_that_no_price_begins_on_is_told_and_breaks_nothing(day: str) -> None:
    table = parse_catalogue(f"InstanceType,Region,Price,valid_from\ng,r,1,{day}\n")
    assert table.listings["g"][0].problem == f"{day!r} is no day since when it holds"


@pytest.mark.parametrize(
    ("row", "problem"),
    [("g,r,1,soon,EUR", "'soon' is no day since when it holds"), ("g,r,1,2026-01-01,Euro", "'Euro' is no currency")],
)
def test_a_row_that_cannot_be_used_says_why(row: str, problem: str) -> None:
    table = parse_catalogue(f"InstanceType,Region,Price,valid_from,currency\n{row}\n")
    assert table.listings["g"][0].problem == problem


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "neither InstanceType"),
        ("name,price\na,1\n", "neither InstanceType"),
        ("InstanceType,Price\na,1\n", "no column region"),
        ('InstanceType,Region,Price\n"a,r,1\n', "line 2"),
    ],
)
def test_what_is_no_catalogue_is_refused_as_a_whole(text: str, why: str) -> None:
    with pytest.raises(BadTableError, match=why):
        parse_catalogue(text)


def test_the_newest_rates_in_force_count_and_the_table_is_as_old_as_its_oldest() -> None:
    head = "currency,per_euro,valid_from\n"
    rates = parse_rates(
        f"# rates\n{head}USD,1.10,2026-09-01\nUSD,1.12,2026-10-30\nUSD,9,2027-01-01\nJPY,160,2026-09-15\n", NOW
    )
    assert rates.per_euro == {"USD": Decimal("1.12"), "JPY": Decimal(160)}
    assert rates.of == datetime(2026, 9, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "row",
    [
        "USD,0,2026-01-01",
        "USD,-1,2026-01-01",
        "USD,NaN,2026-01-01",
        "USD,1.1,",
        "US,1.1,2026-01-01",
        "EUR,1,2026-01-01",
    ],
)
def test_one_wrong_rate_refuses_the_table(row: str) -> None:
    with pytest.raises(BadTableError, match="line 3"):
        parse_rates(f"currency,per_euro,valid_from\nJPY,160,2026-01-01\n{row}\n", NOW)


def test_a_table_without_a_rate_in_force_is_refused() -> None:
    with pytest.raises(BadTableError, match="no rate that is in force"):
        parse_rates("currency,per_euro,valid_from\nUSD,1.1,2030-01-01\n", NOW)


def test_a_rate_that_leaps_is_refused_by_name() -> None:
    old = Rates({"USD": Decimal("1.1"), "JPY": Decimal(160)})
    refuse_leaps(Rates({"USD": Decimal("1.3"), "SEK": Decimal(11)}), old)
    with pytest.raises(BadTableError, match="USD at 1100 for a euro is 1000 times"):
        refuse_leaps(Rates({"USD": Decimal(1100)}), old)
