"""What must have ended by a deadline is begun only where it can."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from stellwerk.model.capacity import Accelerator, CapacityType
from stellwerk.model.decision import Decision, Mode
from stellwerk.model.workload import AcceleratorOption
from tests.builders import GPU, NOW, decide, gang, node, nodes, pool, snapshot

ONE = snapshot([pool()], nodes(1))


def due(deadline: str, **facts: Any) -> Decision:
    """Plan three hours of work at 12:00 on one pool."""
    return decide(gang(expected_runtime_s=10_800, deadline=deadline, **facts), ONE)


def test_a_run_that_ends_at_its_deadline_is_placed() -> None:
    assert due("2026-11-22T15:00:00Z").mode is Mode.FIT


def test_a_run_that_ends_after_its_deadline_is_refused_with_the_smallest_change() -> None:
    found = due("2026-11-22T14:20:00Z")
    assert found.mode is Mode.NEVER
    assert found.reason == "DeadlineInfeasible"
    assert found.message.endswith(
        "a run of 3h on pool would end at 2026-11-22 15:00:00Z, after the deadline 2026-11-22 14:20:00Z"
    )
    assert found.unblock == "set the deadline 40m later: would run on pool at 25.15 EUR per hour"


def test_the_change_that_is_named_is_enough_and_a_minute_less_is_not() -> None:
    assert due("2026-11-22T14:20:30Z").unblock == "set the deadline 40m later: would run on pool at 25.15 EUR per hour"
    assert due("2026-11-22T15:00:30Z").mode is Mode.FIT
    assert due("2026-11-22T14:59:30Z").mode is Mode.NEVER


def test_a_dearer_but_faster_accelerator_is_chosen_where_the_slow_one_is_too_late() -> None:
    slow = pool("slow", price="4", accelerator=Accelerator("A100", 8, GPU))
    fast = pool("fast", price="32")
    fleet = snapshot([slow, fast], [node("s", "slow"), node("f", "fast")])
    options = (AcceleratorOption("A100", 8), AcceleratorOption("H100", 8, speed=Decimal(2)))
    asked = gang(accelerators=options, expected_runtime_s=10_800)
    late = gang(accelerators=options, expected_runtime_s=10_800, deadline="2026-11-22T14:00:00Z")
    chosen = [decide(one, fleet).chosen for one in (asked, late)]
    assert [one and one.pool for one in chosen] == ["slow", "fast"]


def test_expected_interruptions_count_as_time() -> None:
    spot = pool(capacity_type=CapacityType.SPOT, interruption_rate_per_hour=Decimal("0.2"))
    asked = gang(expected_runtime_s=10_800, deadline="2026-11-22T15:30:00Z")
    found = decide(asked, snapshot([spot], nodes(1)))
    assert found.reason == "DeadlineInfeasible"  # 0.6 interruptions of 95 minutes each: 57 minutes


def test_a_wait_never_turns_a_missed_deadline_into_a_promise() -> None:
    busy = snapshot([pool()], nodes(1), usage={"pool-0000": nodes(1)[0].allocatable})
    feasible = gang(expected_runtime_s=10_800, deadline="2026-11-22T16:00:00Z")
    missed = gang(expected_runtime_s=10_800, deadline="2026-11-22T13:00:00Z")
    assert decide(feasible, busy).mode is Mode.WAIT
    assert decide(missed, busy).mode is Mode.NEVER


@pytest.mark.parametrize("deadline", ["2026-11-22T14:20:00Z", "9999-12-31T23:59:59Z"])
def test_a_run_that_no_calendar_can_end_is_refused_and_stops_nobody_else(deadline: str) -> None:
    endless = (AcceleratorOption("H100", 8, speed=Decimal("0.000001")),)
    found = decide(gang(accelerators=endless, expected_runtime_s=99_999 * 86_400, deadline=deadline), ONE)
    assert (found.mode, found.reason) == (Mode.NEVER, "DeadlineInfeasible")
    assert "would end after the year 9999" in found.message


def test_a_deadline_is_never_moved_beyond_what_a_date_can_say() -> None:
    until = int((datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW).total_seconds())
    found = decide(gang(expected_runtime_s=until, deadline="9999-12-31T23:59:30Z"), ONE)
    assert (found.mode, found.reason, found.changes) == (Mode.NEVER, "DeadlineInfeasible", ())
