"""Workloads of a fleet file that run already: they take room, give it, and are checked like everything else."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.unit.cli.conftest import NOW, ROOT, Cli, Make, Said, Write

SINCE = "2026-11-22T09:00:00Z"
MODES = {"Fit", "Preempt", "Wait", "Never"}


def entry(workload: str = "old", pool: str = "gpus", since: str = SINCE, **more: object) -> dict[str, object]:
    return {"workload": workload, "pool": pool, "since": since, **more}


@pytest.fixture
def busy(cli: Cli, write: Write, make: type[Make]) -> Any:
    """Plan workloads on one pool of two nodes on which others run."""

    def call(running: list[dict[str, object]], *workloads: dict[str, Any]) -> Said:
        takes = make.policy("takes", preemption={"mode": "LowerPriority"})
        write("all.yaml", make.fleet(make.pool(), running=running), takes, *workloads)
        return cli("plan", "-f", "all.yaml", "--now", NOW, "-o", "json")

    return call


def by_name(said: Said) -> dict[str, Any]:
    assert said.err == ""
    return {one["name"]: one for one in json.loads(said.out)["workloads"]}


def blamed(said: Said) -> str:
    """The one problem that is told, without the line."""
    assert said.code == 1
    [line] = said.err.splitlines()
    file, number, rest = line.split(":", 2)
    assert file == "all.yaml"
    assert int(number) > 1
    return rest.strip()


def test_examples_show_each_mode(cli: Cli, examples: Path) -> None:
    apart = [examples / "preemption", examples / "policies", examples / "pools/onprem-h100.yaml"]
    seen = set()
    for folders in ([examples], apart):
        said = cli("plan", *(part for folder in folders for part in ("-f", folder)), "--now", NOW, "-o", "json")
        seen |= {one["mode"] for one in json.loads(said.out)["workloads"]}
    assert seen == MODES


def test_the_example_of_preemption_evicts_who_loses_least_and_tells_the_loss(cli: Cli, examples: Path) -> None:
    files = ("-f", examples / "preemption", "-f", examples / "policies", "-f", examples / "pools/onprem-h100.yaml")
    said = cli("plan", *files, "--now", NOW, "-o", "json")
    assert said.code == 0
    report = json.loads(said.out)
    schema = json.loads((ROOT / "docs/reference/plan-report.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(report)
    [one] = report["workloads"]
    assert (one["name"], one["mode"]) == ("retrain-fraud", "Preempt")
    assert "evicting default/score-archive, which loses" in one["message"]
    assert "pretrain-nightly" not in one["message"]
    assert {"Compute", "Disruption"} <= {part["name"] for part in one["candidates"][0]["parts"]}
    assert (report["summary"]["placed"], report["summary"]["preempting"]) == (0, 1)


def test_the_fleet_of_the_example_obeys_the_schema(examples: Path) -> None:
    schema = json.loads((ROOT / "docs/reference/fleet.schema.json").read_text())
    fleet = yaml.safe_load((examples / "preemption/fleet.yaml").read_text())
    jsonschema.Draft202012Validator(schema).validate(fleet)


def test_a_folder_with_a_fleet_of_its_own_is_left_out_with_a_note(cli: Cli, examples: Path) -> None:
    said = cli("plan", "-f", examples, "--now", NOW)
    assert "retrain-fraud" not in said.out
    [note] = said.err.splitlines()
    assert note == f"note: {examples}/preemption/ has a fleet of its own and is left out: name it by -f to plan it"


def test_two_fleets_that_are_both_named_are_still_bad_input(cli: Cli, examples: Path) -> None:
    said = cli("plan", "-f", examples, "-f", examples / "preemption", "--now", NOW)
    assert said.code == 1
    assert "a second fleet" in said.err


def test_a_fleet_below_a_folder_without_one_is_found_as_ever(
    cli: Cli, write: Write, make: type[Make], tmp_path: Path
) -> None:
    write("all/deep/fleet.yaml", make.fleet(make.pool()))
    write("all/work.yaml", make.whole("new"))
    said = cli("plan", "-f", tmp_path / "all", "--now", NOW)
    assert said.row("new")[1] == "gpus"
    assert said.err == ""


def test_what_runs_is_not_planned_again_and_takes_room(busy: Any, make: type[Make]) -> None:
    told = by_name(busy([entry()], make.whole("old", replicas=2), make.whole("new")))
    assert set(told) == {"new"}
    assert told["new"]["mode"] == "Wait"
    assert by_name(busy([entry()], make.whole("old"), make.whole("new")))["new"]["mode"] == "Fit"


def test_room_is_taken_of_lower_priority_only(busy: Any, make: type[Make]) -> None:
    old = make.whole("old", replicas=2, priority=5)
    for priority, mode in ((6, "Preempt"), (5, "Wait")):
        new = make.whole("new", policy="takes", priority=priority)
        assert by_name(busy([entry()], old, new))["new"]["mode"] == mode


def test_an_elastic_gang_runs_with_the_pods_that_are_told_and_is_shrunk(busy: Any, make: type[Make]) -> None:
    old = make.workload("old", gpus=4, replicas=8, minReplicas=1)
    small = make.workload("new", gpus=4, policy="takes", priority=1)
    assert by_name(busy([entry(replicas=3)], old, small))["new"]["mode"] == "Fit"
    told = by_name(busy([entry(replicas=4)], old, small))["new"]
    assert told["mode"] == "Preempt"
    assert "shrinking default/old" in told["message"]


def test_a_job_may_run_and_a_namespace_tells_names_apart(busy: Any, make: type[Make]) -> None:
    here, there = make.whole("old"), make.whole("old")
    there["metadata"]["namespace"] = "team"
    told = busy([entry("team/old"), entry("nightly")], here, there, make.job("nightly"))
    assert [(one["namespace"], one["name"]) for one in json.loads(told.out)["workloads"]] == [("default", "old")]
    assert blamed(busy([entry()], here, there)).startswith("running[0].workload: could be default/old and team/old")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (entry("gone"), "running[0].workload: there is no workload gone among the manifests"),
        (entry(pool="gone"), "running[0].pool: there is no pool gone with nodes; there are: gpus"),
        (entry(since="noon"), "running[0].since: must be a time with its offset, such as 2026-11-22T09:00:00Z"),
        (entry(since="2026-02-29T09:00:00Z"), "running[0].since: must be a time with its offset"),
        (
            entry(since="2026-11-22T13:00:01+01:00"),
            "running[0].since: must not be after the moment of the decision, 2026-11-22T12:00:00Z",
        ),
        (entry(replicas=2), "running[0].replicas: must be 3, because it is not elastic"),
        (entry(), "running[0].pool: default/old cannot run there: even empty, gpus would hold 2 of 3 pods"),
        (entry(colour="red"), "running[0].colour: is no field of a fleet file"),
    ],
)
def test_what_cannot_be_is_told_with_its_field(
    wrong: dict[str, object], said: str, busy: Any, make: type[Make]
) -> None:
    assert blamed(busy([wrong], make.whole("old", replicas=3))).startswith(said)


def test_the_same_workload_cannot_run_twice(busy: Any, make: type[Make]) -> None:
    assert blamed(busy([entry(), entry()], make.whole("old"))) == (
        "running[1].workload: default/old appears twice in running"
    )
