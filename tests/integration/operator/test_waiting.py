"""What has no place says why and what would admit it, and is placed as soon as that comes true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.operator import objects
from tests.integration.operator.objects import condition, is_true
from tests.integration.operator.site import Site
from tests.integration.operator.watching import pods_watched
from tests.testbed.waiting import eventually


def full(site: Site) -> str:
    """Declare a pool of one node and fill it with a workload named `big`; returns the pool's name."""
    pool = site.pool()
    site.workload("big", gpus=8)
    site.running("big")
    return pool


def test_a_full_pool_is_named_with_the_smallest_change_that_would_admit_the_workload(site: Site) -> None:
    pool = site.pool()
    site.workload("half", gpus=4)
    site.running("half")
    site.workload("gang", gpus=2, replicas=3)
    decision = site.waits("gang", "CapacityFull")["status"]["decision"]
    assert decision["mode"] == "Wait"
    assert "needs 6 x H100" in decision["message"]
    assert f"{pool} has 4 free of 8, room for 2 of 3 pods" in decision["message"]
    assert "ask for 2 instead of 3 replicas" in decision["unblock"]
    placed = condition(site.aiw("gang"), "Placed")
    assert (placed["reason"], placed["status"]) == ("CapacityFull", "False")
    eventually(lambda: any(one["reason"] == "Waiting" for one in site.events("AIWorkload", "gang")))


def test_a_waiting_workload_is_placed_when_another_finishes(site: Site) -> None:
    site.pool()
    site.workload("short", gpus=8)
    site.running("short")
    site.workload("next", gpus=8)
    site.waits("next", "CapacityFull")
    site.finish("short")
    site.running("next")
    site.ended("short")


def test_a_waiting_workload_is_placed_when_another_is_deleted(site: Site) -> None:
    full(site)
    site.workload("next", gpus=8)
    site.waits("next")
    site.delete("aiworkloads", "big")
    site.running("next")


def test_a_waiting_workload_is_placed_when_a_node_comes(site: Site) -> None:
    pool = site.pool()
    site.workload("gang", gpus=8, replicas=2)
    assert site.waits("gang", "TooBigForPool")["status"]["decision"]["mode"] == "Never"
    node = objects_node(site, pool)
    site.api.call("POST", "/api/v1/nodes", node)
    site.running("gang")


def objects_node(site: Site, pool: str) -> objects.Object:
    """A second node of a pool."""
    found: objects.Object = site.api.get(f"/api/v1/nodes/{pool}-0")
    name = f"{pool}-late"
    labels = found["metadata"]["labels"] | {"kubernetes.io/hostname": name}
    return {
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {key: found["status"][key] for key in ("allocatable", "capacity")},
    }


def test_a_waiting_workload_is_placed_when_the_policy_allows_it(site: Site) -> None:
    pool = site.pool()
    strict = site.policy(f"{site.name}-fr", require={"jurisdictions": ["FR"]})
    site.accepted("placementpolicies", strict)
    site.known(pool)
    site.workload("train", policy=strict)
    decision = site.waits("train")["status"]["decision"]
    rejected = next(one for one in decision["candidates"] if one["pool"] == pool)
    assert (rejected["verdict"], rejected["reason"]) == ("Rejected", "JurisdictionNotAllowed")
    assert f"in policy {strict}" in decision["unblock"]
    site.patch("placementpolicies", strict, {"spec": {"require": {"jurisdictions": ["FR", "DE"]}}})
    site.running("train")


def test_a_waiting_workload_is_placed_when_its_policy_is_exchanged(site: Site) -> None:
    site.pool()
    strict = site.policy(f"{site.name}-gold", require={"certifications": ["GOLD"]})
    site.workload("train", policy=strict)
    site.waits("train", None)
    site.patch("aiworkloads", "train", {"spec": {"policy": site.name}})
    seen = site.running("train")
    assert seen["status"]["observedGeneration"] == seen["metadata"]["generation"] == 2


def test_a_waiting_workload_is_placed_when_a_pool_is_declared(site: Site) -> None:
    nodes = site.nodes()
    site.workload("train")
    site.waits("train")
    site.declare(nodes)
    site.running("train")


