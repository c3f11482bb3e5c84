"""A placed workload waits for its nodes, but not for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.patience import Patience, got_new_nodes, overdue, placed_at
from stellwerk.lifecycle.transactions import actions_for
from stellwerk.model.capacity import CapacityType, Growth
from stellwerk.model.decision import Mode
from stellwerk.model.placement import PlacedSet
from stellwerk.model.workload import Workload
from tests.builders import NOW, decision, identity, own_job, plan_of, pool, state, status_after

GROWING = pool(growth=Growth(max_nodes=4, provision_s=300))
FIXED = pool()
PATIENCE = Patience(provision_times=2, fixed_s=900)
SAID = "0/4 nodes are available: 4 Insufficient nvidia.com/gpu."


def placed(new_nodes: int = 1, **facts: Any) -> WorkloadState:
    """A workload placed at NOW, whose Job is there and has two pods without a node."""
    seen = state()
    assert isinstance(seen.workload, Workload)
    made = decision(Mode.FIT, seen.workload)
    assert made.chosen is not None
    made = msgspec.structs.replace(made, chosen=msgspec.structs.replace(made.chosen, new_nodes=new_nodes))
    (found,) = actions_for(plan_of(made), [seen], NOW)
    status = status_after(seen.status, found.actions[0].body)
    told = {"job": own_job(identity()), "pods_unschedulable_message": SAID, **facts}
    return msgspec.structs.replace(seen, status=status, **told)


def ready(seen: WorkloadState, status: str, minutes: float) -> WorkloadState:
    """The condition Ready has been `status` since so many minutes after NOW."""
    moment = (NOW + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    changed = tuple(
        msgspec.structs.replace(one, status=status, last_transition_time=moment) if one.type == "Ready" else one
        for one in seen.status.conditions
    )
    return msgspec.structs.replace(seen, status=msgspec.structs.replace(seen.status, conditions=changed))


def after(minutes: float) -> Any:
    return NOW + timedelta(minutes=minutes)


def test_a_growing_pool_has_two_provision_times() -> None:
    assert overdue(placed(), GROWING, PATIENCE, after(10)) is None
    why = overdue(placed(), GROWING, PATIENCE, after(11))
    assert why is not None
    assert why.reason == "StockOut"
    assert why.message == f"2 of 2 pods found no node in pool pool for 11m ({SAID})"


def test_half_a_gang_without_nodes_is_a_stock_out_too() -> None:
    why = overdue(placed(pods_bound=1), GROWING, PATIENCE, after(11))
    assert why is not None
    assert why.message.startswith("1 of 2 pods found no node")


def test_what_never_ran_on_a_pool_of_fixed_size_keeps_its_place() -> None:
    assert overdue(placed(), FIXED, PATIENCE, after(600)) is None


@pytest.mark.parametrize(("on", "limit"), [(GROWING, 10), (FIXED, 15)])
def test_a_gang_that_lost_its_nodes_is_interrupted(on: Any, limit: float) -> None:
    lost = ready(placed(), "False", 60)
    assert overdue(lost, on, PATIENCE, after(60 + limit)) is None
    why = overdue(lost, on, PATIENCE, after(61 + limit))
    assert why is not None
    assert why.reason == "Interrupted"


@pytest.mark.parametrize(
    "facts",
    [
        {"pods_unschedulable_message": None},
        {"job": None},
        {"job": own_job(identity(), suspend=True)},
        {"job": own_job(identity(), deleting=True)},
        {"job": own_job(identity(), finished="Complete")},
        {"deleting": True},
    ],
)
def test_only_pods_that_the_scheduler_cannot_bind_count(facts: dict[str, Any]) -> None:
    assert overdue(placed(**facts), GROWING, PATIENCE, after(600)) is None


def test_what_runs_or_has_no_place_is_not_overdue() -> None:
    assert overdue(ready(placed(), "True", 1), GROWING, PATIENCE, after(600)) is None
    assert overdue(state(), GROWING, PATIENCE, after(600)) is None


def test_new_nodes_have_come_when_all_pods_run() -> None:
    assert not got_new_nodes(placed())
    assert got_new_nodes(ready(placed(), "True", 1))
    assert not got_new_nodes(ready(placed(new_nodes=0), "True", 1))
    assert placed_at(placed().status) == NOW
    assert placed_at(state().status) is None


def with_loader(unbound: tuple[bool, ...], new_nodes: int = 1) -> WorkloadState:
    """The same, with a further pod set that waits for nodes of a pool of its own."""
    seen = placed(new_nodes=0, sets_unbound=unbound, pods_bound=2)
    assert seen.status.placement is not None
    loader = PlacedSet("loader", "cpu", CapacityType.OWNED, 1, new_nodes=new_nodes)
    place = msgspec.structs.replace(seen.status.placement, pod_sets=(loader,))
    return msgspec.structs.replace(seen, status=msgspec.structs.replace(seen.status, placement=place))


def test_each_pod_set_waits_for_the_nodes_of_its_own_pool() -> None:
    hanging = with_loader((False, True))
    assert overdue(hanging, GROWING, PATIENCE, after(600)) is None, "the main pods have their nodes"
    assert overdue(hanging, GROWING, PATIENCE, after(10), 1) is None
    why = overdue(hanging, GROWING, PATIENCE, after(11), 1)
    assert why is not None
    assert why.reason == "StockOut"
    assert why.message == f"pods of pod set loader found no node in pool pool for 11m ({SAID})"
    assert overdue(with_loader((True, False)), GROWING, PATIENCE, after(600), 1) is None


def test_new_nodes_of_a_further_pod_set_have_come_when_all_pods_run() -> None:
    waits = with_loader((False, True))
    assert not got_new_nodes(waits, 1)
    assert got_new_nodes(ready(waits, "True", 1), 1)
    assert not got_new_nodes(ready(waits, "True", 1)), "the main one waited for none"
    assert not got_new_nodes(ready(with_loader((False, False), 0), "True", 1), 1)
