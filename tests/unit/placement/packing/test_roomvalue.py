"""The price of room, checked by hand on small fleets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from stellwerk.model.capacity import Accelerator, Pool
from stellwerk.model.demand import FINE, AskedShape, Demand
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, PodShape
from stellwerk.placement.fleet.fleet import Fleet, PoolView
from stellwerk.placement.fleet.stalls import valued
from stellwerk.placement.packing.bins import Assignment, Limits
from stellwerk.placement.packing.roomvalue import WORTH_OF_ALL
from tests.builders import GPU, node, pool, resources

CPU_PER_GPU = 4


def shape(gpus: int = 1, model: str = "any", share: int | None = None, cpu: int = CPU_PER_GPU) -> AskedShape:
    pod = PodShape(resources(cpu=cpu * gpus, pods=1))
    return AskedShape(pod, (AcceleratorOption(model, gpus, share_milli=share),))


def demand(asked: Mapping[AskedShape, int]) -> Demand:
    return Demand.of({one: count * FINE for one, count in asked.items()})


def view_of(free: Sequence[int], asked: Mapping[AskedShape, int], slices: int = 1) -> PoolView:
    """Return a pool of 8-GPU nodes with so many GPUs free, priced by a demand that drowns what is usual."""
    there = pool("p", accelerator=Accelerator("H100", 8, GPU, slices=slices))
    offer = resources(cpu=64, memory="1Ti", pods=200, gpu=8 * slices)
    members = tuple(node(f"n{at}", "p", allocatable=offer) for at in range(len(free)))
    usage = {f"n{at}": resources(gpu=(8 - gpus) * slices, cpu=4 * (8 - gpus)) for at, gpus in enumerate(free)}
    fleet = Fleet(Snapshot(members, (there,), {}, usage), ())
    valued(fleet.views, demand({one: 10**6 * count for one, count in asked.items()}))
    return fleet.views[0]


def put(view: PoolView, gpus: int, slices: int = 1, cpu: int = 4) -> list[Assignment]:
    request = resources(cpu=cpu * max(1, gpus), pods=1, gpu=gpus * slices)
    return view.bins.place(request, 1, frozenset({0})) or []


def loss(view: PoolView, request: Resources) -> int:
    quote = view.bins.quote(request, 1, Limits(frozenset({0})))
    assert quote is not None
    return quote.loss


def test_small_work_does_not_break_the_idle_node_that_large_work_wants() -> None:
    view = view_of([8, 3], {shape(8): 1, shape(1): 1})
    assert put(view, 1) == [Assignment("n1", 1)]


def test_cores_that_idle_accelerators_need_are_not_free() -> None:
    view = view_of([8], {shape(1): 1})
    assert loss(view, resources(cpu=32, pods=1)) == 0, "four for each of eight are left"
    assert loss(view, resources(cpu=36, pods=1)) > 0
    assert loss(view, resources(cpu=40, pods=1)) > loss(view, resources(cpu=36, pods=1))


def test_what_one_accelerator_is_worth_can_be_checked_by_hand() -> None:
    view = view_of([4], {shape(1): 1})
    one = loss(view, resources(cpu=4, pods=1, gpu=1))
    assert one / WORTH_OF_ALL == pytest.approx(1 / 5, rel=1e-3), "of 4 slots, and one more against division by nothing"


def test_a_share_uses_the_hole_in_which_it_spoils_least() -> None:
    view = view_of([8], {shape(1): 1, shape(1, share=300): 1}, slices=10)
    request = resources(cpu=2, pods=1, gpu=7)
    view.bins.place(request, 1, frozenset({0}))
    before = view.bins.stock()[1][0].tolist()
    view.bins.place(resources(cpu=1, pods=1, gpu=3), 1, frozenset({0}))
    assert before == [3, 10, 10, 10, 10, 10, 10, 10]
    assert view.bins.stock()[1][0].tolist() == [0, 10, 10, 10, 10, 10, 10, 10]


def test_general_work_leaves_the_scarce_model_to_those_who_need_it() -> None:
    scarce = Pool("t4", {"pool": "t4"}, accelerator=Accelerator("T4", 8, GPU))
    plenty = Pool("g2", {"pool": "g2"}, accelerator=Accelerator("G2", 8, GPU))
    members = (node("t", "t4"), *(node(f"g{at}", "g2") for at in range(4)))
    fleet = Fleet(Snapshot(members, (scarce, plenty)), ())
    valued(fleet.views, demand({shape(1, "T4"): 1000, shape(1): 1000}))
    general = resources(cpu=4, pods=1, gpu=1)
    by_pool = {view.pool.name: loss(view, general) for view in fleet.views}
    assert by_pool["t4"] > 2 * by_pool["g2"]


def test_a_shape_that_runs_out_of_slots_has_a_finite_price() -> None:
    view = view_of([1], {shape(8): 5, shape(1): 1})
    assert put(view, 1) == [Assignment("n0", 1)]


def test_all_shapes_asking_twice_as_often_changes_nothing() -> None:
    few, many = ({shape(8): n, shape(1): 3 * n, shape(2): 2 * n} for n in (1, 2))
    losses = [loss(view_of([8, 5, 2], asked), resources(cpu=4, pods=1, gpu=1)) for asked in (few, many)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_what_is_not_known_to_be_asked_for_keeps_nodes_whole() -> None:
    view = view_of([8, 4, 8], {})
    assert put(view, 1) == [Assignment("n1", 1)]


def test_memory_of_a_shared_device_that_is_not_known_is_not_shared() -> None:
    asked = AskedShape(PodShape(resources(cpu=1, pods=1)), (AcceleratorOption("H100", share_bytes=2**30),))
    view = view_of([8], {asked: 1}, slices=4)
    assert loss(view, resources(cpu=1, pods=1, gpu=1)) >= 0
