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
    assert len(site.list("jobs")) == 1 or eventually(lambda: len(site.list("jobs")) == 1)


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


@pytest.mark.parametrize("evict", ["evict"])
def test_an_evicted_pod_is_replaced_inside_the_pool_and_stays_accounted_for(site: Site, evict: str) -> None:
    site.pool()
    site.workload("train", gpus=8)
    site.running("train")
    (pod,) = site.pods("train")
    site.kubectl("annotate", "pod", pod["metadata"]["name"], f"testbed.stellwerk.dev/{evict}=true")
    eventually(lambda: [one for one in site.pods("train") if one["metadata"]["uid"] != pod["metadata"]["uid"]])
    site.running("train")
    site.workload("next", gpus=8)
    site.waits("next", "CapacityFull")


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
