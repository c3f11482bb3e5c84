"""The second way in: a suspended Job with one label; and that nothing else is ever touched."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.integration.operator import objects
from tests.integration.operator.objects import Object, condition, is_true
from tests.integration.operator.replicas import Replicas
from tests.integration.operator.site import Site
from tests.testbed.pools import POOL_LABEL
from tests.testbed.waiting import eventually, holds


def released(site: Site, name: str) -> Object:
    """Wait until a Job is no longer suspended and all its pods run."""

    def runs() -> Object:
        job = site.get("jobs", name)
        assert not job["spec"]["suspend"], job["metadata"]
        assert job["status"].get("ready") == job["spec"]["parallelism"], job["status"]
        return job

    return eventually(runs)


def test_a_labelled_suspended_job_is_placed_and_released(site: Site) -> None:
    pool = site.pool(nodes=2)
    site.kubectl.apply(objects.user_job("nightly", site.name, gpus=8, parallelism=2, completions=2))
    job = released(site, "nightly")
    seen = site.running("nightly")
    assert seen["spec"]["workloadRef"] == {"apiVersion": "batch/v1", "kind": "Job", "name": "nightly"}
    assert (seen["spec"]["policy"], seen["spec"]["replicas"]) == (site.name, 2)
    assert seen["spec"]["accelerators"] == [{"model": "H100", "count": 8}]
    (owner,) = seen["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Job", job["metadata"]["uid"])
    assert not owner.get("controller")
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {POOL_LABEL: pool}
    pods = site.list("pods", "job-name=nightly")
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == [f"{pool}-0", f"{pool}-1"]
    assert seen["status"]["child"]["uid"] == job["metadata"]["uid"]


def test_what_the_user_demanded_of_nodes_is_kept(site: Site) -> None:
    pool = site.pool(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    job = objects.user_job("picky", site.name)
    arch = {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]}
    required: dict[str, Any] = {"nodeSelectorTerms": [arch]}
    job["spec"]["template"]["spec"] |= {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "mine", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}},
    }
    site.submit(job)
    spec = released(site, "picky")["spec"]["template"]["spec"]
    assert spec["nodeSelector"] == {POOL_LABEL: pool, "kubernetes.io/os": "linux"}
    assert {one["key"] for one in spec["tolerations"]} == {"mine", "gpu"}
    affinity = spec["affinity"]["nodeAffinity"]
    assert affinity["requiredDuringSchedulingIgnoredDuringExecution"] == required
    assert affinity["preferredDuringSchedulingIgnoredDuringExecution"]


def test_both_ways_in_get_the_same_decision(site: Site) -> None:
    spot = site.pool(
        "spot", capacityType="Spot", interruptionRatePerHour="0.05", price={"perNodeHour": "12", "currency": "EUR"}
    )
    site.known(spot, site.pool("owned"))
    mine = objects.workload("mine", site.name, gpus=2, replicas=2, expectedRuntime="6h", checkpointInterval="30m")
    theirs = objects.user_job("theirs", site.name, gpus=2, parallelism=2, completions=2)
    theirs["metadata"]["annotations"] |= {
        "stellwerk.dev/expected-runtime": "6h",
        "stellwerk.dev/checkpoint-interval": "30m",
    }
    site.submit(mine)
    site.placed("mine")
    site.submit(theirs)
    released(site, "theirs")
    one, other = site.placed("mine")["status"], site.placed("theirs")["status"]
    room = {"roomTaken": None}  # what it is worth depends on what the first one has left
    assert one["cost"] | room == other["cost"] | room
    assert one["placement"] | {"preferredNodes": []} == other["placement"] | {"preferredNodes": []}
    assert one["decision"]["reason"] == other["decision"]["reason"]


def test_events_stand_on_the_workload_and_on_the_users_job(site: Site) -> None:
    site.pool()
    site.submit(objects.user_job("nightly", site.name))
    released(site, "nightly")

    def told() -> bool:
        ours = {one["reason"] for one in site.events("AIWorkload", "nightly")}
        theirs = {one["reason"] for one in site.events("Job", "nightly") if one["source"]["component"] == "stellwerk"}
        return "Placed" in ours and "Placed" in theirs

    eventually(told)


def test_a_waiting_job_stays_suspended_and_says_why(site: Site) -> None:
    site.pool()
    site.submit(objects.user_job("first", site.name, gpus=8))
    released(site, "first")
    site.submit(objects.user_job("second", site.name, gpus=8))
    site.waits("second", "CapacityFull")
    assert site.get("jobs", "second")["spec"]["suspend"]
    eventually(lambda: any(one["reason"] == "Waiting" for one in site.events("Job", "second")))
    site.delete("jobs", "first")
    released(site, "second")


def test_a_job_without_the_label_is_never_touched(site: Site) -> None:
    site.pool()
    site.submit(objects.user_job("plain", None))
    eventually(lambda: is_true(site.get("jobs", "plain"), "Suspended"))  # the Job controller has had its say
    before = site.get("jobs", "plain")
    site.submit(objects.user_job("labelled", site.name))
    released(site, "labelled")
    holds(lambda: site.get("jobs", "plain") == before, seconds=2)
    assert [one["metadata"]["name"] for one in site.list("aiworkloads")] == ["labelled"]
    assert not [one for one in site.events("Job", "plain") if one["source"]["component"] == "stellwerk"]


def test_a_labelled_job_in_kube_system_is_never_touched(site: Site) -> None:
    site.pool()
    path = "/apis/batch/v1/namespaces/kube-system/jobs"
    job = objects.user_job(f"{site.name}-job", site.name)
    site.api.call("POST", path, job)
    born = objects.user_job(f"{site.name}-born", site.name, suspend=False)
    try:
        assert site.api.call("POST", f"{path}?dryRun=All", born)["spec"]["suspend"] is False
        one = f"{path}/{site.name}-job"
        eventually(lambda: is_true(site.api.get(one), "Suspended"))
        before = site.api.get(one)
        site.submit(objects.user_job("labelled", site.name))
        released(site, "labelled")
        holds(lambda: site.api.get(one) == before, seconds=2)
        made = site.api.get("/apis/stellwerk.dev/v1alpha1/namespaces/kube-system/aiworkloads")["items"]
        assert not [one for one in made if site.name in one["metadata"]["name"]]
    finally:
        site.api.call("DELETE", f"{path}/{site.name}-job?propagationPolicy=Background")


def test_the_label_alone_is_enough(site: Site) -> None:
    site.pool()
    job = objects.user_job("nightly", site.name)
    del job["spec"]["suspend"]
    manifest = yaml.safe_dump(job)
    site.kubectl("apply", "-f", "-", stdin=manifest)
    released(site, "nightly")
    site.running("nightly")
    assert "unchanged" in site.kubectl("apply", "-f", "-", stdin=manifest)
    assert site.kubectl.run("diff", "-f", "-", stdin=manifest).stdout == ""
    assert is_true(site.aiw("nightly"), "Ready")


def test_a_job_that_gets_the_label_while_it_runs_is_left_alone(site: Site) -> None:
    pool = site.pool()
    job = objects.user_job("running", None, suspend=False)
    job["spec"]["template"]["spec"]["nodeSelector"] = {POOL_LABEL: pool}
    site.submit(job)
    released(site, "running")
    site.patch("jobs", "running", {"metadata": {"labels": {objects.POLICY_LABEL: site.name}}})
    before = site.get("jobs", "running")
    site.submit(objects.user_job("labelled", site.name))
    released(site, "labelled")
    after = site.get("jobs", "running")
    assert (after["spec"], after["metadata"]["labels"]) == (before["spec"], before["metadata"]["labels"])
    assert [one["metadata"]["name"] for one in site.list("aiworkloads")] == ["labelled"]


def test_gpus_that_an_unlabelled_job_uses_are_not_given_away(site: Site, replicas: Replicas) -> None:
    pool = site.pool()
    job = objects.user_job("running", None, gpus=8, suspend=False)
    job["spec"]["template"]["spec"]["nodeSelector"] = {POOL_LABEL: pool}
    site.submit(job)
    released(site, "running")
    eventually(lambda: replicas.allocated(pool) == 8)
    site.workload("train", gpus=1)
    site.waits("train", "CapacityFull")
    site.delete("jobs", "running")
    site.running("train")


@pytest.mark.parametrize(
    ("annotation", "value"),
    [("expected-runtime", "soon"), ("class", "Hobby"), ("checkpoint-interval", "-5m"), ("accelerators", "H100,,")],
)
def test_an_annotation_that_cannot_be_understood_is_explained_on_the_job(
    site: Site, annotation: str, value: str
) -> None:
    job = objects.user_job("odd", site.name)
    job["metadata"]["annotations"][f"stellwerk.dev/{annotation}"] = value
    site.submit(job)

    def explanation() -> str:
        return next(one["message"] for one in site.events("Job", "odd") if one["reason"] == "InvalidAnnotation")

    def told() -> str:
        try:
            return explanation()
        except StopIteration:
            return ""

    said = eventually(told)
    assert f"stellwerk.dev/{annotation}" in said
    assert site.list("aiworkloads") == []
    assert site.get("jobs", "odd")["spec"]["suspend"]


# ------------------------------------------------------------------------------- workloadRef written by hand


def refer(site: Site, name: str, job: str) -> None:
    made = objects.workload(name, site.name)
    del made["spec"]["template"]
    made["spec"]["workloadRef"] = {"apiVersion": "batch/v1", "kind": "Job", "name": job}
    site.submit(made)


def test_a_reference_to_a_missing_job_says_so_until_the_job_comes(site: Site) -> None:
    site.pool()
    refer(site, "early", "late-job")
    seen = site.until("early", lambda one: condition(one, "Accepted")["status"] == "False")
    assert condition(seen, "Accepted")["reason"] == "WorkloadRefNotFound"
    assert "late-job" in condition(seen, "Accepted")["message"]
    assert condition(seen, "Placed")["status"] == "False"
    site.submit(objects.user_job("late-job", site.name))
    released(site, "late-job")
    site.running("early")
    assert [one["metadata"]["name"] for one in site.list("aiworkloads")] == ["early"]


def test_a_reference_to_a_job_without_the_label_leaves_the_job_alone(site: Site) -> None:
    site.pool()
    site.submit(objects.user_job("private", None))
    eventually(lambda: is_true(site.get("jobs", "private"), "Suspended"))
    before = site.get("jobs", "private")
    refer(site, "grab", "private")
    seen = site.until("grab", lambda one: condition(one, "Accepted")["status"] == "False")
    assert condition(seen, "Accepted")["reason"] in ("NotOptedIn", "WorkloadRefNotFound")
    assert objects.POLICY_LABEL in condition(seen, "Accepted")["message"]
    holds(lambda: site.get("jobs", "private") == before, seconds=1)
