"""What must hold of the price of room in any small world."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.model.capacity import Accelerator, Node, Pool
from stellwerk.model.demand import FINE, AskedShape, Demand
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, PodShape
from stellwerk.placement.fleet.fleet import Fleet, PoolView
from stellwerk.placement.fleet.stalls import valued
from stellwerk.placement.packing.bins import Limits
from tests.builders import GPU

ANY = frozenset({0})
SLICES = 4

hosts = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 24)), min_size=1, max_size=3).filter(
    lambda there: any(devices for devices, _ in there)
)
"""Devices and cores of each node."""
asks = st.tuples(st.integers(0, 2), st.sampled_from([0, 1, 3]), st.integers(1, 9)).filter(lambda ask: ask[0] + ask[1])
"""Whole devices or slices of one, and cores."""
demands = st.lists(st.tuples(asks, st.integers(1, 50)), max_size=4)


def request(ask: tuple[int, int, int]) -> Resources:
    whole, part, cpu = ask
    return Resources.of({GPU: part or whole * SLICES, "cpu": cpu})


def shape(ask: tuple[int, int, int]) -> AskedShape:
    whole, part, cpu = ask
    share = 1000 * part // SLICES if part else None
    return AskedShape(PodShape(Resources.of({"cpu": cpu})), (AcceleratorOption("H100", whole or 1, share_milli=share),))


def view_of(
    there: list[tuple[int, int]], wanted: list[tuple[tuple[int, int, int], int]], names: str = "abc"
) -> PoolView:
    pool = Pool("p", {}, accelerator=Accelerator("H100", 3, GPU, slices=SLICES))
    nodes = tuple(
        Node(name, {}, Resources.of({GPU: gpus * SLICES, "cpu": cpu}))
        for name, (gpus, cpu) in zip(names, there, strict=False)
    )
    counts: dict[AskedShape, int] = {}
    for ask, count in wanted:
        counts[shape(ask)] = counts.get(shape(ask), 0) + count * FINE
    fleet = Fleet(Snapshot(nodes, (pool,)), ())
    valued(fleet.views, Demand.of(counts))
    return fleet.views[0]


def worth(view: PoolView) -> int:
    free, devices, kind, nodes = view.bins.stock()
    return int(view.bins._worth.worth.of(free, devices, kind) @ nodes)


@settings(max_examples=60, deadline=None)
@given(hosts, demands, asks)
def test_taking_room_never_makes_the_rest_worth_more_and_giving_it_back_restores_it(
    there: list[tuple[int, int]], wanted: list[tuple[tuple[int, int, int], int]], ask: tuple[int, int, int]
) -> None:
    view = view_of(there, wanted)
    before = worth(view)
    quote = view.bins.quote(request(ask), 1, Limits(ANY))
    if quote is None:
        return
    placed = view.bins.take(request(ask), quote)
    assert 0 <= quote.loss == before - worth(view)
    view.bins.shift({placed[0].node: request(ask)})
    free = dict(zip("abc", there, strict=False))[placed[0].node]
    assert free[0] * SLICES in view.bins.stock()[0][:, 0].tolist()
    assert worth(view) == before, "an idle node is whole again"


@settings(max_examples=60, deadline=None)
@given(hosts, demands, asks)
def test_of_all_places_the_one_that_takes_least_is_chosen(
    there: list[tuple[int, int]], wanted: list[tuple[tuple[int, int, int], int]], ask: tuple[int, int, int]
) -> None:
    view = view_of(there, wanted)
    quotes = {
        name: view.bins.quote(request(ask), 1, Limits(ANY, only=frozenset({name}))) for name in "abc"[: len(there)]
    }
    losses = [one.loss for one in quotes.values() if one is not None]
    best = view.bins.quote(request(ask), 1, Limits(ANY))
    assert (None if best is None else best.loss) == min(losses, default=None)


@settings(max_examples=40, deadline=None)
@given(hosts, demands, st.lists(asks, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_nodes_and_of_the_demand_changes_nothing(
    there: list[tuple[int, int]],
    wanted: list[tuple[tuple[int, int, int], int]],
    queue: list[tuple[int, int, int]],
    order: random.Random,
) -> None:
    named = list(zip("abc", there, strict=False))
    one = view_of(there, wanted)
    order.shuffle(named)
    mixed = list(wanted)
    order.shuffle(mixed)
    other = view_of([host for _, host in named], mixed, "".join(name for name, _ in named))
    for ask in queue:
        assert one.bins.place(request(ask), 1, ANY) == other.bins.place(request(ask), 1, ANY)


@settings(max_examples=60, deadline=None)
@given(hosts, demands, st.lists(st.tuples(asks, st.integers(1, 3)), max_size=8))
def test_devices_are_never_overbooked_and_add_up_to_what_the_node_has_free(
    there: list[tuple[int, int]],
    wanted: list[tuple[tuple[int, int, int], int]],
    queue: list[tuple[tuple[int, int, int], int]],
) -> None:
    view = view_of(there, wanted)
    for ask, pods in queue:
        room = view.bins.room(request(ask), ANY)
        assert (view.bins.place(request(ask), pods, ANY) is not None) == (room >= pods)
        free, devices, _, _ = view.bins.stock()
        assert (devices >= 0).all()
        assert (devices <= SLICES).all()
        assert (devices.sum(axis=1) == free[:, 0]).all()


@settings(max_examples=25, deadline=None)
@given(hosts, demands)
def test_prices_are_whole_numbers_so_that_sums_are_exact_in_any_order(
    there: list[tuple[int, int]], wanted: list[tuple[tuple[int, int, int], int]]
) -> None:
    view = view_of(there, wanted)
    room = view.bins._worth.worth._room
    assert (room.price == np.rint(room.price)).all()
    assert worth(view) < 2**53
