"""The first way in: an AIWorkload with a pod template, from `kubectl apply` to pods on GPU nodes."""

from __future__ import annotations

import re
from decimal import Decimal

import yaml

from tests.integration.operator import objects
from tests.integration.operator.objects import CONDITIONS, Object, gpus_of
from tests.integration.operator.site import Site
from tests.testbed.pools import POOL_LABEL
from tests.testbed.waiting import eventually


def test_a_workload_is_bound_to_nodes_of_the_cheapest_pool_by_the_real_scheduler(site: Site) -> None:
    dear = site.pool("dear", capacityType="OnDemand", price={"perNodeHour": "90", "currency": "EUR"})
    cheap = site.pool("cheap", nodes=2)
    site.known(dear, cheap)
    site.kubectl.apply(objects.workload("train", site.name, gpus=8, replicas=2))
    seen = site.running("train")
    assert seen["status"]["placement"]["pool"] == cheap
    pods = site.pods("train")
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == [f"{cheap}-0", f"{cheap}-1"]
    assert [gpus_of(pod) for pod in pods] == [8, 8]
    assert {pod["spec"]["schedulerName"] for pod in pods} == {"default-scheduler"}
    verdicts = {one["pool"]: one["verdict"] for one in seen["status"]["decision"]["candidates"]}
    assert (verdicts[cheap], verdicts[dear]) == ("Chosen", "Rejected"), "the dear pool has room for one pod only"


def test_the_status_tells_the_whole_story(site: Site) -> None:
    pool = site.pool(pue="1.3", gridCarbonGramsPerKWh=342, nodePowerWatts=8000)
    priced = site.policy(f"{site.name}-carbon", carbonPricePerTonne="80")
    site.workload("train", gpus=8, policy=priced, expectedRuntime="10h")
    seen = site.running("train")
    generation, status = seen["metadata"]["generation"], seen["status"]
    assert status["observedGeneration"] == generation
    states = {one["type"]: one["status"] for one in status["conditions"]}
    assert states == dict(zip(CONDITIONS, ("True", "True", "True", "False", "False"), strict=True))
    assert {one["observedGeneration"] for one in status["conditions"]} == {generation}
    assert all(one["reason"] and one["lastTransitionTime"] for one in status["conditions"])
    cost = status["cost"]
    assert cost["currency"] == "EUR"
    assert sum(Decimal(part["amount"]) for part in cost["parts"]) == Decimal(cost["total"])
    assert {part["name"] for part in cost["parts"]} == {"Compute", "Carbon"}
    # 8 kW x 10 h x 1.3 = 104 kWh; x 342 g = 35,568 g; x 80 EUR/t = 2.84544 EUR
    assert Decimal(status["carbon"]["kWh"]) == 104
    assert Decimal(status["carbon"]["gramsCO2e"]) == 35_568
    assert {part["name"]: Decimal(part["amount"]) for part in cost["parts"]}["Carbon"] == Decimal("2.84544")
    decision = status["decision"]
    assert (decision["mode"], decision["reason"]) == ("Fit", "CheapestFeasible")
    assert pool in decision["message"]
    assert decision["cycle"] > 0
    assert decision["decidedAt"]
    assert 1 <= len(decision["candidates"]) <= 10
    assert decision["candidates"][0] | {"message": ""} == {
        "cluster": "local",
        "pool": pool,
        "accelerator": "H100",
        "count": 8,
        "currency": "EUR",
        "verdict": "Chosen",
        "reason": "CheapestFeasible",
        "message": "",
        "perHour": cost["perHour"],
        "total": cost["total"],
    }
    placement = status["placement"]
    assert placement["nodeSelector"] == {POOL_LABEL: pool}
    assert placement["accelerator"] == {"model": "H100", "count": 8, "resource": "nvidia.com/gpu"}
    assert (placement["cluster"], placement["capacityType"], placement["replicas"]) == ("local", "Owned", 1)
    job = site.child("train")
    assert status["child"] == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": job["metadata"]["name"],
        "uid": job["metadata"]["uid"],
    }


