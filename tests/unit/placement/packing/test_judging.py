"""Judging rows: how many pods go where, and that what they take of the room's worth is what it is worth less."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from stellwerk.model.capacity import Accelerator, Node, Pool
from stellwerk.model.demand import FINE, AskedShape, Demand
from stellwerk.model.resources import UNBOUNDED, Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, PodShape
from stellwerk.placement.fleet.fleet import Fleet, PoolView
from stellwerk.placement.fleet.stalls import valued
from stellwerk.placement.packing.bins import Assignment, Bins, Limits
from stellwerk.placement.packing.devices import NOTHING, Wanted
from stellwerk.placement.packing.judging import along, laid_along
from tests.builders import GPU, resources

ANY = frozenset({0})
SLICES = 4


def shape(whole: int, part: int, cpu: int) -> AskedShape:
    share = 1000 * part // SLICES if part else None
    return AskedShape(PodShape(Resources.of({"cpu": cpu})), (AcceleratorOption("H100", whole or 1, share_milli=share),))


WANTED = {shape(2, 0, 4): 9, shape(1, 0, 2): 5, shape(0, 1, 1): 7, shape(0, 2, 1): 3}


def view_of(nodes: Sequence[tuple[int, int]], slices: int = SLICES) -> PoolView:
    """Return a pool of nodes with so many devices and cores, priced by a demand for large, small and shared ones."""
    pool = Pool("p", {}, accelerator=Accelerator("H100", 4, GPU, slices=slices))
    there = tuple(
        Node(f"n{at:02d}", {}, Resources.of({GPU: gpus * slices, "cpu": cpu})) for at, (gpus, cpu) in enumerate(nodes)
    )
    fleet = Fleet(Snapshot(there, (pool,)), ())
    valued(fleet.views, Demand.of({one: count * FINE for one, count in WANTED.items()}))
    return fleet.views[0]


def worth(view: PoolView) -> int:
    free, devices, kind, nodes = view.bins.stock()
    return int(view.bins._worth.worth.of(free, devices, kind) @ nodes)


@pytest.mark.parametrize("pods", [1, 2, 3, 5])
@pytest.mark.parametrize("units", [0, 1, 2, 3, 4, 8, 6, 12])
def test_what_a_gang_takes_is_what_the_room_is_worth_less_afterwards(units: int, pods: int) -> None:
    view = view_of([(4, 9), (3, 9), (3, 30), (1, 6)])
    view.bins.place(Resources.of({GPU: 1, "cpu": 1}), 2, ANY)
    request, before = Resources.of({GPU: units, "cpu": 1}), worth(view)
    quote = view.bins.quote(request, pods, Limits(ANY), at_least=0)
    assert quote is not None
    placed = view.bins.take(request, quote)
    assert sum(one.pods for one in placed) == quote.pods == min(pods, quote.pods)
    assert quote.loss == before - worth(view)
    assert quote.loss > 0 or not quote.pods or not units


@pytest.mark.parametrize("units", [1, 2, 4, 8])
def test_pods_one_after_the_other_find_as_much_room_as_is_counted(units: int) -> None:
    view = view_of([(4, 9), (3, 9), (1, 6)])
    request = Resources.of({GPU: units, "cpu": 1})
    room, placed = view.bins.room(request, ANY), 0
    while view.bins.place(request, 1, ANY):
        placed += 1
    assert placed == room > 0


def test_many_different_nodes_are_all_judged_and_each_is_used_once() -> None:
    """More rows than are laid out at first."""
    there = Bins([GPU, "cpu"], [(f"n{at:03d}", resources(gpu=8, cpu=10 + at), 0) for at in range(40)])
    whole = resources(gpu=8, cpu=1)
    assert there.room(whole, ANY) == 40
    assert there.place(whole, 3, ANY) == [Assignment(f"n{at:03d}", 1) for at in range(3)]
    part = resources(gpu=1, cpu=1)
    assert [one.node for one in there.place(part, 9, ANY) or ()] == ["n003", "n004"]
    found = there.place(whole, 35, ANY)
    assert found is not None
    assert {one.node for one in found} == {f"n{at:03d}" for at in range(5, 40)}
    assert there.free(GPU) == 16 - 9
    assert there.place(part, 7, ANY) == [Assignment("n004", 7)]


def test_a_row_of_nodes_that_is_gone_does_not_haunt_the_next_one() -> None:
    there = Bins([GPU], [("a", resources(gpu=8), 0), ("b", resources(gpu=4), 0)])
    for _ in range(3):
        assert there.place(resources(gpu=8), 1, ANY) == [Assignment("a", 1)]
        assert there.room(resources(gpu=4), ANY) == 1
        there.shift({"a": resources(gpu=8)})
        assert there.room(resources(gpu=4), ANY) == 3


def test_new_prices_change_what_the_same_room_is_taken_to_lose() -> None:
    view = view_of([(4, 40), (3, 40)])
    room, _ = valued([view], Demand.of({shape(1, 0, 1): 1}))
    one = Resources.of({GPU: SLICES, "cpu": 1})
    before = view.bins.quote(one, 1, Limits(ANY))
    room.learn(shape(4, 0, 1), 10**6 * FINE)
    room.reprice()
    after = view.bins.quote(one, 1, Limits(ANY))
    assert before is not None
    assert after is not None
    assert after.steps[0].nodes == (1,), "nobody but whole nodes is wanted, and this one is none"
    assert (before.loss, before.steps) != (after.loss, after.steps)


def test_a_request_is_laid_out_along_what_nodes_offer() -> None:
    axis = (GPU, "cpu")
    asked = laid_along(axis, 4, Resources.of({GPU: 9, "cpu": 5}))
    assert asked is not None
    assert (asked.vector, asked.devices) == ((9, 5), Wanted(2, 1))
    plain = laid_along(axis, 1, Resources.of({"cpu": 5}))
    assert plain is not None
    assert (plain.vector, plain.devices) == ((0, 5), NOTHING)
    assert laid_along(axis, 1, Resources.of({"disk": 1})) is None
    assert laid_along(axis, 1, Resources.of({"disk": 0, "cpu": 1})) is not None
    negative = laid_along(axis, 1, Resources.of({GPU: 1}) - Resources.of({"cpu": 3}))
    assert negative is not None
    assert negative.vector == (1, 0)
    assert along(axis, Resources.of({GPU: 2 * UNBOUNDED})) == (UNBOUNDED, 0)


def test_of_equally_good_nodes_the_tightest_is_taken_by_accelerators_then_the_rest_then_class() -> None:
    told = [
        ("a", resources(gpu=4, cpu=9), 0),
        ("b", resources(gpu=4, cpu=5), 1),
        ("c", resources(gpu=4, cpu=5), 0),
        ("d", resources(gpu=6, cpu=1), 0),
    ]
    there = Bins([GPU, "cpu"], told)
    both = frozenset({0, 1})
    order = [there.place(resources(gpu=4, cpu=1), 1, both) for _ in range(4)]
    assert [one[0].node for one in order if one] == ["c", "b", "a", "d"]
    gang = Bins([GPU, "cpu"], told).place(resources(gpu=4, cpu=1), 4, both)
    assert [one.node for one in gang or ()] == ["c", "b", "a", "d"]


def test_stock_tells_of_every_row_once() -> None:
    free, devices, kind, count = view_of([(2, 4), (2, 4), (1, 4)]).bins.stock()
    found = sorted(zip(free.tolist(), devices.tolist(), kind.tolist(), count.tolist(), strict=True))
    assert found == [([4, 4], [0, 4], 0, 1), ([8, 4], [4, 4], 0, 2)]
    assert count.dtype == np.int64
