"""Forged, copied, replaced and shared Jobs: nobody gets at the workload of another, or starts what was not decided."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from stellwerk.api.labels import PLACEMENT_ANNOTATION
from tests.integration.operator import objects
from tests.integration.operator.objects import Object, condition, is_true
from tests.integration.operator.site import Site
from tests.testbed.waiting import eventually


@pytest.fixture
def elsewhere(site: Site) -> Iterator[str]:
    """A namespace of somebody else."""
    name = f"other-{uuid.uuid4().hex[:8]}"
    site.api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    eventually(lambda: site.api.get(f"/api/v1/namespaces/{name}/serviceaccounts/default"))
    yield name
    site.api.call("DELETE", f"/api/v1/namespaces/{name}")


def referring(name: str, site: Site, job: str) -> Object:
    """An AIWorkload that refers to a Job."""
    made = objects.workload(name, site.name, gpus=1)
    del made["spec"]["template"]
    made["spec"]["workloadRef"] = {"apiVersion": "batch/v1", "kind": "Job", "name": job}
    return made


def reason(of: Object, kind: str) -> str:
    """The reason of a condition."""
    found: str = condition(of, kind)["reason"]
    return found


def next_is_decided(site: Site, name: str) -> None:
    """Wait until the operator has decided for something that came later."""
    site.workload(name, gpus=0)
    site.until(name, lambda seen: condition(seen, "Placed"))


def test_a_job_in_another_namespace_with_a_forged_owner_changes_nothing(site: Site, elsewhere: str) -> None:
    site.pool()
    site.workload("train", gpus=8)
    victim = site.running("train")
    forged = objects.user_job("forged", site.name, steer={"duration": "100ms"}, suspend=False)
    forged["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "stellwerk"
    owner = {"apiVersion": objects.API, "kind": "AIWorkload", "name": "train", "uid": victim["metadata"]["uid"]}
    forged["metadata"]["ownerReferences"] = [owner]
    jobs = f"/apis/batch/v1/namespaces/{elsewhere}/jobs"
    site.api.call("POST", jobs, forged)
    eventually(lambda: site.api.get(jobs)["items"] == [])  # the garbage collector sees through it, too
    next_is_decided(site, "next")
    seen = site.aiw("train")
    assert is_true(seen, "Ready")
    assert not is_true(seen, "Finished")
    assert seen["status"]["child"]["name"] == victim["status"]["child"]["name"]


def test_one_job_is_placed_and_paid_for_once_however_many_workloads_refer_to_it(site: Site) -> None:
    site.pool(nodes=2)
    names = ("one", "two", "three")
    site.submit(*(referring(name, site, "shared") for name in names))
    site.submit(objects.user_job("shared", site.name, gpus=8))

    def settled() -> list[str]:
        placed = [name for name in names if is_true(site.aiw(name), "Placed")]
        others = [site.aiw(name) for name in names if name not in placed]
        assert len(placed) == 1, placed
        assert {reason(one, "Accepted") for one in others} == {"JobTaken"}
        assert all("cost" not in one["status"] for one in others)
        return placed

    (winner,) = eventually(settled)
    site.running(winner)
    site.workload("last", gpus=8)
    site.running("last")  # the second node is free


def test_the_job_of_a_template_cannot_be_taken_by_a_reference(site: Site) -> None:
    site.pool()
    site.workload("mine", gpus=8)
    site.running("mine")
    child = site.child("mine")["metadata"]["name"]
    site.submit(referring("thief", site, child))
    site.until("thief", lambda seen: reason(seen, "Accepted") == "JobTaken")
    assert is_true(site.aiw("mine"), "Ready")


def test_a_copy_of_a_placed_job_is_placed_itself(site: Site) -> None:
    site.pool(nodes=2)
    site.submit(objects.user_job("first", site.name, gpus=8))
    site.running("first")
    copied = objects.user_job("copy", site.name, gpus=8)
    mark = site.get("jobs", "first")["metadata"]["annotations"][PLACEMENT_ANNOTATION]
    copied["metadata"]["annotations"][PLACEMENT_ANNOTATION] = mark
    site.submit(copied)
    site.running("copy")


def test_a_bigger_job_under_the_name_of_a_placed_one_does_not_start_in_its_place(site: Site) -> None:
    site.pool()
    site.submit(referring("run", site, "job"))
    site.submit(objects.user_job("job", site.name, gpus=8))
    site.running("run")
    site.delete("jobs", "job")
    eventually(lambda: site.list("jobs") == [])
    site.submit(objects.user_job("job", site.name, gpus=8, parallelism=64, completions=64))
    ended = site.ended("run")
    assert reason(ended, "Finished") == "ChildDeleted"
    next_is_decided(site, "next")
    assert site.get("jobs", "job")["spec"]["suspend"] is True
    site.submit(referring("again", site, "job"))
    site.until("again", lambda seen: reason(seen, "Placed") == "TooBigForPool")


def test_a_reference_in_kube_system_opts_nothing_in(site: Site) -> None:
    site.pool()
    name = f"reference-{site.name}"
    ours = "/apis/stellwerk.dev/v1alpha1/namespaces/kube-system/aiworkloads"
    jobs = "/apis/batch/v1/namespaces/kube-system/jobs"
    try:
        before = site.api.call("POST", jobs, objects.user_job(name, site.name, gpus=8))
        site.api.call("POST", ours, referring(name, site, name))
        eventually(lambda: reason(site.api.get(f"{ours}/{name}"), "Accepted") == "NotOptedIn")
        next_is_decided(site, "next")
        assert site.api.get(f"{jobs}/{name}")["spec"] == before["spec"]
    finally:
        site.api.call("DELETE", f"{ours}/{name}")
        site.api.call("DELETE", f"{jobs}/{name}?propagationPolicy=Background")
