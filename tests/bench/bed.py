"""What every benchmark runs on: one control plane, one pool of like nodes, one operator."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import operator_process
from tests.operator_process import Operator
from tests.testbed import pools
from tests.testbed.cluster import Cluster
from tests.testbed.progress import Progress
from tests.testbed.waiting import eventually

NAMESPACE = "bench"
POOL = "bench-h100"
PATIENT = {"LEASE__DURATION_SECONDS": "60", "LEASE__RENEW_SECONDS": "45", "WRITES__TIMEOUT_SECONDS": "15"}
"""Limits for machines that stand still at times: a benchmark is not about elections."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Bed:
    """A cluster with nodes, and an operator that is not started yet."""

    cluster: Cluster
    operator: Operator
    progress: Progress


@contextmanager
def bed(nodes: int, progress: Progress) -> Iterator[Bed]:
    """Bring up a control plane with `nodes` nodes of 8 GPUs; everything is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder, Cluster.start(progress=progress) as cluster:
        operator_process.install(cluster.kubectl)
        cluster.kubectl("create", "namespace", NAMESPACE)
        cluster.kubectl.apply(_pool())
        with progress.step(f"adding {nodes} nodes"):
            pools.add(cluster.api, [pools.Pool(name=POOL, count=nodes, gpus=8, model="H100", capacity="Owned")])
        kubeconfig = operator_process.kubeconfig(cluster.kubectl, Path(folder) / "operator.yaml")
        operator = Operator(kubeconfig, Path(folder), PATIENT)
        try:
            yield Bed(cluster, operator, progress)
        finally:
            operator.stop()


def lead(operator: Operator) -> None:
    """Start the operator and wait until it leads."""
    operator.start()
    eventually(operator.leads)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid: int) -> float:
    """Resident memory of a process now."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def writes(operator: Operator) -> dict[str, float]:
    """Writes so far by kind of action and result, as the operator counts them."""
    counted: dict[str, float] = {}
    for line in operator.probe("/metrics")[1].splitlines():
        if line.startswith("stellwerk_writes_total{"):
            labels, _, value = line.removeprefix("stellwerk_writes_total").rpartition(" ")
            counted[labels] = float(value)
    return counted


def workload(name: str, duration: str) -> dict[str, Any]:
    """An AIWorkload of one pod with one GPU that runs for `duration`."""
    return {
        "apiVersion": "stellwerk.dev/v1alpha1",
        "kind": "AIWorkload",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "class": "Batch",
            "accelerators": [{"model": "H100"}],
            "template": {
                "metadata": {"annotations": {"testbed.stellwerk.dev/duration": duration}},
                "spec": {"containers": [_container()]},
            },
        },
    }


def job(name: str, duration: str) -> dict[str, Any]:
    """The plain Job of the same shape, with the node selector that a person would write."""
    container = _container() | {"resources": _resources({"nvidia.com/gpu": "1"})}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "template": {
                "metadata": {"annotations": {"testbed.stellwerk.dev/duration": duration}},
                "spec": {
                    "restartPolicy": "Never",
                    "nodeSelector": {pools.POOL_LABEL: POOL},
                    "containers": [container],
                },
            }
        },
    }


def _container() -> dict[str, Any]:
    return {"name": "main", "image": "bench:1", "resources": _resources({})}


def _resources(extra: dict[str, str]) -> dict[str, Any]:
    requests = {"cpu": "1", "memory": "1Gi", **extra}
    return {"requests": requests, "limits": extra} if extra else {"requests": requests}


def _pool() -> dict[str, Any]:
    return {
        "apiVersion": "stellwerk.dev/v1alpha1",
        "kind": "ComputePool",
        "metadata": {"name": POOL},
        "spec": {
            "nodeSelector": {pools.POOL_LABEL: POOL},
            "provider": "onprem",
            "region": "de-fra",
            "jurisdiction": "DE",
            "capacityType": "Owned",
            "accelerator": {"model": "H100", "count": 8, "memory": "80Gi"},
            "price": {
                "perNodeHour": "18.40",
                "currency": "EUR",
                "validFrom": "2026-11-01T00:00:00Z",
                "source": "benchmark",
            },
        },
    }
