"""`stellwerk fleet export`: a plan over the exported file gives what the operator decides on the live cluster."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.demo import world
from tests.testbed import env, pools
from tests.testbed.binaries import absent_everywhere
from tests.testbed.cluster import Cluster
from tests.testbed.pools import Pool
from tests.testbed.progress import Progress
from tests.testbed.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
STELLWERK = Path(sys.executable).with_name("stellwerk")

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

DECLARED = Pool(
    name="declared", count=3, gpus=8, labels={"team": "blue"}, taints=({"key": "gpu", "effect": "NoSchedule"},)
)
UNDECLARED = Pool(name="found", count=2, gpus=4, model="A100", provider="gcp", capacity="Spot", region="europe-west4")
COMPUTE_POOL = {
    "apiVersion": "stellwerk.dev/v1alpha1",
    "kind": "ComputePool",
    "metadata": {"name": "blue"},
    "spec": {
        "nodeSelector": {"team": "blue"},
        "taints": [{"key": "gpu", "effect": "NoSchedule"}],
        "provider": "onprem",
        "region": "de",
        "jurisdiction": "DE",
        "capacityType": "Owned",
        "accelerator": {"model": "H100", "count": 8},
        "price": {"perNodeHour": "12", "currency": "EUR"},
    },
}
POLICY = {
    "apiVersion": "stellwerk.dev/v1alpha1",
    "kind": "PlacementPolicy",
    "metadata": {"name": "germany"},
    "spec": {"require": {"jurisdictions": ["DE"]}},
}


def workload(name: str, model: str, gpus: int, replicas: int = 1, policy: str = "default") -> dict[str, Any]:
    """An AIWorkload whose pods run until they are deleted."""
    container = {"name": "main", "image": "example/image", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}
    template = {
        "metadata": {"annotations": {"testbed.stellwerk.dev/duration": "never"}},
        "spec": {"containers": [container]},
    }
    return {
        "apiVersion": "stellwerk.dev/v1alpha1",
        "kind": "AIWorkload",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "class": "Batch",
            "policy": policy,
            "replicas": replicas,
            "accelerators": [{"model": model, "count": gpus}],
            "template": template,
        },
    }


def stellwerk(*arguments: str | Path, codes: tuple[int, ...] = (0,)) -> str:
    """What the command prints."""
    done = subprocess.run([STELLWERK, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in codes, done.stderr
    return done.stdout


def planned(fleet: Path, folder: Path, workloads: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Mode and pool of each workload, by the plan over files."""
    manifests = folder / "workloads.yaml"
    manifests.write_text(yaml.safe_dump_all(workloads))
    report = json.loads(stellwerk("plan", "-f", manifests, "--fleet", fleet, "-o", "json", codes=(0, 2)))
    return {one["name"]: (one["mode"], one.get("placement", {}).get("pool", "")) for one in report["workloads"]}


def decided(cluster: Cluster, workloads: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Mode and pool of each workload, by the operator, once its pods are bound."""
    names = {one["metadata"]["name"] for one in workloads}

    def settled() -> bool:
        state = world.state(cluster)
        return state.workloads == state.decided and state.bound == state.wanted

    eventually(settled)
    found = [one for one in cluster.kubectl.list("aiw") if one["metadata"]["name"] in names]
    return {
        one["metadata"]["name"]: (
            one["status"]["decision"]["mode"],
            one["status"].get("placement", {}).get("pool", ""),
        )
        for one in found
    }


def exported(cluster: Cluster, path: Path) -> Path:
    """Export the fleet to a file."""
    path.write_text(stellwerk("fleet", "export", "--kubeconfig", cluster.kubeconfig))
    return path


def take(cluster: Cluster, node: str, gpus: int) -> None:
    """Somebody else's pod on a node."""
    cluster.kubectl.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"other-{node}",
                "namespace": "default",
                "annotations": {"testbed.stellwerk.dev/duration": "never"},
            },
            "spec": {
                "nodeName": node,
                "restartPolicy": "Never",
                "tolerations": [{"operator": "Exists"}],
                "containers": [
                    {"name": "main", "image": "a/b", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}},
                ],
            },
        }
    )


