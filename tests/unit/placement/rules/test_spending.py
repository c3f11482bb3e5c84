"""A policy's limit on the cost per hour bounds the size of elastic gangs from above."""

from __future__ import annotations

from decimal import Decimal

import pytest

from stellwerk.api.reasons import Reason
from stellwerk.model.decision import Mode, Verdict
from tests.builders import decide, gang, nodes, policy, pool, snapshot
from tests.unit.placement.test_asks import CPU_NODES, CPU_POOL, cpu_set, placed, with_sets

LIMITED = policy(max_cost_per_hour=Decimal(60))
"""Pays for two pods of eight accelerators: a node costs 25.15 EUR per hour with what its pod takes of it."""


def test_an_elastic_gang_starts_with_as_many_pods_as_its_policy_pays_for() -> None:
    found = decide(gang(replicas=4, min_replicas=1), snapshot([pool()], nodes(4), policies=[LIMITED]))
    assert placed(found).replicas == 2
    assert "starts with 2 of 4 pods, for policy default allows 60 EUR per hour at most" in found.message
    assert found.cost is not None
    assert 50_000_000 < (found.cost.per_hour or 0) <= 60_000_000


def test_a_limit_that_is_met_exactly_pays_for_the_pods_that_meet_it() -> None:
    two = decide(gang(replicas=4, min_replicas=1), snapshot([pool()], nodes(2))).cost
    assert two is not None
    exact = Decimal(two.per_hour or 0) / 1_000_000
    for limit, pods in ((exact, 2), (exact - Decimal("0.000001"), 1)):
        seen = snapshot([pool()], nodes(4), policies=[policy(max_cost_per_hour=limit)])
        assert placed(decide(gang(replicas=4, min_replicas=1), seen)).replicas == pods


def test_where_less_fits_than_the_policy_pays_for_the_message_does_not_speak_of_it() -> None:
    found = decide(gang(replicas=4, min_replicas=1), snapshot([pool()], nodes(1), policies=[LIMITED]))
    assert placed(found).replicas == 1
    assert "starts with 1 of 4 pods" in found.message
    assert "policy default allows" not in found.message


def test_the_limit_counts_the_further_pod_sets_of_an_elastic_gang() -> None:
    seen = snapshot([pool()], nodes(4), policies=[policy(max_cost_per_hour=Decimal("50.5"))])
    alone = decide(gang(replicas=4, min_replicas=1), seen)
    beside = decide(with_sets(cpu_set(replicas=2), replicas=4, min_replicas=1), seen)
    assert (placed(alone).replicas, placed(beside).replicas) == (2, 1)


def test_a_further_pod_set_goes_where_it_leaves_most_of_the_limit_to_an_elastic_gang() -> None:
    seen = snapshot([pool(), CPU_POOL], [*nodes(4), *CPU_NODES], policies=[policy(max_cost_per_hour=Decimal("50.5"))])
    found = decide(with_sets(cpu_set(replicas=2), replicas=4, min_replicas=1), seen)
    assert (placed(found).replicas, [one.pool for one in placed(found).pod_sets]) == (2, ["cpu"])


def test_an_elastic_gang_whose_least_size_is_too_dear_is_told_with_how_many_pods_it_may_start() -> None:
    found = decide(gang(replicas=4, min_replicas=3), snapshot([pool()], nodes(4), policies=[LIMITED]))
    assert (found.mode, found.reason) == (Mode.NEVER, Reason.COST_ABOVE_LIMIT)
    assert "even 3 pods of it would cost 75.4" in found.message
    assert (found.unblock or "").startswith("start with 2 instead of 3 replicas: would run on pool")
    assert "raise maxCostPerHour of policy default to 75.4" in (found.unblock or "")


def test_a_deadline_that_needs_more_pods_than_the_policy_pays_for_keeps_an_elastic_gang_out() -> None:
    ask = gang(replicas=4, min_replicas=1, deadline="2026-11-22T13:30:00Z")  # an hour on four pods
    found = decide(ask, snapshot([pool()], nodes(4), policies=[LIMITED]))
    assert (found.mode, found.reason) == (Mode.NEVER, Reason.COST_ABOVE_LIMIT)
    assert "even 3 pods of it" in found.message


def test_a_feasible_candidate_of_an_elastic_gang_costs_what_the_pods_that_would_start_there_cost() -> None:
    small = pool("small", price="20")
    seen = snapshot([small, pool("large", price="25")], [*nodes(2, "small"), *nodes(3, "large")])
    found = decide(gang(replicas=4, min_replicas=1), seen)
    other = next(one for one in found.candidates if one.verdict is Verdict.FEASIBLE)
    assert other.pool == "large"
    hourly, total = other.cost.per_hour or 0, other.cost.total or 0  # an hour on four pods
    assert hourly * 4 == pytest.approx(total * 3, abs=8)
