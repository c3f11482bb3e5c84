"""What holds for gangs of several pod sets, elastic gangs and shares, whatever they ask for."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.model.capacity import Accelerator
from stellwerk.model.decision import Decision, Mode
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, PodSet, PodShape, Workload
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.offers.offering import offers_for
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, node, policy, pool, resources, snapshot

SLICES = 4


@st.composite
def fleets(draw: st.DrawFn) -> Snapshot:
    """One pool of whole accelerators, one of sliced ones and one without, each of a few nodes."""
    pools = [
        pool("whole", accelerator=Accelerator("H100", 4, GPU)),
        pool("sliced", price="8", accelerator=Accelerator("L40S", 2, GPU, slices=SLICES)),
        pool("plain", price="2", accelerator=None),
    ]
    members = []
    for name, gpus in (("whole", 4), ("sliced", 2 * SLICES), ("plain", 0)):
        for number in range(draw(st.integers(0, 3))):
            offer = resources(cpu=str(draw(st.integers(4, 24))), memory="1Ti", pods=110, gpu=gpus)
            members.append(node(f"{name}-{number}", name, allocatable=offer))
    return snapshot(pools, members)


OPTIONS = st.sampled_from(
    [
        (),
        (AcceleratorOption("H100", 1),),
        (AcceleratorOption("H100", 4), AcceleratorOption("H100", 2, replicas=2)),
        (AcceleratorOption("L40S", share_milli=500),),
        (AcceleratorOption("any", share_milli=250),),
        (AcceleratorOption("L40S", 1),),
    ]
)


def shape(cpu: int) -> PodShape:
    return PodShape(resources(cpu=str(cpu), memory="1Gi", pods=1))


def plain(options: tuple[AcceleratorOption, ...]) -> tuple[AcceleratorOption, ...]:
    """Further pod sets have one size, whatever the alternative."""
    return tuple(msgspec.structs.replace(one, replicas=None) for one in options)


@st.composite
def gangs(draw: st.DrawFn, name: str) -> Workload:
    """A gang that may be elastic and may have further pod sets."""
    replicas = draw(st.integers(1, 4))
    sets = draw(st.integers(0, 2))
    return gang(
        name,
        replicas,
        accelerators=draw(OPTIONS),
        requests=resources(cpu=str(draw(st.integers(1, 8))), memory="1Gi", pods=1),
        min_replicas=draw(st.sampled_from([None, 1])),
        others=tuple(
            PodSet(f"set-{number}", draw(st.integers(1, 3)), shape(draw(st.integers(1, 8))), plain(draw(OPTIONS)))
            for number in range(sets)
        ),
    )


def batches() -> st.SearchStrategy[list[Workload]]:
    return st.integers(1, 5).flatmap(lambda count: st.tuples(*(gangs(f"w{n}") for n in range(count))).map(list))


def takes(workload: Workload, decision: Decision) -> list[tuple[str, Resources, int, int]]:
    """Pool, request of one pod, pods and the most pods, of each pod set of a placed gang."""
    chosen = decision.chosen
    assert chosen is not None
    shapes = [workload.pod, *(one.pod for one in workload.others)]
    sizes = [max(workload.size(option) for option in workload.options), *(one.replicas for one in workload.others)]
    found = []
    for one, pod, size in zip((chosen, *chosen.pod_sets), shapes, sizes, strict=True):
        extra = Resources.of({one.accelerator.resource: one.accelerator.amount}) if one.accelerator else Resources()
        found.append((one.pool, pod.requests + extra, one.replicas, size))
    return found


@settings(deadline=None, max_examples=60)
@given(fleets(), batches())
def test_no_pool_gives_more_than_it_has_and_every_gang_has_all_its_pod_sets(
    seen: Snapshot, asks: list[Workload]
) -> None:
    by_uid = {workload.uid: workload for workload in asks}
    free: dict[str, Resources] = {one.name: Resources() for one in seen.pools}
    for member in seen.nodes:
        free[member.labels["pool"]] += member.allocatable
    for decision in plan(asks, seen, NOW, 1).decisions:
        workload = by_uid[decision.uid]
        if decision.mode is not Mode.FIT:
            assert decision.chosen is None
            continue
        for name, request, pods, size in takes(workload, decision):
            free[name] -= request * pods
            assert 1 <= pods <= size
        assert decision.chosen is not None
        assert [one.replicas for one in decision.chosen.pod_sets] == [one.replicas for one in workload.others]
    assert all(amount >= 0 for left in free.values() for _, amount in left.amounts), free


@settings(deadline=None, max_examples=100)
@given(fleets(), batches())
def test_a_gang_that_finds_no_place_leaves_no_trace(seen: Snapshot, asks: list[Workload]) -> None:
    fleet = Fleet(seen, asks)
    for workload in asks:
        for offer in offers_for(workload, policy(), fleet, NOW):
            if offer.rejections:
                continue
            before = left(fleet)
            fits = offer.fits()
            assert left(fleet) == before, "to look takes nothing"
            nodes = offer.place()
            assert fits == (nodes is not None)
            if nodes is None:
                assert left(fleet) == before
                assert offer.full()
                assert left(fleet) == before


def left(fleet: Fleet) -> list[dict[str, int]]:
    """How often one core, one unit of the GPU resource and a whole sliced device fit on each node."""
    asks = [resources(cpu="1"), resources(gpu=1), resources(gpu=SLICES)]
    return [dict(view.bins.spots(ask, view.there)) for view in fleet.views for ask in asks]


@settings(deadline=None, max_examples=40)
@given(fleets(), batches())
def test_the_order_of_the_input_changes_nothing(seen: Snapshot, asks: list[Workload]) -> None:
    turned = msgspec.structs.replace(seen, nodes=seen.nodes[::-1], pools=seen.pools[::-1])
    assert plan(asks, seen, NOW, 1) == plan(asks[::-1], turned, NOW, 1)


@settings(deadline=None, max_examples=40)
@given(fleets(), batches())
def test_parts_of_the_cost_add_up_for_all_pod_sets(seen: Snapshot, asks: list[Workload]) -> None:
    for decision in plan(asks, seen, NOW, 1).decisions:
        if decision.cost is not None and decision.cost.total is not None:
            names = Counter(part.name for part in decision.cost.parts)
            assert max(names.values()) == 1
            assert sum(part.amount for part in decision.cost.parts) == decision.cost.total
