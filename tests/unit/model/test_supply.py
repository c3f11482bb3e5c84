"""A pool that did not deliver is left alone, ever longer, until it delivers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stellwerk.model.supply import Backoff, StockOuts

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
BACKOFF = Backoff(300, 3600)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(("count", "pause"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (5000, 60)])
def test_the_pause_doubles_with_each_stock_out_up_to_the_cap(count: int, pause: float) -> None:
    assert BACKOFF.after(count) == minutes(pause)


def test_a_second_stock_out_in_a_row_is_remembered_for_longer() -> None:
    first = StockOuts().again(NOON - minutes(10), NOON, BACKOFF)
    assert first == StockOuts(1, NOON, NOON + minutes(5))
    second = first.again(NOON + minutes(6), NOON + minutes(16), BACKOFF)
    assert second == StockOuts(2, NOON + minutes(16), NOON + minutes(26))


def test_gangs_that_waited_for_the_same_nodes_are_one_stock_out() -> None:
    first = StockOuts().again(NOON - minutes(10), NOON, BACKOFF)
    assert first.again(NOON - minutes(9), NOON + minutes(1), BACKOFF) is first
    assert first.again(NOON, NOON + minutes(10), BACKOFF) is first


def test_the_first_success_ends_the_backoff() -> None:
    out = StockOuts(3, NOON, NOON + minutes(20))
    assert out.delivered(NOON + minutes(21)) == StockOuts()


def test_nodes_that_came_for_something_placed_before_the_stock_out_prove_nothing() -> None:
    out = StockOuts(3, NOON, NOON + minutes(20))
    assert out.delivered(NOON - minutes(1)) is out
    assert StockOuts().delivered(NOON) == StockOuts()


def test_a_stock_out_is_in_force_until_its_moment() -> None:
    out = StockOuts(1, NOON, NOON + minutes(5))
    assert out.in_force(NOON + minutes(4.9)) == NOON + minutes(5)
    assert out.in_force(NOON + minutes(5)) is None
    assert StockOuts().in_force(NOON) is None


def test_moments_have_whole_seconds_so_that_a_restart_changes_nothing() -> None:
    out = StockOuts().again(NOON - minutes(10), NOON.replace(microsecond=999), BACKOFF)
    assert out.last == NOON
