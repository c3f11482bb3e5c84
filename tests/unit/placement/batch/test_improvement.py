"""The mixed-integer programme by itself: numbers in, numbers out."""

from __future__ import annotations

import msgspec
import pytest

from stellwerk.placement.batch.contest import Answer, Choice, Crowd, Demand, Problem, Question, Room, spread
from stellwerk.placement.batch.improvement import Limits, solve

CHEAP, DEAR = 1_000_000, 5_000_000


def problem(room: Room, crowds: dict[int, tuple[int, int]], elsewhere: int = 100) -> Problem:
    """Build crowds of one-pod workloads by size of the pod, with a cheap room and a wide, dear one."""
    wide = Room(elsewhere, (8 * elsewhere,), 8)
    choices = []
    for shape, size in enumerate(crowds):
        here = (room.largest // size) * room.nodes
        choices.append(Choice(shape, CHEAP * size, (Demand(1, (size,), ((0, here),) if here else ()),)))
        choices.append(Choice(shape, DEAR * size, (Demand(1, (size,), ((1, 8 // size * elsewhere),)),)))
    return Problem(tuple(Crowd(*one) for one in crowds.values()), tuple(choices), (room, wide))


def cheap(answer: Answer) -> list[int]:
    """Return how many of each crowd take the cheap pool."""
    return list(answer.counts[::2])


def test_what_fits_goes_to_the_cheap_pool() -> None:
    assert cheap(solve(problem(Room(2, (16,), 8), {8: (1, 1), 4: (2, 2)}))) == [1, 2]


def test_pieces_that_a_node_cannot_hold_are_not_counted_on() -> None:
    """Two nodes with seven free: 4 + 2 on each leaves one over on each, and no third 2 fits, though 14 is enough."""
    found = solve(problem(Room(2, (14,), 7), {4: (2, 2), 2: (3, 3)}))
    assert cheap(found) == [2, 2]
    assert found.bound is not None
    assert abs(found.bound - (2 * 4 + 2 * 2) * CHEAP - 2 * DEAR) < 100


def test_whoever_waits_is_placed_where_there_is_room_after_all() -> None:
    """One is placed, another waits for the cheap room only: the first can go elsewhere."""
    asked = problem(Room(1, (8,), 8), {8: (1, 1)})
    picky = Choice(1, CHEAP, (Demand(1, (8,), ((0, 1),)),))
    found = solve(Problem((*asked.crowds, Crowd(1, 0)), (*asked.choices, picky), asked.rooms))
    assert found.counts == (0, 1, 1)
    assert found.placed == (1, 1)


def test_nobody_who_was_placed_is_left_out_for_two_who_wait() -> None:
    crowds = {8: (1, 1), 4: (2, 0)}
    found = solve(problem(Room(1, (8,), 8), crowds, elsewhere=0))
    assert found.counts[0] == 1
    assert found.placed == (1, 0)


def test_the_same_question_has_the_same_answer_whatever_was_asked_before() -> None:
    asked = problem(Room(5, (35,), 7), {4: (4, 4), 2: (7, 6), 1: (9, 9)})
    before = solve(asked)
    solve(problem(Room(2, (16,), 8), {8: (1, 1)}))
    assert solve(asked) == before


def test_a_question_survives_the_way_to_the_child_and_back() -> None:
    asked = problem(Room(2, (14,), 7), {4: (2, 2)})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(asked), type=Problem) == asked


def test_the_first_in_the_queue_gets_the_best_of_what_a_shape_was_given() -> None:
    asked = problem(Room(1, (8,), 8), {8: (2, 2)})
    places = (("local", "cheap", 0, False), ("local", "dear", 0, False))
    advice = spread(Question(asked, (("first", "second"),), places, exact=True), solve(asked))
    assert advice is not None
    assert advice.places == {"first": places[0], "second": places[1]}
    assert advice.covers({"first": 0, "second": 1})
    assert not advice.covers({"first": 0, "second": None})


def test_no_time_at_all_gives_no_advice_rather_than_a_wrong_one() -> None:
    asked = problem(Room(5, (35,), 7), {4: (4, 4), 2: (7, 7), 1: (9, 9)})
    found = solve(asked, Limits(left=lambda: 0.0))
    assert found.counts == () or sum(found.counts) == 20


@pytest.mark.parametrize("size", [2, 3])
def test_where_those_who_must_be_placed_have_no_room_there_is_no_answer(size: int) -> None:
    found = solve(problem(Room(1, (8,), 8), {8: (size, 2)}, elsewhere=0))
    assert found == Answer((), (2,), None)
