"""All that a workload can ask for beyond a gang of whole accelerators, from the manifest to pods on nodes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.integration.operator import objects
from tests.integration.operator.objects import Object, condition, gpus_of, is_true
from tests.integration.operator.site import Site
from tests.testbed.waiting import eventually

GPU = "nvidia.com/gpu"
MIG = "nvidia.com/mig-1g.10gb"


def pod_set(name: str, replicas: int = 1, steer: dict[str, str] | None = None, **more: Any) -> Object:
    template = objects.pod_template({"duration": objects.FOREVER, **(steer or {})})
    return {"name": name, "replicas": replicas, "template": template, **more}


def set_pods(site: Site, name: str) -> list[Object]:
    return site.list("pods", f"stellwerk.dev/pod-set={name}")


def nodes_of(pods: list[Object]) -> list[str]:
    return sorted(pod["spec"].get("nodeName", "") for pod in pods)


def asked(pod: Object, resource: str) -> int:
    limits = (one.get("resources", {}).get("limits", {}) for one in pod["spec"]["containers"])
    return sum(int(amounts.get(resource, 0)) for amounts in limits)


# ------------------------------------------------------------------------------- shapes and runtimes


def test_an_alternative_of_another_shape_is_bound_where_only_that_fits(site: Site) -> None:
    pool = site.pool("quarter", nodes=2, gpus=4)
    shapes = [{"model": "H100", "count": 8, "replicas": 1}, {"model": "H100", "count": 4, "replicas": 2}]
    site.workload("train", accelerators=shapes)
    seen = site.running("train")
    assert seen["status"]["placement"]["replicas"] == 2
    pods = site.pods("train")
    assert nodes_of(pods) == [f"{pool}-0", f"{pool}-1"]
    assert [gpus_of(pod) for pod in pods] == [4, 4]


def test_the_dearer_accelerator_is_bound_when_the_run_ends_early_enough_on_it(site: Site) -> None:
    slow = site.pool("slow", accelerator={"model": "A100", "count": 8}, price={"perNodeHour": "160", "currency": "EUR"})
    fast = site.pool("fast", price={"perNodeHour": "170", "currency": "EUR"})
    site.known(slow, fast)
    asks = [
        {"model": "A100", "count": 8, "expectedRuntime": "10h"},
        {"model": "H100", "count": 8, "expectedRuntime": "5h"},
    ]
    site.workload("train", accelerators=asks)
    seen = site.running("train")
    assert seen["status"]["placement"]["pool"] == fast
    candidates = seen["status"]["decision"]["candidates"]
    fits = {one["accelerator"]: one for one in candidates if one["verdict"] != "Rejected"}
    assert Decimal(fits["A100"]["perHour"]) < Decimal(fits["H100"]["perHour"])
    assert Decimal(fits["A100"]["total"]) > Decimal(fits["H100"]["total"])


def test_a_least_memory_passes_over_the_cheaper_accelerator_that_has_less(site: Site) -> None:
    small = site.pool("small", accelerator={"model": "A100", "count": 8, "memory": "40Gi"}, price=price("16"))
    large = site.pool("large", accelerator={"model": "A100", "count": 8, "memory": "80Gi"}, price=price("32"))
    site.known(small, large)
    site.workload("train", accelerators=[{"model": "A100", "count": 4, "memory": "60Gi"}])
    site.running("train")
    assert nodes_of(site.pods("train")) == [f"{large}-0"]
    site.workload("small", accelerators=[{"model": "A100", "count": 4}])
    site.running("small")
    assert nodes_of(site.pods("small")) == [f"{small}-0"]


def test_a_slower_accelerator_is_bound_only_where_its_longer_run_is_cheaper(site: Site) -> None:
    slow = site.pool("slow", accelerator={"model": "A100", "count": 8}, price=price("20"))
    fast = site.pool("fast", price=price("32"))
    site.known(slow, fast)
    for name, speed, pool in (("half", "0.5", fast), ("most", "0.9", slow)):
        asks = [{"model": "A100", "count": 8, "speed": speed}, {"model": "H100", "count": 8}]
        site.workload(name, accelerators=asks, expectedRuntime="10h")
        site.running(name)
        assert nodes_of(site.pods(name)) == [f"{pool}-0"]


def price(amount: str) -> Object:
    """EUR per node and hour."""
    return {"perNodeHour": amount, "currency": "EUR"}


# --------------------------------------------------------------------------------------------- shares


def test_shares_of_one_accelerator_are_bound_as_slices_and_a_whole_one_takes_all_of_its_slices(site: Site) -> None:
    pool = site.nodes("sliced", gpus=8)
    site.declare(pool, accelerator={"model": "H100", "count": 2, "slices": 4, "memory": "80Gi"})
    site.workload("half", accelerators=[{"model": "H100", "share": {"fraction": "0.5"}}])
    site.workload("memory", accelerators=[{"model": "H100", "share": {"memory": "21Gi"}}])
    site.running("half")
    site.running("memory")
    (half,), (memory,) = site.pods("half"), site.pods("memory")
    assert (gpus_of(half), gpus_of(memory)) == (2, 2)
    site.workload("whole", gpus=1)
    seen = site.running("whole")
    assert gpus_of(site.pods("whole")[0]) == 4
    assert seen["status"]["placement"]["accelerator"] == {"model": "H100", "count": 1, "resource": GPU, "units": 4}
    site.workload("late", accelerators=[{"model": "H100", "share": {"fraction": "0.25"}}])
    assert site.waits("late")["status"]["decision"]["reason"] == "CapacityFull"
    shared = Decimal(site.aiw("half")["status"]["cost"]["total"])
    assert shared < Decimal(seen["status"]["cost"]["total"])


def test_a_share_is_bound_to_a_partition_and_a_whole_accelerator_is_not(site: Site) -> None:
    pool = site.nodes("mig", gpus=0, mig={"1g.10gb": 7})
    site.declare(pool, accelerator={"model": "H100", "count": 7, "memory": "10Gi", "resource": MIG})
    site.workload("small", accelerators=[{"model": "H100", "share": {"memory": "10Gi"}}], replicas=2)
    site.running("small")
    assert [asked(pod, MIG) for pod in site.pods("small")] == [1, 1]
    site.workload("whole", gpus=1)
    decision = site.waits("whole")["status"]["decision"]
    assert decision["mode"] == "Never"
    told = {one["reason"] for one in decision["candidates"] if one["pool"] == pool}
    assert told <= {"AcceleratorPartitionTooSmall"}, "pools of others may be told instead, but nothing else of this one"


# -------------------------------------------------------------------------------------------- elastic


def test_an_elastic_gang_starts_with_what_fits(site: Site) -> None:
    pool = site.pool(nodes=3)
    site.workload("train", gpus=8, replicas=4, minReplicas=2)
    seen = site.running("train")
    assert seen["status"]["placement"]["replicas"] == 3
    assert nodes_of(site.pods("train")) == [f"{pool}-{n}" for n in range(3)]
    job = site.child("train")["spec"]
    assert (job["parallelism"], job["completions"], job["completionMode"]) == (3, 3, "Indexed")


def test_an_elastic_gang_waits_for_its_least_size(site: Site) -> None:
    site.pool(nodes=3)
    site.workload("first", gpus=8, replicas=2)
    site.running("first")
    site.workload("train", gpus=8, replicas=3, minReplicas=2)
    site.waits("train", "CapacityFull")
    site.delete("aiworkloads", "first")
    assert site.running("train")["status"]["placement"]["replicas"] in (2, 3)


# ------------------------------------------------------------------------------------------- pod sets


def test_all_pod_sets_are_bound_each_by_a_job_of_its_own(site: Site) -> None:
    pool = site.pool()
    cheap = site.pool("cpu", gpus=0, price={"perNodeHour": "2", "currency": "EUR"})
    sets = [pod_set("loader", 2), pod_set("far")]
    sets[1]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "191"
    site.workload("train", gpus=8, podSets=sets)
    seen = site.running("train")
    assert nodes_of(site.pods("train")) == [f"{pool}-0"]
    assert nodes_of(set_pods(site, "loader")) == [f"{pool}-0"] * 2, "the pool of the main pod set comes first"
    assert nodes_of(set_pods(site, "far")) == [f"{cheap}-0"], "it does not fit beside the others"
    placed = {one["name"]: one["pool"] for one in seen["status"]["placement"]["podSets"]}
    assert placed == {"loader": pool, "far": cheap}
    jobs = site.list("jobs")
    assert len(jobs) == 3
    owners = {reference["uid"] for job in jobs for reference in job["metadata"]["ownerReferences"]}
    assert owners == {seen["metadata"]["uid"]}
    names = {one["name"] for one in [seen["status"]["child"], *children(site, "train")]}
    assert names == {job["metadata"]["name"] for job in jobs}


def children(site: Site, name: str) -> list[Object]:
    found: list[Object] = site.until(name, lambda seen: seen["status"].get("children"))["status"]["children"]
    return found


def test_a_gang_is_complete_when_all_pod_sets_are(site: Site) -> None:
    site.pool()
    site.workload("train", steer={"duration": "100ms"}, podSets=[pod_set("loader", 2, {"duration": "2s"})])
    seen = site.ended("train")
    assert condition(seen, "Finished")["reason"] == "JobComplete"
    assert all(is_done(job, "Complete") for job in site.list("jobs"))
    site.workload("next", gpus=8)
    site.running("next")


def is_done(job: Object, kind: str) -> bool:
    return any(one["type"] == kind and one["status"] == "True" for one in job["status"].get("conditions", []))


def test_a_pod_set_that_fails_ends_the_whole_gang(site: Site) -> None:
    site.pool()
    site.workload(
        "train", gpus=8, backoffLimit=0, podSets=[pod_set("loader", 1, {"duration": "100ms", "fail": "true"})]
    )
    seen = site.ended("train")
    assert condition(seen, "Finished")["reason"] == "JobFailed"
    assert "loader" in condition(seen, "Finished")["message"]
    eventually(lambda: not_one(pod for pod in site.list("pods") if not objects.finished(pod)))
    site.workload("next", gpus=8)
    site.running("next")


def not_one(found: Any) -> bool:
    left = [one["metadata"]["name"] for one in found]
    assert not left, left
    return True


def test_a_pod_set_whose_job_is_taken_away_ends_the_whole_gang(site: Site) -> None:
    site.pool()
    site.workload("train", gpus=8, podSets=[pod_set("loader")])
    site.running("train")
    (loader,) = set_pods(site, "loader")
    site.delete("jobs", loader["metadata"]["labels"]["job-name"])
    seen = site.ended("train")
    assert condition(seen, "Finished")["reason"] == "ChildDeleted"
    eventually(lambda: not_one(site.list("jobs")))


def test_no_pod_of_a_gang_is_made_while_one_pod_set_has_no_room(site: Site) -> None:
    site.pool()
    site.workload("first", gpus=2)
    site.running("first")
    other = pod_set("second", accelerators=[{"model": "H100", "count": 4}])
    site.workload("train", gpus=4, podSets=[other])
    seen = site.waits("train", "CapacityFull")
    assert "pod set second" in seen["status"]["decision"]["message"]
    site.workload("small", gpus=4)
    site.running("small")
    assert len(site.list("jobs")) == 2, "the waiting gang has none and holds no room"
    site.delete("aiworkloads", "small")
    site.delete("aiworkloads", "first")
    assert is_true(site.running("train"), "Ready")
    assert sorted(gpus_of(pod) for pod in site.list("pods", "stellwerk.dev/workload=train")) == [4, 4]


# -------------------------------------------------------------------------------- what goes wrong in Jobs


def test_pods_that_the_api_server_refuses_are_told(site: Site) -> None:
    site.pool()
    made = objects.workload("train", site.name, gpus=1)
    made["spec"]["template"]["spec"]["serviceAccountName"] = "nobody"
    site.submit(made)
    seen = site.until("train", lambda one: condition(one, "Ready")["reason"] == "PodsNotCreated")
    assert "none of its 1 pods" in condition(seen, "Ready")["message"]
    eventually(lambda: [one for one in site.events("AIWorkload", "train") if one["reason"] == "PodsNotCreated"])
    site.api.call("POST", f"/api/v1/namespaces/{site.name}/serviceaccounts", {"metadata": {"name": "nobody"}})
    site.running("train")


def test_a_job_that_somebody_raised_is_told(site: Site) -> None:
    site.pool(nodes=2)
    site.workload("train", gpus=4, replicas=2)
    site.running("train")
    site.patch("jobs", site.child("train")["metadata"]["name"], {"spec": {"parallelism": 4, "completions": 4}})
    seen = site.until("train", lambda one: condition(one, "Ready")["reason"] == "ChildEdited")
    assert "4 pods, and 2 were placed" in condition(seen, "Ready")["message"]
