"""Where the pod sets of a gang go: never for more than is paid, and wherever there is room for all of them."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import product

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stellwerk.economics.cost import Site
from stellwerk.economics.podsets import MainAt, SetAt, cost_of_all
from stellwerk.lifecycle.reservations import reserve
from stellwerk.model.capacity import Growth, Node, Pool
from stellwerk.model.decision import MICROS, Decision, Mode
from stellwerk.model.policy import Policy
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Reservation, Snapshot
from stellwerk.model.workload import PodSet, PodShape, Workload
from stellwerk.placement.fleet.coming import is_to_come
from stellwerk.placement.planner import plan
from tests.builders import NOW, decide, gang, node, policy, pool, resources, snapshot

CPUS = st.sampled_from([2, 3, 4, 6, 8])


def shape(cpu: int) -> Resources:
    return resources(cpu=str(cpu), memory="1Gi", pods=1)


@st.composite
def gangs(draw: st.DrawFn, name: str = "train", most: int = 3) -> Workload:
    """A gang without accelerators, with one to `most` further pod sets of one pod each."""
    sizes = draw(st.lists(CPUS, min_size=1, max_size=most))
    sets = tuple(PodSet(f"set-{at}", 1, PodShape(shape(cpu))) for at, cpu in enumerate(sizes))
    return gang(name, gpus=0, requests=shape(draw(CPUS)), others=sets, expected_runtime_s=draw(st.integers(60, 9000)))


@st.composite
def fleets(draw: st.DrawFn) -> Snapshot:
    """Up to three pools, each of one node, so that what fits is a matter of sums."""
    pools, members = [], []
    for name in ("a", "b", "c")[: draw(st.integers(1, 3))]:
        price = draw(st.sampled_from([None, "1", "2", "3", "5", "8"]))
        carbon = {"pue": Decimal("1.3"), "grid_carbon": Decimal(350), "node_power_watts": Decimal(500)}
        pools.append(pool(name, price=price, accelerator=None, **carbon))
        cpus = str(draw(st.sampled_from([6, 8, 12, 16])))
        members.append(node(f"{name}-0", name, allocatable=resources(cpu=cpus, memory="1Ti", pods=110)))
    return snapshot(pools, members)


def ways(asked: Workload, seen: Snapshot, rules: Policy) -> list[int]:
    """What each combination of pools that has the room costs per hour, in micro-units."""
    sites = [Site(one, there.allocatable) for one, there in zip(seen.pools, seen.nodes, strict=True)]
    needs = [asked.pod.requests, *(one.pod.requests for one in asked.others)]
    found = []
    for main, *others in product(sites, repeat=len(needs)):
        left = {site.pool.name: site.node or Resources() for site in sites}
        for site, need in zip((main, *others), needs, strict=True):
            left[site.pool.name] -= need
        if any(amount < 0 for rest in left.values() for _, amount in rest.amounts):
            continue
        sets = [SetAt(one, None, site) for one, site in zip(asked.others, others, strict=True)]
        cost = cost_of_all(asked, rules, MainAt(None, main, asked.replicas), sets)
        if cost.per_hour is not None:
            found.append(cost.per_hour)
    return found


@settings(deadline=None, max_examples=80)
@given(gangs(), fleets(), st.integers(1, 400), st.sampled_from([0, 100]))
def test_a_limit_is_never_passed_and_what_it_pays_for_is_placed(
    asked: Workload, seen: Snapshot, percent: int, carbon: int
) -> None:
    possible = ways(asked, seen, policy(carbon_price_per_tonne=Decimal(carbon)))
    assume(possible)
    limit = Decimal(min(possible) * percent // 100) / MICROS
    rules = policy(max_cost_per_hour=limit, carbon_price_per_tonne=Decimal(carbon))
    found = decide(asked, msgspec.structs.replace(seen, policies={"default": rules}))
    if any(one <= limit * MICROS for one in possible):
        assert found.mode is Mode.FIT, found.message
    if found.mode is Mode.FIT:
        assert found.cost is not None
        assert found.cost.per_hour in possible
        assert (found.cost.per_hour or 0) <= limit * MICROS


@settings(deadline=None, max_examples=80)
@given(gangs(), fleets(), st.integers(1, 400))
def test_an_elastic_gang_never_passes_its_limit_and_starts_if_its_least_size_is_paid(
    asked: Workload, seen: Snapshot, percent: int
) -> None:
    possible = ways(asked, seen, policy())
    assume(possible)
    limit = Decimal(min(possible) * percent // 100) / MICROS
    elastic = msgspec.structs.replace(asked, replicas=4, min_replicas=1)
    found = decide(elastic, msgspec.structs.replace(seen, policies={"default": policy(max_cost_per_hour=limit)}))
    if any(one <= limit * MICROS for one in possible):
        assert found.mode is Mode.FIT, found.message
    if found.mode is Mode.FIT:
        assert found.cost is not None
        assert (found.cost.per_hour or 0) <= limit * MICROS


# ------------------------------------------------------------------------------------ nodes yet to come


def placed(decisions: tuple[Decision, ...]) -> list[Decision]:
    return [one for one in decisions if one.mode is Mode.FIT]


def taken(asks: list[Workload], decisions: list[Decision]) -> Counter[str]:
    """CPUs that are promised, in thousandths, by pool."""
    by_uid, found = {one.uid: one for one in asks}, Counter[str]()
    for decision in decisions:
        place, asked = decision.chosen, by_uid[decision.uid]
        assert place is not None
        found[place.pool] += asked.pod.requests.get("cpu") * place.replicas
        for one, pod_set in zip(place.pod_sets, asked.others, strict=True):
            found[one.pool] += pod_set.pod.requests.get("cpu") * one.replicas
    return found


def held(asks: list[Workload], decisions: list[Decision]) -> tuple[Reservation, ...]:
    by_uid = {one.uid: one for one in asks}
    found = (reserve(by_uid[one.uid], one.chosen, one.chosen.replicas) for one in decisions if one.chosen)
    return tuple(part for one in found if one is not None for part in (one, *one.others))


@st.composite
def growing(draw: st.DrawFn) -> tuple[Pool, int]:
    """A pool that may get nodes, and how many are there."""
    most = draw(st.integers(0, 3))
    offer = resources(cpu="8", memory="1Ti")
    name = draw(st.sampled_from(["a", "b"]))
    return pool(name, price="2", accelerator=None, growth=Growth(max(1, most), 300, offer)), draw(st.integers(0, 3))


def members(there: Pool, count: int) -> list[Node]:
    return [
        node(f"{there.name}-{at}", there.name, allocatable=resources(cpu="8", memory="1Ti", pods=110))
        for at in range(count)
    ]


@settings(deadline=None, max_examples=60)
@given(
    first=st.lists(gangs(), max_size=3),
    second=st.lists(gangs(), max_size=3),
    fleet=st.lists(growing(), min_size=1, max_size=2, unique_by=lambda one: one[0].name),
)
def test_all_pod_sets_fit_into_what_their_pools_can_become(
    first: list[Workload], second: list[Workload], fleet: list[tuple[Pool, int]]
) -> None:
    early, late = (named(some, prefix) for some, prefix in ((first, "early"), (second, "late")))
    pools, nodes = [one for one, _ in fleet], tuple(one for place, count in fleet for one in members(place, count))
    most = {one.name: 8000 * max(count, one.growth.max_nodes) for one, count in fleet if one.growth}
    seen = Snapshot(nodes, tuple(pools))
    made = placed(plan(early, seen, NOW, 1).decisions)
    more = placed(plan(late, msgspec.structs.replace(seen, reserved=held(early, made)), NOW, 2).decisions)
    total = taken(early, made) + taken(late, more)
    assert all(total[name] <= most[name] for name in total), (total, most)
    for decision in (*made, *more):
        place = decision.chosen
        assert place is not None
        for part in (place, *place.pod_sets):
            assert not any(is_to_come(name) for name in part.preferred_nodes)
        assert place.awaited_nodes <= sum(max(0, one.growth.max_nodes - count) for one, count in fleet if one.growth)


def named(some: list[Workload], prefix: str) -> list[Workload]:
    return [
        gang(f"{prefix}-{at}", gpus=0, requests=one.pod.requests, others=one.others, expected_runtime_s=3600)
        for at, one in enumerate(some)
    ]
