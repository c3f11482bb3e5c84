"""How often each shape fits into a free vector, by hand."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from stellwerk.placement.packing.devices import NOTHING, Wanted
from stellwerk.placement.packing.slots import UNIT, Need, Slots

ANY = frozenset({0})


def table(*needs: Need, slices: int = 1, kinds: int = 1) -> Slots:
    made = Slots(("gpu", "cpu", "memory"), "gpu", slices, kinds)
    made.extend(needs)
    return made


def slots(made: Slots, free: tuple[int, int, int], devices: tuple[int, ...] = (), kind: int = 0) -> list[float]:
    """Return the slots of each shape in one node."""
    found = made.of(np.array([free]), np.array([devices], np.int64).reshape(1, -1), np.array([kind]))
    return [float(one) for one in found[0]]


def need(whole: int = 0, part: int = 0, kinds: frozenset[int] = ANY, **others: int) -> Need:
    return Need(others, Wanted(whole, part), kinds)


@pytest.mark.parametrize(
    ("free", "count"),
    [
        ((8, 64, 64), 4),
        ((7, 64, 64), 3),
        ((1, 64, 64), 0),
        ((8, 10, 64), 2.5),
        ((8, 4, 64), 1),
        ((8, 3, 64), 0),
        ((8, 64, 7), 3.5),
        ((-3, 64, 64), 0),
        ((8, -4, 64), 0),
    ],
)
def test_whole_ones_fit_by_accelerators_and_by_what_else_they_need(free: tuple[int, int, int], count: float) -> None:
    assert slots(table(need(2, cpu=4, memory=2)), free) == [count * UNIT]


def test_what_is_not_asked_for_limits_nothing() -> None:
    made = table(need(1, cpu=4), need(1), need(1, memory=4))
    assert slots(made, (8, 8, 4)) == [2 * UNIT, 8 * UNIT, UNIT]
    assert slots(made, (8, 0, 4)) == [0, 8 * UNIT, UNIT]


def test_a_shape_that_the_pool_cannot_take_has_no_slots() -> None:
    strange = Need({"fpga": 1}, Wanted(1), ANY)
    nothing = Need({"fpga": 0, "cpu": 1}, Wanted(1), ANY)
    nobody = Need({"cpu": 1}, NOTHING, ANY)
    other = need(1, kinds=frozenset({1}), cpu=1)
    made = table(strange, nothing, nobody, other, need(1, kinds=frozenset({0, 1}), cpu=1), kinds=2)
    assert slots(made, (8, 64, 64), kind=0) == [0, 8 * UNIT, 0, 0, 8 * UNIT]
    assert slots(made, (8, 64, 64), kind=1) == [0, 0, 0, 8 * UNIT, 8 * UNIT]


def test_each_further_share_of_a_device_and_of_a_node_is_worth_less() -> None:
    made = table(need(part=1), need(part=2), need(part=3), slices=4)
    one, two = slots(made, (4, 9, 9), (4,)), slots(made, (8, 9, 9), (4, 4))
    by_device = [2.0, sqrt(2), 1.0]
    assert one == pytest.approx([sqrt(count) * UNIT for count in by_device], abs=1)
    assert two == pytest.approx([sqrt(2 * count) * UNIT for count in by_device], abs=1)
    assert slots(made, (3, 9, 9), (0, 1, 2)) == pytest.approx([sqrt(1 + sqrt(2)) * UNIT, UNIT, 0], abs=1)


def test_whole_ones_need_idle_devices_where_they_are_sliced() -> None:
    made = table(need(1), need(2), slices=4)
    assert slots(made, (11, 9, 9), (3, 4, 4)) == [2 * UNIT, UNIT]
    assert slots(made, (6, 9, 9), (3, 3)) == [0, 0]


def test_shares_are_limited_by_what_else_they_need() -> None:
    made = table(need(part=1, cpu=4), slices=4)
    assert slots(made, (8, 4, 9), (4, 4)) == [UNIT]
    assert slots(made, (8, 3, 9), (4, 4)) == [0]


def test_shapes_that_come_later_stand_behind_those_that_are_there() -> None:
    made = table(need(1, cpu=1), need(part=1), slices=4)
    assert len(made) == 2
    made.extend([])
    made.extend([need(part=2), need(2, memory=3), need(part=1, cpu=1)])
    assert len(made) == 5
    at_once = table(need(1, cpu=1), need(part=1), need(part=2), need(2, memory=3), need(part=1, cpu=1), slices=4)
    for free, devices in (((8, 5, 9), (4, 4)), ((5, 1, 3), (1, 4)), ((12, 0, 2), (4, 4, 4))):
        assert slots(made, free, devices) == slots(at_once, free, devices)


def test_many_nodes_at_once_have_what_each_has_alone() -> None:
    made = table(need(2, cpu=4), need(1, memory=2))
    free = [(8, 64, 4), (3, 9, 1), (0, 0, 0)]
    found = made.of(np.array(free), np.zeros((3, 0), np.int64), np.zeros(3, np.int64))
    assert [list(map(float, row)) for row in found] == [slots(made, one) for one in free]
