"""The search for sacrifices, against all combinations of small cases."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from stellwerk.placement import victims
from stellwerk.placement.victims import Levels, Price, cheapest, price_of


def prices(losses: list[int]) -> list[Price]:
    """Steps that cost more and more; each takes one pod more."""
    totals = [sum(losses[: at + 1]) for at in range(len(losses))]
    return [Price(0, total, 1, at + 1) for at, total in enumerate(totals)]


STEPS = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=3).map(prices), min_size=1, max_size=4)
NODES = st.lists(st.integers(0, 2), min_size=4, max_size=4)
NEED = st.integers(1, 10)


def frees(levels: Levels, homes: list[int], wanted: int) -> bool:
    """Pods of two devices on nodes of which each step frees one device: not additive, as on real nodes."""
    free = [0, 0, 0]
    for level, home in zip(levels, homes, strict=False):
        free[home] += level
    return sum(amount // 2 for amount in free) >= wanted


@given(STEPS, NODES, st.integers(1, 4))
def test_the_first_that_is_enough_is_the_cheapest_of_all(
    steps: list[list[Price]], homes: list[int], wanted: int
) -> None:
    every = product(*(range(len(one) + 1) for one in steps))
    fitting = [levels for levels in every if frees(levels, homes, wanted)]
    found = cheapest(steps, lambda levels: frees(levels, homes, wanted))
    if not fitting:
        assert found is None
        return
    assert found is not None
    least = min(price_of(steps, levels).loss for levels in fitting)
    combinations = len(list(product(*(range(len(one) + 1) for one in steps))))
    if combinations <= victims.EXACT_TRIES:
        assert price_of(steps, found).loss == least


@given(STEPS, NODES, st.integers(1, 4))
def test_nothing_of_it_can_be_spared_even_by_the_greedy_search(
    steps: list[list[Price]], homes: list[int], wanted: int
) -> None:
    every = tuple(len(one) for one in steps)
    if not frees(every, homes, wanted):
        return
    for found in (
        cheapest(steps, lambda levels: frees(levels, homes, wanted)),
        victims._trimmed(steps, lambda levels: frees(levels, homes, wanted)),
    ):
        assert found is not None
        assert frees(found, homes, wanted)
        for at, level in enumerate(found):
            if level:
                assert not frees((*found[:at], level - 1, *found[at + 1 :]), homes, wanted)


def test_a_hundred_victims_do_not_cost_a_million_tries() -> None:
    steps = [prices([5, 5]) for _ in range(100)]
    tries = 0

    def enough(levels: Levels) -> bool:
        nonlocal tries
        tries += 1
        return sum(levels) >= 60

    found = cheapest(steps, enough)
    assert found is not None
    assert sum(found) == 60
    assert tries < 400


def test_what_is_not_known_is_taken_last() -> None:
    unknown, known = [Price(1, 0, 1, 1)], [Price(0, 10**12, 1, 1)]
    assert cheapest([unknown, known], lambda levels: sum(levels) >= 1) == (0, 1)
