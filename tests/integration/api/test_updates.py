"""What may change after creation, and what applying the same file twice does."""

import copy
from typing import Any

import pytest
import yaml

from stellwerk.api.v1alpha1 import AIWorkloadSpec
from stellwerk.api.validation import validate_update
from tests.integration.api.mutations import GONE, Keys, Mutation
from tests.integration.api.server import Answer, collection, create, replace
from tests.testbed.api import Api
from tests.testbed.kubectl import Kubectl
from tests.unit.api.samples import SAMPLES, Manifest, sample

pytestmark = pytest.mark.integration

POD: Keys = ("spec", "template", "spec")
CHANGES: tuple[tuple[str, Keys, Any], ...] = (
    ("class", ("spec", "class"), "Batch"),
    ("replicas", ("spec", "replicas"), 5),
    ("replicas", ("spec", "replicas"), GONE),
    ("accelerators", ("spec", "accelerators"), GONE),
    ("accelerators", ("spec", "accelerators", 0, "count"), 4),
    ("accelerators", ("spec", "accelerators", 0, "speed"), "1"),
    ("expectedRuntime", ("spec", "expectedRuntime"), "30h"),
    ("checkpointInterval", ("spec", "checkpointInterval"), "31m"),
    ("checkpointInterval", ("spec", "checkpointInterval"), GONE),
    ("backoffLimit", ("spec", "backoffLimit"), 4),
    ("minReplicas", ("spec", "minReplicas"), 1),
    ("podSets", ("spec", "podSets"), [{"name": "log", "template": sample("small-workload")["spec"]["template"]}]),
    ("data", ("spec", "data", "size"), "1Ti"),
    ("template", (*POD, "containers", 0, "image"), "other"),
    ("template", (*POD, "containers", 0, "resources", "requests", "cpu"), "8"),
    ("template", (*POD, "nodeSelector"), GONE),
    ("template", ("spec", "template", "metadata", "labels", "new"), "label"),
)


@pytest.fixture
def stored(kinds: Api, namespace: str) -> Manifest:
    """The big sample as the API server has stored it."""
    manifest = sample("workload")
    manifest["metadata"]["namespace"] = namespace
    answer = create(kinds, manifest, dry=False)
    assert answer.accepted, answer.message
    return answer.body


def _update(api: Api, stored: Manifest, changed: Manifest) -> tuple[Answer, list[tuple[str, str]]]:
    verdict = validate_update(changed, stored)
    return replace(api, changed), [(error.path, error.message) for error in verdict.errors]


@pytest.mark.parametrize(("field", "keys", "value"), CHANGES)
def test_a_frozen_field_cannot_be_changed_and_is_named(
    kinds: Api, stored: Manifest, field: str, keys: Keys, value: object
) -> None:
    answer, errors = _update(kinds, stored, Mutation(keys, value).of(stored))
    assert answer.code == 422
    assert errors == [(f"spec.{field}", errors[0][1])]
    assert errors[0][1].startswith(f"{field} cannot be changed once the object exists")
    assert {(path, errors[0][1] in said) for path, said in answer.causes} == {(f"spec.{field}", True)}


def test_every_frozen_field_has_a_case() -> None:
    cases = {field for field, _, _ in CHANGES} | {"workloadRef"}
    assert {frozen.field for frozen in AIWorkloadSpec.frozen_fields} == cases


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("spec", "priority"), 7),
        (("spec", "policy"), "other"),
        (("spec", "deadline"), "2026-12-24T18:00:00Z"),
        (("spec", "disruption", "preemptible"), False),
        (("metadata", "labels"), {"a": "b"}),
    ],
)
def test_priority_policy_patience_and_labels_may_change(
    kinds: Api, stored: Manifest, keys: Keys, value: object
) -> None:
    answer, errors = _update(kinds, stored, Mutation(keys, value).of(stored))
    assert (answer.accepted, errors) == (True, [])


def test_the_order_of_a_map_list_is_no_change_and_that_of_a_plain_list_is(kinds: Api, stored: Manifest) -> None:
    pod = stored["spec"]["template"]["spec"]
    answer, errors = _update(kinds, stored, Mutation((*POD, "volumes"), pod["volumes"][::-1]).of(stored))
    assert (answer.accepted, errors) == (True, [])
    answer, errors = _update(kinds, stored, Mutation((*POD, "tolerations"), pod["tolerations"][::-1]).of(stored))
    assert (answer.accepted, len(errors)) == (False, 1)


def test_an_empty_list_of_accelerators_is_the_same_as_none(kinds: Api, namespace: str) -> None:
    manifest = sample("small-workload")
    manifest["metadata"]["namespace"] = namespace
    stored = create(kinds, manifest, dry=False).body
    answer, errors = _update(kinds, stored, Mutation(("spec", "accelerators"), []).of(stored))
    assert (answer.accepted, errors) == (True, [])


def test_a_reference_cannot_become_a_template(kinds: Api, namespace: str) -> None:
    manifest = sample("workload-of-a-job")
    manifest["metadata"]["namespace"] = namespace
    stored = create(kinds, manifest, dry=False).body
    changed = copy.deepcopy(stored)
    del changed["spec"]["workloadRef"]
    changed["spec"]["template"] = sample("small-workload")["spec"]["template"]
    answer, errors = _update(kinds, stored, changed)
    assert {path for path, _ in answer.causes} == {"spec.workloadRef", "spec.template"}
    assert {path for path, _ in errors} == {"spec.workloadRef", "spec.template"}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_second_apply_says_unchanged_and_diff_is_empty(
    kinds: Api, kubectl: Kubectl, namespace: str, name: str
) -> None:
    manifest = sample(name)
    manifest["metadata"]["name"] = namespace  # cluster kinds are shared by parallel tests
    text = yaml.safe_dump(manifest)
    try:
        assert "created" in kubectl("apply", "-f", "-", stdin=text)
        assert "unchanged" in kubectl("apply", "-f", "-", stdin=text)
        assert kubectl("diff", "-f", "-", stdin=text) == ""
    finally:
        kubectl("delete", "-f", "-", "--ignore-not-found", stdin=text)


def test_the_server_stores_no_default_in_status(kinds: Api, stored: Manifest) -> None:
    placement = {
        "cluster": "local",
        "pool": "a",
        "capacityType": "Owned",
        "replicas": 4,
        "tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b"}],
    }
    body = {**stored, "status": {"placement": placement}}
    path = f"{collection(stored)}/{stored['metadata']['name']}/status"
    assert kinds.call("PUT", path, body)["status"] == {"placement": placement}
