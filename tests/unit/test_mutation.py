"""The arithmetic of `make mutation`: what is drawn, how it is counted and what that says of the whole."""

import pytest

from tools.mutation import ROOT, TESTS, by_module, draw, score, wilson

NAMES = [f"stellwerk.placement.packing.bins.x_pack__mutmut_{i}" for i in range(40)]


def test_a_draw_is_the_same_whatever_the_order_of_names_and_a_larger_one_holds_it() -> None:
    assert draw(NAMES, 10, seed=3) == draw(reversed(NAMES), 10, seed=3)
    assert draw(NAMES, 20, seed=3)[:10] == draw(NAMES, 10, seed=3)
    assert draw(NAMES, 10, seed=3) != draw(NAMES, 10, seed=4)
    assert len(set(draw(NAMES, 100, seed=3))) == len(NAMES)


@pytest.mark.parametrize(
    ("noticed", "tried", "low", "high"), [(81, 263, 0.2553, 0.3662), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_the_interval_is_that_of_wilson(noticed: int, tried: int, low: float, high: float) -> None:
    assert wilson(noticed, tried) == pytest.approx((low, high), abs=5e-5)


def test_changes_are_counted_by_the_module_they_are_in_and_only_noticed_ones_as_killed() -> None:
    found = {
        "stellwerk.placement.fleet.quota.x_used__mutmut_1": "killed",
        "stellwerk.placement.fleet.quota.x_used__mutmut_2": "no tests",
        "stellwerk.placement.packing.bins.xǁBinǁadd__mutmut_1": "timeout",
        "stellwerk.placement.fleet.quota.x_used__mutmut_3": "survived",
    }
    split = by_module(found)
    assert list(split) == ["fleet.quota", "packing.bins"]
    assert score("packing.bins", split["packing.bins"]) == {"mutants": 1, "killed": 1, "survivors": []}
    assert score("fleet.quota", split["fleet.quota"]) == {
        "mutants": 3,
        "killed": 1,
        "survivors": [
            "stellwerk.placement.fleet.quota.x_used__mutmut_2",
            "stellwerk.placement.fleet.quota.x_used__mutmut_3",
        ],
    }


def test_the_tests_that_changes_have_to_get_past_exist() -> None:
    assert [path for path in TESTS if not (ROOT / path).exists()] == []
