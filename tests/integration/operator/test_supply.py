"""Pools that grow, pools that do not get their nodes, and nodes that are taken away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.operator import objects
from tests.integration.operator.autoscaler import Autoscaler
from tests.integration.operator.objects import condition
from tests.integration.operator.replicas import HURRIED, PATIENT
from tests.integration.operator.site import Site
from tests.integration.operator.supplying import homes, one_copy_at_a_time, owner, pool_of, price, supply
from tests.operator_process import Operator
from tests.testbed.waiting import eventually

GONE = {"key": "cloud.google.com/impending-node-termination", "effect": "NoExecute"}


@pytest.fixture
def hurried(start: Callable[..., Operator]) -> Operator:
    """An operator that loses patience quickly, on the control plane for faults."""
    operator = start(**PATIENT, **HURRIED)
    eventually(operator.leads)
    return operator


# ------------------------------------------------------------------------------------------------ growing


def test_a_pool_scaled_to_zero_grows_for_what_is_placed_on_it(site: Site) -> None:
    pool = site.growing("zero", most=3)
    site.workload("gang", gpus=8, replicas=2)
    placed = site.placed("gang")["status"]
    assert placed["placement"]["newNodes"] == 2
    assert "preferredNodes" not in placed["placement"]
    chosen = next(one for one in placed["decision"]["candidates"] if one["pool"] == pool)
    assert (chosen["verdict"], chosen["message"]) == ("Chosen", "chosen with nodes that the pool has yet to get")
    with Autoscaler(site, pool, most=3) as autoscaler:
        site.running("gang")
    assert len(autoscaler.added) == 2
    eventually(lambda: site.config("computepools", pool)["status"].get("nodes") == 2)
    eventually(lambda: supply(site, pool) == {"stockOuts": 0})


def test_a_pool_grows_only_by_what_its_nodes_lack(site: Site) -> None:
    pool = site.growing("more", most=3)
    with Autoscaler(site, pool, most=3) as autoscaler:
        site.workload("first", gpus=4)
        site.running("first")
        site.workload("second", gpus=4)
        seen = site.running("second")
        assert "newNodes" not in seen["status"]["placement"]
        site.workload("third", gpus=8, replicas=2)
        seen = site.running("third")
        assert seen["status"]["placement"]["newNodes"] == 2
        site.workload("fourth", gpus=1)
        assert site.waits("fourth", "CapacityFull")["status"]["decision"]["mode"] == "Wait"
    assert len(autoscaler.added) == 3


def test_waiting_for_nodes_is_part_of_the_cost_where_the_policy_prices_it(site: Site) -> None:
    site.growing("slow", provision="30m", price=price("30"))
    ready = site.pool("ready", price=price("32"))
    hasty = site.policy(f"{site.name}-hasty", waitingPricePerHour="100")
    site.workload("patient", gpus=8)
    assert pool_of(site.placed("patient")).startswith("slow")
    site.workload("hasty", gpus=8, policy=hasty)
    seen = site.running("hasty")
    assert pool_of(seen) == ready
    site.workload("late", gpus=8, policy=hasty)
    parts = site.placed("late")["status"]["cost"]["parts"]
    assert {"name": "Waiting", "amount": "50"} in parts


# ---------------------------------------------------------------------------------------------- fallback


def test_capacity_types_are_used_in_the_order_of_expected_cost_as_each_fills_up(site: Site) -> None:
    pools = [
        site.pool("owned", capacityType="Owned", price=price("8")),
        site.pool("reserved", capacityType="Reserved", price=price("12")),
        site.pool("spot", capacityType="Spot", interruptionRatePerHour="0.01", price=price("16")),
        site.pool("ondemand", capacityType="OnDemand", price=price("32")),
    ]
    for number, pool in enumerate(pools):
        site.workload(f"job-{number}", gpus=8)
        assert pool_of(site.running(f"job-{number}")) == pool
    site.workload("job-4", gpus=8)
    site.waits("job-4", "CapacityFull")
    site.delete("aiworkloads", "job-1")
    assert pool_of(site.running("job-4")) == pools[1]


def test_a_risky_spot_pool_loses_against_on_demand_by_expected_cost(site: Site) -> None:
    site.pool("spot", capacityType="Spot", interruptionRatePerHour="3", price=price("16"))
    ondemand = site.pool("ondemand", capacityType="OnDemand", price=price("32"))
    site.workload("long", gpus=8, expectedRuntime="10h")
    assert pool_of(site.running("long")) == ondemand


# --------------------------------------------------------------------------------------------- stock-outs


def test_a_stock_out_sends_the_gang_to_the_next_best_pool_and_is_remembered_after_a_restart(
    hurried: Operator, fault_site: Site
) -> None:
    site = fault_site
    dry = site.growing("dry", provision="2s", capacityType="Spot", interruptionRatePerHour="0", price=price("8"))
    ready = site.pool("ready", nodes=3)
    with one_copy_at_a_time(site) as watch:
        site.workload("gang", gpus=8, replicas=2)
        seen = site.until("gang", lambda one: condition(one, "Ready")["status"] == "True")
        assert pool_of(seen) == ready
    assert homes(watch) == [dry, ready]
    assert len({owner(pod) for _, pod in watch.events}) == 2
    evicted = condition(seen, "Evicted")
    assert evicted["status"] == "False"
    assert evicted["message"].startswith("placed again after StockOut: 2 of 2 pods found no node in pool")
    eventually(lambda: [one for one in site.events("AIWorkload", "gang") if one["reason"] == "StockOut"])
    learned = eventually(lambda: supply(site, dry) if supply(site, dry)["stockOuts"] else None)
    assert learned["stockOuts"] == 1
    assert learned["until"] > learned["lastStockOut"]
    eventually(lambda: hurried.metric(f'stellwerk_pool_stocked_out{{cluster="local",pool="{dry}"}}') == 1.0)

    assert hurried.stop() == 0
    hurried.start()
    eventually(hurried.leads)
    site.workload("next", gpus=8)
    seen = site.running("next")
    assert pool_of(seen) == ready
    rejected = next(one for one in seen["status"]["decision"]["candidates"] if one["pool"] == dry)
    assert rejected["reason"] == "StockedOut"
    assert "stocked out until" in rejected["message"]
    assert {key: supply(site, dry)[key] for key in ("stockOuts", "until")} == {
        key: learned[key] for key in ("stockOuts", "until")
    }
    site.workload("last", gpus=8)
    site.waits("last", "StockedOut")


def test_a_users_job_is_suspended_and_released_elsewhere_with_the_template_that_it_had(
    hurried: Operator, fault_site: Site
) -> None:
    site = fault_site
    dry = site.growing("dry", provision="2s", price=price("8"))
    ready = site.pool("ready")
    job = objects.user_job("nightly", site.name, gpus=8)
    job["spec"]["template"]["spec"]["tolerations"] = [{"key": "mine", "operator": "Exists"}]
    with one_copy_at_a_time(site) as watch:
        site.submit(job)
        uid = site.get("jobs", "nightly")["metadata"]["uid"]
        seen = site.running("nightly")
    assert homes(watch) == [dry, ready]
    assert pool_of(seen) == ready
    found = site.get("jobs", "nightly")
    assert found["metadata"]["uid"] == uid
    pod = found["spec"]["template"]["spec"]
    assert dry not in str(pod)
    assert [one["key"] for one in pod["tolerations"]] == ["mine"]
    assert condition(seen, "Evicted")["message"].startswith("placed again after StockOut")
    assert hurried.alive()


def test_nodes_that_come_after_a_backoff_end_it(fault_site: Site, start: Callable[..., Operator]) -> None:
    site = fault_site
    operator = start(**PATIENT, **{**HURRIED, "SUPPLY__BACKOFF_SECONDS": "2"})
    eventually(operator.leads)
    pool = site.growing("late", provision="3s")
    site.workload("train", gpus=8)
    eventually(lambda: supply(site, pool)["stockOuts"] >= 1)
    with Autoscaler(site, pool, most=1):
        assert pool_of(site.running("train")) == pool
    eventually(lambda: supply(site, pool) == {"stockOuts": 0})


# ------------------------------------------------------------------------------------------ interruptions


def test_a_node_taken_from_under_a_spot_job_is_learned_and_its_pod_runs_elsewhere(site: Site) -> None:
    pool = site.pool("spot", nodes=2, capacityType="Spot", interruptionRatePerHour="0.05")
    site.workload("train", gpus=8)
    site.running("train")
    learned = eventually(lambda: supply(site, pool))
    assert (learned["interruptions"], learned["ratePerHour"]) == (0, "0.05")
    (pod,) = site.pods("train")
    node = pod["spec"]["nodeName"]
    idle = next(name for name in (f"{pool}-0", f"{pool}-1") if name != node)
    site.api.call("DELETE", f"/api/v1/nodes/{node}")
    learned = eventually(lambda: supply(site, pool) if supply(site, pool)["interruptions"] else None)
    site.delete("pods", pod["metadata"]["name"])  # as the pod garbage collector does, a minute later
    assert learned["interruptions"] == 1
    assert float(learned["nodeHours"]) > 0
    assert 0.059 < float(learned["ratePerHour"]) <= 0.06  # (0.05 x 100 + 1) / (100 + a few seconds)
    eventually(lambda: [one for one in site.pods("train") if one["spec"].get("nodeName") == idle])
    site.running("train")
    site.delete("aiworkloads", "train")
    eventually(lambda: not site.list("pods"))
    site.api.call("DELETE", f"/api/v1/nodes/{idle}")
    eventually(lambda: site.config("computepools", pool)["status"]["nodes"] == 0)
    assert supply(site, pool)["interruptions"] == 1, "nothing of ours ran on the second node"


def test_a_gang_whose_pool_has_no_room_left_after_a_loss_is_planned_anew(hurried: Operator, fault_site: Site) -> None:
    site = fault_site
    spot = site.pool("spot", nodes=2, capacityType="Spot", interruptionRatePerHour="0.01", price=price("8"))
    ready = site.pool("ready", nodes=2)
    with one_copy_at_a_time(site):
        site.workload("gang", gpus=8, replicas=2)
        assert pool_of(site.running("gang")) == spot
        site.api.call("PATCH", f"/api/v1/nodes/{spot}-0", {"spec": {"taints": [GONE]}}, "application/merge-patch+json")
        seen = site.until("gang", lambda one: pool_of(one) == ready if one["status"].get("placement") else False)
        seen = site.running("gang")
    assert pool_of(seen) == ready
    assert condition(seen, "Evicted")["message"].startswith("placed again after Interrupted: 1 of 2 pods found no node")
    eventually(lambda: supply(site, spot)["interruptions"] == 1)
    assert hurried.alive()
