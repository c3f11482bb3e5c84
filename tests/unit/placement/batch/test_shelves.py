"""What a pool holds in whole pieces of each size, and when that is all there is to packing it."""

from __future__ import annotations

from stellwerk.placement.batch.contest import Choice, Crowd, Demand, Problem, Room
from stellwerk.placement.batch.shelves import Stack, stacks

CPUS = 96
WHOLE = Room(2, (16, 2 * CPUS), 8)
"""Two nodes with eight accelerators free."""
USED = Room(1, (7, CPUS), 7)
"""One node with seven."""


def ask(size: int, cpu: int = 1, rooms: tuple[Room, ...] = (WHOLE, USED), pods: int = 1) -> Demand:
    """Return a demand that may go to all rooms that are large enough."""
    slots = ((at, room.nodes * (room.largest // size)) for at, room in enumerate(rooms))
    return Demand(pods, (size, cpu), tuple((at, count) for at, count in slots if count))


def pool(*demands: Demand, rooms: tuple[Room, ...] = (WHOLE, USED)) -> Stack:
    """Return the only stack of a problem in which each demand is a choice of its own."""
    choices = tuple(Choice(at, 1, (demand,)) for at, demand in enumerate(demands))
    found = stacks(Problem(tuple(Crowd(1, 1) for _ in demands), choices, rooms))
    assert len(found) == 1
    return found[0]


def test_there_is_a_shelf_for_each_size_and_larger_pods_take_several_pieces() -> None:
    stack = pool(ask(8), ask(4, pods=3), ask(1))
    assert stack.exact
    assert [(shelf.holds, dict(shelf.takes)) for shelf in stack.shelves] == [
        (2, {0: 1}),  # pieces of eight
        (5, {0: 2, 1: 3}),  # of four: two on each whole node, one on the other
        (23, {0: 8, 1: 12, 2: 1}),
    ]


def test_sizes_that_do_not_divide_each_other_are_only_bounded() -> None:
    stack = pool(ask(3), ask(2))
    assert not stack.exact
    assert (23, {0: 3, 1: 2}) in [(shelf.holds, dict(shelf.takes)) for shelf in stack.shelves]


def test_a_pool_that_may_run_out_of_something_else_is_only_bounded() -> None:
    assert not pool(ask(1, cpu=CPUS // 4)).exact
    assert pool(ask(1, cpu=CPUS // 8)).exact


def test_pods_that_may_not_go_to_all_nodes_are_only_bounded() -> None:
    picky = Demand(1, (4, 1), ((1, 1),))
    assert not pool(ask(4), picky).exact


def test_nodes_that_are_taken_together_though_they_differ_are_only_bounded() -> None:
    mixed = (Room(2, (12, 2 * CPUS), 8),)
    assert not pool(ask(4, rooms=mixed), rooms=mixed).exact


def test_rooms_that_nobody_could_exchange_are_stacks_of_their_own() -> None:
    apart = (Choice(0, 1, (Demand(1, (8, 1), ((0, 2),)),)), Choice(0, 2, (Demand(1, (7, 1), ((1, 1),)),)))
    found = stacks(Problem((Crowd(1, 1),), apart, (WHOLE, USED)))
    assert [stack.rooms for stack in found] == [(0,), (1,)]
    assert all(stack.exact for stack in found)


def test_what_no_node_is_large_enough_for_stands_on_a_shelf_that_holds_nothing() -> None:
    found = stacks(Problem((Crowd(1, 1),), (Choice(0, 1, (Demand(1, (9, 1), ()),)),), (WHOLE, USED)))
    assert [(stack.rooms, [(shelf.holds, dict(shelf.takes)) for shelf in stack.shelves]) for stack in found] == [
        ((), [(0, {0: 1})])
    ]


def test_a_room_that_nobody_asks_for_has_no_shelf() -> None:
    found = stacks(Problem((Crowd(1, 1),), (Choice(0, 1, (Demand(1, (8, 1), ((0, 2),)),)),), (WHOLE, USED)))
    assert [stack.rooms for stack in found] == [(0,)]