@pytest.mark.parametrize(
    ("spec", "pool", "reason"),
    [
        ({"accelerators": [{"model": "B200", "count": 1}]}, {}, "AcceleratorMismatch"),
        ({"accelerators": [{"model": "H100", "count": 9}]}, {}, "AcceleratorsPerNodeTooFew"),
        ({"accelerators": [{"model": "H100", "memory": "141Gi"}]}, {}, "AcceleratorMemoryTooSmall"),
        ({}, {"price": {"perNodeHour": "32", "currency": "XTS"}}, "CurrencyMismatch"),
        ({"replicas": 9}, {}, "TooBigForPool"),
    ],
)
def test_what_can_never_fit_is_told_so_in_its_first_decision(
    site: Site, spec: dict[str, object], pool: dict[str, object], reason: str
) -> None:
    name = site.pool(**pool)
    site.known(name)
    site.workload("odd", **spec)
    decision = site.until("odd", lambda seen: seen["status"]["decision"])["status"]["decision"]
    assert decision["mode"] == "Never"
    rejected = next(one for one in decision["candidates"] if one["pool"] == name)
    assert rejected["reason"] == reason
    assert rejected["message"]
    assert decision["unblock"]
    assert site.list("jobs") == []


def test_a_gang_has_all_its_pods_or_none(site: Site) -> None:
    full(site)
    with pods_watched(site.kubectl, site.name) as watch:
        site.workload("gang", gpus=2, replicas=4)
        site.waits("gang", "CapacityFull")
        site.workload("small", gpus=8)
        site.waits("small", "CapacityFull")
        assert [name for name in watch.names() if not name.startswith("big-")] == []
        site.delete("aiworkloads", "small")
        site.delete("aiworkloads", "big")
        site.running("gang")
    assert len({one["metadata"]["name"] for _, one in watch.events if "gang" in one["metadata"]["name"]}) == 4


def test_the_higher_priority_goes_first_then_the_older(site: Site) -> None:
    full(site)
    for name, priority in (("old", 0), ("young", 0), ("urgent", 500)):
        site.workload(name, gpus=8, priority=priority, steer={"duration": "1s"})
        born = datetime.fromisoformat(site.waits(name, "CapacityFull")["metadata"]["creationTimestamp"])
        eventually(lambda: datetime.now(UTC) > born + timedelta(seconds=1))  # noqa: B023 - called at once
    site.delete("aiworkloads", "big")
    moments = {name: site.ended(name)["status"]["decision"]["decidedAt"] for name in ("urgent", "old", "young")}
    assert sorted(moments, key=moments.__getitem__) == ["urgent", "old", "young"]


def test_a_smaller_workload_is_not_held_up_by_a_bigger_one(site: Site) -> None:
    site.pool()
    site.workload("half", gpus=4)
    site.running("half")
    site.workload("big", gpus=8, priority=900)
    site.waits("big", "CapacityFull")
    site.workload("small", gpus=4)
    site.running("small")
    assert not is_true(site.aiw("big"), "Placed")


def test_a_policy_that_does_not_exist_is_said_until_it_does(site: Site) -> None:
    site.pool()
    later = f"{site.name}-later"
    site.workload("train", policy=later)
    seen = site.until("train", lambda one: condition(one, "Accepted")["status"] == "False")
    accepted = condition(seen, "Accepted")
    assert accepted["reason"] == "PolicyNotFound"
    assert later in accepted["message"]
    assert condition(seen, "Placed")["status"] == "False"
    site.policy(later)
    site.running("train")
    assert is_true(site.aiw("train"), "Accepted")


def test_a_policy_may_be_closed_to_a_namespace(site: Site) -> None:
    site.pool()
    closed = site.policy(f"{site.name}-closed", namespaces=["somebody-elses"])
    site.accepted("placementpolicies", closed)
    site.workload("train", policy=closed)
    seen = site.until("train", lambda one: condition(one, "Accepted")["status"] == "False")
    assert condition(seen, "Accepted")["reason"] == "PolicyNotAllowed"
    site.patch("placementpolicies", closed, {"spec": {"namespaces": [site.name]}})
    site.running("train")
