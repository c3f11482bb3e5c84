"""Every worked line of docs/cost-model.md is right, and so is what the text says follows from it."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from stellwerk.economics.prices.judging import Judge
from stellwerk.economics.prices.quotes import Market
from stellwerk.lifecycle.intake import pool_from
from stellwerk.sources.prices import PriceFiles
from tests.builders import NOW

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "cost-model.md").read_text()
WORKED = [line for block in re.findall(r"```worked\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]
SIGNS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def worked_out(term: ast.expr, text: str) -> Fraction:
    """Work a term out exactly, its numbers as they are written."""
    if isinstance(term, ast.BinOp):
        return SIGNS[type(term.op)](worked_out(term.left, text), worked_out(term.right, text))
    return Fraction(ast.get_source_segment(text, term))


@pytest.mark.parametrize("line", WORKED)
def test_a_worked_line_is_right_to_the_last_decimal_that_it_shows(line: str) -> None:
    text, _, says = line.partition(" = ")
    places = len(says.partition(".")[2])
    exact = worked_out(ast.parse(text, mode="eval").body, text)
    assert round(exact, places) == Fraction(says)


def test_there_are_worked_lines() -> None:
    assert len(WORKED) >= 6


def test_the_own_node_of_the_text_costs_what_the_text_says() -> None:
    manifest = yaml.safe_load(re.search(r"```yaml\n(apiVersion.*?)```", TEXT, re.DOTALL)[1])
    price = Judge(Market(), NOW).price(pool_from("bought", manifest["spec"]), ()).price
    assert f"So a node costs {price.per_node_hour:f} {price.currency} per hour." in TEXT


def test_the_example_pool_with_a_computed_price_costs_what_its_comment_says() -> None:
    text = (ROOT / "examples" / "pools" / "onprem-l40s.yaml").read_text()
    price = Judge(Market(), NOW).price(pool_from("own", yaml.safe_load(text)["spec"]), ()).price
    assert f"{price.per_node_hour:f} {price.currency} per node and hour" in text


def test_the_conversion_of_the_text_is_that_of_the_table_that_comes_along() -> None:
    rates = PriceFiles().look(NOW).market.rates
    for code in ("EUR", "CHF"):
        amount = rates.convert(Decimal("55.04"), code, "USD")
        assert f"= {amount:f}\n" in TEXT


def test_the_catalogue_of_the_text_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.csv"
    file.write_text(re.search(r"```csv\n(.*?)```", TEXT, re.DOTALL)[1])
    tables = PriceFiles(file).look(NOW)
    assert {state.problem for state in tables.states.values()} == {""}
    assert set(tables.market.catalogue.listings) == {"gpu-h100-sxm_8gpu", "p5.48xlarge"}