def test_the_job_has_the_shape_of_the_workload_and_belongs_to_it(site: Site) -> None:
    pool = site.pool(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    made = objects.workload("train", site.name, gpus=2, replicas=2, backoffLimit=7)
    made["spec"]["template"]["metadata"]["labels"] = {"team": "vision"}
    made["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/os": "linux"}
    site.submit(made)
    owner = site.running("train")["metadata"]["uid"]
    job = site.child("train")
    assert job["spec"]["parallelism"] == job["spec"]["completions"] == 2
    assert job["spec"]["completionMode"] == "Indexed"
    assert job["spec"]["backoffLimit"] == 7
    assert job["metadata"]["labels"][objects.POLICY_LABEL] == site.name
    assert job["metadata"]["labels"]["stellwerk.dev/workload"] == "train"
    (reference,) = job["metadata"]["ownerReferences"]
    assert (reference["kind"], reference["uid"], reference["controller"]) == ("AIWorkload", owner, True)
    template = job["spec"]["template"]
    assert template["metadata"]["labels"]["team"] == "vision"
    assert template["spec"]["nodeSelector"] == {POOL_LABEL: pool, "kubernetes.io/os": "linux"}
    (toleration,) = template["spec"]["tolerations"]
    assert {"operator": "Equal"} | toleration == {
        "key": "gpu",
        "operator": "Equal",
        "value": "yes",
        "effect": "NoSchedule",
    }
    preferred = template["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred[0]["preference"]["matchExpressions"][0]["values"] == [f"{pool}-0"]
    assert template["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "2"}


def test_a_workload_without_accelerators_goes_to_a_pool_without(site: Site) -> None:
    gpu = site.pool("gpu")
    plain = site.pool("cpu", gpus=0, price={"perNodeHour": "2", "currency": "EUR"})
    site.known(gpu, plain)
    site.workload("tokenize", gpus=0, replicas=3)
    assert site.running("tokenize")["status"]["placement"]["pool"] == plain
    assert "accelerator" not in site.aiw("tokenize")["status"]["placement"]


def test_kubectl_get_shows_where_what_it_costs_and_why(site: Site) -> None:
    pool = site.pool(price={"perNodeHour": "32", "currency": "EUR"})
    site.workload("train", gpus=8)
    cost = site.running("train")["status"]["cost"]["perHour"]
    site.workload("late", gpus=8)
    site.waits("late")

    def rows(*arguments: str) -> dict[str, dict[str, str]]:
        head, *lines = site.kubectl("get", "aiw", *arguments).splitlines()
        starts = {found[0]: found.start() for found in re.finditer(r"\S+", head)}
        ends = [*list(starts.values())[1:], None]
        cells = [
            {name: line[start:end].strip() for (name, start), end in zip(starts.items(), ends, strict=True)}
            for line in lines
        ]
        return {row["NAME"]: row for row in cells}

    short = rows()
    assert short["train"] | {"AGE": ""} == {
        "NAME": "train",
        "CLASS": "Training",
        "POOL": pool,
        "COST/H": cost,
        "WHY": "CheapestFeasible",
        "AGE": "",
    }
    assert (short["late"]["POOL"], short["late"]["WHY"]) == ("", "CapacityFull")
    wide = rows("-o", "wide")["train"]
    assert (wide["CLUSTER"], wide["CAPACITY"], wide["POLICY"]) == ("local", "Owned", site.name)
    assert pool in wide["MESSAGE"]
    assert "late" in site.kubectl("get", "aiw", "--field-selector", "status.decision.reason=CapacityFull")
    assert "train" in site.kubectl("get", "stellwerk")


def test_one_event_tells_where_a_workload_was_placed(site: Site) -> None:
    pool = site.pool()
    site.workload("train", steer={"duration": "100ms"})
    site.ended("train")

    def placed() -> list[Object]:  # it may have waited first, for the pool that was declared right before it
        return [one for one in site.events("AIWorkload", "train") if one["reason"] == "Placed"]

    eventually(placed)
    (event,) = placed()
    assert (event["type"], event["count"]) == ("Normal", 1)
    assert pool in event["message"]
    assert event["source"]["component"] == "stellwerk"


def test_what_users_applied_stays_unchanged(site: Site) -> None:
    site.pool()
    manifest = yaml.safe_dump(objects.workload("train", site.name))
    site.kubectl("apply", "-f", "-", stdin=manifest)
    before = site.aiw("train")["spec"]
    site.running("train")
    assert site.aiw("train")["spec"] == before
    assert "unchanged" in site.kubectl("apply", "-f", "-", stdin=manifest)
    assert site.kubectl.run("diff", "-f", "-", stdin=manifest).stdout == ""
