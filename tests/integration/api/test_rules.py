"""Every rule is refused by both the API server and offline validation, in the same words."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from stellwerk.api.crd import Node, structural_schema
from stellwerk.api.v1alpha1 import KINDS
from stellwerk.api.validation import validate
from tests.integration.api.mutations import GONE, Keys, Mutation
from tests.integration.api.server import create
from tests.testbed.api import Api
from tests.unit.api.samples import sample

pytestmark = pytest.mark.integration

POD: Keys = ("spec", "template", "spec")
CONTAINER: Keys = (*POD, "containers", 0)
SMALL = sample("small-workload")["spec"]["template"]
NODE = {"fieldPath": "spec.nodeName"}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "name": "night"}


class Case(NamedTuple):
    """A change of a sample and the message of the rule that it breaks."""

    of: str
    keys: Keys
    value: Any
    message: str


CASES = (
    Case("workload", ("metadata", "name"), "a" * 64, "metadata.name must have at most 63"),
    Case("workload", ("metadata", "name"), "a.b", "metadata.name must not contain dots"),
    Case("policy", ("metadata", "name"), "a" * 64, "metadata.name must have at most 63"),
    Case("cpu-pool", ("metadata", "name"), "a" * 64, "metadata.name must have at most 63"),
    Case("workload", (*CONTAINER, "resources", "requests", "a b"), 1, "every key of requests must be letters"),
    Case("workload", (*CONTAINER, "resources", "limits", "/a"), 1, "every key of limits must be letters"),
    Case("workload", ("spec", "template", "metadata", "labels", "a/b/c"), "x", "every key of labels must be"),
    Case("workload", ("spec", "template", "metadata", "annotations", "ä"), "x", "every key of annotations"),
    Case("workload", (*POD, "nodeSelector", "-a"), "x", "every key of nodeSelector must be letters"),
    Case("cpu-pool", ("spec", "nodeSelector", "a" * 317), "x", "every key of nodeSelector must be letters"),
    Case("spot-pool", ("spec", "growth", "node", "a b"), 1, "every key of node must be letters"),
    Case("spot-pool", ("spec", "growth", "node", "cpu"), 0, "amounts of node must be above zero"),
    Case("cpu-pool", ("spec", "labels"), {"a\n": "x"}, "every key of labels must be letters"),
    Case("policy", ("spec", "require", "poolLabels", ""), "x", "every key of poolLabels must be letters"),
    Case("workload", ("spec", "workloadRef"), JOB, "exactly one of template and workloadRef"),
    Case("workload-of-a-job", ("spec", "workloadRef"), GONE, "exactly one of template and"),
    Case("elastic-workload", ("spec", "minReplicas"), 9, "minReplicas must not be above replicas"),
    Case("elastic-workload", ("spec", "minReplicas"), 5, "minReplicas must not be above the replicas of any"),
    Case("workload-of-a-job", ("spec", "minReplicas"), 1, "minReplicas needs a template"),
    Case("workload-of-a-job", ("spec", "podSets"), [{"name": "log", "template": SMALL}], "podSets needs a template"),
    Case("workload-of-a-job", ("spec", "accelerators"), [{"model": "L4", "replicas": 2}], "accelerators with share or"),
    Case(
        "workload-of-a-job",
        ("spec", "accelerators"),
        [{"model": "L4", "share": {"fraction": "0.5"}}],
        "accelerators with share or replicas needs a template",
    ),
    Case("workload", ("spec", "deadline"), "2023-02-29T00:00:00Z", "deadline must be a day that exists"),
    Case("workload", ("spec", "data", "size"), 0, "size must be above zero"),
    Case("workload", ("spec", "accelerators", 1, "expectedRuntime"), "2h", "speed must be left out when"),
    Case("elastic-workload", ("spec", "accelerators", 0, "count"), 2, "count must be 1 with share"),
    Case("elastic-workload", ("spec", "accelerators", 0, "share"), {}, "share needs exactly one of fraction"),
    Case("elastic-workload", ("spec", "accelerators", 0, "share", "memory"), "1Gi", "share needs exactly one of"),
    Case("elastic-workload", ("spec", "accelerators", 1, "share", "memory"), 0, "memory must be above zero"),
    Case("elastic-workload", ("spec", "podSets", 0, "accelerators", 0, "memory"), 0, "memory must be above zero"),
    Case("workload", ("spec", "accelerators", 0, "memory"), "0Gi", "memory must be above zero"),
    Case("workload", ("spec", "accelerators", 1, "memory"), -1, "memory must be above zero"),
    Case("spot-pool", ("spec", "accelerator", "memory"), 0, "memory must be above zero"),
    Case("spot-pool", ("spec", "price", "validFrom"), "1900-02-29T00:00:00Z", "a day that exists"),
    Case("spot-pool", ("spec", "price", "validFrom"), "2023-02-29T00:00:00Z", "a day that exists"),
    Case("bought-pool", ("spec", "price", "perNodeHour"), "31.5", "give either perNodeHour or onPrem"),
    Case("spot-pool", ("spec", "price", "perNodeHour"), GONE, "give either perNodeHour or onPrem"),
    Case("bought-pool", ("spec", "pue"), GONE, "price.onPrem needs pue and nodePowerWatts"),
    Case("bought-pool", ("spec", "nodePowerWatts"), GONE, "price.onPrem needs pue and nodePowerWatts"),
    Case("spot-pool", ("spec", "interruptionRatePerHour"), GONE, "required when capacityType"),
    Case("spot-pool", ("spec", "capacityType"), "Owned", "only allowed when capacityType is Spot"),
    Case("cpu-pool", ("spec", "capacityType"), "Spot", "required when capacityType is Spot"),
    *(
        Case(
            "workload", (*CONTAINER, "resources", field, name), 1, f"{field} must not name accelera"
        )
        for field in ("requests", "limits")
        for name in (
            "nvidia.com/gpu",
            "nvidia.com/mig-1g.10gb",
            "amd.com/gpu",
            "gpu.intel.com/xe",
            "habana.ai/gaudi",
            "aws.amazon.com/neuroncore",
            "google.com/tpu",
        )
    ),
    Case("workload", (*CONTAINER, "resources", "requests", "cpu"), -1, "requests must not be neg"),
    Case("workload", (*CONTAINER, "resources", "limits", "disk"), -1, "limits must not be neg"),
    Case("workload", (*CONTAINER, "resources", "requests", "cpu"), 9, "requests must not be above"),
    Case(
        "workload",
        (*CONTAINER, "resources", "requests", "memory"),
        "68719476737",
        "requests must not be above limits",
    ),
    Case("workload", (*CONTAINER, "env", 0, "valueFrom"), {"fieldRef": NODE}, "at most one of value"),
    Case("workload", (*CONTAINER, "env", 1, "valueFrom"), {}, "valueFrom needs exactly one of"),
    Case("workload", (*CONTAINER, "env", 1, "valueFrom", "fieldRef"), NODE, "valueFrom needs exac"),
    Case("workload", (*CONTAINER, "envFrom", 0), {}, "envFrom needs exactly one of"),
    Case("workload", (*CONTAINER, "envFrom", 0, "secretRef"), {"name": "hub"}, "envFrom needs exact"),
    Case("workload", (*CONTAINER, "volumeMounts", 0, "name"), "other", "containers: every name in"),
    Case("workload", (*POD, "volumes"), GONE, "initContainers: every name in volumeMounts"),
    Case("workload", (*POD, "initContainers", 0, "name"), "train", "no two of containers and init"),
    Case("workload", (*POD, "volumes", 0, "emptyDir"), {}, "a volume needs exactly one of"),
    Case("workload", (*POD, "volumes", 0, "persistentVolumeClaim"), GONE, "a volume needs exactly"),
    Case("workload", (*POD, "tolerations", 1, "value"), "x", "value must be empty when operator"),
    Case("workload", (*POD, "tolerations", 0, "key"), GONE, "operator must be Exists when key"),
    Case("workload", (*POD, "tolerations", 0, "tolerationSeconds"), 3, "tolerationSeconds is only"),
    Case("workload", (*POD, "tolerations", 1, "effect"), GONE, "tolerationSeconds is only allowed"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.of}-{case.message[:30]}")
def test_a_broken_rule_is_told_in_the_same_words_by_both(kinds: Api, case: Case) -> None:
    manifest = Mutation(case.keys, case.value).of(sample(case.of))
    answer, errors = create(kinds, manifest), validate(manifest).errors
    assert answer.code == 422, answer.message
    expected = [error for error in errors if case.message in error.message]
    assert expected, errors
    told = {message.partition("evaluating rule: ")[2] or message for _, message in answer.causes}
    assert any(expected[0].message in message for message in told), answer.causes


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.of}-{case.message[:30]}")
def test_both_blame_the_same_field(kinds: Api, case: Case) -> None:
    manifest = Mutation(case.keys, case.value).of(sample(case.of))
    theirs = {field for field, message in create(kinds, manifest).causes}
    ours = {error.path or "<nil>" for error in validate(manifest).errors}
    assert ours == theirs


def test_every_rule_of_every_kind_has_a_case() -> None:
    messages = {message for kind in KINDS for message in _rules(structural_schema(kind))}
    missing = {
        text for text in messages if not any(case.message in text for case in CASES) and "cannot be changed" not in text
    }
    assert missing == set()


def _rules(schema: Node) -> Iterator[str]:
    yield from (rule["message"] for rule in schema.get("x-kubernetes-validations", ()))
    for child in (*schema.get("properties", {}).values(), schema.get("items")):
        if child:
            yield from _rules(child)


def test_messages_say_more_than_their_expression() -> None:
    for kind in KINDS:
        assert "failed rule" not in json.dumps(list(_rules(structural_schema(kind))))
