"""The demo's cluster: a control plane, GPU nodes, the kinds, the operator, and the examples applied to it."""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.demo.child import Child, free_port, wait_for
from tests.demo.prometheus import fetch
from tests.demo.screen import ROOT
from tests.testbed import identity, pools
from tests.testbed.cluster import Cluster
from tests.testbed.progress import Progress, TestbedError, clock

HERE = Path(__file__).parent
EXAMPLES = ROOT / "examples"
SYSTEM = "stellwerk-system"
SECONDS_TO_SETTLE = 300.0


@dataclass(frozen=True, slots=True)
class State:
    """How far the examples are: workloads decided, and pods bound by the scheduler."""

    workloads: int
    decided: int
    wanted: int
    bound: int

    def settled(self, expected: int) -> bool:
        """Whether nothing more is to come."""
        return self.workloads == self.decided == expected and self.bound == self.wanted > 0


def prepare(cluster: Cluster, progress: Progress) -> None:
    """Install the kinds and the operator's role, and add the nodes of the examples' pools."""
    kubectl = cluster.kubectl
    with progress.step("installing the custom resource definitions and the operator's role"):
        kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=120s")
        for name in ("namespace.yaml", "rbac.yaml", "flowschema.yaml", "admission.yaml"):
            kubectl("apply", "-f", str(ROOT / "deploy" / name))
    described = pools.load(HERE / "pools.yaml")
    nodes = sum(pool.count for pool in described)
    with progress.step(f"adding {nodes} nodes in {len(described)} pools, and somebody else's pod on two GPUs"):
        pools.add(cluster.api, described)
        kubectl("apply", "-f", str(HERE / "cluster-objects.yaml"))


@dataclass(frozen=True, slots=True)
class Operator:
    """`python -m stellwerk` as users run it: a process of its own, with the rights of its own role."""

    child: Child
    port: int

    @staticmethod
    def of(cluster: Cluster) -> "Operator":
        """Prepare one; it starts as `child` is entered."""
        config = identity.kubeconfig(cluster.kubectl, SYSTEM, "stellwerk", cluster.folder / "operator.kubeconfig")
        port = free_port()
        settings = {
            "STELLWERK_KUBECONFIG": str(config),
            "STELLWERK_HTTP__HOST": "127.0.0.1",
            "STELLWERK_HTTP__PORT": str(port),
            "STELLWERK_LEASE__NAMESPACE": SYSTEM,
        }
        argv = [sys.executable, "-m", "stellwerk"]
        log = cluster.folder / "operator.log"
        return Operator(Child("the operator", argv, log, {**_clean(os.environ), **settings}), port)

    @property
    def metrics(self) -> str:
        """The text of /metrics."""
        return fetch(f"http://127.0.0.1:{self.port}/metrics")

    def wait_until_it_leads(self) -> None:
        """Return when it is ready and holds the lease; TestbedError when that does not come."""
        wait_for(self.child, self._leads)

    def _leads(self) -> bool:
        try:
            fetch(f"http://127.0.0.1:{self.port}/readyz")
            return any(line.startswith("stellwerk_leader 1") for line in self.metrics.splitlines())
        except OSError:
            return False


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Without settings that the person's shell may hold for an operator of their own."""
    kept = {k: v for k, v in environment.items() if k.startswith("STELLWERK_TESTBED") or not k.startswith("STELLWERK_")}
    return {key: value for key, value in kept.items() if key != "KUBECONFIG"}


def apply_rules(cluster: Cluster) -> None:
    """Apply the policies and pools of examples/ and wait until the operator has answered each of them.

    A workload that comes together with its pools may be decided before these are seen.
    """
    for folder in ("policies", "pools"):
        cluster.kubectl("apply", "-f", str(EXAMPLES / folder))
    for kind in ("placementpolicies", "computepools"):
        cluster.kubectl("wait", "--for=condition=Accepted", kind, "--all", "--timeout=120s")


def apply_workloads(cluster: Cluster) -> int:
    """Apply every workload of examples/ and return how many there are."""
    cluster.kubectl("apply", "-f", str(EXAMPLES / "workloads"))
    return len(list((EXAMPLES / "workloads").glob("*.yaml")))


def state(cluster: Cluster) -> State:
    """Count."""
    workloads = _workloads(cluster)
    placed = [one["status"]["placement"] for one in workloads if "placement" in one.get("status", {})]
    pods = cluster.api.get("/api/v1/namespaces/default/pods")["items"]
    bound = [pod for pod in pods if pod["spec"].get("nodeName") and pod["metadata"].get("ownerReferences")]
    return State(
        workloads=len(workloads),
        decided=sum("decision" in one.get("status", {}) for one in workloads),
        wanted=sum(one["replicas"] for placement in placed for one in (placement, *placement.get("podSets", ()))),
        bound=len(bound),
    )


def gpus_at_work(cluster: Cluster) -> float:
    """Accelerators that bound pods ask for, whoever owns them: what the metrics have to arrive at."""
    pods = cluster.api.get("/api/v1/pods")["items"]
    nodes = cluster.api.get("/api/v1/nodes")["items"]
    slices = {
        node["metadata"]["name"]: int(node["metadata"]["labels"].get("nvidia.com/gpu.replicas", 1)) for node in nodes
    }
    asked = [
        int(container["resources"].get("requests", {}).get("nvidia.com/gpu", 0)) / slices[pod["spec"]["nodeName"]]
        for pod in pods
        if pod["spec"].get("nodeName")
        for container in pod["spec"]["containers"]
    ]
    return round(sum(asked), 2)


def _workloads(cluster: Cluster) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.api.get("/apis/stellwerk.dev/v1alpha1/namespaces/default/aiworkloads")[
        "items"
    ]
    return found


def wait_until_settled(cluster: Cluster, operator: Operator, expected: int, progress: Progress) -> None:
    """Show how the pods are bound until all are; TestbedError when they are not within minutes."""
    began = time.monotonic()
    while not (now := state(cluster)).settled(expected):
        operator.child.check()
        gone = time.monotonic() - began
        progress.update(
            f"{now.decided} of {expected} workloads decided,"
            f" {now.bound} of {now.wanted} pods bound by kube-scheduler, {clock(gone)}"
        )
        if gone > SECONDS_TO_SETTLE:
            raise TestbedError(f"not settled after {clock(gone)}: {now}\n{operator.child.tail()}")
        time.sleep(0.2)
    gone = time.monotonic() - began
    progress.say(f"{now.decided} workloads decided, {now.bound} pods bound by kube-scheduler in {gone:.1f}s")


def placements(cluster: Cluster) -> dict[str, str]:
    """The pool of each workload, empty for those that have none."""
    return {one["metadata"]["name"]: one["status"].get("placement", {}).get("pool", "") for one in _workloads(cluster)}


def first_that_waits(cluster: Cluster) -> str:
    """The name of a workload that cannot run yet."""
    modes = {one["metadata"]["name"]: one["status"]["decision"]["mode"] for one in _workloads(cluster)}
    return next(name for name in sorted(modes, key=lambda n: (modes[n] != "Wait", n)) if modes[name] != "Fit")
