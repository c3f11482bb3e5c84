"""What holds for every plan, in every world."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.api.reasons import Reason
from stellwerk.model.decision import Decision, Mode, Verdict
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.placement import planner
from stellwerk.placement.packing.bins import Assignment, Bins
from stellwerk.placement.planner import plan
from tests.builders import NOW, node, resources
from tests.properties.worlds import World, worlds

Taken = list[tuple[Resources, int, list[Assignment]]]

many = settings(max_examples=100)


@contextmanager
def watching() -> Iterator[Taken]:
    """Record what is really taken of nodes, in the round that is taken: request, size of the gang, and pods by node."""
    rounds: list[tuple[Any, Taken]] = []
    current: Taken = []
    taken: Taken = []
    place, go, improved = Bins.place, planner._Planner.go, planner.improved

    def watched(
        bins: Bins, request: Resources, pods: int, kinds: frozenset[int], **limits: Any
    ) -> list[Assignment] | None:
        found = place(bins, request, pods, kinds, **limits)
        if found is not None:
            current.append((request, pods, found))
        return found

    def gone(*args: Any) -> Any:
        current.clear()
        found = go(*args)
        rounds.append((found, list(current)))
        return found

    def chosen(*args: Any) -> Any:
        best, bound = improved(*args)
        taken.extend(next(mine for one, mine in rounds if one.taken is best.taken))
        return best, bound

    with (
        patch.object(Bins, "place", watched),
        patch.object(planner._Planner, "go", gone),
        patch.object(planner, "improved", chosen),
    ):
        yield taken


def decisions(world: World, snapshot: Snapshot | None = None) -> tuple[Decision, ...]:
    return plan(world.pending, snapshot or world.snapshot, NOW, 1).decisions


@many
@given(worlds())
def test_no_node_is_ever_overcommitted(world: World) -> None:
    seen = world.snapshot
    free = {one.name: one.allocatable - seen.usage[one.name] for one in seen.nodes if one.usable}
    used: defaultdict[str, Resources] = defaultdict(Resources)
    with watching() as taken:
        decisions(world)
    for request, _, assignments in taken:
        for assignment in assignments:
            used[assignment.node] += request * assignment.pods
    assert all(amount.fits_in(free[name]) for name, amount in used.items())


@many
@given(worlds())
def test_a_gang_has_all_its_pods_or_none(world: World) -> None:
    with watching() as taken:
        made = decisions(world)
    assert all(sum(one.pods for one in assignments) == pods for _, pods, assignments in taken)
    assert len(taken) == sum(decision.mode is Mode.FIT for decision in made)


@many
@given(worlds(), st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_anything(world: World, random: st.randoms) -> None:  # type: ignore[valid-type]
    def shuffled(items: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(random.sample(items, len(items)))  # type: ignore[attr-defined]

    seen = world.snapshot
    other = msgspec.structs.replace(
        seen,
        nodes=shuffled(seen.nodes),
        pools=shuffled(seen.pools),
        policies=dict(reversed(seen.policies.items())),
        usage=dict(reversed(seen.usage.items())),
    )
    first = plan(world.pending, seen, NOW, 1)
    second = plan(shuffled(world.pending), other, NOW, 1)  # type: ignore[arg-type]
    assert msgspec.json.encode(first) == msgspec.json.encode(second)


@many
@given(worlds())
def test_the_parts_of_a_cost_add_up_to_its_total(world: World) -> None:
    for decision in decisions(world):
        for candidate in decision.candidates:
            cost = candidate.cost
            if cost.total is not None:
                assert cost.total == sum(part.amount for part in cost.parts)
                assert min(part.amount for part in cost.parts) >= 0
            else:
                assert cost.unknown


@many
@given(worlds())
def test_what_would_fit_the_empty_fleet_is_never_told_never(world: World) -> None:
    seen = world.snapshot
    rested = tuple(msgspec.structs.replace(one, ready=True) for one in seen.nodes)
    empty = msgspec.structs.replace(seen, nodes=rested, usage={})
    for decision, workload in zip(decisions(world), sorted_like(world), strict=True):
        alone = plan([workload], empty, NOW, 1).decisions[0]
        if alone.mode is Mode.FIT:
            assert decision.mode is not Mode.NEVER
        else:
            assert decision.mode is not Mode.FIT


def sorted_like(world: World) -> list[object]:
    """Return the workloads in the order of the decisions."""
    by_uid = {workload.uid: workload for workload in world.pending}
    return [by_uid[decision.uid] for decision in decisions(world)]


@many
@given(worlds())
def test_no_candidate_that_fits_is_cheaper_than_the_chosen_one(world: World) -> None:
    for decision in decisions(world):
        totals = {candidate.verdict: candidate.cost.total for candidate in decision.candidates[:1]}
        chosen = totals.get(Verdict.CHOSEN)
        asked = any(candidate.option for candidate in decision.candidates)
        for candidate in decision.candidates:
            if decision.mode is Mode.FIT and asked and candidate.verdict is Verdict.FEASIBLE:
                assert candidate.cost.total is None or (chosen is not None and chosen <= candidate.cost.total)


@many
@given(worlds(most=1), st.sampled_from(["a", "b", "c"]), st.sampled_from([0, 4]))
def test_one_more_node_never_makes_what_fits_impossible(world: World, there: str, gpus: int) -> None:
    seen = world.snapshot
    extra = node("extra", there, allocatable=resources(cpu=32, memory="256Gi", pods=20, gpu=gpus))
    grown = msgspec.structs.replace(seen, nodes=(*seen.nodes, extra))
    before = decisions(world)[0]
    # A pool without nodes may come to have any, so one waits for it; its first node may show that it never will do.
    against = [rejection.reason for candidate in before.candidates for rejection in candidate.rejections]
    known = before.mode is not Mode.NEVER and Reason.POOL_HAS_NO_NODES not in against
    if known and "frugal" not in {w.policy for w in world.pending}:
        assert decisions(world, grown)[0].mode is not Mode.NEVER


@many
@given(worlds())
def test_every_decision_explains_itself(world: World) -> None:
    for decision in decisions(world):
        assert decision.reason
        assert decision.message
        assert len(decision.candidates) == min(10, decision.considered)
        if decision.mode is Mode.FIT:
            assert decision.chosen is not None
            assert decision.cost is not None
            assert decision.unblock is None
        else:
            assert decision.chosen is None
            assert decision.unblock
            assert all(candidate.rejections for candidate in decision.candidates)


@many
@given(worlds())
def test_policies_hold_for_every_placement(world: World) -> None:
    facts = {place.name: place for place in world.snapshot.pools}
    by_uid = {workload.uid: workload for workload in world.pending}
    for decision in decisions(world):
        rules = world.snapshot.policies.get(by_uid[decision.uid].policy)
        if decision.chosen is None:
            continue
        there = facts[decision.chosen.pool]
        assert rules is not None
        assert not rules.providers or there.provider in rules.providers
        assert not rules.capacity_types or there.capacity_type in rules.capacity_types
        assert there.price is None or there.price.currency == rules.currency
        limit = rules.max_cost_per_hour
        assert decision.cost is not None
        assert limit is None or (decision.cost.per_hour is not None and decision.cost.per_hour <= limit * 1_000_000)
