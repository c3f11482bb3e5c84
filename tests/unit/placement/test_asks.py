"""What a workload can ask for beyond one gang of whole accelerators, planned on small fleets."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from stellwerk.api.reasons import Reason
from stellwerk.model.capacity import Accelerator
from stellwerk.model.decision import Decision, Mode
from stellwerk.model.placement import Placement
from stellwerk.model.resources import Resources
from stellwerk.model.workload import AcceleratorOption, PodSet, PodShape, Workload
from stellwerk.placement.planner import plan
from tests.builders import GIB, GPU, NOW, decide, gang, node, nodes, policy, pool, resources, snapshot

SLICED = Accelerator("H100", 2, GPU, 80 * GIB, slices=4)
MIG = "nvidia.com/mig-1g.10gb"


def placed(found: Decision) -> Placement:
    assert found.chosen is not None, found.message
    return found.chosen


# -------------------------------------------------------------------------------- shapes and runtimes


def test_a_faster_and_dearer_accelerator_is_right_when_it_ends_early_enough() -> None:
    slow = pool("slow", price="160", accelerator=Accelerator("A100", 8, GPU))
    fast = pool("fast", price="300")
    asks = (AcceleratorOption("A100", 8, runtime_s=36_000), AcceleratorOption("H100", 8, runtime_s=18_000))
    seen = snapshot([slow, fast], [*nodes(1, "slow"), *nodes(1, "fast")])
    assert placed(decide(gang(accelerators=asks), seen)).pool == "fast"
    slower = (asks[0], msgspec.structs.replace(asks[1], runtime_s=24_000))
    assert placed(decide(gang(accelerators=slower), seen)).pool == "slow"


def test_an_alternative_may_have_another_number_of_pods() -> None:
    asks = (AcceleratorOption("H100", 8, replicas=1), AcceleratorOption("H100", 4, replicas=2))
    small = snapshot([pool(accelerator=Accelerator("H100", 4, GPU))], nodes(2, gpu=4))
    found = decide(gang(accelerators=asks), small)
    assert (placed(found).replicas, placed(found).accelerator.count) == (2, 4)  # type: ignore[union-attr]
    large = snapshot([pool()], nodes(1))
    assert placed(decide(gang(accelerators=asks), large)).replicas == 1


# -------------------------------------------------------------------------------------------- shares


@pytest.mark.parametrize(
    ("option", "units"),
    [
        (AcceleratorOption("H100", share_milli=500), 2),
        (AcceleratorOption("H100", share_milli=251), 2),
        (AcceleratorOption("H100", share_milli=1), None),
        (AcceleratorOption("H100", share_bytes=20 * GIB), None),
        (AcceleratorOption("H100", share_bytes=21 * GIB), 2),
        (AcceleratorOption("H100", 2), 8),
        (AcceleratorOption("H100", 3, resource=GPU), None),
    ],
)
def test_a_pod_asks_for_whole_slices_of_one_accelerator_or_for_all_of_several(
    option: AcceleratorOption, units: int | None
) -> None:
    seen = snapshot([pool(accelerator=SLICED)], nodes(1, gpu=8))
    accelerator = placed(decide(gang(accelerators=(option,)), seen)).accelerator
    assert accelerator is not None
    assert accelerator.units == units
    assert accelerator.amount == (units or option.count)


def test_a_share_costs_its_part_of_the_accelerators_and_a_whole_one_where_there_are_no_slices() -> None:
    ask = gang(accelerators=(AcceleratorOption("H100", share_milli=500),), requests=resources(pods=1))
    whole = decide(gang(gpus=1, requests=resources(pods=1)), snapshot([pool(accelerator=SLICED)], nodes(1))).cost
    half = decide(ask, snapshot([pool(accelerator=SLICED)], nodes(1, gpu=8))).cost
    plain = decide(ask, snapshot([pool(accelerator=Accelerator("H100", 2, GPU))], nodes(1, gpu=2))).cost
    assert half is not None
    assert whole is not None
    assert plain is not None
    assert half.total == pytest.approx((whole.total or 0) / 2, abs=1)
    assert plain.total == whole.total


def test_shares_fill_one_accelerator_before_the_next_and_whole_ones_need_idle_ones() -> None:
    there = snapshot([pool(accelerator=SLICED)], nodes(1, gpu=8))
    shares = [gang(f"s{n}", accelerators=(AcceleratorOption("H100", share_milli=500),)) for n in range(2)]
    found = plan([*shares, gang("whole", gpus=1), gang("late", gpus=1)], there, NOW, 1).decisions
    modes = {one.key.name: one.mode for one in found}
    assert sorted(modes.values()) == [Mode.WAIT, Mode.FIT, Mode.FIT, Mode.FIT]


def test_more_memory_than_one_accelerator_has_never_fits() -> None:
    found = decide(
        gang(accelerators=(AcceleratorOption("H100", share_bytes=81 * GIB),)),
        snapshot([pool(accelerator=SLICED)], nodes(1)),
    )
    assert (found.mode, found.reason) == (Mode.NEVER, Reason.ACCELERATOR_MEMORY_TOO_SMALL)
    assert "80Gi" in found.message


def test_a_partition_is_no_whole_accelerator_and_takes_the_shares_that_it_holds() -> None:
    part = Accelerator("H100", 7, MIG, 10 * GIB, part_milli=142)
    there = snapshot(
        [pool(accelerator=part)],
        [node(allocatable=resources(cpu="96", memory="1Ti", pods=110) + Resources.of({MIG: 7}))],
    )
    whole = decide(gang(gpus=1), there)
    assert (whole.mode, whole.reason) == (Mode.NEVER, Reason.ACCELERATOR_PARTITION_TOO_SMALL)
    fits = decide(gang(accelerators=(AcceleratorOption("H100", share_bytes=10 * GIB),)), there)
    assert placed(fits).accelerator.resource == MIG  # type: ignore[union-attr]
    large = decide(gang(accelerators=(AcceleratorOption("H100", share_milli=500),)), there)
    assert large.reason == Reason.ACCELERATOR_PARTITION_TOO_SMALL
    assert "share of at most 0.142" in (large.unblock or "")


def test_a_pool_with_two_kinds_of_accelerators_serves_both_from_the_same_nodes() -> None:
    mixed = pool(
        accelerator=Accelerator("H100", 4, GPU, 80 * GIB),
        further=(Accelerator("H100", 28, MIG, 10 * GIB, part_milli=142),),
    )
    offer = resources(cpu="16", memory="1Ti", pods=110, gpu=4) + Resources.of({MIG: 28})
    seen = snapshot([mixed], [node(allocatable=offer)])
    share = gang("share", accelerators=(AcceleratorOption("H100", share_milli=100),))
    asks = [share, gang("whole", gpus=4), gang("zero", gpus=0)]
    found = {one.key.name: one for one in plan(asks, seen, NOW, 1).decisions}
    assert [placed(found[name]).accelerator.resource for name in ("share", "whole")] == [MIG, GPU]  # type: ignore[union-attr]
    assert found["zero"].mode is Mode.WAIT, "both took of the same 16 CPUs"
    assert found["zero"].considered == 1, "one pool is one candidate for work without accelerators"


def test_a_share_takes_a_partition_before_a_whole_accelerator_where_no_price_tells() -> None:
    mixed = pool(
        price=None, accelerator=Accelerator("H100", 4, GPU), further=(Accelerator("H100", 28, MIG, part_milli=142),)
    )
    offer = resources(cpu="16", memory="1Ti", pods=110, gpu=4) + Resources.of({MIG: 28})
    ask = gang(accelerators=(AcceleratorOption("H100", share_milli=100),))
    found = placed(decide(ask, snapshot([mixed], [node(allocatable=offer)])))
    assert found.accelerator.resource == MIG  # type: ignore[union-attr]


# ------------------------------------------------------------------------------------------- elastic


def test_an_elastic_gang_starts_with_as_many_pods_as_fit() -> None:
    found = decide(gang(replicas=4, min_replicas=2), snapshot([pool()], nodes(3)))
    assert placed(found).replicas == 3
    assert "starts with 3 of 4 pods" in found.message
    assert len(placed(found).preferred_nodes) == 3


def test_the_chosen_candidate_costs_what_the_pods_that_start_cost() -> None:
    found = decide(gang(replicas=4, min_replicas=2), snapshot([pool()], nodes(3)))
    assert placed(found).replicas == 3
    assert found.cost is not None
    chosen = found.candidates[0].cost
    assert (chosen.per_hour, chosen.total) == (found.cost.per_hour, found.cost.total)


def test_an_elastic_gang_does_not_start_with_less_than_it_needs() -> None:
    found = decide(gang(replicas=4, min_replicas=3), snapshot([pool()], nodes(2)))
    assert found.mode is Mode.NEVER
    assert "at least 24 x H100" in found.message
    assert "2 instead of 3 replicas" in (found.unblock or "")


def test_the_work_of_an_elastic_gang_costs_the_same_on_fewer_pods_and_takes_longer() -> None:
    whole = decide(gang(replicas=4, min_replicas=2), snapshot([pool()], nodes(4))).cost
    half = decide(gang(replicas=4, min_replicas=2), snapshot([pool()], nodes(2))).cost
    assert whole is not None
    assert half is not None
    assert half.total == whole.total
    assert half.per_hour == pytest.approx((whole.per_hour or 0) / 2, abs=1)


def test_an_elastic_gang_starts_with_enough_pods_for_its_deadline() -> None:
    ask = gang(replicas=4, min_replicas=1, deadline="2026-11-22T14:30:00Z")  # an hour on four pods
    assert placed(decide(ask, snapshot([pool()], nodes(2)))).replicas == 2
    busy = {"pool-0000": resources(gpu=8)}
    assert decide(ask, snapshot([pool()], nodes(2), usage=busy)).mode is Mode.WAIT


# ------------------------------------------------------------------------------------------ pod sets


def with_sets(*sets: PodSet, **facts: object) -> Workload:
    return gang(others=sets, **facts)  # type: ignore[arg-type]


def cpu_set(name: str = "loader", replicas: int = 1, cpu: str = "4") -> PodSet:
    return PodSet(name, replicas, PodShape(resources(cpu=cpu, memory="8Gi", pods=1)))


CPU_POOL = pool("cpu", price="2", accelerator=None)
CPU_NODES = nodes(1, "cpu", gpu=0)


def test_a_further_pod_set_goes_to_the_pool_of_the_main_one() -> None:
    found = placed(decide(with_sets(cpu_set(replicas=3)), snapshot([pool(), CPU_POOL], [*nodes(1), *CPU_NODES])))
    (one,) = found.pod_sets
    assert (one.name, one.pool, one.replicas) == ("loader", "pool", 3)
    assert one.node_selector == {"pool": "pool"}
    assert one.accelerator is None


def test_a_further_pod_set_that_does_not_fit_there_goes_to_the_cheapest_pool_of_the_cluster() -> None:
    dear = pool("dear", price="9", accelerator=None)
    seen = snapshot([pool(), dear, CPU_POOL], [*nodes(1), *CPU_NODES, *nodes(1, "dear", gpu=0)])
    found = placed(decide(with_sets(cpu_set(replicas=1, cpu="90")), seen))
    assert [(one.name, one.pool) for one in found.pod_sets] == [("loader", "cpu")]
    assert found.pod_sets[0].node_selector == {"pool": "cpu"}


def test_a_further_pod_set_may_ask_for_other_accelerators() -> None:
    small = pool("small", price="4", accelerator=Accelerator("L4", 4, GPU))
    one = msgspec.structs.replace(cpu_set("render", 2), accelerators=(AcceleratorOption("L4", 2),))
    found = placed(decide(with_sets(one), snapshot([pool(), small], [*nodes(1), *nodes(1, "small", gpu=4)])))
    assert [(s.pool, s.accelerator.count) for s in found.pod_sets if s.accelerator] == [("small", 2)]


def test_no_pod_set_is_placed_where_one_of_them_is_not() -> None:
    seen = snapshot([pool()], nodes(1))
    asks = [with_sets(cpu_set("big", 2, cpu="90"), name="gang"), gang("plain", gpus=8)]
    found = {one.key.name: one for one in plan(asks, seen, NOW, 1).decisions}
    assert found["gang"].mode is Mode.NEVER
    assert "pod set big" in found["gang"].message
    assert found["plain"].mode is Mode.FIT, "nothing of the gang holds room"


def test_a_gang_waits_for_the_pod_set_that_finds_no_room_now() -> None:
    busy = {"pool-0000": resources(cpu="80")}
    found = decide(with_sets(cpu_set(cpu="20")), snapshot([pool()], nodes(1), usage=busy))
    assert (found.mode, found.reason) == (Mode.WAIT, Reason.CAPACITY_FULL)
    assert "pod set loader" in found.message


def test_the_cost_of_a_gang_is_that_of_all_its_pod_sets() -> None:
    seen = snapshot([pool(), CPU_POOL], [*nodes(1), *CPU_NODES])
    alone = decide(gang(), seen).cost
    found = decide(with_sets(cpu_set(replicas=2)), seen).cost
    assert alone is not None
    assert found is not None
    assert (found.total or 0) > (alone.total or 0)
    assert sum(part.amount for part in found.parts) == found.total


def test_a_further_pod_set_costs_for_as_long_as_the_main_one_runs() -> None:
    slow = (AcceleratorOption("H100", 8, speed=Decimal("0.5")),)
    seen = snapshot([pool()], nodes(1))
    fast, slower = (decide(with_sets(cpu_set(), **facts), seen).cost for facts in ({}, {"accelerators": slow}))
    assert fast is not None
    assert slower is not None
    assert slower.total == pytest.approx(2 * (fast.total or 0), abs=2)


def test_gangs_of_several_pod_sets_of_one_batch_share_the_room() -> None:
    asks = [with_sets(cpu_set(cpu="60"), name=f"gang-{n}", gpus=2) for n in range(3)]
    modes = sorted(one.mode for one in plan(asks, snapshot([pool()], nodes(2)), NOW, 1).decisions)
    assert modes == [Mode.WAIT, Mode.FIT, Mode.FIT]


def test_a_policy_holds_for_every_pod_set() -> None:
    rules = policy(providers=("onprem",))
    cloud = pool("cloud", price="1", accelerator=None, provider="aws")
    seen = snapshot([pool(), cloud], [*nodes(1), *nodes(1, "cloud", gpu=0)], policies=[rules])
    found = decide(with_sets(cpu_set(cpu="90")), seen)
    assert found.mode is not Mode.FIT
