"""`stellwerk simulate`: formats, scenarios side by side, reports, and what it says of bad input."""

import builtins
import csv
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Cli, Make, Said, Write

MURI = """\
    job_id,num_gpu,submit_time,iterations,model_name,batch_size,duration,interval,iteration_time
    0,8,0,1000,vgg16,16,0,0,1000
    1,16,10000,100,bert,16,0,0,1000
"""
ITP = """\
    job,submission_time,duration,num_gpu
    0,5000,100,8
    1,5010,10,4
"""
PHILLY = """\
    submit_time,duration_s,num_gpus,vc
    2017-10-01 00:00:45,30,1,6214e9
    2017-10-01 00:01:45,60,8,11cb48
"""
KALOS = """\
    job,arrival_s,duration_s,nodes,gpus_per_node,cpus_per_gpu,pretrain
    0,0,104,2,8,15.0,0
"""
OPENB = """\
    name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
    pod-0,12000,16384,1,1000,,LS,Running,0,100,10
    pod-1,6000,12288,0,0,,LS,Running,5,100,
"""
HISTORY = """\
    submitted,started,finished,namespace,class,accelerators,replicas,runtime
    2026-11-22T10:00:00Z,2026-11-22T10:05:00Z,2026-11-22T11:05:00Z,vision,Training,8,2,
    2026-11-22T10:30:00+01:00,,,speech,Batch,0,1,600
    2026-11-22T12:00:00Z,2026-11-22T12:00:01Z,,vision,Training,8,1,
"""
TRACES = {"muri": MURI, "itp": ITP, "philly": PHILLY, "kalos": KALOS, "openb": OPENB, "history": HISTORY}


def report(said: Said) -> Mapping[str, Any]:
    """Decode the document on standard output."""
    assert said.code == 0, said.err
    return json.loads(said.out)


@pytest.mark.parametrize("name", TRACES)
def test_every_format_is_known_by_its_columns(name: str, cli: Cli, write: Write) -> None:
    write("trace.csv", TRACES[name])
    told = report(cli("simulate", "trace.csv", "--nodes", "2x8", "-o", "json"))
    assert told["trace"]["format"] == name
    assert told["scenarios"][0]["finished"] == told["trace"]["jobs"] > 0


