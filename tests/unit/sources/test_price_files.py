"""Files of prices and rates are read when they change, and what was read last holds when they cannot be."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from stellwerk.economics.prices.catalogue import Wanted
from stellwerk.economics.prices.tables import Tables
from stellwerk.sources import prices
from stellwerk.sources.prices import BUILT_IN, CATALOGUE, CURRENCIES, PriceFiles, built_in_prices
from tests.builders import NOW

HEADER = "InstanceType,Region,Price,currency\n"
RATES = "currency,per_euro,valid_from\n"


def price(tables: Tables) -> Decimal | None:
    found = tables.market.catalogue.find(Wanted("box", region="here"), NOW)
    return None if found is None else found.amount


def test_a_catalogue_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(HEADER + "box,here,5,EUR\n")
    files = PriceFiles(file)
    assert price(files.look(NOW)) == 5
    file.write_text(HEADER + "box,here,50,EUR\n")
    assert price(files.look(NOW)) == 50


def test_a_catalogue_that_a_config_map_swaps_is_read_again(tmp_path: Path) -> None:
    """The kubelet points a link to another folder; size and times of the file may be the same."""
    for name, amount in (("a", 5), ("b", 6)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "prices.csv").write_text(f"{HEADER}box,here,{amount},EUR\n")
        os.utime(tmp_path / name / "prices.csv", (1e9, 1e9))
    (tmp_path / "now").symlink_to("a")
    files = PriceFiles(tmp_path / "now" / "prices.csv")
    assert price(files.look(NOW)) == 5
    (tmp_path / "next").symlink_to("b")
    (tmp_path / "next").rename(tmp_path / "now")
    assert price(files.look(NOW)) == 6


def test_a_catalogue_that_is_gone_or_broken_is_told_and_the_last_one_holds(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(HEADER + "box,here,5,EUR\n")
    files = PriceFiles(file)
    assert files.look(NOW).states[CATALOGUE].problem == ""
    file.unlink()
    for _ in range(2):
        tables = files.look(NOW)
        assert price(tables) == 5
        assert tables.states[CATALOGUE].problem == f"{file}: No such file or directory"
    file.write_text("rubbish\n")
    for _ in range(2):
        tables = files.look(NOW)
        assert price(tables) == 5
        assert "neither InstanceType" in tables.states[CATALOGUE].problem
    file.write_bytes(b"\xff\xfe\x00")
    assert price(files.look(NOW)) == 5
    file.write_text(HEADER + "box,here,7,EUR\n")
    tables = files.look(NOW)
    assert (price(tables), tables.states[CATALOGUE].problem) == (Decimal(7), "")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "LARGEST_FILE", 2**20)
    file = tmp_path / "prices.csv"
    file.write_text(HEADER + "#" * 2**20)
    assert "more than 1 MiB" in PriceFiles(file).look(NOW).states[CATALOGUE].problem


def test_a_catalogue_is_as_old_as_its_file(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(HEADER + "box,here,5,EUR\n")
    written = datetime(2026, 11, 1, 12, tzinfo=UTC)
    os.utime(file, (written.timestamp(), written.timestamp()))
    assert PriceFiles(file).look(NOW).states[CATALOGUE].of == written


def test_a_table_of_rates_replaces_the_built_in_one_unless_it_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(RATES + "USD,1.5,2026-11-20\n")
    files = PriceFiles(currencies=file)
    tables = files.look(NOW)
    assert tables.market.rates.per_euro == {"USD": Decimal("1.5")}
    assert tables.states[CURRENCIES].of == datetime(2026, 11, 20, tzinfo=UTC)
    for wrong, why in (("USD,0,2026-11-21\n", "line 2"), ("USD,1500,2026-11-21\n", "1000 times")):
        file.write_text(RATES + wrong)
        tables = files.look(NOW)
        assert tables.market.rates.per_euro == {"USD": Decimal("1.5")}
        assert why in tables.states[CURRENCIES].problem


def test_the_tables_that_come_along_are_dated_and_name_source_and_licence() -> None:
    tables = PriceFiles().look(NOW)
    assert tables.states[BUILT_IN].of == datetime(2026, 6, 18, tzinfo=UTC)
    assert tables.states[CURRENCIES].of == datetime(2026, 10, 30, tzinfo=UTC)
    assert CATALOGUE not in tables.states
    found = tables.market.built_in.find(Wanted("p5.48xlarge", "aws", "us-east-1"), NOW)
    assert found is not None
    assert (found.amount, found.currency) == (Decimal("55.04"), "USD")
    assert tables.market.rates.convert(Decimal(1), "USD", "EUR") == Decimal("1.1172")
    folder = Path(prices.__file__).parent / "builtin"
    assert "Apache-2.0" in "".join((folder / "prices.csv").read_text().splitlines()[:4])
    assert "European Central Bank" in (folder / "currencies.csv").read_text().splitlines()[0]


def test_every_built_in_price_is_one() -> None:
    for listings in built_in_prices().listings.values():
        for one in listings:
            assert one.amount is not None
            assert Decimal("0.05") < one.amount < 200, one
            assert (one.problem, one.currency, one.since is None) == ("", "USD", False)


def test_the_built_in_list_can_be_left_out() -> None:
    tables = PriceFiles(built_in=False).look(NOW)
    assert tables.market.built_in.listings == {}
    assert BUILT_IN not in tables.states


def test_before_the_day_of_the_built_in_rates_nothing_is_converted() -> None:
    assert PriceFiles().look(datetime(2020, 1, 1, tzinfo=UTC)).market.rates.currencies == ()
