"""Answers to people about policies and pools."""

from __future__ import annotations

from typing import Any

import pytest

from stellwerk.lifecycle.actions import PatchConfigStatus, Transaction
from stellwerk.lifecycle.config_status import Found, judge, pool_status
from tests.builders import LATER, NOW

POOL = {"nodeSelector": {"pool": "a"}, "provider": "onprem", "region": "de", "capacityType": "Owned"}


def body(spec: dict[str, Any], generation: int = 1, **status: Any) -> dict[str, Any]:
    metadata = {"name": "thing", "uid": "u", "generation": generation}
    return {"metadata": metadata, "spec": spec, **({"status": status} if status else {})}


def patch(found: Transaction | None) -> dict[str, Any]:
    assert found is not None
    (action,) = found.actions
    assert isinstance(action, PatchConfigStatus)
    return dict(action.body["status"])


@pytest.mark.parametrize(("kind", "spec"), [("PlacementPolicy", {}), ("ComputePool", POOL)])
def test_a_valid_object_is_accepted_once(kind: str, spec: dict[str, Any]) -> None:
    status = patch(judge(kind, body(spec), NOW))
    assert status["observedGeneration"] == 1
    (condition,) = status["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Accepted", "True", "Valid")
    assert judge(kind, body(spec, **status), LATER) is None


def test_a_new_generation_is_answered_without_moving_the_transition() -> None:
    first = patch(judge("PlacementPolicy", body({}), NOW))
    (condition,) = patch(judge("PlacementPolicy", body({}, generation=2, **first), LATER))["conditions"]
    assert (condition["observedGeneration"], condition["lastTransitionTime"]) == (2, "2026-11-22T12:00:00Z")


def test_a_stored_object_that_breaks_a_rule_is_told_which() -> None:
    status = patch(judge("ComputePool", body({**POOL, "capacityType": "Spot"}), NOW))
    (condition,) = status["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "InvalidSpec")
    assert condition["message"] == "interruptionRatePerHour is required when capacityType is Spot"


def test_a_stored_object_that_breaks_its_schema_is_told_so() -> None:
    (condition,) = patch(judge("ComputePool", body({"provider": "onprem"}), NOW))["conditions"]
    assert condition["status"] == "False"
    assert "nodeSelector" in condition["message"]


def test_what_was_found_of_a_pool_is_written_when_it_changes() -> None:
    assert patch(pool_status(body(POOL), Found(4, 32), None, NOW)) == {"nodes": 4, "accelerators": 32}
    assert pool_status(body(POOL, nodes=4, accelerators=32), Found(4, 32), None, NOW) is None
    assert patch(pool_status(body(POOL, nodes=4, accelerators=32), Found(3, 24), None, NOW)) == {
        "nodes": 3,
        "accelerators": 24,
    }


def test_counts_of_a_pool_survive_a_verdict() -> None:
    assert set(patch(judge("ComputePool", body(POOL, nodes=4), NOW))) == {"observedGeneration", "conditions"}
