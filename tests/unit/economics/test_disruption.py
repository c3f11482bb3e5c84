"""What stopped work loses, and whether a move pays, as numbers to check by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from stellwerk.economics.disruption import eviction_loss, lost_hours, remaining_hours, resize_loss
from stellwerk.economics.moving import Balance, Start, balance
from stellwerk.model.capacity import CapacityType
from stellwerk.model.decision import MICROS, Cost, CostPart
from stellwerk.model.placement import Placement
from stellwerk.model.running import Running
from tests.builders import NOW, gang, policy

HOUR_AGO = "2026-11-22T11:00:00Z"
TEN = Cost("EUR", 10 * MICROS, 100 * MICROS, (CostPart("Compute", 100 * MICROS),))


def one(since: str = HOUR_AGO, pods: int = 1, **facts: Any) -> Running:
    return Running(gang("a", **facts), Placement("local", "pool", CapacityType.OWNED, pods), (), (), since)


@pytest.mark.parametrize(
    ("interval", "since", "hours"),
    [
        (None, HOUR_AGO, Fraction(1)),
        (1800, HOUR_AGO, Fraction(1, 4)),
        (7200, HOUR_AGO, Fraction(1, 2)),
        (1800, "2026-11-22T11:54:00Z", Fraction(1, 20)),
        (1800, "", Fraction(0)),
        (None, "2026-11-22T13:00:00Z", Fraction(0)),
    ],
    ids=["no checkpoints", "half an interval", "half of what was done", "just begun", "no place yet", "clocks differ"],
)
def test_work_since_the_last_checkpoint_is_lost(interval: int | None, since: str, hours: Fraction) -> None:
    assert lost_hours(one(since, checkpoint_interval_s=interval), NOW) == hours


def test_an_eviction_loses_work_and_the_restart() -> None:
    rules = policy(restart_overhead_s=900)
    assert eviction_loss(one(checkpoint_interval_s=1800), TEN, rules, NOW) == 5 * MICROS
    assert eviction_loss(one(), Cost("EUR", None, None), rules, NOW) is None


def test_a_shrink_loses_the_share_of_the_pods_that_go_and_everybodys_restart() -> None:
    rules = policy(restart_overhead_s=360)
    gone = resize_loss(one(pods=4, checkpoint_interval_s=7200), TEN, rules, 1, NOW)
    assert gone == round(10 * MICROS * (Fraction(1, 4) * Fraction(1, 2) + Fraction(1, 10)))


@pytest.mark.parametrize(("runtime", "hours"), [(7200, 1), (3600, 0), (60, 0)])
def test_what_is_left_of_a_run_is_never_less_than_nothing(runtime: int, hours: int) -> None:
    assert remaining_hours(one(expected_runtime_s=runtime), NOW) == hours


def test_a_run_on_fewer_pods_has_longer_to_go() -> None:
    assert remaining_hours(one(pods=1, replicas=2, expected_runtime_s=7200), NOW) == 3


def test_a_move_saves_for_the_rest_of_the_run_and_pays_for_a_new_start() -> None:
    running = one(expected_runtime_s=36_000, checkpoint_interval_s=7200)
    parts = (CostPart("Compute", 50 * MICROS), CostPart("Egress", 2 * MICROS))
    there = Start(Cost("EUR", 5 * MICROS, 52 * MICROS, parts), None, 1800)
    found = balance(running, TEN, there, NOW)
    # nine tenths are left; half an hour of work and half an hour of start at 5 EUR, and the data again
    assert found == Balance(saving=45 * MICROS, loss=7 * MICROS)
    assert found.gain == 38 * MICROS


@pytest.mark.parametrize(
    ("saving", "loss", "minimum", "pays"),
    [(30, 20, 10, True), (30, 20, 11, False), (29, 20, 0, False), (0, 0, 0, False), (1, 0, 0, True)],
)
def test_a_move_pays_by_the_minimum_and_by_a_margin(saving: int, loss: int, minimum: int, *, pays: bool) -> None:
    assert Balance(saving, loss).pays(minimum) is pays


def test_nothing_is_weighed_where_a_cost_is_unknown_or_in_another_currency() -> None:
    running = one(expected_runtime_s=36_000)
    for cost in (Cost("EUR", None, None), Cost("USD", 1, 1, (CostPart("Compute", 1),))):
        assert balance(running, TEN, Start(cost, None, 0), NOW) is None
    assert balance(one(expected_runtime_s=60), TEN, Start(TEN, None, 0), NOW) is None
