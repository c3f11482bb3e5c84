"""The generated CRDs are served, structural, and show what users ask for."""

import pytest
import yaml

from stellwerk.api.labels import GROUP
from stellwerk.api.v1alpha1 import KINDS, Kind
from tests.integration.api.server import collection, create
from tests.testbed.api import Api
from tests.testbed.kubectl import Kubectl
from tests.unit.api.samples import sample

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_serves_the_kind_without_complaint(kinds: Api, kind: type[Kind]) -> None:
    name = f"{kind.info.plural}.{GROUP}"
    crd = kinds.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")
    conditions = {one["type"]: one["status"] for one in crd["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert conditions["NamesAccepted"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"


def test_short_names_and_the_category_work(kinds: Api, kubectl: Kubectl) -> None:
    for name in ("aiw", "pp", "cp", "stellwerk"):
        kubectl("get", name)


def test_columns_and_field_selectors_answer_the_first_question(kinds: Api, kubectl: Kubectl, namespace: str) -> None:
    manifest = sample("small-workload")
    manifest["metadata"]["namespace"] = namespace
    stored = create(kinds, manifest, dry=False).body
    stored["status"] = {
        "placement": {"cluster": "local", "pool": "big", "capacityType": "Spot", "replicas": 1},
        "cost": {"currency": "EUR", "perHour": "1.25", "total": "unknown"},
        "decision": {"mode": "Fit", "reason": "CheapestFeasible", "message": "Because."},
    }
    kinds.call("PUT", f"{collection(stored)}/small/status", stored)
    head, line = kubectl("get", "aiw").splitlines()
    assert head.split() == ["NAME", "CLASS", "POOL", "COST/H", "WHY", "AGE"]
    assert line.split()[:5] == ["small", "Batch", "big", "1.25", "CheapestFeasible"]
    wide = kubectl("get", "aiw", "-o", "wide").splitlines()[0].split()
    assert {"CLUSTER", "CAPACITY", "TOTAL", "POLICY", "MESSAGE", "UNBLOCK"} < set(wide)
    for selector in ("spec.class=Batch", "status.placement.pool=big", "status.decision.mode=Fit"):
        assert "small" in kubectl("get", "aiw", "--field-selector", selector)
    assert "small" not in kubectl("get", "aiw", "--field-selector", "status.decision.mode=Wait")


def test_explain_shows_every_field_with_its_example(kinds: Api, kubectl: Kubectl) -> None:
    shown = kubectl("explain", "aiw.spec.accelerators.memory")
    assert "Example: `80Gi`" in " ".join(shown.split())


def test_a_status_beyond_its_limits_is_refused(kinds: Api, namespace: str) -> None:
    manifest = sample("small-workload")
    manifest["metadata"]["namespace"] = namespace
    stored = create(kinds, manifest, dry=False).body
    candidate = {"cluster": "local", "pool": "a", "verdict": "Feasible", "reason": "Valid"}
    stored["status"] = {"decision": {"mode": "Fit", "reason": "Valid", "candidates": [candidate] * 11}}
    path = f"{collection(stored)}/small/status?fieldValidation=Strict"
    code, text = kinds._exchange("PUT", path, yaml.safe_dump(stored), {"Content-Type": "application/yaml"})
    assert code == 422
    assert "must have at most 10 items" in text
