"""The engine against all possibilities of small cases, and what must not change when the world is told otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import product
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stellwerk.economics import split
from stellwerk.economics.cost import expected_cost
from stellwerk.model.decision import Decision, Mode, Plan
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.candidates import Offer
from stellwerk.placement.fleet import Fleet
from stellwerk.placement.improvement import advise
from stellwerk.placement.ordering import queue_order
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, node, nodes, policy, pool, snapshot
from tests.properties.looking import afterwards, planned
from tests.properties.worlds import World, worlds

many = settings(max_examples=60)


@contextmanager
def nobody_expected() -> Iterator[None]:
    """Room is worth nothing to others: the cheapest place is best, as a child would say."""
    with patch.object(Offer, "_room_taken", lambda _: (0, None)):
        yield


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


def first(pending: Sequence[Workload], seen: Snapshot) -> Decision:
    return plan(pending, seen, NOW, 1, looks=0).decisions[0]


def cheapest_plan(pending: Sequence[Workload], seen: Snapshot, solver: Any = None) -> Plan:
    with nobody_expected():
        return plan(pending, seen, NOW, 1, looks=0, solver=solver)


# ---------------------------------------------------------------- one workload


def cheapest_of_all(workload: Workload, seen: Snapshot) -> int | None:
    """Return the least expected cost over every pool and alternative that allows it and has room; None without one."""
    rules = seen.policies[workload.policy]
    costs = []
    for view, option in product(Fleet(seen, [workload]).views, workload.options):
        there = view.pool
        has = there.accelerator
        request = workload.pod.requests
        if option is not None:
            if has is None or option.model not in {"any", has.model}:
                continue
            request += Resources.of({GPU: option.count})
        allowed = (
            (not rules.providers or there.provider in rules.providers)
            and (not rules.capacity_types or there.capacity_type.value in rules.capacity_types)
            and (there.price is None or there.price.currency == rules.currency)
        )
        cost = expected_cost(workload, option, view.site, rules)
        limit = rules.max_cost_per_hour
        dear = limit is not None and (cost.per_hour is None or cost.per_hour > limit * 1_000_000)
        if allowed and not dear and copies(request, seen, there.name) >= workload.replicas and cost.total is not None:
            costs.append(cost.total)
    return min(costs, default=None)


def copies(request: Resources, seen: Snapshot, name: str) -> int:
    """Count the pods that fit node by node, as a child would."""
    there = next(one for one in seen.pools if one.name == name)
    room = 0
    for one in seen.nodes:
        tainted = one.taints and not there.taints
        if one.usable and not tainted and there.selects(one):
            room += max(0, request.copies_in(one.allocatable - seen.usage[one.name]))
    return room


@many
@given(worlds(most=1))
def test_one_workload_costs_what_its_cheapest_place_costs(world: World) -> None:
    workload = world.pending[0]
    assume(workload.accelerators and workload.policy in world.snapshot.policies)
    made, least = cheapest_plan([workload], world.snapshot).decisions[0], cheapest_of_all(workload, world.snapshot)
    if least is not None:
        assert made.mode is Mode.FIT
        assert made.cost is not None
        assert made.cost.total == least
    elif made.mode is Mode.FIT:
        assert made.cost is not None
        assert made.cost.total is None  # only places of unknown cost have room


# ---------------------------------------------------------------- batches

Case = tuple[list[Workload], Snapshot]


@st.composite
def batches(draw: st.DrawFn) -> Case:
    """Draw two to four gangs that compete for a few nodes of two models in two or three pools."""
    there, members = [], []
    for name, model in (("a", "H100"), ("b", "A100"), ("c", "H100")):
        has = msgspec.structs.replace(pool().accelerator, model=model, count=4)
        there.append(pool(name, price=str(draw(st.integers(1, 40))), accelerator=has))
        members += nodes(draw(st.integers(0, 2)), name, gpu=4)
    asked = []
    for number in range(draw(st.integers(2, 4))):
        models = draw(st.lists(st.sampled_from(["H100", "A100"]), min_size=1, max_size=2, unique=True))
        options = tuple(
            AcceleratorOption(one, draw(st.integers(1, 4)), speed=Decimal(draw(st.integers(1, 3)))) for one in models
        )
        asked.append(
            gang(f"w{number}", draw(st.integers(1, 2)), accelerators=options, priority=draw(st.integers(0, 1)))
        )
    return asked, snapshot(there, members, policies=[policy()], usage={one.name: Resources() for one in members})


def one_by_one(pending: Sequence[Workload], seen: Snapshot) -> dict[str, Decision]:
    """Place a batch as if each came alone, in queue order, at its cheapest place."""
    made = {}
    for workload in queue_order(pending):
        with nobody_expected():
            alone, fleet = planned([workload], seen)
        made[workload.uid] = alone.decisions[0]
        seen = afterwards(seen, fleet)
    return made


@pytest.mark.parametrize("solver", [None, advise])
@many
@given(case=batches())
def test_a_batch_admits_nobody_less_than_one_by_one_would(solver: Any, case: Case) -> None:
    """Through the queue from its front, the first who fares differently gains a place."""
    pending, seen = case
    greedy = one_by_one(pending, seen)
    together = {one.uid: one for one in cheapest_plan(pending, seen, solver).decisions}
    for workload in queue_order(pending):
        before, after = greedy[workload.uid].mode is Mode.FIT, together[workload.uid].mode is Mode.FIT
        if before is not after:
            assert after
            return
    assert total(together.values()) <= total(greedy.values())


@pytest.mark.parametrize("solver", [None, advise])
@many
@given(case=batches())
def test_no_way_to_place_the_same_workloads_costs_less_than_the_bound(solver: Any, case: Case) -> None:
    pending, seen = case
    made = cheapest_plan(pending, seen, solver)
    if made.bound is None:
        return
    uids = {one.uid for one in made.decisions if one.mode is Mode.FIT}
    placed = [one for one in pending if one.uid in uids]
    optimum = min(costs_of_every_way(placed, seen))
    assert made.bound.lower <= optimum <= made.bound.cost
    assert made.bound.cost == total(one for one in made.decisions)


def total(decisions: Any) -> int:
    return sum(one.cost.total for one in decisions if one.mode is Mode.FIT and one.cost.total is not None)


def costs_of_every_way(pending: Sequence[Workload], seen: Snapshot) -> Iterator[int]:
    """Yield the cost of each assignment of pods to nodes that leaves no node with less than nothing."""
    fleet = Fleet(seen, pending)
    sites = {view.pool.name: view for view in fleet.views}
    free = {one.name: one.allocatable.get(GPU) for one in seen.nodes}
    choices = [list(ways(one, sites, seen)) for one in pending]
    for combination in product(*choices):
        left = dict(free)
        for _, taken in combination:
            for name, gpus in taken:
                left[name] -= gpus
        if min(left.values(), default=0) >= 0:
            yield sum(cost for cost, _ in combination)


def ways(workload: Workload, sites: Any, seen: Snapshot) -> Iterator[tuple[int, tuple[tuple[str, int], ...]]]:
    """Yield what each way to spread a gang of one or two pods over one pool costs, and which devices it takes."""
    for option, (name, view) in product(workload.accelerators, sites.items()):
        if view.pool.accelerator.model != option.model:
            continue
        there = [one.name for one in seen.nodes if view.pool.selects(one)]
        cost = expected_cost(workload, option, view.site, seen.policies["default"]).total
        for places in product(there, repeat=workload.replicas):
            if cost is not None and tuple(sorted(places)) == places:
                yield cost, tuple((place, option.count) for place in places)
        assert name


# ---------------------------------------------------------------- told otherwise


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
