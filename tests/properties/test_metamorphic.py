"""What must not change when the same world is told otherwise, and what more room does and does not do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stellwerk.economics import split
from stellwerk.model.decision import Mode
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.planner import plan
from tests.builders import NOW, gang, node, nodes, pool, snapshot
from tests.properties.test_optimum import Case, batches, cheapest_plan, first
from tests.properties.worlds import World, worlds

many = settings(max_examples=60)


@contextmanager
def market_rates_times(by: int) -> Iterator[None]:
    """Processors and memory cost `by` times as much on the market: prices of nodes are split by these rates."""
    rates = {"CPU_CORE_HOUR": split.CPU_CORE_HOUR * by, "MEMORY_GIB_HOUR": split.MEMORY_GIB_HOUR * by}
    split.split_price.cache_clear()
    try:
        with patch.multiple(split, **rates):
            yield
    finally:
        split.split_price.cache_clear()


def scaled(seen: Snapshot, by: int) -> Snapshot:
    """Every amount of money times `by`."""
    there = tuple(
        one
        if one.price is None
        else msgspec.structs.replace(
            one, price=msgspec.structs.replace(one.price, per_node_hour=one.price.per_node_hour * by)
        )
        for one in seen.pools
    )
    rules = {
        name: msgspec.structs.replace(
            one,
            carbon_price_per_tonne=one.carbon_price_per_tonne * by,
            waiting_price_per_hour=one.waiting_price_per_hour * by,
            max_cost_per_hour=None if one.max_cost_per_hour is None else one.max_cost_per_hour * by,
        )
        for name, one in seen.policies.items()
    }
    return msgspec.structs.replace(seen, pools=tuple(there), policies=rules)


@many
@given(worlds(), st.sampled_from([2, 10, 1000]))
def test_prices_times_ten_make_costs_times_ten_and_change_no_place(world: World, by: int) -> None:
    by_uid = {one.uid: one for one in world.pending}
    one = plan(world.pending, world.snapshot, NOW, 1, looks=0)
    with market_rates_times(by):
        other = plan(world.pending, scaled(world.snapshot, by), NOW, 1, looks=0)
    for before, after in zip(one.decisions, other.decisions, strict=True):
        assert before.mode is after.mode
        if before.cost is None or after.cost is None or before.chosen != after.chosen:
            continue  # candidates within a millionth of each other may change places: rounding
        assert (before.cost.total is None) == (after.cost.total is None)
        if before.cost.total is not None and after.cost.total is not None:
            pods = before.chosen.replicas if before.chosen else 0
            hours = by_uid[before.uid].expected_runtime_s // 3600 + 1
            rounding = (
                by * (len(before.cost.parts) + 1) * (1 + 4 * hours * pods)
            )  # prices of parts are whole millionths
            assert abs(after.cost.total - by * before.cost.total) <= rounding


def renamed(world: World, names: dict[str, str]) -> World:
    """The same world, its pools called otherwise."""
    there = tuple(msgspec.structs.replace(one, name=names[one.name]) for one in world.snapshot.pools)
    return World(msgspec.structs.replace(world.snapshot, pools=there), world.pending)


@many
@given(worlds())
def test_other_names_of_pools_in_the_same_order_change_nothing_else(world: World) -> None:
    names = {"a": "p", "b": "q", "c": "r"}
    one = plan(world.pending, world.snapshot, NOW, 1, looks=0)
    other = renamed(world, names)
    again = plan(other.pending, other.snapshot, NOW, 1, looks=0)
    for before, after in zip(one.decisions, again.decisions, strict=True):
        assert (before.mode, before.reason, before.cost) == (after.mode, after.reason, after.cost)
        assert before.chosen is None or names[before.chosen.pool] == (after.chosen and after.chosen.pool)


@many
@given(worlds(most=1), st.permutations(["a", "b", "c"]))
def test_one_workload_costs_the_same_whatever_its_pools_are_called(world: World, order: list[str]) -> None:
    other = renamed(world, dict(zip(("a", "b", "c"), order, strict=True)))
    one, again = first(world.pending, world.snapshot), first(other.pending, other.snapshot)
    assert one.mode is again.mode
    if one.cost is not None and again.cost is not None:
        assert one.cost.total == again.cost.total


@st.composite
def growing(draw: st.DrawFn) -> tuple[Case, Snapshot]:
    """Draw a batch and its fleet with one more node, like the others of its pool."""
    pending, seen = draw(batches())
    name = draw(st.sampled_from(["a", "b", "c"]))
    assume(any(one.labels["pool"] == name for one in seen.nodes))
    return (pending, seen), msgspec.structs.replace(seen, nodes=(*seen.nodes, node("extra", name, gpu=4)))


@many
@given(growing())
def test_one_more_node_never_makes_one_workload_dearer_or_wait(case: tuple[Case, Snapshot]) -> None:
    (pending, seen), grown = case
    for workload in pending:
        before, after = (cheapest_plan([workload], one).decisions[0] for one in (seen, grown))
        if before.mode is Mode.FIT:
            assert after.mode is Mode.FIT
            assert before.cost is not None
            assert after.cost is not None
            assert (after.cost.total or 0) <= (before.cost.total or 0)


@many
@given(growing())
def test_one_more_node_never_takes_the_place_of_the_first_in_the_queue(case: tuple[Case, Snapshot]) -> None:
    (pending, seen), grown = case
    before, after = first(pending, seen), first(pending, grown)
    assert not (before.mode is Mode.FIT and after.mode is not Mode.FIT)


def of_h100(name: str, gpus: int, replicas: int = 1) -> Workload:
    return gang(name, replicas, accelerators=(AcceleratorOption("H100", gpus),))


def placed(pending: Sequence[Workload], seen: Snapshot) -> list[str]:
    return [one.key.name for one in cheapest_plan(pending, seen).decisions if one.mode is Mode.FIT]


def test_one_more_node_may_let_a_large_gang_in_whose_room_two_small_ones_had() -> None:
    """What does not hold, and is not claimed: who is first in the queue comes first, however many wait behind."""
    four = msgspec.structs.replace(pool().accelerator, count=4)
    pending = [of_h100("1-large", 4, 2), of_h100("2-small", 1), of_h100("3-small", 1)]
    seen = snapshot([pool(accelerator=four)], nodes(1, gpu=4))
    assert placed(pending, seen) == ["2-small", "3-small"]
    grown = msgspec.structs.replace(seen, nodes=nodes(2, gpu=4))
    assert placed(pending, grown) == ["1-large"]