@pytest.mark.parametrize("name", TRACES)
def test_every_format_may_be_named_and_gzipped(name: str, cli: Cli, write: Write, tmp_path: Path) -> None:
    plain = write("trace.csv", TRACES[name])
    (tmp_path / "trace.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    told = report(cli("simulate", "trace.csv.gz", "--format", name, "--nodes", "2x8", "-o", "json"))
    assert told["trace"]["format"] == name


def test_muri_jobs_run_their_iterations_and_start_overheads(cli: Cli, write: Write) -> None:
    write("trace.csv", MURI)
    told = report(cli("simulate", "trace.csv", "--nodes", "3x8", "-o", "json"))
    # 1,000 iterations of 1 s x 1.015 and 9 s of start; the second job fits beside it: 101.5 s and 10 s.
    assert told["scenarios"][0]["completionSeconds"]["mean"] == pytest.approx((1024 + 111.5) / 2)


def test_the_first_submission_is_second_0_and_the_report_says_when_that_was(cli: Cli, write: Write) -> None:
    write("itp.csv", ITP)
    write("philly.csv", PHILLY)
    assert report(cli("simulate", "itp.csv", "--nodes", "1x8", "-o", "json"))["scenarios"][0]["makespanSeconds"] == 110
    assert report(cli("simulate", "philly.csv", "--nodes", "1x8", "-o", "json"))["trace"]["start"] == (
        "2017-10-01T00:00:45Z"
    )


def test_a_history_may_be_json_lines_and_what_has_not_ended_is_left_out_with_a_note(cli: Cli, write: Write) -> None:
    rows = [dict(row) for row in csv.DictReader(line.strip() for line in HISTORY.splitlines())]
    write("history.jsonl", "\n".join(json.dumps({key: value for key, value in row.items() if value}) for row in rows))
    said = cli("simulate", "history.jsonl", "--nodes", "2x8", "-o", "json")
    told = report(said)
    assert told["trace"] | {"file": ""} == {
        "file": "",
        "format": "history",
        "start": "2026-11-22T09:30:00Z",
        "jobs": 2,
        "leftOut": 1,
    }
    assert "1 rows of history.jsonl are left out" in said.err


def test_orders_are_compared_side_by_side(cli: Cli, write: Write) -> None:
    write("trace.csv", "job,submission_time,duration,num_gpu\n0,0,100,8\n1,1,90,8\n2,2,10,8\n")
    said = cli("simulate", "trace.csv", "--nodes", "1x8", "--order", "Priority", "--order", "ShortestFirst")
    assert said.code == 0
    assert said.row("Priority")[:3] == ["Priority", "3/3", "2m42s"]
    assert said.row("ShortestFirst")[:3] == ["ShortestFirst", "3/3", "2m16s"]
    assert "what runs is left alone" in said.out


def test_with_preempt_running_jobs_give_way(cli: Cli, write: Write) -> None:
    write("trace.csv", "job,submission_time,duration,num_gpu\n0,0,1000,8\n1,1,10,8\n")
    arguments = ("simulate", "trace.csv", "--nodes", "1x8", "--order", "ShortestFirst", "-o", "json")
    assert report(cli(*arguments))["scenarios"][0]["restarts"] == 0
    told = report(cli(*arguments, "--preempt"))["scenarios"][0]
    assert (told["restarts"], told["completionSeconds"]["p50"]) == (1, 1010)


def test_policy_files_are_compared_on_the_same_fleet_with_their_cost(cli: Cli, write: Write, make: type[Make]) -> None:
    cheap = make.pool("cheap", nodes=1, price="8", jurisdiction="US")
    dear = make.pool("dear", nodes=1, price="16")
    write("fleet.yaml", make.fleet(cheap, dear))
    write("anywhere.yaml", make.policy("default"))
    write("germany.yaml", make.policy("default", require={"jurisdictions": ["DE"]}))
    write("trace.csv", "job,submission_time,duration,num_gpu\n0,0,3600,8\n")
    policies = ("--policy", "anywhere.yaml", "--policy", "germany.yaml")
    told = report(cli("simulate", "trace.csv", "--fleet", "fleet.yaml", *policies, "-o", "json"))
    costs = {one["name"]: float(one["costs"][0]["total"]) for one in told["scenarios"]}
    assert set(costs) == {"anywhere", "germany"}
    assert 0 < costs["anywhere"] <= 8 < costs["germany"] <= 16  # an hour of all GPUs of a node, not of its CPU


def test_a_fleet_without_prices_has_an_unknown_cost(cli: Cli, write: Write) -> None:
    write("trace.csv", ITP)
    said = cli("simulate", "trace.csv", "--nodes", "1x8")
    assert said.row("fleet")[-1] == "unknown"


def test_what_never_ran_is_told_with_the_reason_of_the_engine(cli: Cli, write: Write) -> None:
    write("trace.csv", "job,submission_time,duration,num_gpu\n0,0,10,64\n1,0,10,1\n")
    said = cli("simulate", "trace.csv", "--nodes", "2x8")
    assert said.row("fleet")[1] == "1/2"
    assert "fleet: 1 never ran; trace/job-0: needs 64 x accelerator" in said.out


def test_out_writes_report_jobs_and_plots(cli: Cli, write: Write, tmp_path: Path) -> None:
    write("trace.csv", ITP)
    said = cli("simulate", "trace.csv", "--nodes", "1x8", "--out", "made/report")
    folder = tmp_path / "made" / "report"
    assert said.code == 0
    assert (folder / "report.txt").read_text().strip() == said.out.strip()
    assert json.loads((folder / "report.json").read_text())["kind"] == "SimulationReport"
    rows = list(csv.DictReader((folder / "jobs.csv").read_text().splitlines()))
    assert [row["finished"] for row in rows] == ["100.0", "110.0"]
    for name in ("utilization", "waiting", "completion", "cost"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "</svg>" in (folder / f"{name}.svg").read_text()


def test_without_matplotlib_everything_but_the_plots_is_written_and_a_note_says_how_to_get_them(
    cli: Cli, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    write("trace.csv", ITP)
    said = cli("simulate", "trace.csv", "--nodes", "1x8", "--out", "made")
    assert said.code == 0
    assert "pip install 'stellwerk[plots]'" in said.err
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["jobs.csv", "report.json", "report.txt"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("job,submission_time,duration,num_gpu\n0,0,10,1\n1,x,10,1\n", "t.csv:3: submission_time: must be a number"),
        ("job,submission_time,duration,num_gpu\n0,0,-5,1\n", "t.csv:2: duration: must be a number of at least 0"),
        ("job,submission_time,duration,num_gpu\n0,0,5,1.5\n", "t.csv:2: num_gpu: must be a whole number"),
        ("job,submission_time,duration,num_gpu\n0,0,5\n", "t.csv:2: must have 4 cells"),
        ("submit_time,duration_s,num_gpus,vc\nnoon,5,1,a\n", "t.csv:2: submit_time: must be a time such as"),
        ("a,b\n1,2\n", "t.csv:1: its columns fit no format"),
        ("job,submission_time,duration,num_gpu\n", "t.csv: holds no jobs"),
        ("", "t.csv: holds no jobs"),
        ('{"submitted": "2026-11-22T10:00:00Z"\n', "t.csv:1: is no JSON"),
        (
            '{"submitted": "2026-11-22T10:00:00Z", "accelerators": 1, "replicas": 0, "runtime": 5}\n',
            "t.csv:1: replicas: must be a number of at least 1, not 0",
        ),
    ],
)
def test_bad_input_names_file_line_column_and_what_is_allowed(
    content: str, told: str, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(content)
    said = cli("simulate", "t.csv", "--nodes", "1x8")
    assert (said.code, said.out) == (1, "")
    assert told in said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--nodes", "8"), "--nodes: must be nodes x accelerators"),
        ((), "--fleet: name a fleet file"),
        (("--nodes", "1x8", "--order", "Fair"), "--order: must be one of Priority, ShortestFirst, LeastService"),
        (("--nodes", "1x8", "--format", "csv"), "--format: must be one of muri, itp"),
        (("--nodes", "1x8", "--format", "philly"), "lacks columns that format philly needs"),
        (("--fleet", "none.yaml"), "none.yaml: no such file"),
        (("--nodes", "1x8", "--out", "t.csv"), "--out: cannot be made"),
    ],
)
def test_a_wrong_flag_says_what_is_allowed(arguments: tuple[str, ...], told: str, cli: Cli, write: Write) -> None:
    write("t.csv", ITP)
    said = cli("simulate", "t.csv", *arguments)
    assert (said.code, said.out) == (1, "")
    assert told in said.err


def test_a_trace_that_is_not_there_is_bad_input(cli: Cli) -> None:
    said = cli("simulate", "none.csv", "--nodes", "1x8")
    assert said.code == 1
    assert said.err.startswith("none.csv: cannot be read")
