"""The search for the cheapest sacrifices, at its limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from stellwerk.placement.moves.victims import MOST_VICTIMS, NOTHING, Levels, Price, cheapest, price_of


def loses(*losses: int) -> list[Price]:
    """Return the steps of one victim."""
    return [Price(0, loss, 1, 1) for loss in losses]


def freeing(least: int, *weights: int) -> Callable[[Levels], bool]:
    """Tell whether so much is freed, where each step of a victim frees as much as its weight says; 1 for all others."""

    def enough(levels: Levels) -> bool:
        return sum(level * (weights[at] if at < len(weights) else 1) for at, level in levels) >= least

    return enough


def test_a_price_adds_up_part_by_part_and_unknown_losses_are_the_worst() -> None:
    assert Price(1, 2, 3, 4) + Price(10, 20, 30, 40) == Price(11, 22, 33, 44)
    assert NOTHING < Price(0, 1, 9, 9) < Price(0, 2, 0, 0) < Price(1, 0, 0, 0)
    assert Price(0, 1, 1, 9) < Price(0, 1, 2, 1), "of equal losses, fewer workloads lose something"
    assert Price(0, 1, 1, 1) < Price(0, 1, 1, 2), "and then fewer pods"


def test_what_a_combination_costs_is_the_price_of_the_last_step_that_each_takes() -> None:
    steps = [loses(1, 5), loses(10)]
    assert price_of(steps, ()) == NOTHING
    assert price_of(steps, ((0, 2), (1, 1))) == Price(0, 15, 2, 2)


def test_nobody_gives_anything_where_nothing_is_needed_and_nothing_helps_where_all_is_too_little() -> None:
    assert cheapest([loses(1)], freeing(0)) == ()
    assert cheapest([loses(1), loses(1)], freeing(3)) is None
    assert cheapest([], freeing(0)) is None


def test_a_step_more_of_one_is_taken_where_it_costs_less_than_another_one() -> None:
    assert cheapest([loses(1, 2, 3), loses(4)], freeing(3)) == ((0, 3),)
    assert cheapest([loses(1, 9, 99), loses(4)], freeing(2)) == ((0, 1), (1, 1))


def test_of_equally_cheap_ones_the_first_is_taken() -> None:
    assert cheapest([loses(5), loses(5), loses(5)], freeing(1)) == ((0, 1),)
    assert cheapest([loses(5), loses(4), loses(4)], freeing(1)) == ((1, 1),)


@pytest.mark.parametrize("extra", [0, 1])
def test_nobody_takes_the_room_of_more_than_so_many(extra: int) -> None:
    many = [loses(10) for _ in range(MOST_VICTIMS + extra)]
    found = cheapest(many, freeing(MOST_VICTIMS + extra))
    if extra:
        assert found is None
    else:
        assert found is not None
        assert len(found) == MOST_VICTIMS


def test_what_can_be_spared_is_given_back_the_dearest_first() -> None:
    """Two hundred that free one each, and a dear one that frees the last ten: ten of the cheap ones are spared."""
    steps: Sequence[Sequence[Price]] = [*(loses(1) for _ in range(200)), loses(1000)]
    weights = (*([1] * 200), 30)
    found = cheapest(steps, freeing(220, *weights))
    assert found is not None
    freed = sum(weights[at] for at, _ in found)
    assert (200, 1) in found
    assert freed == 220, "nothing of it is in vain"


def test_one_that_is_enough_alone_is_better_than_many_that_cost_more() -> None:
    steps = [*(loses(10) for _ in range(100)), loses(30, 31, 32)]
    weights = (*([1] * 100), 40)
    assert cheapest(steps, freeing(80, *weights)) == ((100, 2),)


def test_the_dearer_ones_are_looked_at_where_they_could_matter() -> None:
    steps = [*(loses(10) for _ in range(9)), loses(25)]
    weights = (*([1] * 9), 9)
    assert cheapest(steps, freeing(3, *weights)) == ((9, 1),)
    assert cheapest(steps, freeing(2, *weights)) == ((0, 1), (1, 1))
