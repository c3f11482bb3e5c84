"""Finished, failed and deleted workloads free their room, and what people do to Jobs by hand is noticed."""

from __future__ import annotations

import pytest

from tests.integration.operator import objects
from tests.integration.operator.objects import condition, is_true
from tests.integration.operator.site import Site
from tests.testbed.waiting import eventually, holds


def test_a_workload_whose_job_completes_is_finished_and_its_room_is_free(site: Site) -> None:
    site.pool()
    site.workload("short", gpus=4, replicas=2, steer={"duration": "1s"})
    seen = site.ended("short")
    assert condition(seen, "Finished")["reason"] == "JobComplete"
    assert (condition(seen, "Placed")["status"], condition(seen, "Placed")["reason"]) == ("False", "Released")
    assert condition(seen, "Ready")["status"] == "False"
    assert seen["status"]["placement"]["pool"], "where it ran stays on record"
    site.workload("next", gpus=8)
    site.running("next")


def test_a_workload_whose_job_fails_says_so_and_its_room_is_free(site: Site) -> None:
    site.pool()
    site.workload("bad", gpus=8, backoffLimit=1, steer={"duration": "100ms", "fail": "true"})
    seen = site.ended("bad")
    finished = condition(seen, "Finished")
    assert finished["reason"] == "JobFailed"
    assert "BackoffLimitExceeded" in finished["message"] or "backoff limit" in finished["message"]
    site.workload("next", gpus=8)
    site.running("next")


def test_a_deleted_workload_takes_its_job_and_pods_with_it(site: Site) -> None:
    site.pool()
    site.workload("train", gpus=8)
    site.running("train")
    site.kubectl("delete", "aiw", "train")
    eventually(lambda: not site.list("jobs") and not site.list("pods"))
    site.workload("next", gpus=8)
    site.running("next")


def test_a_workload_deleted_while_it_waits_is_gone_for_good(site: Site) -> None:
    site.pool()
    site.workload("big", gpus=8)
    site.running("big")
    site.workload("gone", gpus=8)
    site.waits("gone")
    site.delete("aiworkloads", "gone")
    site.delete("aiworkloads", "big")
    site.workload("next", gpus=8)
    site.running("next")
    eventually(
        lambda: [one["metadata"]["name"] for one in site.list("jobs")] == [site.child("next")["metadata"]["name"]]
    )


def test_a_job_deleted_by_hand_ends_the_workload_and_says_why(site: Site) -> None:
    site.pool()
    site.workload("train", gpus=8)
    site.running("train")
    site.delete("jobs", site.child("train")["metadata"]["name"])
    seen = site.ended("train")
    finished = condition(seen, "Finished")
    assert finished["reason"] == "ChildDeleted"
    assert "deleted" in finished["message"]
    site.workload("next", gpus=8)
    site.running("next")
    holds(lambda: len([one for one in site.list("jobs") if "train" in one["metadata"]["name"]]) == 0, seconds=1)


def test_a_users_job_that_is_deleted_takes_its_workload_with_it(site: Site) -> None:
    site.pool()
    site.submit(objects.user_job("nightly", site.name, gpus=8))
    site.running("nightly")
    site.delete("jobs", "nightly")
    eventually(lambda: site.list("aiworkloads") == [])
    site.workload("next", gpus=8)
    site.running("next")


def test_a_job_made_anew_under_the_same_name_is_placed_anew(site: Site) -> None:
    site.pool()
    site.submit(objects.user_job("nightly", site.name, gpus=8, steer={"duration": "500ms"}))
    first = site.ended("nightly")["metadata"]["uid"]
    site.delete("jobs", "nightly")
    eventually(lambda: site.list("jobs") == [])
    site.submit(objects.user_job("nightly", site.name, gpus=8))

    def anew() -> bool:
        (seen,) = site.list("aiworkloads")
        return bool(seen["metadata"]["uid"] != first and is_true(seen, "Ready"))

    def settled() -> bool:
        try:
            return anew()
        except ValueError:
            return False

    eventually(settled)


