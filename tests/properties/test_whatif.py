"""No claim about what would admit a workload is false: whoever follows it is admitted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec
from hypothesis import given, settings

from stellwerk.model.decision import Candidate, Decision, Mode, Outcome, Plan, Verdict
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.placement.changes.edits import Case
from stellwerk.placement.changes.searching import Way
from stellwerk.placement.changes.whatif import LOOKS_PER_CYCLE, Explainer
from stellwerk.placement.planner import plan
from tests.builders import NOW
from tests.properties.worlds import World, rich_worlds, worlds

many = settings(max_examples=50)
any_world = given(worlds() | rich_worlds())
MODES = {Outcome.RUNS: Mode.FIT, Outcome.EVICTS: Mode.PREEMPT, Outcome.WAITS: Mode.WAIT}


class Told(NamedTuple):
    """What one cycle decided and claimed."""

    plan: Plan
    claims: list[tuple[Case, list[Way]]]
    explainers: list[Explainer]


@contextmanager
def listening(told: list[Any], explainers: list[Explainer]) -> Iterator[None]:
    """Record every claim, and who made it."""
    ways = Explainer.ways

    def heard(explainer: Explainer, case: Case, **how: bool) -> list[Way] | None:
        found = ways(explainer, case, **how)
        told.append((case, found or []))
        explainers.append(explainer)
        return found

    with patch.object(Explainer, "ways", heard):
        yield


def cycle(world: World, looks: int = 100_000) -> Told:
    claims: list[tuple[Case, list[Way]]] = []
    explainers: list[Explainer] = []
    with listening(claims, explainers):
        made = plan(world.pending, world.snapshot, NOW, 1, looks=looks)
    return Told(made, claims, explainers)


def afterwards(seen: Snapshot, explainer: Explainer) -> Snapshot:
    """The world in which all that this cycle placed runs: its pods use what the planner took."""
    usage = dict(seen.usage)
    offered = {one.name: one.allocatable for one in seen.nodes}
    for view in explainer._fleet.views:
        bins = view.bins
        for rank, name in enumerate(bins._names):
            if name in offered:
                key = bins._rows.keys[bins._rows.at[rank]]
                free = Resources.of(dict(zip(bins.axis, key.vector, strict=True)))
                usage[name] = offered[name] - free
    return msgspec.structs.replace(seen, usage=usage)


def followed(way: Way, seen: Snapshot) -> Decision:
    """Plan the workload alone as the change has it."""
    case = way.case
    policies = {**seen.policies, case.policy.name: case.policy}
    return plan([case.workload], msgspec.structs.replace(seen, policies=policies), NOW, 2).decisions[0]


def there(made: Decision, way: Way) -> list[Candidate]:
    """The candidates of the pool that was claimed which would do."""
    name = way.change.pool, way.change.cluster
    return [one for one in made.candidates if (one.pool, one.cluster) == name and one.verdict is not Verdict.REJECTED]


@many
@any_world
def test_whoever_follows_a_claim_is_admitted_as_it_says(world: World) -> None:
    told = cycle(world)
    for (_, ways), explainer in zip(told.claims, told.explainers, strict=True):
        seen = afterwards(world.snapshot, explainer)
        grows = any(one.growth for one in seen.pools)
        for way in ways:
            if grows and way.change.outcome is Outcome.WAITS:
                continue  # `afterwards` does not know of the new nodes that the cycle has given away
            made = followed(way, seen)
            assert made.mode is MODES[way.change.outcome], (way.change, made)
            named = way.change.cluster, way.change.pool
            if made.chosen is not None and not way.change.elsewhere and not grows:
                assert (made.chosen.cluster, made.chosen.pool) == named, (way.change, made)
            # Where several pool views share the room, the chosen one may have taken what the claimed one had.
            if made.mode is Mode.FIT and not way.case.workload.others and not grows:
                assert there(made, way), (way.change, made)


@many
@any_world
def test_what_is_written_is_what_was_tried_the_smallest_change_first(world: World) -> None:
    told = cycle(world)
    tried = {case.workload.uid: ways for case, ways in told.claims}
    for decision in told.plan.decisions:
        if decision.uid not in tried:
            continue
        ways = tried[decision.uid]
        assert [one.asks for one in decision.changes] == [way.change.asks for way in ways][: len(decision.changes)]
        weights = [sum(edit.weight for edit in way.edits) for way in ways]
        assert weights == sorted(weights)
        assert len({(way.kinds, way.change.outcome is Outcome.WAITS) for way in ways}) == len(ways)
        if ways:
            assert decision.unblock is not None
            assert decision.unblock.startswith(f"{ways[0].change.asks}: ")
        elif decision.candidates and decision.unblock:
            assert decision.unblock.startswith("perhaps ")


@many
@any_world
def test_explaining_changes_no_decision_and_leaves_the_room_as_it_was(world: World) -> None:
    with_claims = plan(world.pending, world.snapshot, NOW, 1, looks=100_000)
    without = plan(world.pending, world.snapshot, NOW, 1, looks=0)
    assert without.moves == with_claims.moves
    for one, other in zip(without.decisions, with_claims.decisions, strict=True):
        assert not one.changes
        assert msgspec.structs.replace(one, unblock=None) == msgspec.structs.replace(other, unblock=None, changes=())
    told = cycle(world)
    for (case, ways), explainer in zip(told.claims, told.explainers, strict=True):
        again = Explainer(explainer._fleet, explainer._rooms, NOW, 100_000)
        never = any(d.mode is Mode.NEVER for d in told.plan.decisions if d.uid == case.workload.uid)
        assert [way.edits[0].text for way in again.ways(case, never=never) or []] == [way.edits[0].text for way in ways]


@many
@any_world
def test_no_more_candidates_are_looked_at_than_a_cycle_may(world: World) -> None:
    told = cycle(world, LOOKS_PER_CYCLE)
    assert all(explainer._looks >= 0 for explainer in told.explainers)


@many
@any_world
def test_a_shape_is_explained_once_and_all_of_its_workloads_are_told(world: World) -> None:
    told = cycle(World(world.snapshot, (*world.pending, *twins(world))))
    assert len(told.claims) <= len({id(one.changes) for one in told.plan.decisions}) + len(told.plan.decisions) // 2
    by_uid = {one.uid: one for one in told.plan.decisions}
    for twin in twins(world):
        one, other = by_uid[twin.uid.removesuffix("-twin")], by_uid[twin.uid]
        if not one.chosen and not other.chosen and one.mode is other.mode:
            assert [change.asks for change in one.changes] == [change.asks for change in other.changes]


def twins(world: World) -> tuple[Any, ...]:
    """Return a workload of the same shape for each, a little younger."""
    return tuple(
        msgspec.structs.replace(one, identity=msgspec.structs.replace(one.identity, uid=f"{one.uid}-twin"))
        for one in world.pending
    )