def furnish(one: Cluster) -> Cluster:
    """Add a declared pool, nodes that nobody declared, a policy, and somebody else's pods."""
    one.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    one.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=120s")
    for name in ("namespace.yaml", "rbac.yaml"):
        one.kubectl("apply", "-f", str(ROOT / "deploy" / name))
    pools.add(one.api, [DECLARED, UNDECLARED])
    one.kubectl.apply(COMPUTE_POOL, POLICY)
    take(one, "declared-0", 3)
    take(one, "found-1", 2)
    eventually(lambda: len(one.kubectl.list("pods", "--field-selector=status.phase=Running")) == 2)
    return one


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A furnished control plane that the tests of this file share; they leave it as they found it."""
    if os.environ.get(env.KUBECONFIG):
        pytest.skip(f"{env.KUBECONFIG} is set: only that cluster is to be used")
    if reason := absent_everywhere():
        pytest.fail(reason, pytrace=False)
    with Cluster.start(progress=Progress(quiet=True)) as one:
        yield furnish(one)


def test_a_plan_over_the_exported_fleet_says_what_the_operator_decides(
    start_cluster: Callable[[], Cluster], tmp_path: Path
) -> None:
    cluster = furnish(start_cluster())
    first = [
        workload("fits", "H100", 8, replicas=2, policy="germany"),
        workload("waits", "H100", 8, replicas=3, policy="germany"),
        workload("never", "H100", 8, replicas=4),
        workload("discovered", "A100", 4),
        workload("other-law", "A100", 1, policy="germany"),
    ]
    said = planned(exported(cluster, tmp_path / "before.yaml"), tmp_path, first)
    assert said["fits"] == ("Fit", "blue")
    assert said["waits"] == ("Wait", "")
    assert said["never"] == ("Never", "")
    assert said["discovered"][0] == "Fit"
    assert said["discovered"][1].startswith("auto-a100-spot-europe-west4")
    assert said["other-law"] == ("Never", "")
    operator = world.Operator.of(cluster)
    with operator.child:
        operator.wait_until_it_leads()
        cluster.kubectl.apply(*first)
        assert decided(cluster, first) == said
        # The second plan sees what the first one took.
        second = [workload("rest", "H100", 5), workload("more", "H100", 6), workload("two", "A100", 2)]
        said = planned(exported(cluster, tmp_path / "after.yaml"), tmp_path, second)
        assert {name: mode for name, (mode, _) in said.items()} == {"rest": "Fit", "more": "Wait", "two": "Fit"}
        cluster.kubectl.apply(*second)
        assert decided(cluster, second) == said


def test_the_exported_file_groups_like_nodes_and_counts_what_others_use(cluster: Cluster, tmp_path: Path) -> None:
    fleet = yaml.safe_load(exported(cluster, tmp_path / "fleet.yaml").read_text())
    [pool] = fleet["pools"]
    assert pool["metadata"] == {"name": "blue"}
    assert pool["spec"]["price"] == {"perNodeHour": "12", "currency": "EUR"}
    used = {group["count"]: group.get("used", {}).get("nvidia.com/gpu", "0") for group in pool["nodes"]}
    assert used == {1: "3", 2: "0"}
    assert sum(group["count"] for group in fleet["nodes"]) == 2
    assert [one["metadata"]["name"] for one in fleet["policies"]] == ["germany"]


def test_placed_pods_that_are_not_bound_yet_count_as_used(cluster: Cluster, tmp_path: Path) -> None:
    placed = workload("placed", "H100", 8, replicas=2)
    cluster.kubectl.apply(placed)
    now = "2026-11-22T12:00:00Z"
    condition = {
        "type": "Placed",
        "status": "True",
        "reason": "CheapestFeasible",
        "message": "",
        "lastTransitionTime": now,
    }
    placement = {
        "cluster": "local",
        "pool": "blue",
        "capacityType": "Owned",
        "provider": "onprem",
        "region": "de",
        "accelerator": {"model": "H100", "count": 8, "resource": "nvidia.com/gpu"},
        "nodeSelector": {"team": "blue"},
        "preferredNodes": ["declared-1", "declared-2"],
        "replicas": 2,
    }
    status = {"status": {"conditions": [condition], "placement": placement}}
    cluster.kubectl("patch", "aiw", "placed", "--subresource=status", "--type=merge", "-p", json.dumps(status))
    fleet = exported(cluster, tmp_path / "fleet.yaml")
    cluster.kubectl("delete", "aiw", "placed")
    said = planned(fleet, tmp_path, [workload("five", "H100", 5), workload("eight", "H100", 8)])
    assert said == {"five": ("Fit", "blue"), "eight": ("Wait", "")}


def test_a_cluster_without_the_kinds_is_exported_with_a_note(start_cluster: Callable[[], Cluster]) -> None:
    bare = start_cluster()
    pools.add(bare.api, [UNDECLARED])
    command = [STELLWERK, "fleet", "export", "--kubeconfig", bare.kubeconfig]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "knows no computepools" in done.stderr
    assert sum(group["count"] for group in yaml.safe_load(done.stdout)["nodes"]) == 2


def test_kubectl_finds_the_command_line_as_its_plugin(cluster: Cluster) -> None:
    environment = {
        **os.environ,
        "PATH": f"{STELLWERK.parent}:{os.environ['PATH']}",
        "KUBECONFIG": str(cluster.kubeconfig),
    }
    command = [cluster.binaries.kubectl, "stellwerk", "fleet", "export"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert yaml.safe_load(done.stdout)["kind"] == "Fleet"


def test_a_cluster_that_cannot_be_reached_is_bad_input(tmp_path: Path) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "users": [{"name": "a", "user": {}}],
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    command = [STELLWERK, "fleet", "export", "--kubeconfig", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("stellwerk: ")
    assert "Traceback" not in done.stderr


def test_the_exported_history_of_a_cluster_can_be_simulated(cluster: Cluster, tmp_path: Path) -> None:
    ended = workload("ended", "H100", 8, replicas=2)
    cluster.kubectl.apply(ended, workload("new", "H100", 8))
    conditions = [
        {"type": kind, "status": "True", "reason": "Succeeded", "lastTransitionTime": "2030-01-01T12:00:00Z"}
        for kind in ("Accepted", "Finished")
    ]
    conditions.append({**conditions[0], "type": "Placed", "status": "False", "reason": "Released"})
    status = {
        "conditions": conditions,
        "placement": {"cluster": "local", "pool": "blue", "capacityType": "Owned", "replicas": 2},
        "decision": {"mode": "Fit", "reason": "CheapestFeasible", "decidedAt": "2030-01-01T11:00:00Z"},
    }
    status["placement"]["accelerator"] = {"model": "H100", "count": 8, "resource": "nvidia.com/gpu"}
    patch = json.dumps({"status": status})
    cluster.kubectl("patch", "aiw", "ended", "-n", "default", "--subresource=status", "--type=merge", "-p", patch)
    try:
        history = tmp_path / "history.jsonl"
        history.write_text(stellwerk("history", "export", "--kubeconfig", cluster.kubeconfig))
        [row] = map(json.loads, history.read_text().splitlines())
        assert (row["name"], row["accelerators"], row["replicas"]) == ("ended", 8, 2)
        assert (row["started"], row["finished"]) == ("2030-01-01T11:00:00Z", "2030-01-01T12:00:00Z")
        report = json.loads(stellwerk("simulate", history, "--nodes", "2x8", "-o", "json"))
        assert report["scenarios"][0]["completionSeconds"]["mean"] == 3600
    finally:
        cluster.kubectl("delete", "aiw", "ended", "new", "-n", "default")
