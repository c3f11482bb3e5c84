"""The child Job, and the patch of a user's Job."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stellwerk.lifecycle.job import build_job, carries, child_name, job_patch
from stellwerk.model.capacity import CapacityType, Toleration
from stellwerk.model.placement import PlacedAccelerator, Placement
from stellwerk.model.workload import Workload
from tests.builders import GPU, SPEC, USER_TEMPLATE, state, user_job

PLACEMENT = Placement(
    cluster="local",
    pool="own",
    capacity_type=CapacityType.OWNED,
    replicas=2,
    accelerator=PlacedAccelerator("H100", 8, GPU),
    node_selector={"pool": "own"},
    preferred_nodes=("n1", "n2"),
    tolerations=(Toleration(GPU, "Exists", "", "NoSchedule"),),
)
BARE = Placement("local", "own", CapacityType.OWNED, 1)
PREFERENCE = {
    "weight": 100,
    "preference": {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1", "n2"]}]},
}


def job(spec: dict[str, Any] = SPEC, placement: Placement = PLACEMENT) -> dict[str, Any]:
    workload = state(spec).workload
    assert isinstance(workload, Workload)
    return build_job(workload, spec, placement)


def test_the_job_belongs_to_its_workload_alone() -> None:
    made = job()
    assert made["metadata"]["namespace"] == "team"
    assert made["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "stellwerk.dev/v1alpha1",
            "kind": "AIWorkload",
            "name": "train",
            "uid": "uid-train",
            "controller": True,
            "blockOwnerDeletion": False,
        }
    ]
    assert made["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "stellwerk",
        "stellwerk.dev/policy": "default",
        "stellwerk.dev/workload": "train",
    }


def test_a_gang_is_an_indexed_job_that_runs_all_pods_at_once() -> None:
    spec = job()["spec"]
    assert (spec["parallelism"], spec["completions"], spec["completionMode"]) == (2, 2, "Indexed")
    assert spec["backoffLimit"] == 1
    assert "completionMode" not in job(placement=BARE)["spec"]


def test_pods_are_sent_to_the_pool_and_only_prefer_the_packed_nodes() -> None:
    pod = job()["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"pool": "own"}
    assert pod["affinity"] == {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [PREFERENCE]}}
    assert pod["tolerations"] == [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["restartPolicy"] == "Never"


def test_the_first_container_asks_for_the_accelerators_of_the_pool() -> None:
    spec = {**SPEC, "template": {"spec": {"containers": [*SPEC["template"]["spec"]["containers"], {"name": "log"}]}}}
    first, second = job(spec)["spec"]["template"]["spec"]["containers"]
    assert first["resources"] == {"requests": {"cpu": "8", "memory": "64Gi", GPU: "8"}, "limits": {GPU: "8"}}
    assert second == {"name": "log"}


def test_pods_carry_their_own_labels_and_the_workloads_name() -> None:
    labels = job()["spec"]["template"]["metadata"]["labels"]
    assert labels["team"] == "vision"
    assert labels["stellwerk.dev/workload"] == "train"


def test_what_the_template_says_of_nodes_is_kept() -> None:
    pod = {
        **SPEC["template"]["spec"],
        "nodeSelector": {"rack": "r1"},
        "tolerations": [{"key": "x", "operator": "Exists"}],
    }
    made = job({**SPEC, "template": {"spec": pod}})["spec"]["template"]["spec"]
    assert made["nodeSelector"] == {"rack": "r1", "pool": "own"}
    assert [t["key"] for t in made["tolerations"]] == ["x", GPU]


def test_the_template_itself_is_not_changed() -> None:
    before = repr(SPEC)
    job()
    assert repr(SPEC) == before


def test_a_placement_without_nodes_or_accelerators_adds_neither() -> None:
    pod = job(placement=BARE)["spec"]["template"]["spec"]
    assert "affinity" not in pod
    assert "tolerations" not in pod
    assert "limits" not in pod["containers"][0]["resources"]


@pytest.mark.parametrize("name", ["train", "a" * 63, "with.dots.in-it", "x" * 47 + "-" * 5 + "y"])
def test_the_name_is_a_dns_label_even_with_an_index_and_the_same_each_time(name: str) -> None:
    made = child_name(name, "uid-1")
    assert len(f"{made}-9999") <= 63
    assert "." not in made
    assert "--" not in made[-10:]
    assert made == child_name(name, "uid-1")
    assert made != child_name(name, "uid-2")


def test_a_users_job_is_released_into_the_pool() -> None:
    patch = job_patch(user_job(), PLACEMENT, "uid-train")
    assert patch["spec"]["suspend"] is False
    pod = patch["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"pool": "own"}
    assert pod["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] == [PREFERENCE]
    assert "containers" not in pod


def test_pods_that_must_keep_to_their_nodes_are_held_back_until_they_are_told_which() -> None:
    assert "schedulingGates" not in job()["spec"]["template"]["spec"]
    made = job(placement=msgspec.structs.replace(PLACEMENT, nodes_required=True))
    assert made["spec"]["template"]["spec"]["schedulingGates"] == [{"name": "stellwerk.dev/seat"}]


def test_the_gates_of_a_user_stay_beside_ours() -> None:
    theirs = user_job(template={"spec": {**USER_TEMPLATE["spec"], "schedulingGates": [{"name": "example.com/data"}]}})
    body = job_patch(theirs, msgspec.structs.replace(PLACEMENT, nodes_required=True), "uid-report")
    gates = body["spec"]["template"]["spec"]["schedulingGates"]
    assert gates == [{"name": "example.com/data"}, {"name": "stellwerk.dev/seat"}]


def test_what_a_user_demanded_is_added_to_and_never_dropped() -> None:
    mine = {"weight": 1, "preference": {"matchExpressions": []}}
    hard = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "rack", "operator": "Exists"}]}]}
    pod = {
        "tolerations": [{"key": "mine", "operator": "Exists"}],
        "affinity": {
            "podAffinity": {"x": 1},
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": hard,
                "preferredDuringSchedulingIgnoredDuringExecution": [mine],
            },
        },
    }
    patch = job_patch(user_job(template={"spec": pod}), PLACEMENT, "uid-train")["spec"]["template"]["spec"]
    assert [t["key"] for t in patch["tolerations"]] == ["mine", GPU]
    nodes = patch["affinity"]["nodeAffinity"]
    assert nodes["requiredDuringSchedulingIgnoredDuringExecution"] == hard
    assert nodes["preferredDuringSchedulingIgnoredDuringExecution"] == [mine, PREFERENCE]
    assert "podAffinity" not in patch["affinity"]  # a merge patch leaves alone what it does not name


def test_a_job_says_which_placement_was_written_into_it() -> None:
    mark = job_patch(user_job(), PLACEMENT, "uid-train")["metadata"]["annotations"]
    assert carries(user_job(annotations=mark), PLACEMENT, "uid-train")
    assert not carries(user_job(annotations=mark), PLACEMENT, "uid-of-a-copy")
    assert not carries(user_job(), PLACEMENT, "uid-train")
    assert job()["metadata"]["annotations"].items() <= mark.items()
