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

from stellwerk.economics.cost import expected_cost
from stellwerk.model.decision import Decision, Mode, Plan
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.batch.improvement import advise
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.ordering import queue_order
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, nodes, policy, pool, snapshot
from tests.properties.looking import afterwards, planned
from tests.properties.worlds import World, worlds

many = settings(max_examples=60)


@contextmanager
def nobody_expected() -> Iterator[None]:
    """Room is worth nothing to others: the cheapest place is best, as a child would say."""
    with patch.object(Offer, "_room_taken", lambda _: (0, None)):
        yield


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
