"""Accelerators in slices: which device of a node a pod takes of."""

from __future__ import annotations

import numpy as np
import pytest

from stellwerk.placement.packing.devices import (
    NOTHING,
    Wanted,
    after,
    after_each,
    copies,
    copies_when_empty,
    from_hole,
    in_pieces,
    laid_out,
    padded,
    relaid,
    wanted,
)


def rows(*devices: tuple[int, ...]) -> np.ndarray:
    return np.array(devices, np.int64)


@pytest.mark.parametrize(
    ("amount", "want"), [(0, NOTHING), (3, Wanted(0, 3)), (4, Wanted(1, 0)), (9, Wanted(2, 1)), (-1, NOTHING)]
)
def test_a_number_of_slices_is_whole_devices_and_a_part_of_one(amount: int, want: Wanted) -> None:
    assert wanted(amount, 4) == want


def test_use_of_which_only_the_sum_is_known_is_taken_to_lie_tightly() -> None:
    assert laid_out(16, 16, 4) == (4, 4, 4, 4)
    assert laid_out(9, 16, 4) == (0, 1, 4, 4)
    assert laid_out(-3, 16, 4) == (0, 0, 0, 0)
    assert laid_out(6, 6, 4) == (2, 4), "a device with fewer slices than the others"


def test_pods_of_known_size_lie_where_they_fit() -> None:
    assert laid_out(2, 8, 4, [3, 3]) == (1, 1)
    assert laid_out(2, 8, 4, [2, 4]) == (0, 2)
    assert laid_out(1, 8, 4, [3, 3]) == (0, 1), "and one slice of somebody else"
    assert laid_out(0, 8, 4, [3, 3, 2]) == (0, 0), "what fits on no device is taken in pieces"


def test_shares_do_not_reach_over_devices() -> None:
    free = rows((3, 3), (2, 4))
    assert copies(free, Wanted(0, 3), 4).tolist() == [2, 1]
    assert copies(free, Wanted(1, 0), 4).tolist() == [0, 1]
    assert copies(free, Wanted(1, 2), 4).tolist() == [0, 1]
    assert copies(free, NOTHING, 4) is None


def test_a_share_goes_to_the_tightest_device_and_a_whole_one_to_idle_ones() -> None:
    assert after((1, 3, 4), Wanted(0, 3), 4) == (0, 1, 4)
    assert after((1, 4, 4), Wanted(2, 0), 4) == (0, 0, 1)
    assert after((1, 4), Wanted(1, 1), 4) == (0, 0)
    assert after((3, 3), Wanted(1, 0), 4) is None
    assert after((3, 3), Wanted(0, 2), 4, times=3) is None


def test_many_rows_at_once_give_what_one_after_the_other_gives() -> None:
    free = rows((0, 2, 4, 4), (1, 4, 4, 4))
    for want in (Wanted(1, 0), Wanted(0, 2), Wanted(1, 1)):
        times = np.array([1, 2], np.int64)
        each = [tuple(sorted(row)) for row in after_each(free, want, 4, times).tolist()]
        assert each == [after(tuple(row), want, 4, n) for row, n in zip(free.tolist(), (1, 2), strict=True)]


def test_a_hole_that_was_chosen_is_the_one_that_is_used() -> None:
    assert from_hole((1, 3, 4), 1, 4) == (1, 3, 3)
    assert from_hole((1, 3, 4), 1, 1) == (0, 3, 4)


def test_pieces_are_taken_wherever_they_are() -> None:
    assert in_pieces((1, 3, 4), 5) == (0, 0, 3)
    assert in_pieces((1, 1), 5) == (0, 0)


def test_devices_follow_a_sum_that_changes() -> None:
    assert relaid((1, 3), 2, 2, 4) == (0, 2)
    assert relaid((0, 0), 5, 2, 4) == (1, 4)
    assert relaid((0, 1), -7, 2, 4) == (0, 0)
    assert relaid((), 5, 0, 4) == ()
    assert padded((4,), 3) == (0, 0, 4)


def test_an_empty_node_takes_as_many_as_its_devices_do() -> None:
    assert copies_when_empty(20, 6, 10) == 2
    assert copies_when_empty(20, 10, 10) == 2
    assert copies_when_empty(20, 0, 10) is None
