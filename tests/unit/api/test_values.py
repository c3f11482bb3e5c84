"""Quantities, durations and money: exact, and back again."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.api import duration, money, quantity


@pytest.mark.parametrize(
    ("text", "whole", "milli"),
    [
        ("0", 0, 0),
        (8, 8, 8000),
        ("500m", 1, 500),
        ("1.5", 2, 1500),
        ("0.0001", 1, 1),
        ("1n", 1, 1),
        ("100u", 1, 1),
        ("80Gi", 80 * 1024**3, 80 * 1024**3 * 1000),
        ("1.5Gi", 1536 * 1024**2, 1536 * 1024**2 * 1000),
        ("1e3", 1000, 1_000_000),
        ("1E", 10**18, 10**21),
        ("1E2", 100, 100_000),
        ("12e-1", 2, 1200),
        ("64M", 64_000_000, 64_000_000_000),
        ("-1", -1, -1000),
    ],
)
def test_a_quantity_means_what_kubernetes_means(text: str | int, whole: int, milli: int) -> None:
    assert (quantity.whole(text), quantity.milli(text)) == (whole, milli)


@pytest.mark.parametrize("text", ["", "a", "1 Gi", "1gi", "1K", "1.5.1", "Gi", "0x1", "1e", "1\n", "\u0661"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        quantity.exact(text)


@given(st.integers(0, 2**60))
def test_a_written_quantity_reads_back_exactly(amount: int) -> None:
    assert quantity.whole(quantity.text(amount)) == amount
    assert quantity.whole(quantity.text(amount, binary=True)) == amount
    assert quantity.milli(quantity.milli_text(amount)) == amount


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("6h", 21_600), ("2d", 172_800), ("1h30m", 5400), ("0s", 0)],
)
def test_a_duration_is_so_many_seconds(text: str, seconds: int) -> None:
    assert duration.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "1w", "30m1h", "1.5h", "-1s", " 1s", "1s\n", "0m", "\u0661s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration.seconds(text)


@given(st.integers(0, 99_999 * 86_400))
def test_a_written_duration_reads_back_exactly(seconds: int) -> None:
    assert duration.seconds(duration.text(seconds)) == seconds


def test_a_negative_duration_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="negative"):
        duration.text(-1)


@pytest.mark.parametrize("text", ["", "1.", ".5", "1e3", "NaN", "01", "1.0000001", "1\n", "unknown"])
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="decimal"):
        money.decimal(text)


@given(st.decimals(0, 10**11, places=6, allow_nan=False, allow_infinity=False))
def test_a_written_amount_reads_back_exactly(amount: Decimal) -> None:
    assert money.decimal(money.text(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [("2.50", "2.5"), ("100", "100"), ("0", "0"), ("-0.0000001", "0"), ("1E+3", "1000"), ("0.0000005", "0")],
)
def test_an_amount_is_written_briefly(amount: str, text: str) -> None:
    assert money.text(Decimal(amount)) == text


def test_what_is_no_amount_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="no amount"):
        money.text(Decimal("NaN"))
