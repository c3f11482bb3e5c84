"""Metadata is judged as the API server judges it."""

from typing import Any

import pytest

from tests.integration.api.mutations import GONE, Mutation
from tests.integration.api.test_verdicts import disagreement
from tests.testbed.api import Api
from tests.unit.api.samples import sample

pytestmark = pytest.mark.integration

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "u"}
NAMES = ("a", "a.b", "a..b", "A", "-a", "a-", "a_b", "ä", "a b", "a/b", "a\n", "", "1", "a" * 63, 7)
KEYS = ("a", "A.b_c", "a/b", "a/b/c", "/a", "a/", "A/b", "a.b/c", "a b", "", "a" * 63, "a" * 64)
VALUES = ("", "a", "A.b_c", "-a", "a b", "a" * 63, "a" * 64, "a\n", "ä", None, 1, True, [])
CASES: tuple[tuple[str, Any], ...] = (
    *(("name", value) for value in (*NAMES, None, GONE, [], {}, True)),
    *(("generateName", value) for value in NAMES),
    *(("labels", {key: "x"}) for key in (*KEYS, "a" * 253 + "/b", "a" * 254 + "/b")),
    *(("labels", {"a": value}) for value in VALUES),
    *(("annotations", {key: "x"}) for key in KEYS),
    *(("annotations", {"a": value}) for value in (*VALUES, "a" * 262_143, "a" * 262_144)),
    *(("labels", value) for value in (None, [], "a", {})),
    *(("finalizers", value) for value in ([], ["a/b"], ["a b"], [""], "a", None, [None])),
    *(("ownerReferences", value) for value in ([], [OWNER], [{}], [{**OWNER, "x": 1}], None)),
    ("ownerReferences", [{**OWNER, "controller": True}, {**OWNER, "controller": True}]),
    ("ownerReferences", [{**OWNER, "controller": "yes"}]),
    ("ownerReferences", [{**OWNER, "controller": True}, {**OWNER, "controller": True, "uid": "v"}]),
    *(("ownerReferences", [{**OWNER, key: ""}]) for key in OWNER),
    ("bogus", 1),
    ("bogus", None),
    ("creationTimestamp", None),
)


@pytest.mark.parametrize("of", ["small-workload", "cpu-pool"])
def test_both_judge_metadata_alike(kinds: Api, of: str) -> None:
    found = [
        disagreement(kinds, Mutation(("metadata", key), value).of(sample(of)), (key, value))
        for key, value in CASES
        if value is not GONE or key == "name"
    ]
    assert [line for line in found if line] == []


@pytest.mark.parametrize("of", ["small-workload", "cpu-pool"])
@pytest.mark.parametrize("name", NAMES)
def test_both_judge_a_generated_name_alike(kinds: Api, of: str, name: object) -> None:
    manifest = sample(of)
    manifest["metadata"] = {"generateName": name}
    assert disagreement(kinds, manifest) is None


@pytest.mark.parametrize("metadata", [None, [], "a", {}, GONE])
def test_both_judge_absent_or_odd_metadata_alike(kinds: Api, metadata: object) -> None:
    assert disagreement(kinds, Mutation(("metadata",), metadata).of(sample("cpu-pool"))) is None


@pytest.mark.parametrize("spec", [None, [], "a", {}, GONE, 1])
@pytest.mark.parametrize("of", ["small-workload", "cpu-pool", "policy"])
def test_both_judge_an_absent_or_odd_spec_alike(kinds: Api, of: str, spec: object) -> None:
    assert disagreement(kinds, Mutation(("spec",), spec).of(sample(of))) is None


@pytest.mark.parametrize("status", [{}, None, {"nodes": -1}, {"bogus": 1}, {"conditions": [{"bogus": 1}]}, "a", []])
def test_both_judge_status_on_creation_alike(kinds: Api, status: object) -> None:
    assert disagreement(kinds, {**sample("cpu-pool"), "status": status}) is None


def test_both_refuse_a_field_beside_spec(kinds: Api) -> None:
    assert disagreement(kinds, {**sample("cpu-pool"), "bogus": 1}) is None


def test_both_ignore_a_namespace_on_a_cluster_kind(kinds: Api) -> None:
    manifest = sample("cpu-pool")
    manifest["metadata"]["namespace"] = "default"
    assert disagreement(kinds, manifest) is None
