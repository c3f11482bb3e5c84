"""`stellwerk fleet export`: what namespaces allow and what was learned of pools count in a plan as they do live."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.demo import world
from tests.integration.test_fleet_export import COMPUTE_POOL, decided, exported, furnish, planned, workload
from tests.testbed.cluster import Cluster
from tests.testbed.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

RUNTIME = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "heavy"},
    "handler": "runc",
    "overhead": {"podFixed": {"cpu": "120"}},
}
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "gpus", "namespace": "default"},
    "spec": {"hard": {"requests.nvidia.com/gpu": "10"}},
}
LIMITS = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "limits", "namespace": "default"},
    "spec": {"limits": [{"type": "Container", "max": {"memory": "4Gi"}}]},
}
DRY = {
    **COMPUTE_POOL,
    "metadata": {"name": "dry"},
    "spec": {
        **COMPUTE_POOL["spec"],
        "nodeSelector": {"team": "dry"},
        "accelerator": {"model": "B200", "count": 8},
        "growth": {
            "maxNodes": 2,
            "provisionTime": "5m",
            "node": {"cpu": "64", "memory": "2113423488Ki", "nvidia.com/gpu": "8"},
        },
    },
}


def heavy_job(name: str, cpu: str) -> dict[str, Any]:
    """A user's Job of a runtime class that takes most of a node, born suspended as the admission policy has it."""
    container = {"name": "main", "image": "a/b", "resources": {"requests": {"cpu": cpu}}}
    spec = {"restartPolicy": "Never", "runtimeClassName": "heavy", "containers": [container]}
    annotations = {"testbed.stellwerk.dev/duration": "never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "default", "labels": {"stellwerk.dev/policy": "germany"}},
        "spec": {"suspend": True, "template": {"metadata": {"annotations": annotations}, "spec": spec}},
    }


def test_rules_of_namespaces_runtime_classes_and_stock_outs_count_in_a_plan_as_in_the_cluster(
    start_cluster: Callable[[], Cluster], tmp_path: Path
) -> None:
    cluster = furnish(start_cluster())
    cluster.kubectl.apply(RUNTIME, QUOTA, LIMITS, DRY)
    supply = {"stockOuts": 1, "lastStockOut": "2026-11-22T12:00:00Z", "until": "2999-01-01T00:00:00Z"}
    body = json.dumps({"status": {"supply": supply}})
    cluster.kubectl("patch", "computepool", "dry", "--subresource=status", "--type=merge", "-p", body)
    over_limit = workload("over-limit", "H100", 1, policy="germany")
    over_limit["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["memory"] = "8Gi"
    asked = [
        workload("allowed", "H100", 4, policy="germany"),
        workload("over-quota", "H100", 8, policy="germany"),
        over_limit,
        workload("out-of-stock", "B200", 2),
        heavy_job("light", "1"),
        heavy_job("too-heavy", "100"),
    ]
    eventually(lambda: cluster.kubectl.list("resourcequota", "-n", "default")[0].get("status", {}).get("used"))
    said = planned(exported(cluster, tmp_path / "fleet.yaml"), tmp_path, asked)
    modes = {name: mode for name, (mode, _) in said.items()}
    assert modes == {
        "allowed": "Fit",
        "over-quota": "Wait",
        "over-limit": "Never",
        "out-of-stock": "Wait",
        "light": "Fit",
        "too-heavy": "Never",
    }
    operator = world.Operator.of(cluster)
    with operator.child:
        operator.wait_until_it_leads()
        cluster.kubectl.apply(*asked)
        eventually(lambda: len(cluster.kubectl.list("aiw")) == len(asked))
        assert decided(cluster, asked) == said
        told = {one["metadata"]["name"]: one["status"]["decision"]["message"] for one in cluster.kubectl.list("aiw")}
        assert "quota gpus" in told["over-quota"]
