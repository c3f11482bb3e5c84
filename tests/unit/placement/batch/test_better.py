"""When one way to place a batch is better than another: who is placed comes first, then what all of it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from stellwerk.model.decision import Cost, Decision, Mode, Move, MoveKind
from stellwerk.model.workload import Workload, WorkloadKey
from stellwerk.placement.batch import together
from stellwerk.placement.batch.together import Batch, Round
from tests.builders import decision, gang

QUEUE = [gang("first"), gang("second")]


def costing(workload: Workload, total: int | None, currency: str = "EUR") -> Decision:
    """Return a decision that places it at this cost."""
    return decision(Mode.FIT, workload, cost=Cost(currency, total, total))


def waiting(workload: Workload) -> Decision:
    return decision(Mode.WAIT, workload)


def evicted(loss: int | None, cause: str = "uid-first") -> Move:
    return Move(WorkloadKey("team", "low"), "uid-low", MoveKind.PREEMPT, "evicted", cause, loss=loss)


def placed(*decisions: Decision, moves: Sequence[Move] = ()) -> Round:
    return Round({one.uid: one for one in decisions}, {}, {}, tuple(moves))


def better(new: Round, old: Round) -> bool:
    return together._is_better(Batch(QUEUE, lambda: None), new, old)  # type: ignore[arg-type, return-value]


def both(first: int | None, second: int | None, *, moves: Sequence[Move] = (), currency: str = "EUR") -> Round:
    return placed(costing(QUEUE[0], first), costing(QUEUE[1], second, currency), moves=moves)


def test_the_first_who_fares_differently_decides_whatever_it_costs() -> None:
    dear = placed(costing(QUEUE[0], 999), waiting(QUEUE[1]))
    cheap = placed(waiting(QUEUE[0]), costing(QUEUE[1], 1))
    assert better(dear, cheap)
    assert not better(cheap, dear)


def test_of_rounds_that_place_the_same_the_cheaper_is_better_and_none_is_better_than_itself() -> None:
    assert better(both(5, 5), both(5, 6))
    assert better(both(9, 1), both(1, 10)), "the sum counts, not who pays it"
    assert not better(both(5, 6), both(5, 5))
    assert not better(both(5, 5), both(5, 5))
    assert not better(both(4, 6), both(5, 5))


def test_costs_in_two_currencies_are_not_added_up() -> None:
    old = both(5, 5, currency="USD")
    assert better(both(4, 5, currency="USD"), old)
    assert better(both(5, 4, currency="USD"), old)
    assert not better(both(1, 6, currency="USD"), old)
    assert not better(both(6, 1, currency="USD"), old)


def test_a_cost_that_is_not_known_is_no_small_one() -> None:
    assert not better(both(1, None), both(5, 5))
    assert not better(both(1, None), both(1, 5)), "which is dearer is not known"
    assert better(both(1, None), both(2, None))
    assert not better(both(None, None), both(1, None))


def test_what_waits_costs_nothing() -> None:
    one = placed(costing(QUEUE[0], 4), waiting(QUEUE[1]))
    other = placed(costing(QUEUE[0], 5), msgspec.structs.replace(waiting(QUEUE[1]), cost=Cost("EUR", 1, 1)))
    assert better(one, other)
    assert not better(other, one)


@pytest.mark.parametrize(
    ("new", "old", "is_better"),
    [
        ([evicted(1)], [evicted(2)], True),
        ([evicted(2)], [evicted(1)], False),
        ([], [evicted(0)], True),
        ([evicted(0)], [], False),
        ([evicted(None)], [evicted(0)], False),
        ([evicted(None)], [evicted(7)], True),
        ([evicted(9, "")], [], False),
        ([evicted(9, "")], [evicted(0)], True),
    ],
    ids=[
        "others lose less",
        "others lose more",
        "nobody is disturbed",
        "somebody is disturbed",
        "an unknown loss is nothing known",
        "a known loss is more",
        "what moves for itself does not count",
        "and disturbs nobody",
    ],
)
def test_what_others_lose_counts_like_a_cost(new: list[Move], old: list[Move], is_better: Any) -> None:
    assert better(both(5, 5, moves=new), both(5, 5, moves=old)) is is_better


def test_a_gain_in_money_does_not_pay_for_a_loss_of_others() -> None:
    assert not better(both(1, 1, moves=[evicted(1)]), both(5, 5))
