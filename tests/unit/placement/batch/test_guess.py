"""A good assignment without a search tree: who goes where, who makes room, and what the bound is worth."""

from __future__ import annotations

from stellwerk.placement.batch.contest import Choice, Crowd, Demand, Problem, Room
from stellwerk.placement.batch.guess import guess
from stellwerk.placement.batch.improvement import Limits, solve

UNIT = 1_000_000
WAYS = dict[int, int]
"""What one workload costs in each room that it may go to, in currency units."""


def problem(rooms: list[int], *crowds: WAYS, size: int = 8, each: int = 1) -> Problem:
    """Build rooms of so many nodes with eight accelerators, and crowds of one-pod workloads."""
    there = tuple(Room(nodes, (8 * nodes,), 8) for nodes in rooms)
    choices = [
        Choice(shape, cost * UNIT, (Demand(1, (size,), ((room, rooms[room] * (8 // size)),)),))
        for shape, ways in enumerate(crowds)
        for room, cost in ways.items()
    ]
    return Problem(tuple(Crowd(each, 0) for _ in crowds), tuple(choices), there)


def cost(asked: Problem, counts: tuple[int, ...]) -> int:
    return sum(choice.cost * count for choice, count in zip(asked.choices, counts, strict=True)) // UNIT


def test_who_loses_most_elsewhere_gets_the_cheap_room() -> None:
    asked = problem([1, 9], {0: 10, 1: 12}, {0: 10, 1: 90})
    found = guess(asked)
    assert found.counts == (0, 1, 1, 0)
    assert found.bound is not None
    assert abs(found.bound - 22 * UNIT) < 100


def test_the_last_who_finds_no_room_pushes_one_out_who_has_somewhere_else_to_go() -> None:
    """Whoever counts only what each saves by itself leaves the picky one out."""
    asked = problem([1, 1, 1], {0: 1, 1: 50}, {1: 1, 2: 60}, {0: 70})
    found = guess(asked)
    assert found.placed == (1, 1, 1)
    assert cost(asked, found.counts) == 50 + 60 + 70


def test_nobody_is_placed_where_nothing_is_left() -> None:
    found = guess(problem([2], {0: 3}, {0: 5}, {0: 4}))
    assert sum(found.counts) == 2
    assert sum(found.placed) == 2


def test_a_crowd_is_spread_over_several_places() -> None:
    asked = problem([2, 5], {0: 1, 1: 4}, each=6)
    found = guess(asked)
    assert found.counts == (2, 4)
    assert found.bound is not None
    assert abs(found.bound - 18 * UNIT) < 100


def test_a_gang_of_several_pods_takes_room_for_all_of_them_or_goes_elsewhere() -> None:
    rooms = (Room(1, (8,), 8), Room(4, (32,), 8))
    choices = (
        Choice(0, 1 * UNIT, (Demand(3, (4,), ((0, 2),)),)),
        Choice(0, 9 * UNIT, (Demand(3, (4,), ((1, 8),)),)),
    )
    assert guess(Problem((Crowd(1, 0),), choices, rooms)).counts == (0, 1)


def test_without_any_choice_nothing_is_placed_and_nothing_is_claimed() -> None:
    found = guess(Problem((Crowd(2, 0),), (), ()))
    assert (found.counts, found.placed) == ((), (0,))
    assert found.bound in (0, None)


def test_the_work_is_bounded_however_many_find_no_room() -> None:
    asked = problem([3] * 6, *({room: 1 + (room * shape) % 7 for room in range(6)} for shape in range(30)), each=60)
    found = guess(asked)
    assert sum(found.placed) == 18
    assert guess(asked) == found


def test_who_has_no_time_for_a_search_keeps_the_guess() -> None:
    asked = problem([1, 1, 1], {0: 1, 1: 50}, {1: 1, 2: 60}, {0: 70})
    first = guess(asked)
    assert solve(asked, Limits(left=lambda: 0.0), first) == first


def test_where_packing_is_only_bounded_a_guess_is_no_more_than_a_hint() -> None:
    """Pods of 3 and 2 on nodes of 8: by the sums all of one room would do, on the nodes they do not fit."""
    rooms = (Room(2, (16,), 8), Room(9, (72,), 8))
    near = Demand(5, (3,), ((0, 4),))
    far = Demand(5, (3,), ((1, 18),))
    asked = Problem((Crowd(1, 1),), (Choice(0, UNIT, (near,)), Choice(0, 9 * UNIT, (far,))), rooms)
    assert solve(asked).counts == (0, 1)
