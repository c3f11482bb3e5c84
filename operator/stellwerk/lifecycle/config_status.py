"""Answers to people about the kinds that they write by hand: is it in force, and what was found of it?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, cast

from stellwerk.api.base import WireModel
from stellwerk.api.conditions import ConditionType
from stellwerk.api.reasons import Reason
from stellwerk.api.v1alpha1.computepool import ComputePoolSpec
from stellwerk.api.v1alpha1.placementpolicy import PlacementPolicySpec
from stellwerk.lifecycle.actions import PatchConfigStatus, Transaction
from stellwerk.lifecycle.merging import Json, merge_patch
from stellwerk.lifecycle.records import MESSAGE_LIMIT, rfc3339
from stellwerk.model.workload import WorkloadKey

ConfigKind = Literal["PlacementPolicy", "ComputePool"]

_SPECS: Final[Mapping[str, type[WireModel]]] = {
    "PlacementPolicy": PlacementPolicySpec,
    "ComputePool": ComputePoolSpec,
}


def judge(kind: str, body: Mapping[str, Any], now: datetime) -> Transaction | None:
    """Return the write of the Accepted condition of an object, None if it stands already.

    Args:
        kind: `PlacementPolicy` or `ComputePool`.
        body: The object as seen.
        now: The time for a transition.
    """
    metadata = body["metadata"]
    generation = metadata.get("generation", 0)
    old = body.get("status") or {}
    problem = _problem(kind, body.get("spec") or {})
    claim = ("True", Reason.VALID, "") if problem is None else ("False", Reason.INVALID_SPEC, problem)
    new = {**old, "observedGeneration": generation, "conditions": _conditions(old, claim, generation, rfc3339(now))}
    return _write(kind, metadata, old, new)


def pool_status(
    body: Mapping[str, Any], nodes: int, accelerators: int, supply: Mapping[str, Any] | None = None
) -> Transaction | None:
    """Return the write of what was found of a ComputePool, None if it stands already.

    Args:
        body: The pool as seen.
        nodes: How many nodes it has.
        accelerators: How many accelerators these have.
        supply: What was learned of it; None removes what the status says of that.
    """
    old = body.get("status") or {}
    new = {**old, "nodes": nodes, "accelerators": accelerators, "supply": supply}
    if supply is None:
        del new["supply"]
    return _write("ComputePool", body["metadata"], old, new)


def _write(kind: str, metadata: Mapping[str, Any], old: Mapping[str, Any], new: Json) -> Transaction | None:
    patch = merge_patch(old, new)
    if not patch:
        return None
    name, uid = metadata["name"], metadata.get("uid", "")
    action = PatchConfigStatus(cast("ConfigKind", kind), name, {"status": patch})
    return Transaction(WorkloadKey("", name), uid, (action,))


def _conditions(old: Mapping[str, Any], claim: tuple[str, str, str], generation: int, moment: str) -> list[Json]:
    status, reason, message = claim
    others = [c for c in old.get("conditions") or () if c["type"] != ConditionType.ACCEPTED]
    before = next((c for c in old.get("conditions") or () if c["type"] == ConditionType.ACCEPTED), None)
    kept = before is not None and before["status"] == status
    condition = {
        "type": ConditionType.ACCEPTED.value,
        "status": status,
        "reason": str(reason),
        "message": message,
        "lastTransitionTime": before["lastTransitionTime"] if before is not None and kept else moment,
        "observedGeneration": generation,
    }
    return [condition, *others]


def _problem(kind: str, spec: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a spec that is stored although it breaks today's schema or rules, None if nothing."""
    try:
        parsed = _SPECS[kind].model_validate(spec)
    except ValueError as error:
        return str(error)[:MESSAGE_LIMIT]
    broken = [rule.message for rule in parsed.rules if not rule.holds(parsed)]
    return "; ".join(broken)[:MESSAGE_LIMIT] or None
