"""A row of a fleet's history, from what the API server has of an AIWorkload."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from stellwerk.cli.historyexport import lines, row_of
from stellwerk.cluster import structs
from tests.builders import SPEC
from tests.unit.cli.conftest import Cli

PLACEMENT = {
    "cluster": "local",
    "pool": "gpus",
    "capacityType": "Owned",
    "replicas": 2,
    "accelerator": {"model": "H100", "count": 8, "resource": "nvidia.com/gpu"},
}


def condition(type_: str, status: str, at: str) -> dict[str, Any]:
    return {"type": type_, "status": status, "reason": "Because", "lastTransitionTime": f"2026-11-22T{at}:00Z"}


def workload(name: str, *conditions: dict[str, Any], **status: Any) -> structs.AIWorkload:
    """Decode an object as the API server sends it."""
    meta = {"name": name, "namespace": "vision", "uid": f"uid-{name}", "creationTimestamp": "2026-11-22T10:00:00Z"}
    told = {"metadata": meta, "spec": SPEC, "status": {"conditions": conditions, **status}}
    return msgspec.convert(told, structs.AIWorkload)


def ended(name: str) -> structs.AIWorkload:
    decision = {"mode": "Fit", "reason": "CheapestFeasible", "decidedAt": "2026-11-22T10:05:00Z"}
    conditions = condition("Placed", "False", "12:00"), condition("Finished", "True", "12:00")
    return workload(name, *conditions, placement=PLACEMENT, decision=decision)


def test_what_has_ended_ran_from_its_decision_to_its_end() -> None:
    assert row_of(ended("train")) == {
        "namespace": "vision",
        "name": "train",
        "submitted": "2026-11-22T10:00:00Z",
        "started": "2026-11-22T10:05:00Z",
        "finished": "2026-11-22T12:00:00Z",
        "class": "Training",
        "policy": "default",
        "replicas": 2,
        "accelerators": 8,
        "model": "H100",
        "cpuMilli": 8000,
        "memoryBytes": 64 * 2**30,
        "expectedRuntime": 7200,
    }


def test_what_runs_has_no_end() -> None:
    row = row_of(workload("runs", condition("Placed", "True", "10:05"), placement=PLACEMENT))
    assert row is not None
    assert row["started"] == "2026-11-22T10:05:00Z"
    assert "finished" not in row


def test_what_was_never_placed_is_no_part_of_the_history() -> None:
    assert row_of(workload("waits", condition("Placed", "False", "10:05"))) is None


def test_an_exported_history_can_be_simulated(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text("\n".join(lines([ended("a"), ended("b")])) + "\n")
    said = cli("simulate", "history.jsonl", "--nodes", "1x8", "-o", "json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["trace"]["format"] == "history"
    assert told["trace"]["jobs"] == 2
    assert told["scenarios"][0]["finished"] == 0  # 16 accelerators, and there are 8
    said = cli("simulate", "history.jsonl", "--nodes", "2x8", "-o", "json")
    assert json.loads(said.out)["scenarios"][0]["finished"] == 2
