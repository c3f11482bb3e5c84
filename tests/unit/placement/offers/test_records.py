"""Decisions as they are recorded: reasons, messages, candidates and ways out, word for word."""

from __future__ import annotations

import pytest

from stellwerk.model.capacity import Accelerator, Growth
from stellwerk.model.decision import Decision, Mode, Verdict
from stellwerk.model.workload import AcceleratorOption
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, decide, gang, nodes, policy, pool, resources, snapshot


def record(found: Decision) -> list[tuple[str, str, list[str]]]:
    return [(one.pool, one.verdict.wire, [why.reason for why in one.rejections]) for one in found.candidates]


def test_a_policy_that_is_missing_or_not_for_this_namespace_is_told_with_the_way_out() -> None:
    seen = snapshot([pool()], nodes(1), policies=[policy("theirs", namespaces=("them",))])
    missing = decide(gang(policy="typo"), seen)
    assert (missing.mode, missing.reason, missing.accepted) == (Mode.NEVER, "PolicyNotFound", False)
    assert missing.message == "there is no PlacementPolicy typo"
    assert missing.unblock == "create PlacementPolicy typo, or name another one in spec.policy"
    foreign = decide(gang(policy="theirs"), seen)
    assert (foreign.mode, foreign.reason, foreign.accepted) == (Mode.NEVER, "PolicyNotAllowed", False)
    assert foreign.message == "PlacementPolicy theirs may not be used in namespace team"
    assert foreign.unblock == "add team to spec.namespaces of policy theirs, or name another policy"
    assert (foreign.candidates, foreign.considered, foreign.uid, str(foreign.key)) == ((), 0, "uid-train", "team/train")


def test_a_fit_tells_its_cost_how_many_would_do_and_what_is_wrong_with_the_rest() -> None:
    pools = [
        pool("a", price="20"),
        pool("b", price="30"),
        pool("c", price="1", provider="aws", region="us"),
        pool("d", price="2", provider="aws"),
        pool("full", price="10"),
    ]
    members = [one for place in pools for one in nodes(1, place.name)]
    rules = [policy(providers=("onprem",), regions=("de-fra",))]
    found = decide(gang(), snapshot(pools, members, usage={"full-0000": resources(gpu=8)}, policies=rules))
    assert (found.mode, found.reason, found.considered) == (Mode.FIT, "CheapestFeasible", 5)
    assert found.message.startswith("a is the cheapest of 2 candidates that fit: ")
    assert record(found) == [
        ("a", "Chosen", []),
        ("b", "Feasible", []),
        ("full", "Rejected", ["CapacityFull"]),
        ("d", "Rejected", ["ProviderNotAllowed"]),
        ("c", "Rejected", ["ProviderNotAllowed", "RegionNotAllowed"]),
    ]
    assert found.cost is not None
    assert found.candidates[0].cost.total == found.cost.total
    assert found.candidates[0].cost.room_taken is None


def test_an_elastic_gang_on_a_growing_pool_says_with_how_much_it_starts_and_what_has_to_come() -> None:
    growing = pool(growth=Growth(3, 300, resources(cpu="96", memory="1Ti", gpu=8)))
    found = decide(gang(replicas=5, min_replicas=2), snapshot([growing], nodes(1)))
    assert found.message.endswith("in total; starts with 3 of 5 pods; 2 nodes have yet to come")


def test_without_any_pool_what_is_needed_is_told() -> None:
    found = decide(gang(replicas=2), snapshot())
    assert (found.mode, found.reason, found.considered) == (Mode.WAIT, "NoPool", 0)
    assert found.message == "needs 16 x H100; there is no pool at all"
    assert found.unblock == "add nodes, or declare a ComputePool"


def test_who_waits_is_told_the_reason_of_the_nearest_pool_that_only_lacks_room() -> None:
    pools = [pool("away", provider="aws"), pool("bare"), pool("full")]
    members = [*nodes(1, "away"), *nodes(1, "full")]
    rules = [policy(providers=("onprem",))]
    found = decide(gang(), snapshot(pools, members, usage={"full-0000": resources(gpu=8)}, policies=rules))
    assert (found.mode, found.reason) == (Mode.WAIT, "CapacityFull"), "not that of the pool with a rule against it"
    assert found.message == (
        "needs 8 x H100 in one pool; away: policy default allows provider onprem, not aws; "
        "full has 0 free of 8, room for 0 of 1 pod; bare has no nodes"
    )
    assert [one.pool for one in found.candidates] == ["away", "full", "bare"]
    assert all(one.verdict is Verdict.REJECTED for one in found.candidates)


@pytest.mark.parametrize(
    ("regions", "reason"),
    [((), "AcceleratorMismatch"), (("us",), "RegionNotAllowed")],
    ids=["the one reason that all pools share", "the first of several that they share"],
)
def test_who_never_fits_is_told_the_reason_that_all_pools_share(regions: tuple[str, ...], reason: str) -> None:
    a100 = Accelerator("A100", 8, GPU)
    pools = [pool("a", accelerator=a100), pool("b", accelerator=a100, certifications=("C",))]
    members = [*nodes(1, "a"), *nodes(1, "b")]
    rules = [policy(regions=regions, certifications=("C",))]
    found = decide(gang(), snapshot(pools, members, policies=rules))
    assert (found.mode, found.reason) == (Mode.NEVER, reason)


def test_who_could_wait_for_one_alternative_is_not_told_never() -> None:
    either = gang(accelerators=(AcceleratorOption("A100", 8), AcceleratorOption("H100", 8)))
    found = decide(either, snapshot([pool()], nodes(1), usage={"pool-0000": resources(gpu=8)}))
    assert (found.mode, found.reason, found.considered) == (Mode.WAIT, "CapacityFull", 2)


def test_who_leaves_a_cheaper_place_to_others_names_it() -> None:
    """The first could go to the cheap pool, which is the only place for the second."""
    a100 = pool("dear", price="40", accelerator=Accelerator("A100", 8, GPU))
    either = (AcceleratorOption("H100", 8), AcceleratorOption("A100", 8))
    first = gang("first", accelerators=either, created="2026-11-22T09:00:00Z")
    seen = snapshot([pool("cheap", price="10"), a100], [*nodes(1, "cheap"), *nodes(1, "dear")])
    made = {one.key.name: one for one in plan([first, gang("second")], seen, NOW, 1).decisions}
    alone = decide(first, seen).cost
    assert alone is not None
    assert alone.total is not None
    told = made["first"]
    assert told.reason == "CheapestTogether"
    assert told.message.startswith("dear makes the whole batch cheapest, ")
    assert f"though cheap would cost this workload {alone.total / 1_000_000:.2f} EUR: " in told.message
