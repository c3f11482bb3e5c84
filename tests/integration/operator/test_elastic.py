"""Elastic gangs on a real control plane: Jobs shrink before anybody is evicted, grow when room appears, and end."""

from __future__ import annotations

import pytest

from tests.integration.operator import objects
from tests.integration.operator.objects import Object, condition, is_true
from tests.integration.operator.site import Site
from tests.integration.operator.watching import pods_watched
from tests.testbed.waiting import eventually

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def rules(site: Site) -> str:
    """A policy under which higher priority takes the room of lower priority."""
    return site.policy(f"{site.name}-urgent", preemption={"mode": "LowerPriority"})


def has(site: Site, name: str, pods: int) -> Object:
    """Wait until an elastic workload has so many pods, on record and running, and return it."""
    site.until(name, lambda seen: seen["status"]["placement"]["replicas"] == pods)

    def running() -> bool:
        job = site.child(name)
        size = (job["spec"]["parallelism"], job["spec"]["completions"])
        return size == (pods, pods) and job["status"].get("ready") == pods and len(site.pods(name)) == pods

    eventually(running)
    return site.aiw(name)


def test_a_gang_grows_when_another_one_ends(site: Site) -> None:
    site.pool()
    site.workload("other", gpus=6)
    site.running("other")
    site.workload("elastic", gpus=2, replicas=4, minReplicas=1)
    has(site, "elastic", 1)
    uid = site.child("elastic")["metadata"]["uid"]
    (first,) = (pod["metadata"]["uid"] for pod in site.pods("elastic"))
    before = site.aiw("elastic")["status"]
    site.delete("aiworkloads", "other")
    grown = has(site, "elastic", 4)
    assert site.child("elastic")["metadata"]["uid"] == uid
    assert first in [pod["metadata"]["uid"] for pod in site.pods("elastic")], "what ran goes on"
    assert "resizedAt" in grown["status"]
    assert float(grown["status"]["cost"]["perHour"]) > float(before["cost"]["perHour"])
    assert is_true(site.running("elastic"), "Ready")
    site.told("elastic", "Grown")


def test_a_gang_that_starts_beside_others_keeps_to_its_seats_and_grows_by_further_ones(site: Site) -> None:
    pool = site.pool(nodes=2)
    site.known(pool)
    kinds = [
        objects.workload("whole", site.name, gpus=4),
        objects.workload("elastic", site.name, gpus=1, replicas=16, minReplicas=2),
    ]
    site.submit(*kinds)
    assert is_true(site.running("whole"), "Ready"), "no pod of the other gang sits where only this one fits"
    has(site, "elastic", 12)
    site.delete("aiworkloads", "whole")
    has(site, "elastic", 16)
    assert len({pod["metadata"]["uid"] for pod in site.pods("elastic") if pod["spec"].get("nodeName")}) == 16


def test_a_gang_shrinks_before_anybody_is_evicted(site: Site, rules: str) -> None:
    site.pool()
    site.workload("rigid", gpus=2)
    site.running("rigid")
    site.workload("elastic", gpus=2, replicas=3, minReplicas=1)
    has(site, "elastic", 3)
    stays = {index_of(pod): pod["metadata"]["uid"] for pod in site.pods("elastic")}["0"]
    with pods_watched(site.kubectl, site.name) as watch:
        site.workload("urgent", gpus=4, priority=100, policy=rules)
        site.running("urgent")
        shrunk = has(site, "elastic", 1)
    assert [pod["metadata"]["uid"] for pod in site.pods("elastic")] == [stays], "the highest indexes go"
    assert all(condition(site.aiw(name), "Evicted")["status"] == "False" for name in ("rigid", "elastic"))
    assert is_true(shrunk, "Placed")
    assert is_true(site.aiw("rigid"), "Ready")
    site.told("elastic", "Shrunk")
    assert sum(name.startswith("rigid") for name in watch.names("DELETED")) == 0


def test_a_gang_that_changed_its_size_ends_well(site: Site, rules: str) -> None:
    site.pool()
    site.workload("elastic", gpus=2, replicas=4, minReplicas=1)
    has(site, "elastic", 4)
    site.workload("urgent", gpus=4, priority=100, policy=rules)
    has(site, "elastic", 2)
    for pod in site.pods("elastic"):
        site.patch("pods", f"{pod['metadata']['name']}/status", {"status": {"phase": "Succeeded"}})
    ended = site.ended("elastic")
    assert condition(ended, "Finished")["reason"] == "JobComplete"


def index_of(pod: Object) -> str:
    """The completion index of a pod."""
    found: str = pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]
    return found
