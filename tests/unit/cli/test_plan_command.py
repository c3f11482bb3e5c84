"""`stellwerk plan`: exit codes, formats, where it reads from, and that it says the same each time."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.unit.cli.conftest import Cli, Make, Write

ROOT = Path(__file__).resolve().parents[3]
NOW = "2026-11-22T12:00:00Z"
STELLWERK = Path(sys.executable).with_name("stellwerk")


def test_the_exit_code_is_0_when_everything_fits(cli: Cli, write: Write, make: type[Make]) -> None:
    write("all.yaml", make.fleet(make.pool()), make.whole("node", expectedRuntime="3h"))
    said = cli("plan", "-f", "all.yaml")
    assert said.code == 0
    assert said.row("node")[1:] == ["gpus", "8.00", "24.00", "Fit", "CheapestFeasible"]
    assert said.err == ""


def test_the_exit_code_is_0_when_a_workload_must_wait_and_the_smallest_change_is_shown(
    cli: Cli, write: Write, make: type[Make]
) -> None:
    write("all.yaml", make.fleet(make.pool(used=4)), make.workload("big", gpus=8, replicas=2))
    said = cli("plan", "-f", "all.yaml")
    assert said.code == 0
    assert said.row("big")[1:] == ["-", "-", "-", "Wait", "CapacityFull"]
    assert "To admit it:" in said.out


def test_the_exit_code_is_2_when_a_workload_can_never_fit(cli: Cli, write: Write, make: type[Make]) -> None:
    write("all.yaml", make.fleet(make.pool()), make.workload("huge", gpus=8, replicas=3), make.workload("small"))
    said = cli("plan", "-f", "all.yaml")
    assert said.code == 2
    assert said.row("huge")[4] == "Never"
    assert said.row("small")[4] == "Fit"
    assert "To admit it:" in said.out


def test_the_exit_code_is_1_for_bad_input_and_nothing_is_planned(cli: Cli, write: Write, make: type[Make]) -> None:
    write("all.yaml", make.fleet(make.pool()), make.workload("good"), make.workload("bad", replicas=0))
    said = cli("plan", "-f", "all.yaml")
    assert said.code == 1
    assert said.out == ""
    assert "spec.replicas" in said.err


@pytest.mark.parametrize(
    "arguments",
    [("plan",), ("plan", "-f", "x", "-o", "xml"), ("plan", "--colour"), ("nonsense",), ()],
)
def test_a_wrong_command_line_is_bad_input_too_never_2(cli: Cli, arguments: tuple[str, ...]) -> None:
    said = cli(*arguments)
    assert said.code == 1
    assert said.err


def test_an_example_of_each_verdict_is_among_the_examples(cli: Cli, examples: Path) -> None:
    said = cli("plan", "-f", examples, "--now", NOW)
    assert said.code == 2
    verdicts = {name: said.row(name)[1] for name in ("pretrain-eu", "sweep-spot", "sweep-long", "nightly-job")}
    assert verdicts == {
        "pretrain-eu": "onprem-h100",
        "sweep-spot": "eu-spot-h100",
        "sweep-long": "onprem-h100",
        "nightly-job": "eu-spot-h100",
    }
    assert said.row("pretrain-big")[1] == "us-ondemand-h100"
    assert said.row("evaluate-all")[4:] == ["Wait", "CapacityFull"]
    assert said.row("records-too-big")[4] == "Never"


def test_the_story_of_the_examples_fits_on_one_tall_screen(cli: Cli, examples: Path) -> None:
    said = cli("plan", "-f", examples, "--now", NOW)
    lines = said.out.splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 120


def test_the_pools_of_the_example_fleet_are_those_of_the_folder(examples: Path) -> None:
    fleet = {pool["metadata"]["name"]: pool["spec"] for pool in _load(examples / "fleet.yaml")["pools"]}
    folder = {one["metadata"]["name"]: one["spec"] for one in map(_load, (examples / "pools").glob("*.yaml"))}
    assert fleet == folder


def test_each_example_begins_with_a_comment_that_says_what_it_teaches(examples: Path) -> None:
    bare = [path.name for path in examples.rglob("*.yaml") if not path.read_text().startswith("# ")]
    assert bare == []


def _load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


def test_json_and_yaml_hold_the_same_report_and_the_report_obeys_its_schema(cli: Cli, examples: Path) -> None:
    as_json = cli("plan", "-f", examples, "-o", "json", "--now", NOW)
    as_yaml = cli("plan", "-f", examples, "-o", "yaml", "--now", NOW)
    report = json.loads(as_json.out)
    assert as_json.code == as_yaml.code == 2
    assert yaml.safe_load(as_yaml.out) == report
    schema = json.loads((ROOT / "docs/reference/plan-report.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(report)
    assert report["decidedAt"] == NOW
    assert report["summary"]["placed"] == 12


def test_the_example_fleet_obeys_the_schema_of_fleet_files(examples: Path) -> None:
    schema = json.loads((ROOT / "docs/reference/fleet.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(_load(examples / "fleet.yaml"))


def test_the_sums_of_the_report_are_those_of_its_workloads(cli: Cli, examples: Path) -> None:
    from decimal import Decimal

    report = json.loads(cli("plan", "-f", examples, "-o", "json", "--now", NOW).out)
    placed = [one["cost"] for one in report["workloads"] if "placement" in one]
    [sums] = report["summary"]["costs"]
    assert sum(Decimal(cost["perHour"]) for cost in placed) == Decimal(sums["perHour"])
    assert sum(Decimal(cost["total"]) for cost in placed) == Decimal(sums["total"])
    for cost in placed:
        assert sum(Decimal(part["amount"]) for part in cost["parts"]) == Decimal(cost["total"])


def test_explain_shows_every_candidate_with_its_verdict_cost_and_reasons(cli: Cli, examples: Path) -> None:
    said = cli("plan", "-f", examples, "--explain", "finetune-either", "--now", NOW)
    assert "16 candidates considered:" in said.out  # eight pools, two alternatives: more than a status keeps
    table = said.out.split("candidates considered:")[1]
    assert table.count("AcceleratorMismatch") >= 6
    assert "JurisdictionNotAllowed: policy eu-only allows" in table
    assert "Chosen" in table
    assert "Compute" in said.out
    assert "PoolHasNoNodes" not in said.out  # the CPU pool lacks accelerators, not nodes


def test_the_exit_code_of_explain_is_that_of_the_workload_explained(cli: Cli, examples: Path) -> None:
    assert cli("plan", "-f", examples, "--explain", "tokenize").code == 0
    assert cli("plan", "-f", examples, "--explain", "records-too-big").code == 2


def test_explain_of_an_unknown_name_is_bad_input_that_lists_the_names(cli: Cli, examples: Path) -> None:
    said = cli("plan", "-f", examples, "--explain", "nobody")
    assert said.code == 1
    assert "default/pretrain-eu" in said.err


def test_explain_as_json_holds_just_that_workload(cli: Cli, examples: Path) -> None:
    report = json.loads(cli("plan", "-f", examples, "--explain", "default/tokenize", "-o", "json").out)
    assert [one["name"] for one in report["workloads"]] == ["tokenize"]
    assert report["summary"]["workloads"] == 18


def test_wide_adds_where_and_what_was_asked(cli: Cli, examples: Path) -> None:
    said = cli("plan", "-f", examples, "-o", "wide", "--now", NOW)
    line = next(line for line in said.out.splitlines() if line.startswith("pretrain-eu"))
    for text in ("Training", "eu-only", "2 x 8 H100", "local", "Owned", "de-fra", "pretrain-eu.yaml:"):
        assert text in line


def test_manifests_come_from_standard_input_too(cli: Cli, examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (examples / "workloads/tokenize.yaml").read_text()
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    said = cli("plan", "-f", "-", "-f", examples / "policies", "--fleet", examples / "fleet.yaml", "-o", "wide")
    assert said.code == 0
    assert "<stdin>:2" in said.out


def test_folders_are_read_to_the_bottom_and_a_file_named_twice_counts_once(
    cli: Cli, write: Write, make: type[Make]
) -> None:
    write("deep/below/one.yaml", make.workload("one"))
    write("deep/two.json", json.dumps(make.workload("two"), indent="\t"))
    write("deep/notes.txt", "no: manifest")
    write("fleet.yaml", make.fleet(make.pool()))
    said = cli("plan", "-f", "deep", "-f", "deep/two.json", "--fleet", "fleet.yaml")
    assert said.code == 0
    assert said.out.count("CheapestFeasible") == 2


def test_a_policy_file_replaces_the_policy_of_that_name(cli: Cli, write: Write, make: type[Make]) -> None:
    write("all.yaml", make.fleet(make.pool()), make.workload("one", policy="strict"), make.policy("strict"))
    write("stricter.yaml", make.policy("strict", require={"jurisdictions": ["FR"]}))
    assert cli("plan", "-f", "all.yaml").code == 0
    said = cli("plan", "-f", "all.yaml", "--policy", "stricter.yaml")
    assert said.code == 2
    assert said.row("one")[5] == "JurisdictionNotAllowed"


def test_a_policy_of_the_fleet_file_rules_where_the_manifests_have_none(
    cli: Cli, write: Write, make: type[Make]
) -> None:
    policies = [{"metadata": {"name": "dear"}, "spec": {"maxCostPerHour": "0.5"}}]
    write("all.yaml", make.fleet(make.pool(), policies=policies), make.workload("one", policy="dear"))
    assert cli("plan", "-f", "all.yaml").row("one")[5] == "CostAboveLimit"
    write("own.yaml", make.policy("dear"))
    assert cli("plan", "-f", "all.yaml", "-f", "own.yaml").code == 0


def test_the_spec_of_a_pool_among_the_manifests_wins_over_the_fleet_file(
    cli: Cli, write: Write, make: type[Make]
) -> None:
    entry = make.pool(price="8")
    pool = {"apiVersion": "stellwerk.dev/v1alpha1", "kind": "ComputePool", **make.pool(price="80")}
    del pool["nodes"]
    write("all.yaml", make.fleet(entry), make.whole("one"))
    assert cli("plan", "-f", "all.yaml").row("one")[2] == "8.00"
    write("pool.yaml", pool)
    assert cli("plan", "-f", "all.yaml", "-f", "pool.yaml").row("one")[2] == "80.00"
    del entry["spec"]
    write("all.yaml", make.fleet(entry), make.whole("one"))
    assert cli("plan", "-f", "all.yaml", "-f", "pool.yaml").row("one")[2] == "80.00"


def test_nodes_of_no_declared_pool_are_discovered_and_their_cost_is_unknown_not_free(
    cli: Cli, write: Write, make: type[Make]
) -> None:
    group = {
        "count": 2,
        "allocatable": {"cpu": "64", "memory": "1Ti", "nvidia.com/gpu": "8"},
        "labels": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
    }
    write("all.yaml", make.fleet(nodes=[group]), make.workload("one"))
    said = cli("plan", "-f", "all.yaml")
    assert said.code == 0
    assert said.row("one")[1].startswith("auto-h100")
    assert said.row("one")[2:4] == ["unknown", "unknown"]
    assert "1 of unknown cost" in said.out


def test_what_is_used_is_not_free(cli: Cli, write: Write, make: type[Make]) -> None:
    write("free.yaml", make.fleet(make.pool(nodes=1)), make.workload("one", gpus=8))
    write("used.yaml", make.fleet(make.pool(nodes=1, used=1)), make.workload("one", gpus=8))
    assert cli("plan", "-f", "free.yaml").row("one")[4] == "Fit"
    assert cli("plan", "-f", "used.yaml").row("one")[4] == "Wait"


def test_nodes_that_take_no_pods_are_waited_for(cli: Cli, write: Write, make: type[Make]) -> None:
    pool = make.pool(nodes=1)
    pool["nodes"][0]["schedulable"] = False
    write("all.yaml", make.fleet(pool), make.workload("one"))
    assert cli("plan", "-f", "all.yaml").row("one")[4] == "Wait"


def test_other_namespaces_are_shown_and_policies_obey_them(cli: Cli, write: Write, make: type[Make]) -> None:
    write(
        "all.yaml", make.fleet(make.pool()), make.workload("one", policy="ours"), make.policy("ours", namespaces=["a"])
    )
    assert cli("plan", "-f", "all.yaml", "-n", "a").row("a/one")[4] == "Fit"
    assert cli("plan", "-f", "all.yaml", "-n", "b").row("b/one")[5] == "PolicyNotAllowed"


def test_higher_priority_goes_first_whatever_the_order_of_files(cli: Cli, write: Write, make: type[Make]) -> None:
    write("a.yaml", make.workload("a", gpus=8))
    write("b.yaml", make.workload("b", gpus=8, priority=10))
    write("fleet.yaml", make.fleet(make.pool(nodes=1)))
    for order in (("a.yaml", "b.yaml"), ("b.yaml", "a.yaml")):
        said = cli("plan", *[part for file in order for part in ("-f", file)], "--fleet", "fleet.yaml")
        assert (said.row("a")[4], said.row("b")[4]) == ("Wait", "Fit")


def test_output_is_the_same_byte_for_byte_under_any_hash_seed() -> None:
    command = [STELLWERK, "plan", "-f", "examples", "-o", "json", "--now", NOW]
    outputs = set()
    for seed in ("1", "2", "3"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        outputs.add(subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=False).stdout)
    assert len(outputs) == 1
    assert outputs != {b""}


@pytest.mark.parametrize("moment", ["yesterday", "2026-11-22", "2026-11-22T12:00:00"])
def test_the_moment_of_the_decision_needs_a_time_and_an_offset(cli: Cli, examples: Path, moment: str) -> None:
    said = cli("plan", "-f", examples, "--now", moment)
    assert said.code == 1
    assert said.err.startswith("--now: must be")


def test_version_is_that_of_the_package(cli: Cli) -> None:
    from importlib import metadata

    assert cli("version").out == f"stellwerk {metadata.version('stellwerk')}\n"
