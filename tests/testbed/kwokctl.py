"""What kwokctl is told: its configuration file and the one command that creates a control plane."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.testbed.binaries import Binaries
from tests.testbed.progress import TestbedError

STAGES = Path(__file__).parent / "stages.yaml"
MINUTE = 60_000  # milliseconds

# No leases among single components: one that could not renew for ten seconds would exit, and fault
# tests stop the API server for longer. Client limits off: they would measure the bed, not the operator.
EXTRA_ARGS: dict[str, dict[str, str]] = {
    "etcd": {"unsafe-no-fsync": "true"},
    "kube-controller-manager": {
        "leader-elect": "false",
        "kube-api-qps": "2000",
        "kube-api-burst": "2000",
        "concurrent-job-syncs": "20",
    },
    "kube-scheduler": {
        "leader-elect": "false",
        "kube-api-qps": "2000",
        "kube-api-burst": "2000",
    },
}


def configuration(binaries: Binaries, ports: Mapping[str, int]) -> str:
    """The YAML documents of one cluster: options, extra arguments and the stages of nodes and pods."""
    document: dict[str, Any] = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokctlConfiguration",
        "options": {
            "runtime": "binary",
            "bindAddress": "127.0.0.1",
            "etcdBinary": str(binaries.path("etcd")),
            "kubeApiserverBinary": str(binaries.path("kube-apiserver")),
            "kubeControllerManagerBinary": str(binaries.path("kube-controller-manager")),
            "kubeSchedulerBinary": str(binaries.path("kube-scheduler")),
            "kwokControllerBinary": str(binaries.path("kwok")),
            "etcdPort": ports["etcd"],
            "etcdPeerPort": ports["etcd-peer"],
            "kubeApiserverPort": ports["kube-apiserver"],
            "kubeControllerManagerPort": ports["kube-controller-manager"],
            "kubeSchedulerPort": ports["kube-scheduler"],
            "kwokControllerPort": ports["kwok"],
            # Leases of thousands of nodes cost more than they tell here; a lost node is seen by its status.
            "heartbeatFactor": 1,
            "nodeLeaseDurationSeconds": 600,
            "kubeControllerManagerNodeMonitorPeriodMilliseconds": 5_000,
            "kubeControllerManagerNodeMonitorGracePeriodMilliseconds": 15 * MINUTE,
        },
        "componentsPatches": [
            {
                "name": name,
                "extraArgs": [{"key": key, "value": value} for key, value in arguments.items()],
            }
            for name, arguments in EXTRA_ARGS.items()
        ],
    }
    return f"{yaml.safe_dump(document, sort_keys=False)}---\n{STAGES.read_text(encoding='utf-8')}"


def create(name: str, folder: Path, binaries: Binaries, ports: Mapping[str, int]) -> None:
    """Start the processes of a cluster; TestbedError with the end of the output when that fails.

    kwokctl and the kubectl that it calls run under names below `folder`, so that they are found and
    ended with the cluster when the caller dies meanwhile.
    """
    tools = folder / "tools"
    tools.mkdir(parents=True, exist_ok=True)
    for tool, target in (("kwokctl", binaries.path("kwokctl")), ("kubectl", binaries.kubectl)):
        link = tools / tool
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    config = folder / "kwokctl.yaml"
    config.write_text(configuration(binaries, ports), encoding="utf-8")
    command = [str(tools / "kwokctl"), "create", "cluster", "--name", name]
    command += ["--config", str(config), "--kubeconfig", "", "--timeout", "120s"]
    environment = {**os.environ, "KWOK_WORKDIR": str(folder), "PATH": f"{tools}:{os.environ['PATH']}"}
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        environment.pop(proxy, None)  # everything is on this machine
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TestbedError(f"kwokctl could not create cluster {name}:\n{done.stderr[-2000:]}")
