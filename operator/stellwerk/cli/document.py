"""The plan as a document for machines: `-o json` and `-o yaml`.

docs/reference/plan-report.schema.json describes it, and tests hold the two equal.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import yaml

from stellwerk.api.labels import API_VERSION
from stellwerk.cli import figures, pricing
from stellwerk.cli.result import Entry, Result
from stellwerk.model.decision import Bound, Candidate, Carbon, Change, Cost, Mode

KIND: Final = "PlanReport"
Json = dict[str, Any]


def build(result: Result) -> Json:
    """Return the whole plan as plain values; amounts are decimal strings, absent means not known."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "decidedAt": result.now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "summary": _summary(result),
        "workloads": [workload(entry) for entry in result.entries],
        **({} if result.prices is None else {"prices": pricing.document(result.prices)}),
        "notes": list(result.notes),
    }


def explain(result: Result, entries: tuple[Entry, ...]) -> Json:
    """Return the document with these workloads alone; the sums stay those of the whole plan."""
    return {**build(result), "workloads": [workload(entry) for entry in entries]}


def as_json(value: Json) -> str:
    """Write a document as JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def as_yaml(value: Json) -> str:
    """Write a document as YAML; by way of JSON, so that both hold the same plain values."""
    text: str = yaml.safe_dump(json.loads(as_json(value)), sort_keys=False, allow_unicode=True, width=120)
    return text.rstrip("\n")


def _summary(result: Result) -> Json:
    totals = result.totals
    return {
        "workloads": len(result.entries),
        "placed": totals.modes[Mode.FIT],
        "preempting": totals.modes[Mode.PREEMPT],
        "waiting": totals.modes[Mode.WAIT],
        "neverFits": totals.modes[Mode.NEVER],
        "unpriced": totals.unpriced,
        "costs": [
            {"currency": c, "perHour": figures.exact(totals.per_hour[c]), "total": figures.exact(totals.total[c])}
            for c in sorted(totals.per_hour)
        ],
        **_bound(result.bound),
    }


def _bound(bound: Bound | None) -> Json:
    if bound is None:
        return {}
    least, cost = figures.exact(bound.lower), figures.exact(bound.cost)
    return {"bound": {"currency": bound.currency, "cost": cost, "least": least, "gap": f"{bound.gap:.6f}"}}


def workload(entry: Entry) -> Json:
    """Return one workload with its decision; fields are named as in the status of an AIWorkload."""
    asked, decision = entry.workload, entry.decision
    document: Json = {
        "namespace": asked.key.namespace,
        "name": asked.key.name,
        "source": {"file": entry.file, "line": entry.line, "kind": "Job" if asked.source == "job" else "AIWorkload"},
        "class": asked.class_,
        "policy": asked.policy,
        "priority": asked.priority,
        "replicas": asked.replicas,
        "mode": decision.mode.wire,
        "reason": decision.reason,
        "message": decision.message,
        "considered": decision.considered,
        "candidates": [_candidate(candidate) for candidate in decision.candidates],
    }
    if decision.unblock:
        document["unblock"] = decision.unblock
    if decision.changes:
        document["changes"] = [_change(change) for change in decision.changes]
    if decision.chosen is not None:
        document["placement"] = msgspec.to_builtins(decision.chosen)
        document |= _money(decision.cost)
    return document


def _money(cost: Cost | None) -> Json:
    if cost is None:
        return {}
    document: Json = {
        "cost": {
            "currency": cost.currency,
            "perHour": figures.exact(cost.per_hour),
            "total": figures.exact(cost.total),
            "parts": _parts(cost),
        }
    }
    if cost.room_taken is not None:
        document["cost"]["roomTaken"] = figures.exact(cost.room_taken)
    if cost.carbon is not None:
        document["carbon"] = _carbon(cost.carbon)
    return document


def _parts(cost: Cost) -> list[Json]:
    return [
        {"name": part.name, "amount": figures.exact(part.amount)}
        | ({} if part.per_hour is None else {"perHour": figures.exact(part.per_hour)})
        for part in cost.parts
    ]


def _carbon(value: Carbon) -> Json:
    """Grams and kWh as decimal strings."""
    return {
        "gramsCO2e": figures.exact(value.milligrams * 1_000),
        "kWh": figures.exact(value.milliwatt_hours),
    }


def _change(change: Change) -> Json:
    return {
        "change": change.asks,
        "then": change.outcome.value,
        "cluster": change.cluster,
        "pool": change.pool,
        "currency": change.cost.currency,
        "perHour": figures.exact(change.cost.per_hour),
        "total": figures.exact(change.cost.total),
        "contested": change.contested,
        "elsewhere": change.elsewhere,
    }


def _candidate(candidate: Candidate) -> Json:
    document: Json = {
        "cluster": candidate.cluster,
        "pool": candidate.pool,
        "verdict": candidate.verdict.wire,
        "rejections": [
            {"reason": r.reason, "message": r.message, "change": r.change, "permanent": r.permanent}
            for r in candidate.rejections
        ],
    }
    if candidate.is_priced:
        document["currency"] = candidate.cost.currency
        document["perHour"] = figures.exact(candidate.cost.per_hour)
        document["total"] = figures.exact(candidate.cost.total)
        document["parts"] = _parts(candidate.cost)
    if candidate.option is not None:
        document["accelerator"] = candidate.model
        document["count"] = candidate.option.count
    return document