def test_a_workload_deleted_under_its_users_job_leaves_the_job(site: Site) -> None:
    site.pool()
    site.submit(objects.user_job("nightly", site.name, gpus=8))
    site.running("nightly")
    site.delete("aiworkloads", "nightly")
    eventually(lambda: not site.list("aiworkloads") or site.list("aiworkloads")[0]["metadata"].get("deletionTimestamp"))
    job = site.get("jobs", "nightly")
    assert not job["metadata"].get("deletionTimestamp")
    assert job["spec"]["suspend"] is False
    site.workload("next", gpus=8)
    site.waits("next", "CapacityFull")  # its pods still run


def evict(site: Site, name: str) -> None:
    """Evict the one pod of a workload, as a kubelet does, and wait until its Job has made another."""
    (pod,) = site.pods(name)
    site.kubectl("annotate", "pod", pod["metadata"]["name"], "testbed.stellwerk.dev/evict=true")
    eventually(lambda: [one for one in site.pods(name) if one["metadata"]["uid"] != pod["metadata"]["uid"]])


def test_an_evicted_pod_is_replaced_inside_the_pool_and_stays_accounted_for(site: Site) -> None:
    site.pool()
    site.workload("train", gpus=8)
    site.running("train")
    evict(site, "train")
    site.running("train")
    site.workload("next", gpus=8)
    site.waits("next", "CapacityFull")


def test_a_pod_that_the_scheduler_cannot_bind_is_explained_in_its_words(site: Site) -> None:
    pool = site.pool()
    site.workload("train", gpus=8)
    site.running("train")
    site.kubectl("cordon", f"{pool}-0")
    evict(site, "train")
    seen = site.until("train", lambda one: condition(one, "Ready")["reason"] == "PodsUnschedulable")
    assert condition(seen, "Ready")["status"] == "False"
    assert "nodes are available" in condition(seen, "Ready")["message"]
    eventually(lambda: [one for one in site.events("AIWorkload", "train") if one["reason"] == "PodsUnschedulable"])
    site.kubectl("uncordon", f"{pool}-0")
    site.running("train")


@pytest.mark.parametrize("way_in", ["template", "job"])
def test_a_job_that_somebody_suspends_is_explained_and_keeps_its_place(site: Site, way_in: str) -> None:
    site.pool()
    if way_in == "template":
        site.workload("train", gpus=8)
    else:
        site.submit(objects.user_job("train", site.name, gpus=8))
    job = site.running("train")["status"]["child"]["name"]
    site.patch("jobs", job, {"spec": {"suspend": True}})
    seen = site.until("train", lambda one: condition(one, "Ready")["reason"] == "ChildEdited")
    assert "spec.suspend" in condition(seen, "Ready")["message"]
    eventually(lambda: [one for one in site.events("AIWorkload", "train") if one["reason"] == "ChildEdited"])
    site.workload("next", gpus=8)
    site.waits("next", "CapacityFull")
    site.patch("jobs", job, {"spec": {"suspend": False}})
    site.running("train")


def test_a_job_in_the_way_of_a_childs_name_is_explained(site: Site) -> None:
    site.pool()
    site.workload("first", gpus=8)
    site.running("first")
    site.workload("train", gpus=8)
    site.waits("train")
    name = site.child("first")["metadata"]["name"]
    assert name.startswith("first-")
    assert len(name) == len("first-") + 8
    # the name of a child follows from its owner's uid alone, so it can be known before it exists
    from stellwerk.lifecycle.job import child_name

    squatter = objects.user_job(child_name("train", site.aiw("train")["metadata"]["uid"]), None)
    site.submit(squatter)
    site.delete("aiworkloads", "first")
    seen = site.until("train", lambda one: condition(one, "Placed")["reason"] == "WriteRefused")
    assert condition(seen, "Placed")["status"] == "False"
    assert squatter["metadata"]["name"] in condition(seen, "Placed")["message"]
    eventually(lambda: any("WriteRefused" in one["message"] for one in site.events("AIWorkload", "train")))
    assert site.get("jobs", squatter["metadata"]["name"])["spec"]["suspend"] is True
    site.delete("jobs", squatter["metadata"]["name"])
    site.running("train")
