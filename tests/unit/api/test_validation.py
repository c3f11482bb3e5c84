"""What offline validation says; that it says it rightly is tested against the API server."""

import pytest

from stellwerk.api.field_error import FieldError
from stellwerk.api.validation import validate, validate_update
from tests.unit.api.samples import sample


def _said(of: str, keys: tuple, value: object) -> list[str]:
    manifest = sample(of)
    place = manifest
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return [str(error) for error in validate(manifest).errors]


@pytest.mark.parametrize(
    ("of", "keys", "value", "said"),
    [
        ("workload", ("spec", "replicas"), 0, "spec.replicas: must be at least 1, not 0"),
        ("workload", ("spec", "class"), "Nap", 'spec.class: must be Training or Batch, not "Nap"'),
        (
            "workload",
            ("spec", "accelerators", 0, "speed"),
            0.5,
            'spec.accelerators[0].speed: must be of type string, not 0.5; write it in quotes: "0.5"',
        ),
        ("workload", ("spec", "replica"), 1, "spec.replica: is not a field here; did you mean replicas?"),
        ("cpu-pool", ("spec", "pue"), "0.9", 'such as 1.25; it is "0.9"'),
        ("policy", ("spec", "namespaces"), ["a", "a"], "spec.namespaces[1]: is there twice"),
        (
            "spot-pool",
            ("spec", "taints"),
            [{"key": "a", "effect": "NoSchedule"}] * 2,
            "spec.taints[1]: repeats the key and effect of another item",
        ),
        ("cpu-pool", ("spec", "nodeSelector"), {}, "spec.nodeSelector: must have at least 1 keys, not 0"),
        ("cpu-pool", ("spec", "labels"), {"a.b/c": "-"}, "spec.labels[a.b/c]: must be empty or letters"),
        ("cpu-pool", ("metadata", "name"), "A", "metadata.name: must be lower-case letters"),
        ("cpu-pool", ("metadata", "label"), {}, "metadata.label: is not a field here; did you mean labels?"),
        ("cpu-pool", ("kind",), "Pool", "kind: must be AIWorkload or PlacementPolicy or ComputePool"),
        ("cpu-pool", ("apiVersion",), "v1", "apiVersion: must be stellwerk.dev/v1alpha1"),
    ],
)
def test_an_error_names_the_field_and_says_what_is_allowed(of: str, keys: tuple, value: object, said: str) -> None:
    errors = _said(of, keys, value)
    assert len(errors) == 1, errors
    assert said in errors[0]


def test_a_missing_field_is_told_with_what_it_is_for() -> None:
    manifest = sample("cpu-pool")
    del manifest["spec"]["region"]
    (error,) = validate(manifest).errors
    assert error.keys == ("spec", "region")
    assert error.message == "is required: Region of the nodes, as the provider names it."


def test_all_errors_are_told_at_once() -> None:
    manifest = sample("workload")
    manifest["spec"] |= {"replicas": -1, "priority": "high", "bogus": 1}
    manifest["metadata"]["bogus"] = 1
    paths = [error.path for error in validate(manifest).errors]
    assert paths == ["metadata.bogus", "spec.bogus", "spec.priority", "spec.replicas"]


@pytest.mark.parametrize("manifest", [None, [], "text", 7, {}, {"kind": []}])
def test_what_is_no_manifest_of_ours_is_refused(manifest: object) -> None:
    verdict = validate(manifest)
    assert verdict.object is None
    assert verdict.errors


def test_validation_changes_nothing_that_it_is_given() -> None:
    manifest = sample("small-workload")
    validate(manifest)
    assert manifest == sample("small-workload")


def test_an_exported_object_with_status_is_accepted() -> None:
    manifest = sample("cpu-pool") | {"status": {"nodes": 4, "conditions": []}}
    manifest["metadata"] |= {"uid": "u", "resourceVersion": "7", "creationTimestamp": None}
    verdict = validate(manifest)
    assert verdict.errors == ()
    assert "status" not in verdict.manifest


def test_a_null_is_an_absent_field() -> None:
    manifest = sample("small-workload")
    manifest["spec"] |= {"priority": None, "checkpointInterval": None}
    verdict = validate(manifest)
    assert verdict.errors == ()
    assert verdict.manifest["spec"]["priority"] == 0
    assert "checkpointInterval" not in verdict.manifest["spec"]


def test_an_update_of_an_invalid_manifest_tells_its_errors() -> None:
    manifest = sample("workload")
    manifest["spec"]["replicas"] = 0
    assert [e.path for e in validate_update(manifest, sample("workload")).errors] == ["spec.replicas"]


def test_a_path_reads_like_kubernetes_writes_it() -> None:
    keys = ("spec", "containers", 0, "requests", "nvidia.com/gpu")
    assert FieldError(keys, "x").path == "spec.containers[0].requests[nvidia.com/gpu]"
    assert str(FieldError((), "x")) == "x"
