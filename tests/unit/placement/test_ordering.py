"""Who goes first."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from typing import Any

import msgspec
import pytest

from stellwerk.model.policy import QueueOrder
from stellwerk.model.workload import AcceleratorOption, PodSet, PodShape, Workload
from stellwerk.placement.ordering import accelerators, next_level_at, queue_order, service_left, service_level
from tests.builders import gang, policy, resources

SHORTEST = {"default": policy(queue_order=QueueOrder.SHORTEST_FIRST)}
LEAST = {"default": policy(queue_order=QueueOrder.LEAST_SERVICE)}
HOUR = 3600


def test_priority_goes_before_age_and_age_before_uid() -> None:
    urgent = gang("urgent", priority=10, created="2026-11-22T11:00:00Z")
    old = gang("old", created="2026-11-22T09:00:00Z")
    first, second = gang("x", uid="a"), gang("y", uid="b")
    for order in permutations([urgent, old, first, second]):
        assert queue_order(order) == [urgent, old, first, second]


def test_those_that_room_is_made_for_go_first_among_their_priority() -> None:
    urgent, old, promised = gang("urgent", priority=1), gang("old"), gang("promised", created="2026-11-22T11:00:00Z")
    assert queue_order([old, promised, urgent], {}, frozenset({"uid-promised"})) == [urgent, promised, old]


def test_shortest_first_takes_the_fewest_accelerator_seconds_and_not_the_shortest_time() -> None:
    wide = gang("wide", replicas=4, gpus=8, expected_runtime_s=HOUR)
    long = gang("long", replicas=1, gpus=1, expected_runtime_s=10 * HOUR)
    assert queue_order([wide, long], SHORTEST) == [long, wide]


def test_what_is_done_already_counts_for_shortest_first() -> None:
    fresh = gang("fresh", gpus=1, expected_runtime_s=2 * HOUR)
    resumed = gang("resumed", gpus=1, expected_runtime_s=9 * HOUR, served=8 * HOUR)
    assert queue_order([fresh, resumed], SHORTEST) == [resumed, fresh]
    assert service_left(resumed) == HOUR
    assert service_left(gang("late", gpus=1, expected_runtime_s=HOUR, served=5 * HOUR)) == 0


def test_the_smallest_alternative_says_how_long_a_workload_is() -> None:
    options = (AcceleratorOption("A100", 8, runtime_s=4 * HOUR), AcceleratorOption("H100", 8, runtime_s=HOUR))
    assert service_left(gang("either", accelerators=options)) == 8 * HOUR


def test_least_service_takes_those_that_had_the_least_and_of_one_level_the_smaller_gang() -> None:
    new_wide, new_small = gang("a", gpus=8), gang("b", gpus=1)
    served, long_served = gang("c", gpus=1, served=HOUR), gang("d", gpus=1, served=10 * HOUR)
    assert queue_order([long_served, served, new_wide, new_small], LEAST) == [new_small, new_wide, served, long_served]


def test_least_service_does_not_look_at_expected_runtimes() -> None:
    old = gang("old", expected_runtime_s=99 * HOUR)
    young = gang("young", expected_runtime_s=1, created="2026-11-22T11:00:00Z")
    assert queue_order([young, old], LEAST) == [old, young]


@pytest.mark.parametrize(
    ("served", "level"), [(0, 0), (HOUR - 1, 0), (HOUR, 1), (10 * HOUR - 1, 1), (10 * HOUR, 2), (100 * HOUR, 3)]
)
def test_levels_of_service_grow_tenfold_from_one_accelerator_hour(served: int, level: int) -> None:
    assert service_level(served) == level
    assert service_level(next_level_at(served) - 1) == level
    assert service_level(next_level_at(served)) == level + 1


@pytest.mark.parametrize("policies", [SHORTEST, LEAST])
def test_no_order_puts_a_lower_priority_before_a_higher_one(policies: dict) -> None:
    urgent = gang("urgent", priority=1, expected_runtime_s=99 * HOUR, served=99 * HOUR)
    assert queue_order([gang("short", gpus=1, expected_runtime_s=1), urgent], policies)[0] == urgent


def test_a_policy_rearranges_its_own_workloads_and_nobody_else_moves() -> None:
    policies = {"fast": policy("fast", queue_order=QueueOrder.SHORTEST_FIRST)}
    hours = [f"2026-11-22T0{hour}:00:00Z" for hour in range(5)]
    long = gang("long", policy="fast", expected_runtime_s=9 * HOUR, created=hours[0])
    other = gang("other", created=hours[1])
    short = gang("short", policy="fast", expected_runtime_s=HOUR, created=hours[2])
    last = gang("last", created=hours[3])
    for pending in permutations([long, other, short, last]):
        assert queue_order(pending, policies) == [short, other, long, last]


def asking(pods: int = 1, **facts: Any) -> Workload:
    return gang(replicas=pods, accelerators=(AcceleratorOption("H100", **facts),))


def accelerators_of(workload: Workload) -> Fraction:
    return accelerators(workload, workload.options[0])


def test_a_gang_counts_all_accelerators_of_all_its_pods() -> None:
    assert accelerators_of(asking(3, count=4)) == 12
    assert accelerators_of(asking(3, count=4, replicas=5)) == 20
    assert accelerators_of(asking(3, share_milli=250)) == Fraction(3, 4)
    assert accelerators_of(gang(replicas=3, gpus=0)) == 3


def test_further_pod_sets_count_by_their_first_alternative() -> None:
    pod = PodShape(resources(cpu=1, pods=1))
    sets = (
        PodSet("judges", 2, pod, (AcceleratorOption("A100", 3), AcceleratorOption("H100", 1))),
        PodSet("readers", 5, pod),
    )
    assert accelerators_of(msgspec.structs.replace(asking(1, count=8), others=sets)) == 8 + 6 + 5


def test_the_service_that_is_left_knows_how_fast_each_alternative_is() -> None:
    assert service_left(msgspec.structs.replace(asking(2, count=4), expected_runtime_s=600)) == 4800
    assert service_left(msgspec.structs.replace(asking(2, count=4, speed=Decimal(2)), expected_runtime_s=600)) == 2400
    assert service_left(msgspec.structs.replace(asking(2, count=4, runtime_s=100), expected_runtime_s=600)) == 800
    assert service_left(msgspec.structs.replace(asking(2, count=4), expected_runtime_s=600, served=4000)) == 800
    assert service_left(msgspec.structs.replace(asking(2, count=4), expected_runtime_s=600, served=9000)) == 0


def test_work_that_was_lost_has_to_be_done_again_and_was_had_all_the_same() -> None:
    keeps = gang("keeps", gpus=1, expected_runtime_s=9 * HOUR, served=8 * HOUR)
    lost = gang("lost", gpus=1, expected_runtime_s=9 * HOUR, served=8 * HOUR, lost=8 * HOUR)
    fresh = gang("fresh", gpus=1, expected_runtime_s=2 * HOUR)
    assert queue_order([lost, fresh, keeps], SHORTEST) == [keeps, fresh, lost]
    assert service_left(lost) == 9 * HOUR
    assert queue_order([lost, fresh, keeps], LEAST) == [fresh, keeps, lost]
