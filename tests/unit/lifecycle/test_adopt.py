"""Taking in users' Jobs."""

from __future__ import annotations

from typing import Any

import pytest

from stellwerk.api.labels import MANAGED_BY, MANAGED_BY_LABEL, POLICY_LABEL
from stellwerk.api.validation import validate
from stellwerk.lifecycle.actions import CreateWorkload, EmitEvent
from stellwerk.lifecycle.adopt import adoption
from stellwerk.model.workload import WorkloadKey
from tests.builders import GPU, user_job


def made(**facts: Any) -> dict[str, Any]:
    found = adoption(user_job(**facts))
    assert found is not None
    (action,) = found.actions
    assert isinstance(action, CreateWorkload), action
    assert validate(action.manifest).errors == ()
    return dict(action.manifest)


def told(**facts: Any) -> tuple[str, str]:
    found = adoption(user_job(**facts))
    assert found is not None
    (action,) = found.actions
    assert isinstance(action, EmitEvent), action
    assert (action.involved.kind, action.involved.name, action.type) == ("Job", "report", "Warning")
    return action.reason, action.message


def test_a_labelled_suspended_job_gets_a_workload_of_its_name() -> None:
    manifest = made(parallelism=3)
    assert manifest["metadata"]["name"] == "report"
    assert manifest["spec"] == {
        "class": "Batch",
        "policy": "default",
        "replicas": 3,
        "accelerators": [{"model": "any", "count": 2}],
        "workloadRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "report"},
    }
    (owner,) = manifest["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Job", "job-uid-report", False)


def test_annotations_become_fields() -> None:
    spec = made(
        annotations={
            "stellwerk.dev/class": "Training",
            "stellwerk.dev/expected-runtime": "6h",
            "stellwerk.dev/checkpoint-interval": "30m",
            "stellwerk.dev/accelerators": "H100, A100",
        }
    )["spec"]
    assert (spec["class"], spec["expectedRuntime"], spec["checkpointInterval"]) == ("Training", "6h", "30m")
    assert spec["accelerators"] == [{"model": "H100", "count": 2}, {"model": "A100", "count": 2}]


def test_the_model_follows_from_the_jobs_own_node_selector() -> None:
    pod = {
        "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L40S"},
        "containers": [{"resources": {"limits": {GPU: "1"}}}],
    }
    assert made(template={"spec": pod})["spec"]["accelerators"] == [{"model": "L40S", "count": 1}]


def test_a_job_without_accelerators_is_cpu_work() -> None:
    assert "accelerators" not in made(template={"spec": {"containers": [{"name": "c"}]}})["spec"]


@pytest.mark.parametrize(
    ("annotations", "named"),
    [
        ({"stellwerk.dev/expected-runtime": "soon"}, "annotation stellwerk.dev/expected-runtime"),
        ({"stellwerk.dev/class": "Gaming"}, "annotation stellwerk.dev/class"),
        ({"stellwerk.dev/accelerators": "H 100"}, "annotation stellwerk.dev/accelerators"),
        ({"stellwerk.dev/checkpoint-interval": "1.5h"}, "annotation stellwerk.dev/checkpoint-interval"),
    ],
)
def test_an_annotation_that_cannot_be_understood_is_explained_on_the_job(
    annotations: dict[str, str], named: str
) -> None:
    reason, message = told(annotations=annotations)
    assert reason == "InvalidAnnotation"
    assert message.startswith(named)
    assert repr(next(iter(annotations.values()))) in message or "H 100" in message


def test_a_policy_that_cannot_be_a_name_is_explained_on_the_job() -> None:
    assert told(labels={POLICY_LABEL: "EU_only"})[1].startswith(f"label {POLICY_LABEL}")


def test_models_for_a_job_that_asks_for_no_accelerator_are_explained() -> None:
    bare = {"spec": {"containers": [{"name": "c"}]}}
    assert told(template=bare, annotations={"stellwerk.dev/accelerators": "H100"})[0] == "InvalidAnnotation"


@pytest.mark.parametrize(
    "facts",
    [
        {"labels": {}},
        {"labels": {POLICY_LABEL: "default", MANAGED_BY_LABEL: MANAGED_BY}},
        {"finished": "Complete"},
        {"deleting": True},
        {"suspend": False, "started": True},
    ],
)
def test_what_did_not_opt_in_is_ours_or_has_ended_is_left_alone(facts: dict[str, Any]) -> None:
    assert adoption(user_job(**facts)) is None


def test_nothing_in_kube_system_is_touched_labelled_or_not() -> None:
    job = user_job()
    moved = type(job)(WorkloadKey("kube-system", "report"), "u", labels=job.labels, suspend=True, template=job.template)
    assert adoption(moved) is None


def test_a_labelled_job_that_is_not_suspended_is_told_why_it_is_left_alone() -> None:
    assert told(suspend=False)[0] == "NotOptedIn"


def test_where_the_name_is_taken_another_one_follows_from_the_job() -> None:
    found = adoption(user_job(), taken=True)
    assert found is not None
    assert found.key.name.startswith("report-")
    assert found == adoption(user_job(), taken=True)


def test_a_name_with_dots_becomes_one_without() -> None:
    found = adoption(user_job("a.b"))
    assert found is not None
    assert found.key.name.startswith("a-b-")
