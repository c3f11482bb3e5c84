"""Answers to people about the kinds that they write by hand: is it in force, and what was found of it?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, cast

import msgspec

from stellwerk.api.base import WireModel
from stellwerk.api.conditions import PRICES_FRESH, ConditionType
from stellwerk.api.moment import rfc3339
from stellwerk.api.reasons import Reason
from stellwerk.api.v1alpha1.computepool import ComputePoolSpec
from stellwerk.api.v1alpha1.placementpolicy import PlacementPolicySpec
from stellwerk.economics.prices.judging import Verdict
from stellwerk.lifecycle.actions import PatchConfigStatus, Transaction
from stellwerk.lifecycle.merging import Json, merge_patch
from stellwerk.lifecycle.records import MESSAGE_LIMIT
from stellwerk.model.workload import WorkloadKey

ConfigKind = Literal["PlacementPolicy", "ComputePool", "Tenant"]

_SPECS: Final[Mapping[str, type[WireModel]]] = {
    "PlacementPolicy": PlacementPolicySpec,
    "ComputePool": ComputePoolSpec,
}


class Claim(msgspec.Struct, frozen=True):
    """What a condition should say."""

    type: str
    status: Literal["True", "False"]
    reason: str
    message: str = ""


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
    claim = Claim(ConditionType.ACCEPTED, "True", Reason.VALID)
    if problem is not None:
        claim = Claim(ConditionType.ACCEPTED, "False", Reason.INVALID_SPEC, problem)
    new = {**old, "observedGeneration": generation, "conditions": _conditions(old, claim, generation, now)}
    return write(kind, metadata, old, new)


class Found(msgspec.Struct, frozen=True):
    """What was found of a ComputePool."""

    nodes: int
    accelerators: int
    supply: Mapping[str, Any] | None = None
    """What was learned of it; None removes what the status says of that."""
    price: Mapping[str, Any] | None = None
    """The price in force; None removes what the status says of that."""


def pool_status(body: Mapping[str, Any], found: Found, verdict: Verdict | None, now: datetime) -> Transaction | None:
    """Return the write of what was found of a ComputePool, None if it stands already.

    Conditions are one list, and who judges the spec writes it, too: so that neither undoes what the other wrote, a
    write of conditions is refused by the API server if the object has changed since it was seen.

    Args:
        body: The pool as seen.
        found: What was found.
        verdict: On its price; None leaves the condition as it is.
        now: The time for a transition.
    """
    old = body.get("status") or {}
    parts = {"supply": found.supply, "price": found.price}
    kept = {key: value for key, value in old.items() if key not in parts}
    told = {key: value for key, value in parts.items() if value is not None}
    new = {**kept, "nodes": found.nodes, "accelerators": found.accelerators, **told}
    if verdict is not None:
        claim = Claim(PRICES_FRESH, "True" if verdict.fresh else "False", verdict.reason, verdict.message)
        new["conditions"] = _conditions(old, claim, body["metadata"].get("generation", 0), now)
    return write("ComputePool", body["metadata"], old, new)


def write(kind: str, metadata: Mapping[str, Any], old: Mapping[str, Any], new: Json) -> Transaction | None:
    """Return the write that makes a status of what it was, None if that is what it should be."""
    patch = merge_patch(old, new)
    if not patch:
        return None
    name, uid = metadata["name"], metadata.get("uid", "")
    version = metadata.get("resourceVersion") if kind == "ComputePool" and "conditions" in patch else None
    action = PatchConfigStatus(cast("ConfigKind", kind), name, {"status": patch}, version)
    return Transaction(WorkloadKey("", name), uid, (action,))


def condition(old: Mapping[str, Any], claim: Claim, generation: int, now: datetime) -> Json:
    """Return a condition as claimed; while its status stays what it was, so does the time of its last transition."""
    before = _of_type(old, claim.type)
    kept = before is not None and before["status"] == claim.status
    return {
        "type": str(claim.type),
        "status": claim.status,
        "reason": str(claim.reason),
        "message": claim.message[:MESSAGE_LIMIT],
        "lastTransitionTime": before["lastTransitionTime"] if before is not None and kept else rfc3339(now),
        "observedGeneration": generation,
    }


def _conditions(old: Mapping[str, Any], claim: Claim, generation: int, now: datetime) -> list[Json]:
    """Return all conditions with one of them as claimed; Accepted comes first, and else each where it was."""
    found, there = condition(old, claim, generation, now), old.get("conditions") or ()
    if _of_type(old, claim.type) is not None:
        return [found if one["type"] == claim.type else one for one in there]
    return [found, *there] if claim.type == ConditionType.ACCEPTED else [*there, found]


def _of_type(old: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    return next((one for one in old.get("conditions") or () if one["type"] == kind), None)


def _problem(kind: str, spec: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a spec that is stored although it breaks today's schema or rules, None if nothing."""
    try:
        parsed = _SPECS[kind].model_validate(spec)
    except ValueError as error:
        return str(error)[:MESSAGE_LIMIT]
    broken = [rule.message for rule in parsed.rules if not rule.holds(parsed)]
    return "; ".join(broken)[:MESSAGE_LIMIT] or None
