"""A pool is never promised more than it can grow to, in whatever pieces it is asked for and however its nodes come."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.lifecycle.reservations import reserve
from stellwerk.model.capacity import Growth
from stellwerk.model.decision import Decision, Mode
from stellwerk.model.placement import Placement
from stellwerk.model.snapshot import Reservation, Snapshot
from stellwerk.model.supply import Backoff, StockOuts
from stellwerk.model.workload import Workload
from stellwerk.placement.fleet.coming import is_to_come
from stellwerk.placement.planner import plan
from tests.builders import NOW, gang, nodes, pool, resources

OFFER = resources(cpu="96", memory="1Ti", gpu=8)

gangs = st.lists(st.tuples(st.integers(1, 5), st.sampled_from([1, 2, 4, 8])), max_size=6)


def named(asked: list[tuple[int, int]], prefix: str) -> list[Workload]:
    return [gang(f"{prefix}{at}", replicas, gpus) for at, (replicas, gpus) in enumerate(asked)]


def placements(decisions: tuple[Decision, ...]) -> list[tuple[str, Placement]]:
    return [(one.uid, one.chosen) for one in decisions if one.mode is Mode.FIT and one.chosen is not None]


def held(pending: list[Workload], made: list[tuple[str, Placement]]) -> tuple[Reservation, ...]:
    by_uid = {workload.uid: workload for workload in pending}
    found = (reserve(by_uid[uid], placement, placement.replicas) for uid, placement in made)
    return tuple(part for one in found if one is not None for part in (one, *one.others))


def gpus_of(made: list[tuple[str, Placement]]) -> int:
    return sum(one.replicas * one.accelerator.count for _, one in made if one.accelerator)


@settings(max_examples=60, deadline=None)
@given(first=gangs, second=gangs, there=st.integers(0, 3), most=st.integers(1, 5), come=st.integers(0, 3))
def test_what_is_placed_fits_into_what_the_pool_can_become(
    first: list[tuple[int, int]], second: list[tuple[int, int]], there: int, most: int, come: int
) -> None:
    growing = pool(growth=Growth(most, 300, OFFER))
    limit = 8 * max(there, most)
    early, late = named(first, "early"), named(second, "late")
    begin = plan(early, Snapshot(nodes(there), (growing,)), NOW, 1)
    made = placements(begin.decisions)
    assert gpus_of(made) <= limit
    for _, placement in made:
        assert not any(is_to_come(name) for name in placement.preferred_nodes)
        assert placement.new_nodes <= max(0, most - there)
    now_there = max(there, min(most, there + come))
    seen = Snapshot(nodes(now_there), (growing,), reserved=held(early, made))
    more = placements(plan(late, seen, NOW, 2).decisions)
    assert gpus_of(made) + gpus_of(more) <= limit


@settings(max_examples=40, deadline=None)
@given(asked=gangs, there=st.integers(0, 2))
def test_growth_admits_everything_that_fixed_capacity_of_that_size_admits(
    asked: list[tuple[int, int]], there: int
) -> None:
    pending = named(asked, "w")[:1]
    fixed = placements(plan(pending, Snapshot(nodes(4), (pool(),)), NOW, 1).decisions)
    grown = placements(plan(pending, Snapshot(nodes(there), (pool(growth=Growth(4, 300, OFFER)),)), NOW, 1).decisions)
    assert gpus_of(grown) == gpus_of(fixed)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=20), st.integers(1, 600), st.integers(1, 36_000))
def test_a_backoff_never_shrinks_while_the_pool_stays_dry(steps: list[int], base: int, cap: int) -> None:
    backoff, memory, now = Backoff(base, max(base, cap)), StockOuts(), NOW
    pauses = []
    for step in steps:
        placed = now + timedelta(seconds=step)
        now = placed + timedelta(seconds=step)
        memory = memory.again(placed, now, backoff)
        assert memory.until is not None
        assert memory.last is not None
        pauses.append(memory.until - memory.last)
    assert pauses == sorted(pauses)
    assert max(pauses) <= timedelta(seconds=max(base, cap))
    assert memory.count == len(steps)
