"""The examples show each mode, and each kind of change that would admit a workload."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stellwerk.api.duration import text
from stellwerk.cli.inputs import Defaults, Inputs, load
from stellwerk.model.decision import Decision, Mode, Outcome
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.changes.edits import Case, Kind
from stellwerk.placement.changes.searching import Way
from stellwerk.placement.changes.whatif import Explainer
from stellwerk.placement.planner import plan
from tests.builders import NOW
from tests.unit.cli.conftest import Cli, Write

MOMENT = "2026-11-22T12:00:00Z"
EXPECTED = {
    "evaluate-all": ("Wait", "ask for 3 instead of 4 replicas", "reserved-a100"),
    "records-too-big": ("Never", "ask for 4 instead of 6 replicas", "onprem-h100"),
    "transcribe-b200": ("Never", "accept A100", "reserved-a100"),
    "score-frankfurt": ("Never", "allow region FIN-03 in policy frankfurt-only", "reserved-a100"),
    "tune-steady": ("Never", "allow capacity type Spot in policy steady", "eu-spot-h200"),
    "report-tonight": ("Never", "set the deadline 4h later", "eu-ondemand-h100"),
}


def test_each_kind_of_change_is_among_the_examples(cli: Cli, examples: Path) -> None:
    report = json.loads(cli("plan", "-f", examples, "--now", MOMENT, "-o", "json").out)
    told = {one["name"]: one for one in report["workloads"] if one["mode"] in {"Wait", "Never"}}
    first = {name: (one["mode"], one["changes"][0]["change"], one["changes"][0]["pool"]) for name, one in told.items()}
    assert first == EXPECTED


@pytest.mark.parametrize(
    ("moment", "later"),
    [
        ("2026-11-22T08:00:01Z", timedelta(minutes=1)),
        (MOMENT, timedelta(hours=4)),
        ("2026-11-22T18:00:00Z", timedelta(hours=10)),
        ("2026-11-23T08:00:00Z", timedelta(days=1)),
        ("2031-05-04T03:02:01Z", timedelta(days=1623, hours=19, minutes=3)),
        ("2044-02-29T23:59:59Z", timedelta(days=6308, hours=16)),
    ],
)
def test_the_example_of_a_deadline_stays_true_at_any_date(
    cli: Cli, write: Write, examples: Path, moment: str, later: timedelta
) -> None:
    """The words that its own comment promises: Never, and by how much later it would run."""
    report = json.loads(cli("plan", "-f", examples, "--now", moment, "-o", "json").out)
    (told,) = (one for one in report["workloads"] if one["name"] == "report-tonight")
    assert (told["mode"], told["reason"]) == ("Never", "NeverFits")
    first = told["changes"][0]
    assert (first["change"], first["then"]) == (f"set the deadline {text(int(later.total_seconds()))} later", "Runs")
    due = datetime(2026, 11, 22, 18, tzinfo=UTC) + later
    example = (examples / "workloads" / "report-tonight.yaml").read_text()
    moved = write("moved.yaml", example.replace("2026-11-22T18:00:00Z", f"{due:%FT%TZ}"))
    answer = cli("plan", "-f", moved, "-f", examples / "policies", "--fleet", examples / "fleet.yaml", "--now", moment)
    assert answer.code == 0, answer.err


def inputs(examples: Path) -> Inputs:
    return load((str(examples),), None, (), Defaults("default", NOW))


def named(read: Inputs, name: str) -> Workload:
    return next(one.workload for one in read.asked if one.workload.key.name == name)


def only(read: Inputs, pool: str) -> Snapshot:
    """The fleet reduced to one pool."""
    return msgspec.structs.replace(read.snapshot, pools=tuple(one for one in read.snapshot.pools if one.name == pool))


def running(workload: Workload, seen: Snapshot) -> Snapshot:
    """The fleet in which a workload runs on all nodes of the one pool."""
    made = plan([workload], seen, NOW, 1).decisions[0]
    assert made.chosen is not None
    assert made.chosen.accelerator is not None
    gpu = made.chosen.accelerator.resource
    names = made.chosen.preferred_nodes
    each = made.chosen.replicas // len(names)
    uses = tuple((name, workload.pod.requests + type(workload.pod.requests).of({gpu: 8})) for name in names)
    since = (NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    one = Running(workload, made.chosen, tuple((name, each) for name in names), uses, since)
    return msgspec.structs.replace(seen, running=(one,), usage=dict(uses))


def contest(examples: Path, policy: str) -> tuple[Snapshot, Workload]:
    """A fleet of our own servers that a large run of low priority fills, and one that matters more."""
    read = inputs(examples)
    large = msgspec.structs.replace(named(read, "records-too-big"), replicas=4, checkpoint_interval_s=1800)
    urgent = msgspec.structs.replace(named(read, "pretrain-eu"), policy=policy, priority=1000)
    return running(large, only(read, "onprem-h100")), urgent


def test_preempt_is_the_mode_of_who_may_take_the_room_of_others(examples: Path) -> None:
    seen, urgent = contest(examples, "production")
    made = plan([urgent], seen, NOW, 2)
    assert made.decisions[0].mode is Mode.PREEMPT
    assert [str(move.key) for move in made.moves] == ["default/records-too-big"]
    parts = {part.name for part in made.decisions[0].candidates[0].cost.parts}
    assert {"Compute", "Disruption"} <= parts


def test_who_may_not_is_told_that_preemption_would_do_and_what_others_would_lose(examples: Path) -> None:
    seen, urgent = contest(examples, "eu-only")
    made = plan([urgent], seen, NOW, 2).decisions[0]
    assert made.mode is Mode.WAIT
    change = next(one for one in made.changes if one.asks == "allow preemption in policy eu-only")
    assert change.outcome is Outcome.EVICTS
    assert any(part.name == "Disruption" and part.amount > 0 for part in change.cost.parts)
    policies = {**seen.policies, "eu-only": msgspec.structs.replace(seen.policies["eu-only"], preempts=True)}
    followed = plan([urgent], msgspec.structs.replace(seen, policies=policies), NOW, 3)
    assert followed.decisions[0].mode is Mode.PREEMPT


Follow = Callable[[Way, Snapshot], Decision]


def follow(way: Way, seen: Snapshot) -> Decision:
    policies = {**seen.policies, way.case.policy.name: way.case.policy}
    return plan([way.case.workload], msgspec.structs.replace(seen, policies=policies), NOW, 2).decisions[0]


@pytest.mark.parametrize("name", sorted(set(EXPECTED) - {"evaluate-all"}))
def test_whoever_follows_the_advice_of_an_example_is_admitted(
    name: str, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, heard = inputs(examples), []
    ways = Explainer.ways

    def listen(explainer: Explainer, case: Case, **how: Any) -> list[Way] | None:
        found = ways(explainer, case, **how)
        heard.extend((case.workload.key.name, way) for way in found or [])
        return found

    monkeypatch.setattr(Explainer, "ways", listen)
    plan([named(read, name)], read.snapshot, NOW, 1)
    mine = [way for told, way in heard if told == name]
    assert mine
    for way in mine:
        assert follow(way, read.snapshot).mode is (Mode.WAIT if way.change.outcome is Outcome.WAITS else Mode.FIT)
    assert all(isinstance(kind, Kind) for way in mine for kind in way.kinds)
