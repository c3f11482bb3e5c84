"""Which changes are found, what they say, and where it is said that nothing was tried."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from stellwerk.model.capacity import Taint, Toleration
from stellwerk.model.decision import Change, Decision, Mode, Outcome
from stellwerk.model.requirements import Operator, Requirement, Requirements
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, PodSet, PodShape, Workload
from stellwerk.placement.planner import plan
from tests.builders import GIB, H100, NOW, decide, gang, node, nodes, policy, pool, resources, snapshot

A100 = msgspec.structs.replace(H100, model="A100", memory_bytes=40 * GIB)


def world(*, free: int = 8, members: int = 2, rules: dict[str, Any] | None = None, **facts: Any) -> Snapshot:
    """One pool of nodes that have so many accelerators free each."""
    there = nodes(members)
    busy = {one.name: resources(gpu=8 - free, pods=1) for one in there}
    return snapshot([pool(**facts)], there, usage=busy, policies=[policy(**(rules or {}))])


def changes(workload: Workload, seen: Snapshot) -> list[str]:
    return [one.asks for one in decide(workload, seen).changes]


def option(model: str = "H100", count: int = 8, **facts: Any) -> AcceleratorOption:
    return AcceleratorOption(model, count, **facts)


def test_fewer_replicas_are_as_many_as_there_is_room_for() -> None:
    made = decide(gang(replicas=5), world(members=3))
    assert made.changes[0].asks == "ask for 3 instead of 5 replicas"
    assert made.changes[0].outcome is Outcome.RUNS


def test_an_elastic_gang_starts_with_fewer() -> None:
    assert changes(gang(replicas=6, min_replicas=4), world())[0] == "start with 2 instead of 4 replicas"


def test_of_an_alternative_with_its_own_size_that_size_is_changed() -> None:
    asked = gang(replicas=9, accelerators=(option(replicas=4),))
    assert changes(asked, world())[0] == "ask for 2 instead of 4 replicas with H100"


def test_another_shape_comes_before_fewer_accelerators_and_both_after_fewer_replicas() -> None:
    found = changes(gang(replicas=2), world(free=4, members=4))
    assert found == ["accept 4 pods of 4 x H100 instead of 2 of 8", "ask for 4 instead of 8 accelerators per pod"]


def test_a_job_of_a_user_has_one_shape() -> None:
    asked = gang(replicas=2, source="job")
    assert changes(asked, world(free=4, members=4)) == ["ask for 4 instead of 8 accelerators per pod"]


def test_a_pod_that_is_larger_than_a_node_may_ask_for_what_the_node_has() -> None:
    assert changes(gang(gpus=16), world())[:1] == ["accept 2 pods of 8 x H100 instead of 1 of 16"]
    assert "ask for 8 instead of 16 accelerators per pod" in changes(gang(gpus=16), world())


def test_processors_and_memory_are_made_less_only_where_they_are_short() -> None:
    asked = gang(requests=resources(cpu="200", memory="64Gi", pods=1))
    assert "ask for 96 CPU instead of 200 CPU per pod" in changes(asked, world())
    assert not any("CPU" in one for one in changes(gang(replicas=3), world()))


def test_less_memory_of_an_accelerator() -> None:
    asked = gang(accelerators=(option(memory_bytes=141 * GIB),))
    assert changes(asked, world()) == ["ask for 80Gi instead of 141Gi of memory per accelerator"]


def test_another_model_and_then_less_memory_as_a_pair() -> None:
    asked = gang(accelerators=(option(memory_bytes=80 * GIB),))
    found = decide(asked, world(accelerator=A100)).changes
    assert [one.asks for one in found] == ["accept A100 and ask for 40Gi instead of 80Gi of memory per accelerator"]
    assert found[0].pool == "pool"


@pytest.mark.parametrize(
    ("rules", "facts", "asks"),
    [
        ({"providers": ("aws",)}, {}, "allow provider onprem in policy default"),
        ({"regions": ("us-east",)}, {}, "allow region de-fra in policy default"),
        ({"regions": ("us-east",)}, {"region": ""}, "allow any region in policy default"),
        ({"capacity_types": ("Spot",)}, {}, "allow capacity type Owned in policy default"),
        ({"jurisdictions": ("US",)}, {"jurisdiction": "DE"}, "allow jurisdiction DE in policy default"),
        ({"certifications": ("BSI-C5",)}, {}, "drop BSI-C5 from policy default"),
        ({"pool_labels": {"tier": "gold"}}, {}, "drop the pool label tier=gold from policy default"),
        ({"max_cost_per_hour": Decimal(10)}, {}, "raise maxCostPerHour of policy default to 25.16"),
    ],
)
def test_a_rule_of_the_policy_is_relaxed(rules: dict[str, Any], facts: dict[str, Any], asks: str) -> None:
    assert asks in changes(gang(), world(rules=rules, **facts))


def test_what_is_kept_of_a_rule_is_what_the_pool_obeys() -> None:
    rules = {"certifications": ("BSI-C5", "ISO-27001"), "pool_labels": {"tier": "gold", "hall": "2"}}
    seen = world(rules=rules, certifications=("ISO-27001",), labels={"hall": "2"})
    asked = "drop BSI-C5 from policy default and drop the pool label tier=gold from policy default"
    assert set(changes(gang(), seen)[0].split(" and ")) == set(asked.split(" and "))


@pytest.mark.parametrize(
    ("rules", "facts"),
    [
        ({"jurisdictions": ("DE",)}, {}),
        ({"max_cost_per_hour": Decimal(10)}, {"price": None}),
        ({"currency": "USD"}, {}),
    ],
    ids=["an undeclared jurisdiction", "an unknown cost", "another currency"],
)
def test_what_the_asker_cannot_change_is_not_claimed(rules: dict[str, Any], facts: dict[str, Any]) -> None:
    made = decide(gang(), world(rules=rules, **facts))
    assert made.changes == ()
    assert made.unblock is not None
    assert made.unblock.startswith("perhaps ")


def test_a_toleration_and_a_selector_are_for_the_pods() -> None:
    tainted = tuple(node(f"n{at}", taints=(Taint("team", "NoSchedule", "a"),)) for at in range(2))
    assert changes(gang(), snapshot([pool()], tainted)) == ["tolerate team=a:NoSchedule"]
    picky = Requirements((Requirement("disk", Operator.IN, ("fast",)), Requirement("pool", Operator.IN, ("pool",))))
    assert changes(gang(requirements=picky), world()) == ["drop disk=fast from the pods' node selector"]


def test_the_tolerations_that_are_there_are_kept() -> None:
    taints = (Taint("a", "NoSchedule"), Taint("b", "NoSchedule"))
    asked = gang(tolerations=(Toleration("a", "Exists"),))
    assert changes(asked, snapshot([pool()], nodes(1, taints=taints))) == ["tolerate b:NoSchedule"]


@pytest.mark.parametrize(("price", "first"), [("16", "cheap"), ("64", "pool")])
def test_where_several_pools_would_do_the_cheapest_is_named_and_said_to_be_one_of_them(price: str, first: str) -> None:
    asked = gang(gpus=8, expected_runtime_s=7200, deadline="2026-11-22T13:00:00Z")
    both = snapshot([pool(), pool("cheap", price=price)], (*nodes(1), *nodes(1, "cheap")))
    (one,) = decide(asked, both).changes
    assert (one.pool, one.elsewhere) == (first, True)
    alone = snapshot([pool(), pool("cheap", price=price)], (*nodes(1), *nodes(1, "cheap", gpu=4)))
    (one,) = decide(asked, alone).changes
    assert (one.pool, one.elsewhere) == ("pool", False)


def test_a_deadline_is_moved_as_far_as_it_takes() -> None:
    asked = gang(expected_runtime_s=7200, deadline="2026-11-22T13:00:00Z")
    assert changes(asked, world()) == ["set the deadline 1h later"]


def test_of_what_can_never_run_it_is_said_what_would_let_it_wait() -> None:
    made = decide(gang(replicas=3), world(free=4))
    assert made.mode is Mode.NEVER
    told = {one.asks: one.outcome for one in made.changes}
    assert told["ask for 2 instead of 3 replicas"] is Outcome.WAITS
    assert made.unblock == "ask for 2 instead of 3 replicas: would then wait for room on pool, at 50.30 EUR per hour"


def test_of_what_waits_already_waiting_is_no_news() -> None:
    made = decide(gang(replicas=2), world(free=0))
    assert made.mode is Mode.WAIT
    assert made.changes == ()
    assert made.unblock == "perhaps free room in pool pool for 2 pods"


def test_a_rule_that_others_wait_for_too_may_let_them_in_first() -> None:
    seen = world(rules={"providers": ("aws",)})
    alone = decide(gang(), seen)
    assert not alone.changes[0].contested
    both = plan([gang("a"), gang("b", 2)], seen, NOW, 1).decisions
    assert all(one.changes[0].contested for one in both)
    assert both[0].unblock == (
        "allow provider onprem in policy default: would run on pool at 25.15 EUR per hour, "
        "unless others under policy default take the room first"
    )


def test_a_change_of_the_workload_itself_is_not_contested() -> None:
    both = plan([gang("a", 3), gang("b", 4)], world(), NOW, 1).decisions
    assert [one.changes[0].contested for one in both] == [False, False]


def test_what_the_budget_does_not_reach_is_said_to_be_untried() -> None:
    pending = [gang("a", 3), gang("b", 4)]
    first, second = plan(pending, world(), NOW, 1, looks=4).decisions
    assert first.changes
    assert second.changes == ()
    assert second.unblock == "perhaps ask for 2 instead of 4 replicas"


def test_a_change_of_unknown_cost_says_so() -> None:
    made = decide(gang(replicas=3), world(price=None))
    assert made.unblock == "ask for 2 instead of 3 replicas: would run on pool at a cost that is not known"


def test_for_a_further_pod_set_nothing_is_tried() -> None:
    helpers = PodSet("helpers", 1, PodShape(resources(cpu="500", pods=1)))
    made = decide(gang(others=(helpers,)), world())
    assert made.changes == ()
    assert made.unblock is not None
    assert made.unblock.startswith("perhaps ")


def test_the_cost_is_the_one_with_the_change_of_the_cheapest_pool_that_would_do() -> None:
    pools = [pool("cheap", price="10"), pool("dear", price="90")]
    seen = snapshot(pools, [*nodes(1, "cheap"), *nodes(2, "dear")])
    made = decide(gang(replicas=3), seen)
    found: Change = made.changes[0]
    assert (found.asks, found.pool) == ("ask for 2 instead of 3 replicas", "dear")
    follow: Decision = decide(gang(replicas=2), seen)
    assert follow.cost is not None
    assert (found.cost.total, found.cost.per_hour) == (follow.cost.total, follow.cost.per_hour)


def test_no_more_changes_are_kept_than_a_record_holds() -> None:
    rules = {"providers": ("aws",), "regions": ("us-east",)}
    made = decide(gang(replicas=9), world(rules=rules, members=4))
    assert len(made.changes) <= 5
    weights = [one.asks.count(" and ") for one in made.changes]
    assert weights == sorted(weights)
