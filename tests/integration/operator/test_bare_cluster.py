"""A cluster where nobody configured anything; then the examples, as the README has them applied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.operator import objects
from tests.integration.operator.conftest import Ground
from tests.integration.operator.objects import condition, is_true
from tests.integration.operator.replicas import PATIENT
from tests.operator_process import ROOT, Operator
from tests.testbed import pools
from tests.testbed.kubectl import Kubectl
from tests.testbed.pools import Pool
from tests.testbed.waiting import eventually

APART = "preemption"
"""A folder of examples for `stellwerk plan` alone, with a fleet of its own."""
FILES = sorted(path for path in (ROOT / "examples").glob("*/*.yaml") if path.parent.name != APART)
DEMO = (
    Pool(name="onprem", count=4, region="de-fra", zone="de-fra-hall2", capacity="Owned"),
    Pool(name="a100", count=4, gpus=4, model="A100", cpu=88, memory="480Gi", provider="verda", region="FIN-03"),
    Pool(
        name="spot",
        count=6,
        cpu=128,
        memory="1600Gi",
        provider="nebius",
        region="eu-north1",
        capacity="Spot",
        labels={"karpenter.sh/capacity-type": "spot"},
        taints=({"key": "example.com/spot", "value": "true", "effect": "NoSchedule"},),
    ),
    Pool(name="cpu", count=4, gpus=0, cpu=64, memory="256Gi", region="de-fra", instance_type="cpu-64"),
    Pool(
        name="l40s",
        count=1,
        gpus=16,
        model="L40S",
        cpu=64,
        memory="512Gi",
        region="de-fra",
        labels={"nvidia.com/gpu.product": "NVIDIA-L40S-SHARED", "nvidia.com/gpu.replicas": "4"},
    ),
)
"""Most of what examples/fleet.yaml has; nobody rents the rest, so that some examples wait."""


@pytest.fixture(scope="module")
def kubectl(bare_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Kubectl on a cluster with an operator and GPU nodes, and nothing declared."""
    pools.add(bare_ground.cluster.api, [Pool(name="found", count=2, region="eu-central-1", provider="aws")])
    operator = Operator(bare_ground.kubeconfig, tmp_path_factory.mktemp("log"), PATIENT).start()
    yield bare_ground.cluster.kubectl
    operator.stop()


def rules_are_known(kubectl: Kubectl) -> bool:
    """Whether the operator has answered every policy and pool, and has found the nodes that there are."""
    rules = kubectl.list("pp,cp")
    unanswered = [one["metadata"]["name"] for one in rules if not is_true(one, "Accepted")]
    assert not unanswered, unanswered
    nodes = sum(one["status"]["nodes"] for one in rules if one["kind"] == "ComputePool")
    assert nodes == sum(pool.count for pool in DEMO), f"{nodes} nodes in pools"
    return True


def seen(kubectl: Kubectl, name: str) -> objects.Object:
    return kubectl.get("aiw", name)


def test_the_first_workload_is_placed_on_a_cluster_where_nothing_was_declared(kubectl: Kubectl) -> None:
    made = objects.workload("first", "default", gpus=8, replicas=2, steer={"duration": "1s"})
    del made["spec"]["policy"]
    kubectl.apply(made)
    eventually(lambda: is_true(seen(kubectl, "first"), "Finished"))
    status = seen(kubectl, "first")["status"]
    assert status["placement"]["pool"].startswith("auto-h100-ondemand")
    assert status["placement"]["region"] == "eu-central-1"
    assert status["cost"]["perHour"] == status["cost"]["total"] == "unknown", "nobody said what it costs"
    assert condition(seen(kubectl, "first"), "Finished")["reason"] == "JobComplete"


