"""The invariants of the design that the engine alone can break, in worlds where everything may be asked for.

S1 no accelerator twice, S2 gangs whole, S5 rules hold for every pod set, S11 missing data is never cheap,
L1 what fits is placed, L2 what cannot fit says why.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

import msgspec
from hypothesis import given, settings

from stellwerk.api.labels import ANY_MODEL
from stellwerk.model.capacity import CapacityType, Pool
from stellwerk.model.decision import MICROS, Decision, Mode, Verdict
from stellwerk.model.placement import Placement
from stellwerk.model.policy import Policy
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.planner import plan
from tests.builders import NOW
from tests.properties.looking import Explained, afterwards, devices_after, free_after, planned, request_of, units_of
from tests.properties.worlds import World, rich_worlds, worlds

many = settings(max_examples=50)
any_world = given(worlds() | rich_worlds())


def run(world: World) -> Explained:
    return planned(world.pending, world.snapshot)


def placed(world: World, made: tuple[Decision, ...]) -> list[tuple[Workload, Decision, Placement]]:
    by_uid = {one.uid: one for one in world.pending}
    return [(by_uid[one.uid], one, one.chosen) for one in made if one.chosen is not None]


def pool_of(seen: Snapshot, cluster: str, name: str) -> Pool:
    return next(one for one in seen.pools if (one.cluster, one.name) == (cluster, name))


def option_of(workload: Workload, decision: Decision) -> AcceleratorOption | None:
    return next(one.option for one in decision.candidates if one.verdict is Verdict.CHOSEN)


@many
@any_world
def test_s1_no_node_gives_more_than_it_has_of_anything(world: World) -> None:
    _, fleet = run(world)
    before = {one.name: one.allocatable - world.snapshot.usage[one.name] for one in world.snapshot.nodes}
    for name, free in free_after(fleet).items():
        for resource, amount in (before.get(name) or Resources()).amounts:
            assert free.get(resource) >= min(0, amount), (name, resource)


@many
@any_world
def test_s1_what_the_nodes_gave_is_what_the_pods_were_promised(world: World) -> None:
    made, fleet = run(world)
    seen = world.snapshot
    promised: defaultdict[str, int] = defaultdict(int)
    for workload, decision, chosen in placed(world, made.decisions):
        there = pool_of(seen, chosen.cluster, chosen.pool)
        request = request_of(workload.pod, option_of(workload, decision), there)
        assert units_of(chosen.accelerator) == request - workload.pod.requests
        for name, amount in request.amounts:
            promised[name] += amount * chosen.replicas
        for one, pods in zip(chosen.pod_sets, workload.others, strict=True):
            for name, amount in (pods.pod.requests + units_of(one.accelerator)).amounts:
                promised[name] += amount * one.replicas
    given_: defaultdict[str, int] = defaultdict(int)
    before = {one.name: one.allocatable - seen.usage[one.name] for one in seen.nodes if one.usable}
    for name, free in free_after(fleet).items():
        if name in before:
            for resource, amount in before[name].amounts:
                if resource not in dict(free.amounts) and amount < 0:
                    continue  # more used than nodes of the pool offer at all: nothing to give
                given_[resource] += amount - free.get(resource)
    coming = any(chosen.new_nodes for _, _, chosen in placed(world, made.decisions))
    for resource in promised.keys() | given_.keys():
        assert given_[resource] == promised[resource] or (coming and given_[resource] <= promised[resource])


@many
@any_world
def test_s1_the_devices_of_a_node_have_free_what_the_node_has_free(world: World) -> None:
    _, fleet = run(world)
    free = free_after(fleet)
    resource = "nvidia.com/gpu"
    for name, (devices, slices) in devices_after(fleet).items():
        assert all(0 <= one <= slices for one in devices)
        assert sum(devices) == max(0, free[name].get(resource))


@many
@any_world
def test_s2_a_gang_has_all_its_pods_or_none_of_any_pod_set(world: World) -> None:
    made, _ = run(world)
    for workload, decision, chosen in placed(world, made.decisions):
        option = option_of(workload, decision)
        size = workload.size(option)
        least = size if workload.min_replicas is None else min(workload.min_replicas, size)
        assert least <= chosen.replicas <= size
        told = [(one.name, one.replicas) for one in chosen.pod_sets]
        assert told == [(one.name, one.replicas) for one in workload.others]


@many
@any_world
def test_s5_the_rules_of_the_policy_hold_where_any_pod_of_it_goes(world: World) -> None:
    made, _ = run(world)
    for workload, decision, chosen in placed(world, made.decisions):
        rules = world.snapshot.policies[workload.policy]
        for name in (chosen.pool, *(one.pool for one in chosen.pod_sets)):
            assert_allowed(rules, pool_of(world.snapshot, chosen.cluster, name))
        cost, limit = decision.cost, rules.max_cost_per_hour
        assert cost is not None
        assert limit is None or (cost.per_hour is not None and cost.per_hour <= limit * MICROS)


def assert_allowed(rules: Policy, there: Pool) -> None:
    assert not rules.providers or there.provider in rules.providers
    assert not rules.regions or there.region in rules.regions
    assert not rules.jurisdictions or there.jurisdiction in rules.jurisdictions
    assert set(rules.certifications) <= set(there.certifications)
    assert not rules.capacity_types or there.capacity_type.value in rules.capacity_types
    assert all(there.labels.get(key) == value for key, value in rules.pool_labels.items())
    assert there.price is None or there.price.currency == rules.currency


@many
@any_world
def test_s5_the_pool_has_what_the_chosen_alternative_names(world: World) -> None:
    made, _ = run(world)
    for workload, decision, chosen in placed(world, made.decisions):
        option, has = option_of(workload, decision), pool_of(world.snapshot, chosen.cluster, chosen.pool).accelerator
        assert (option is None) == (not workload.accelerators)
        if option is None:
            assert chosen.accelerator is None
            continue
        assert has is not None
        assert option.model in {ANY_MODEL, has.model}
        assert option.memory_bytes is None or (has.memory_bytes or 0) >= option.memory_bytes
        assert option.is_share or option.count <= has.count


@many
@any_world
def test_s5_what_is_placed_by_a_deadline_is_expected_to_end_by_it(world: World) -> None:
    made, _ = run(world)
    for workload, decision, _ in placed(world, made.decisions):
        if workload.deadline is not None and workload.min_replicas is None:
            option = option_of(workload, decision)
            speed = 1 if option is None else option.speed
            ends = NOW + timedelta(seconds=float(workload.expected_runtime_s / speed))
            assert ends <= datetime.fromisoformat(workload.deadline)


@many
@any_world
def test_s11_what_is_not_known_is_never_cheap(world: World) -> None:
    made, _ = run(world)
    for decision in made.decisions:
        for candidate in decision.candidates:
            there = pool_of(world.snapshot, candidate.cluster, candidate.pool)
            blind = there.capacity_type is CapacityType.SPOT and there.interruption_rate_per_hour is None
            if there.price is None:
                assert candidate.cost.per_hour is None
            if there.price is None or blind:
                assert candidate.cost.total is None
                assert candidate.cost.unknown
        feasible = [one for one in decision.candidates if one.verdict is Verdict.FEASIBLE]
        asked = any(one.option for one in decision.candidates)
        if decision.cost is not None and decision.cost.total is None and asked:
            assert all(one.cost.total is None for one in feasible)


@many
@any_world
def test_l1_nothing_waits_that_would_fit_in_what_is_left(world: World) -> None:
    made, fleet = run(world)
    seen = afterwards(world.snapshot, fleet)
    by_uid = {one.uid: one for one in world.pending}
    grown = any(one.growth for one in seen.pools)  # what is to come is not among the nodes of the next world
    for decision in made.decisions:
        if decision.mode in {Mode.WAIT, Mode.NEVER} and not grown:
            again = plan([by_uid[decision.uid]], seen, NOW, 2, looks=0).decisions[0]
            assert again.mode is not Mode.FIT


@many
@any_world
def test_l2_what_cannot_fit_says_why_and_what_would_help(world: World) -> None:
    for decision in plan(world.pending, world.snapshot, NOW, 1).decisions:
        if decision.chosen is None:
            assert decision.message
            assert decision.unblock
            assert all(candidate.rejections for candidate in decision.candidates)
            for candidate in decision.candidates:
                assert all(one.message and one.change for one in candidate.rejections)


@many
@any_world
def test_the_candidates_of_a_record_are_the_nearest(world: World) -> None:
    short = plan(world.pending, world.snapshot, NOW, 1, looks=0).decisions
    long = plan(world.pending, world.snapshot, NOW, 1, kept=1000, looks=0).decisions
    for kept, every in zip(short, long, strict=True):
        assert kept.candidates == every.candidates[:10]
        assert every.considered == len(every.candidates)
        order = [(one.verdict, one.distance) for one in every.candidates]
        assert order == sorted(order)


@many
@any_world
def test_the_order_of_the_input_changes_no_byte(world: World) -> None:
    seen = world.snapshot
    turned = msgspec.structs.replace(
        seen,
        nodes=seen.nodes[::-1],
        pools=seen.pools[::-1],
        policies=dict(reversed(seen.policies.items())),
        usage=dict(reversed(seen.usage.items())),
    )
    first, second = plan(world.pending, seen, NOW, 1), plan(world.pending[::-1], turned, NOW, 1)
    assert msgspec.json.encode(first) == msgspec.json.encode(second)
