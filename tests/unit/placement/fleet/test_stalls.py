"""The pools of a fleet as places where room is offered to the shapes of the demand."""

from __future__ import annotations

from typing import Any

import pytest

from stellwerk.model.capacity import Accelerator, Growth, Pool
from stellwerk.model.demand import FINE, AskedShape, Demand
from stellwerk.model.requirements import Operator, Requirement, Requirements
from stellwerk.model.resources import CPU, MEMORY, Resources
from stellwerk.model.workload import AcceleratorOption, PodShape
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.fleet.stalls import PoolStall, valued
from stellwerk.placement.packing.devices import NOTHING, Wanted
from tests.builders import GIB, GPU, gang, node, nodes, pool, resources, snapshot

MIG = "nvidia.com/mig-1g.10gb"
SHARED = Accelerator("H100", 2, GPU, 80 * GIB, slices=4)


def stall(there: Pool | None = None, members: Any = None) -> PoolStall:
    place = there or pool()
    view = Fleet(snapshot([place], nodes(1) if members is None else members), [gang()]).views[0]
    assert place.accelerator is not None
    return PoolStall(view, place.accelerator)


def shape(*options: AcceleratorOption, **requests: Any) -> AskedShape:
    return AskedShape(PodShape(resources(**requests)), options)


@pytest.mark.parametrize(
    ("option", "devices"),
    [
        (AcceleratorOption("H100", 3), Wanted(3)),
        (AcceleratorOption("h100", 1), Wanted(1)),
        (AcceleratorOption("any", 2), Wanted(2)),
        (AcceleratorOption("A100", 1), NOTHING),
        (AcceleratorOption("any", 1, resource=GPU), Wanted(1)),
        (AcceleratorOption("any", 1, resource="amd.com/gpu"), NOTHING),
        (AcceleratorOption("H100", 1, memory_bytes=80 * GIB), Wanted(1)),
        (AcceleratorOption("H100", 1, memory_bytes=81 * GIB), NOTHING),
    ],
)
def test_a_pool_serves_the_shapes_whose_alternatives_it_has(option: AcceleratorOption, devices: Wanted) -> None:
    assert stall().need(shape(option, cpu=1)).devices == devices


@pytest.mark.parametrize(
    ("option", "devices"),
    [
        (AcceleratorOption("H100", 2), Wanted(2)),
        (AcceleratorOption("H100", share_milli=500), Wanted(0, 2)),
        (AcceleratorOption("H100", share_milli=501), Wanted(0, 3)),
        (AcceleratorOption("H100", share_milli=1000), Wanted(1)),
        (AcceleratorOption("H100", share_bytes=20 * GIB), Wanted(0, 1)),
        (AcceleratorOption("H100", share_bytes=81 * GIB), NOTHING),
    ],
)
def test_shares_take_slices_of_one_device(option: AcceleratorOption, devices: Wanted) -> None:
    assert stall(pool(accelerator=SHARED)).need(shape(option, cpu=1)).devices == devices


def test_memory_that_is_not_known_is_not_enough() -> None:
    nameless = stall(pool(accelerator=Accelerator("H100", 8, GPU)))
    assert nameless.need(shape(AcceleratorOption("H100", 1, memory_bytes=1))).devices == NOTHING


def test_the_first_alternative_that_the_pool_has_counts_and_accelerators_are_no_other_resource() -> None:
    either = shape(
        AcceleratorOption("A100", 4), AcceleratorOption("H100", 2), AcceleratorOption("H100", 1), cpu=3, gpu=1
    )
    need = stall().need(either)
    assert (need.devices, dict(need.others), need.kinds) == (Wanted(2), {CPU: 3000}, frozenset({0}))
    nobody = stall().need(shape(AcceleratorOption("A100", 4), cpu=3))
    assert (nobody.devices, dict(nobody.others), nobody.kinds) == (NOTHING, {}, frozenset())


def test_only_nodes_that_the_shape_selects_are_open_to_it() -> None:
    picky = gang(requirements=Requirements((Requirement("disk", Operator.IN, ("fast",)),)))
    members = (node("a", labels={"disk": "fast"}), node("b"))
    view = Fleet(snapshot([pool()], members), [picky]).views[0]
    assert view.pool.accelerator is not None
    asked = AskedShape(picky.pod, (AcceleratorOption("H100", 1),))
    assert PoolStall(view, view.pool.accelerator).need(asked).kinds == {view.kind_of("a")}


def test_while_nothing_is_known_one_accelerator_and_a_whole_node_are_wanted_with_half_of_the_rest() -> None:
    one, whole = stall().usual()
    assert one == AskedShape(
        PodShape(Resources.of({CPU: 96_000 // 16, MEMORY: 1024 * GIB // 16})), (AcceleratorOption("H100", 1),)
    )
    assert whole == AskedShape(
        PodShape(Resources.of({CPU: 96_000 // 2, MEMORY: 1024 * GIB // 2})), (AcceleratorOption("H100", 8),)
    )
    single = stall(pool(accelerator=Accelerator("H100", 1, GPU)), nodes(1, gpu=1))
    assert len(list(single.usual())) == 1
    assert list(stall(members=()).usual()) == []


def test_each_kind_of_accelerator_is_offered_once_and_growing_pools_with_what_is_to_come() -> None:
    whole, part = Accelerator("H100", 4, GPU), Accelerator("H100", 28, MIG, part_milli=142)
    offer = resources(cpu=96, memory="1Ti", pods=110, gpu=4) + Resources.of({MIG: 28})
    pools = [
        pool("mixed", accelerator=whole, further=(part,)),
        pool("growing", growth=Growth(4, 300, resources(cpu="96", memory="1Ti", gpu=8))),
        pool("cpu", accelerator=None),
        pool("driverless"),
    ]
    bare = resources(cpu=96, memory="1Ti", pods=110)
    members = [
        node("m", "mixed", allocatable=offer),
        *nodes(1, "growing"),
        *nodes(1, "cpu", gpu=0),
        node("d", "driverless", allocatable=bare),
    ]
    fleet = Fleet(snapshot(pools, members), [gang(replicas=9)])
    room, stalls = valued(fleet.views, Demand.of({shape(AcceleratorOption("H100", 1), cpu=1): FINE}))
    told = [(one.view.pool.name, one.has.resource, one.view.grows) for one in stalls]
    assert told == [("growing", GPU, True), ("mixed", GPU, False), ("mixed", MIG, False)]
    assert room.epoch == 1
    assert (room.price > 0).any()


def test_both_kinds_of_a_pool_make_its_room_worth_something() -> None:
    whole, part = Accelerator("H100", 4, GPU), Accelerator("L4", 28, MIG)
    offer = resources(cpu=96, memory="1Ti", pods=110, gpu=4) + Resources.of({MIG: 28})
    mixed = pool(accelerator=whole, further=(part,))
    for wanted, taken in (("H100", GPU), ("L4", MIG)):
        fleet = Fleet(snapshot([mixed], [node(allocatable=offer)]), [gang()])
        valued(fleet.views, Demand.of({shape(AcceleratorOption(wanted, 1)): 10**6 * FINE}))
        bins = fleet.views[0].bins
        free, devices, kind, _ = bins.stock()
        before = bins._worth.worth.of(free, devices, kind)[0]
        assert bins.place(Resources.of({taken: 1}), 1, frozenset({0})) is not None
        free, devices, kind, _ = bins.stock()
        assert bins._worth.worth.of(free, devices, kind)[0] < before