def test_slices_and_partitions_are_found_and_bound_where_nothing_was_declared(
    bare_ground: Ground, kubectl: Kubectl
) -> None:
    sliced = {
        "nvidia.com/gpu.product": "NVIDIA-L4-SHARED",
        "nvidia.com/gpu.replicas": "4",
        "nvidia.com/gpu.sharing-strategy": "time-slicing",
    }
    some = [
        Pool(name="sliced", count=1, gpus=8, model="L4", labels=sliced),
        Pool(name="mixed", count=1, gpus=4, model="A100", mig={"1g.10gb": 28}),
    ]
    pools.add(bare_ground.cluster.api, some)
    asks = {
        "half": ({"model": "L4", "share": {"fraction": "0.5"}}, "nvidia.com/gpu", "2", "sliced-0"),
        "whole": ({"model": "L4"}, "nvidia.com/gpu", "4", "sliced-0"),
        "part": ({"model": "A100", "share": {"memory": "8Gi"}}, "nvidia.com/mig-1g.10gb", "1", "mixed-0"),
        "large": ({"model": "A100", "count": 4}, "nvidia.com/gpu", "4", "mixed-0"),
    }
    for name, (option, *_) in asks.items():
        made = objects.workload(name, "default", accelerators=[option])
        del made["spec"]["policy"]
        kubectl.apply(made)
    for name, (_, resource, amount, node) in asks.items():
        eventually(lambda name=name: is_true(seen(kubectl, name), "Ready"))
        (pod,) = kubectl.list("pods", "-l", f"stellwerk.dev/workload={name}")
        assert pod["spec"]["containers"][0]["resources"]["limits"] == {resource: amount}
        assert pod["spec"]["nodeName"] == node
    kubectl("delete", "aiw", *asks)
    kubectl("delete", "nodes", "sliced-0", "mixed-0")


def test_a_model_that_no_node_has_is_never_placed(kubectl: Kubectl) -> None:
    made = objects.workload("none", "default")
    made["spec"]["accelerators"] = [{"model": "A100"}]
    kubectl.apply(made)
    eventually(lambda: seen(kubectl, "none")["status"]["decision"]["mode"] == "Never")
    kubectl("delete", "aiw", "none")


def test_every_example_is_applied_twice_and_is_unchanged_the_second_time(bare_ground: Ground, kubectl: Kubectl) -> None:
    kubectl("delete", "nodes", "-l", f"{pools.POOL_LABEL}=found")
    pools.add(bare_ground.cluster.api, DEMO)
    arguments = [part for path in FILES for part in ("-f", str(path))]
    first = []
    for folder in ("policies", "pools"):
        first += kubectl("apply", "-f", str(ROOT / "examples" / folder)).splitlines()
    eventually(lambda: rules_are_known(kubectl))
    first += kubectl("apply", "-f", str(ROOT / "examples" / "workloads")).splitlines()
    assert all(line.endswith(" created") for line in first)
    names = [one["metadata"]["name"] for one in kubectl.list("aiw")]
    assert len(names) >= 9

    def all_decided() -> bool:
        items = kubectl.list("aiw")
        undecided = [one["metadata"]["name"] for one in items if not one.get("status", {}).get("decision")]
        assert not undecided
        return "nightly-job" in {one["metadata"]["name"] for one in items}

    eventually(all_decided)
    eventually(
        lambda: is_true(seen(kubectl, "pretrain-eu"), "Finished") or is_true(seen(kubectl, "pretrain-eu"), "Ready")
    )
    again = kubectl("apply", *arguments).splitlines()
    assert len(again) == len(first)
    assert [line for line in again if not line.endswith(" unchanged")] == []
    assert kubectl.run("diff", *arguments).stdout == ""


def test_the_examples_go_where_the_readme_says_or_say_why_not(kubectl: Kubectl) -> None:
    assert eventually(lambda: seen(kubectl, "pretrain-eu")["status"]["placement"]["pool"]) == "onprem-h100"
    assert eventually(lambda: seen(kubectl, "tokenize")["status"]["placement"]["pool"]) == "onprem-cpu"
    assert eventually(lambda: seen(kubectl, "sweep-spot")["status"]["placement"]["pool"]) == "eu-spot-h100"
    assert eventually(lambda: seen(kubectl, "nightly-job")["status"]["placement"]["pool"])
    too_big = eventually(lambda: seen(kubectl, "records-too-big")["status"]["decision"])
    assert too_big["mode"] == "Never"
    assert too_big["unblock"]
    told = kubectl("describe", "aiw", "records-too-big")
    assert re.search(r"Unblock:\s+\S", told)


def test_no_example_asks_for_what_the_api_server_would_drop(kubectl: Kubectl) -> None:
    for path in FILES:
        kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(path))


def test_every_example_is_looked_at() -> None:
    assert {path.parent.name for path in FILES} == {"policies", "pools", "workloads"}
    assert Path(FILES[0]).exists()
