"""What runs on the bed behaves as it would on a cluster, as far as an operator can see."""

from collections.abc import Callable
from datetime import datetime

import pytest

from tests.testbed.kubectl import Kubectl
from tests.testbed.pools import Pool
from tests.testbed.waiting import eventually, holds
from tests.testbed_tests.objects import PREFIX, Object, condition, job, pod, template

pytestmark = pytest.mark.integration
AddNodes = Callable[[Pool], str]


def seconds(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def served(pool: str) -> Object:
    made = template(pool)
    made["metadata"]["labels"] = {"app": "web"}
    del made["spec"]["restartPolicy"]
    return made


def phase(kubectl: Kubectl, name: str) -> str:
    found: str = kubectl.get("pod", name)["status"]["phase"]
    return found


def test_a_job_is_bound_to_a_gpu_node_and_completes_after_its_duration(kubectl: Kubectl, add_nodes: AddNodes) -> None:
    pool = add_nodes(Pool(name="gpu", count=1))
    kubectl.apply(job("train", pool, duration="2s"))
    done = eventually(lambda: condition(kubectl.get("job", "train"), "Complete"))
    (worker,) = kubectl.list("pods", "-l", "job-name=train")
    assert worker["spec"]["nodeName"] == f"{pool}-0"
    assert done["reason"] == "CompletionsReached"
    state = worker["status"]["containerStatuses"][0]["state"]
    assert list(state) == ["terminated"]
    assert state["terminated"]["exitCode"] == 0
    ran = seconds(state["terminated"]["startedAt"], state["terminated"]["finishedAt"])
    assert ran >= 1  # both are cut to whole seconds


def test_a_job_that_is_told_to_fail_fails(kubectl: Kubectl, add_nodes: AddNodes) -> None:
    pool = add_nodes(Pool(name="gpu", count=1))
    kubectl.apply(job("train", pool, fail="true", duration="100ms"))
    failed = eventually(lambda: condition(kubectl.get("job", "train"), "Failed"))
    assert failed["reason"] == "BackoffLimitExceeded"


def test_a_job_too_big_for_the_node_stays_pending(kubectl: Kubectl, add_nodes: AddNodes) -> None:
    pool = add_nodes(Pool(name="gpu", count=1, gpus=2))
    big: Object = job("big", pool)
    big["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = "3"
    kubectl.apply(big)

    def refusal() -> str:
        waiting = kubectl.list("pods", "-l", "job-name=big")[0]
        said = [str(one["message"]) for one in waiting["status"]["conditions"] if one["type"] == "PodScheduled"]
        return next(one for one in said if "Insufficient nvidia.com/gpu" in one)

    assert eventually(refusal)


def test_a_bare_pod_completes(kubectl: Kubectl, add_nodes: AddNodes) -> None:
    pool = add_nodes(Pool(name="cpu", count=1, gpus=0))
    kubectl.apply(pod("bare", pool, duration="200ms"))
    eventually(lambda: phase(kubectl, "bare") == "Succeeded")


def test_a_pod_told_never_to_end_runs_until_it_is_evicted(kubectl: Kubectl, add_nodes: AddNodes) -> None:
    pool = add_nodes(Pool(name="cpu", count=1, gpus=0))
    kubectl.apply(pod("server", pool, duration="never"))
    eventually(lambda: phase(kubectl, "server") == "Running")
    holds(lambda: phase(kubectl, "server") == "Running", seconds=3)
    kubectl("annotate", "pod", "server", f"{PREFIX}/evict=true")
    eventually(lambda: phase(kubectl, "server") == "Failed")
    evicted = kubectl.get("pod", "server")
    assert evicted["status"]["reason"] == "Evicted"
    assert condition(evicted, "DisruptionTarget")["reason"] == "TerminationByKubelet"


def test_changing_a_running_pod_does_not_prolong_it(kubectl: Kubectl, add_nodes: AddNodes) -> None:
    pool = add_nodes(Pool(name="cpu", count=1, gpus=0))
    kubectl.apply(pod("short", pool, duration="4s"))
    eventually(lambda: phase(kubectl, "short") in ("Running", "Succeeded"))

    def ended_although_touched() -> bool:
        touch = kubectl.run(
            "label", "pod", "short", f"n={kubectl.get('pod', 'short')['metadata']['resourceVersion']}", "--overwrite"
        )
        assert touch.returncode == 0, touch.stderr
        return phase(kubectl, "short") == "Succeeded"

    eventually(ended_although_touched)


def test_a_deployment_runs_on(kubectl: Kubectl, add_nodes: AddNodes) -> None:
    pool = add_nodes(Pool(name="cpu", count=1, gpus=0))
    kubectl.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "web"}},
                "template": served(pool),
            },
        }
    )
    eventually(lambda: kubectl.get("deployment", "web")["status"].get("availableReplicas") == 2)
    holds(lambda: kubectl.get("deployment", "web")["status"].get("availableReplicas") == 2, seconds=3)


def test_a_deleted_pod_is_gone_after_its_termination_time(kubectl: Kubectl, add_nodes: AddNodes) -> None:
    pool = add_nodes(Pool(name="cpu", count=1, gpus=0))
    kubectl.apply(pod("slow", pool, duration="never", termination="10s"))
    eventually(lambda: phase(kubectl, "slow") == "Running")
    kubectl("delete", "pod", "slow", "--wait=false")
    assert kubectl.get("pod", "slow")["metadata"]["deletionTimestamp"]
    eventually(lambda: kubectl.run("get", "pod", "slow").returncode == 1)


def test_a_node_is_lost_and_comes_back_on_demand(kubectl: Kubectl, add_nodes: AddNodes) -> None:
    # Three of them: where a whole zone goes dark, Kubernetes holds evictions back.
    node = f"{add_nodes(Pool(name='gpu', count=3, zone='lost-and-found'))}-0"

    def ready() -> str:
        conditions = kubectl.get("node", node)["status"]["conditions"]
        return next(str(one["status"]) for one in conditions if one["type"] == "Ready")

    kubectl("annotate", "node", node, f"{PREFIX}/ready=false")
    eventually(lambda: ready() == "Unknown")
    eventually(lambda: any(taint["effect"] == "NoExecute" for taint in kubectl.get("node", node)["spec"]["taints"]))
    kubectl("annotate", "node", node, f"{PREFIX}/ready-")
    eventually(lambda: ready() == "True")
    eventually(lambda: not kubectl.get("node", node)["spec"].get("taints"))
