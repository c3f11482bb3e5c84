"""Gangs of several pod sets: what they are told, what they cost, and that nothing of them stays behind."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from stellwerk.api.reasons import Reason
from stellwerk.model.capacity import Accelerator, Toleration
from stellwerk.model.decision import Candidate, Decision, Mode, Rejection, Verdict
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, PodSet, PodShape, Workload
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, decide, gang, nodes, policy, pool, resources, snapshot, taint

SLOW = (AcceleratorOption("H100", 8, speed=Decimal("0.5")),)
CPU_POOL = pool("cpu", price="2", accelerator=None)


def cpu_set(cpu: str = "4", replicas: int = 1, name: str = "loader", **facts: Any) -> PodSet:
    return PodSet(name, replicas, PodShape(resources(cpu=cpu, memory="8Gi", pods=1)), **facts)


def with_sets(*sets: PodSet, **facts: Any) -> Workload:
    return gang(others=sets, **facts)


def last_word(found: Decision, where: str = "pool") -> Rejection:
    return candidate(found, where).rejections[-1]


def candidate(found: Decision, where: str) -> Candidate:
    return next(one for one in found.candidates if one.pool == where)


def test_a_set_that_fits_no_pool_names_the_nearest_one_and_what_is_missing_there() -> None:
    seen = snapshot([pool(), CPU_POOL], [*nodes(1), *nodes(1, "cpu", gpu=0)])
    why = last_word(decide(with_sets(cpu_set("97", 2)), seen))
    assert why == Rejection(
        Reason.TOO_BIG_FOR_POOL,
        "pod set loader: cpu: even empty, cpu would hold 0 of 2 pods",
        "ask for less per pod than 97 CPU, 8Gi memory (pod set loader)",
        permanent=True,
        weight=4,
        effort=2,
        pod_set="loader",
    )


def test_a_set_that_could_come_closer_elsewhere_is_told_of_that_pool() -> None:
    seen = snapshot([pool(), CPU_POOL], [*nodes(1), *nodes(3, "cpu", gpu=0)])
    why = last_word(decide(with_sets(cpu_set("90", 5)), seen))
    assert (why.message, why.change, why.weight, why.effort) == (
        "pod set loader: cpu: even empty, cpu would hold 3 of 5 pods",
        "ask for 3 instead of 5 replicas (pod set loader)",
        1,
        2,
    )


def test_of_several_things_in_the_way_of_a_set_the_first_is_told_and_all_are_to_be_changed() -> None:
    rules = policy(providers=("aws",), regions=("de-fra",))
    here = pool(provider="aws")
    there = pool("cpu", accelerator=None, region="us", provider="gcp")
    members = [*nodes(1, taints=(taint(),)), *nodes(1, "cpu", gpu=0)]
    asked = with_sets(cpu_set(), policy="default")
    asked = msgspec.structs.replace(
        asked, pod=msgspec.structs.replace(asked.pod, tolerations=(Toleration(GPU, "Exists"),))
    )
    why = last_word(decide(asked, snapshot([here, there], members, policies=[rules])))
    assert why.message.startswith("pod set loader: pool: its nodes carry the taint")
    assert why.change == (
        "tolerate nvidia.com/gpu=present:NoSchedule, or declare it in spec.taints of pool pool (pod set loader)"
    )
    elsewhere = last_word(
        decide(asked, snapshot([here, there], [*nodes(1, unschedulable=True), members[1]], policies=[rules]))
    )
    assert elsewhere.pod_set == "loader"
    assert elsewhere.permanent is False, "the pool's own nodes may come back"


def test_a_set_that_would_fit_alone_lacks_room_beside_the_others() -> None:
    found = decide(with_sets(cpu_set("60"), cpu_set("60", name="second"), gpus=1), snapshot([pool()], nodes(1)))
    assert found.mode is Mode.WAIT
    assert last_word(found) == Rejection(
        Reason.CAPACITY_FULL,
        "pod set second: cluster local has too little room beside the other pods",
        "free room for pod set second",
        permanent=False,
        pod_set="second",
    )


def test_a_set_that_is_short_of_room_now_is_named_and_may_wait() -> None:
    busy = {"pool-0000": resources(cpu="80")}
    why = last_word(decide(with_sets(cpu_set("20")), snapshot([pool()], nodes(1), usage=busy)))
    assert why == Rejection(
        Reason.CAPACITY_FULL,
        "pod set loader: pool: pool has 8 free of 8, room for 0 of 1 pod",
        "free room in pool pool for 1 pod (pod set loader)",
        permanent=False,
        effort=1,
        pod_set="loader",
    )


@pytest.mark.parametrize(
    "asked",
    [
        gang(),
        gang(accelerators=SLOW),
        with_sets(cpu_set(replicas=2)),
        with_sets(cpu_set(replicas=2), accelerators=SLOW),
        with_sets(cpu_set("90"), cpu_set("3", 2, name="second"), replicas=2),
        gang(replicas=5, min_replicas=1),
        with_sets(cpu_set(), replicas=5, min_replicas=1),
        with_sets(cpu_set(replicas=2), accelerators=(AcceleratorOption("H100", 4, replicas=3, runtime_s=900),)),
    ],
    ids=["one set", "slow", "two", "two, slow", "three", "elastic", "elastic of two", "another shape"],
)
def test_a_place_that_was_not_chosen_costs_what_it_would_cost_if_it_were(asked: Workload) -> None:
    pools = [pool("best", price="10"), pool("next", price="20"), CPU_POOL]
    members = [*nodes(2, "best"), *nodes(3, "next"), *nodes(2, "cpu", gpu=0)]
    found = decide(asked, snapshot(pools, members))
    assert found.chosen is not None
    assert found.chosen.pool == "best"
    other = candidate(found, "next")
    assert other.verdict is Verdict.FEASIBLE
    alone = decide(asked, snapshot(pools[1:], members[2:])).cost
    assert alone is not None
    assert (other.cost.total, other.cost.per_hour) == (alone.total, alone.per_hour)


def test_a_rejected_place_costs_as_much_as_it_would_with_all_its_sets() -> None:
    pools, members = [pool(), CPU_POOL], [*nodes(1), *nodes(1, "cpu", gpu=0)]
    asked = with_sets(cpu_set("3"), accelerators=SLOW)
    full = decide(asked, snapshot(pools, members, usage={"pool-0000": resources(gpu=8)}))
    free = decide(asked, snapshot(pools, members))
    assert full.mode is Mode.WAIT
    assert free.cost is not None
    assert candidate(full, "pool").cost.total == free.cost.total


def test_a_gang_costs_what_its_sets_would_cost_alone() -> None:
    seen = snapshot([pool(), CPU_POOL], [*nodes(1), *nodes(1, "cpu", gpu=0)])
    alone = decide(gang(), seen).cost
    helper = decide(gang("helper", 1, 0, requests=resources(cpu="90", memory="8Gi", pods=1)), seen)
    whole = decide(with_sets(cpu_set("90")), seen).cost
    assert alone is not None
    assert whole is not None
    assert helper.cost is not None
    assert whole.total == (alone.total or 0) + (helper.cost.total or 0)
    assert whole.per_hour == (alone.per_hour or 0) + (helper.cost.per_hour or 0)


def rooms(seen: Snapshot, *asked: Workload) -> list[Mode]:
    return [one.mode for one in plan(list(asked), seen, NOW, 1).decisions]


def test_a_gang_that_cannot_have_all_its_sets_leaves_their_room_and_their_quota() -> None:
    """The second set finds no room after the first was placed: both must be given back."""
    broken = with_sets(cpu_set("80"), cpu_set("80", name="second"), name="broken", gpus=1, priority=1)
    fits = gang("fits", gpus=8, requests=resources(cpu="96", memory="64Gi", pods=1))
    assert rooms(snapshot([pool()], nodes(1)), broken, fits) == [Mode.WAIT, Mode.FIT]


def test_a_set_does_not_leave_its_cluster() -> None:
    far = msgspec.structs.replace(CPU_POOL, cluster="far")
    away = tuple(msgspec.structs.replace(one, cluster="far") for one in nodes(1, "cpu", gpu=0))
    found = decide(with_sets(cpu_set("90")), snapshot([pool(), far], [*nodes(1), *away]))
    assert found.mode is Mode.WAIT
    assert "beside the other pods" in found.message


def test_of_a_set_s_alternatives_the_cheapest_that_has_room_is_taken() -> None:
    l4 = pool("l4", price="4", accelerator=Accelerator("L4", 4, GPU))
    t4 = pool("t4", price="2", accelerator=Accelerator("T4", 4, GPU))
    either = cpu_set(accelerators=(AcceleratorOption("L4", 2), AcceleratorOption("T4", 2)))
    members = [*nodes(1), *nodes(1, "l4", gpu=4), *nodes(1, "t4", gpu=4)]
    busy = {"t4-0000": resources(gpu=3)}
    for usage, where in (({}, "t4"), (busy, "l4")):
        found = decide(with_sets(either), snapshot([pool(), l4, t4], members, usage=usage))
        assert found.chosen is not None
        assert [(one.name, one.pool) for one in found.chosen.pod_sets] == [("loader", where)]
