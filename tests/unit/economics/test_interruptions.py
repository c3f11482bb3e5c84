"""The rate of interruptions: declared, corrected by what was seen, and never zero for want of data."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.economics.interruptions import PRIOR_NODE_HOURS, posterior_rate

rates = st.decimals("0.0001", "1", places=4)
hours = st.fractions(0, 10_000)


def test_without_any_watching_the_declared_rate_stands() -> None:
    assert posterior_rate(Decimal("0.05"), 0, Fraction(0)) == Decimal("0.05")


def test_nothing_declared_and_nothing_watched_is_unknown() -> None:
    assert posterior_rate(None, 0, Fraction(0)) is None


@pytest.mark.parametrize(
    ("declared", "seen", "watched", "expected"),
    [
        ("0.05", 0, 100, "0.025"),  # (5 + 0) / (100 + 100)
        ("0.05", 15, 100, "0.1"),  # (5 + 15) / (100 + 100)
        ("0.02", 1, 0, "0.03"),  # (2 + 1) / 100
        (None, 0, 10, "0.05"),  # (1/2 + 0) / 10
        (None, 2, 50, "0.05"),  # (1/2 + 2) / 50
    ],
)
def test_the_rate_is_the_mean_of_the_gamma_posterior(
    declared: str | None, seen: int, watched: int, expected: str
) -> None:
    stated = None if declared is None else Decimal(declared)
    assert posterior_rate(stated, seen, Fraction(watched)) == Decimal(expected)


@given(rates, st.integers(0, 50), hours)
def test_each_interruption_raises_the_rate_and_each_quiet_hour_lowers_it(
    declared: Decimal, seen: int, watched: Fraction
) -> None:
    rate = posterior_rate(declared, seen, watched)
    more = posterior_rate(declared, seen + 1, watched)
    later = posterior_rate(declared, seen, watched + 1000)
    assert rate is not None
    assert more is not None
    assert later is not None
    assert more > rate >= later > 0


@given(rates, st.integers(0, 50), hours)
def test_the_rate_lies_between_what_was_declared_and_what_was_seen(
    declared: Decimal, seen: int, watched: Fraction
) -> None:
    rate = posterior_rate(declared, seen, watched)
    assert rate is not None
    bounds = sorted([Fraction(declared), Fraction(seen) / watched if watched else Fraction(declared) + seen])
    slack = Fraction(1, 1_000_000)
    assert bounds[0] - slack <= Fraction(rate) <= bounds[1] + slack


def test_after_as_many_hours_as_the_prior_is_worth_both_count_the_same() -> None:
    assert posterior_rate(Decimal("0.1"), 0, Fraction(PRIOR_NODE_HOURS)) == Decimal("0.05")
