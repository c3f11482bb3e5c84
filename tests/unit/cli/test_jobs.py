"""Jobs among the manifests: what the operator would adopt is planned, everything else is left alone."""

import pytest

from tests.unit.cli.conftest import Cli, Make, Write


def test_a_suspended_job_with_the_label_is_planned_like_a_workload(cli: Cli, write: Write, make: type[Make]) -> None:
    write("all.yaml", make.fleet(make.pool()), make.job("nightly", gpus=2, expected_runtime="2h"))
    said = cli("plan", "-f", "all.yaml")
    name, pool, per_hour, total, *verdict = said.row("nightly")
    assert (name, pool, verdict) == ("nightly", "gpus", ["Fit", "CheapestFeasible"])
    assert float(total) == pytest.approx(2 * float(per_hour), abs=0.01)


def test_its_annotations_name_the_accelerators_that_will_do(cli: Cli, write: Write, make: type[Make]) -> None:
    write("all.yaml", make.fleet(make.pool()), make.job("nightly", accelerators="A100"))
    said = cli("plan", "-f", "all.yaml")
    assert said.code == 2
    assert said.row("nightly")[5] == "AcceleratorMismatch"


def test_a_job_with_the_label_is_planned_whatever_it_says_of_suspend_because_it_is_suspended_at_birth(
    cli: Cli, write: Write, make: type[Make]
) -> None:
    write("all.yaml", make.fleet(make.pool()), make.job("nightly", suspend=False))
    assert cli("plan", "-f", "all.yaml").row("nightly")[4] == "Fit"


def test_a_job_without_the_label_or_that_runs_already_is_left_alone_and_the_note_says_why(
    cli: Cli, write: Write, make: type[Make]
) -> None:
    running = make.job("running", suspend=False)
    running["status"] = {"startTime": "2026-11-22T12:00:00Z"}
    write("all.yaml", make.fleet(make.pool()), make.job("plain", policy=None), running)
    said = cli("plan", "-f", "all.yaml")
    assert said.code == 0
    assert "note: Job default/plain is left alone: it has no label stellwerk.dev/policy" in said.err
    assert "note: Job default/running is left alone: it runs already" in said.err
    assert "plain" not in said.out


def test_a_job_in_kube_system_is_never_planned(cli: Cli, write: Write, make: type[Make]) -> None:
    write("all.yaml", make.fleet(make.pool()), make.job("sneaky"))
    said = cli("plan", "-f", "all.yaml", "-n", "kube-system")
    assert "sneaky" not in said.out
    assert "kube-system/sneaky is left alone" in said.err


def test_a_wrong_annotation_is_bad_input_with_its_line(cli: Cli, write: Write, make: type[Make]) -> None:
    write("all.yaml", make.fleet(make.pool()))
    write("job.yaml", make.job("nightly", expected_runtime="soon"))
    said = cli("plan", "-f", "all.yaml", "-f", "job.yaml")
    assert said.code == 1
    assert said.err.startswith("job.yaml:5: metadata.annotations[stellwerk.dev/expected-runtime]: ")


def test_what_is_no_job_is_bad_input(cli: Cli, write: Write, make: type[Make]) -> None:
    job = make.job("nightly")
    job["spec"]["parallelism"] = "two"
    write("all.yaml", make.fleet(make.pool()), job)
    said = cli("plan", "-f", "all.yaml")
    assert said.code == 1
    assert "is no Job that Kubernetes would take" in said.err


def test_a_workload_that_refers_to_a_job_is_planned_once(cli: Cli, write: Write, make: type[Make]) -> None:
    workload = make.workload("nightly")
    del workload["spec"]["template"]
    workload["spec"]["workloadRef"] = {"apiVersion": "batch/v1", "kind": "Job", "name": "nightly"}
    write("all.yaml", make.fleet(make.pool()), workload, make.job("nightly"))
    said = cli("plan", "-f", "all.yaml")
    assert said.code == 0
    assert said.out.count("CheapestFeasible") == 1


def test_a_workload_that_refers_to_no_job_is_bad_input(cli: Cli, write: Write, make: type[Make]) -> None:
    workload = make.workload("nightly")
    del workload["spec"]["template"]
    workload["spec"]["workloadRef"] = {"apiVersion": "batch/v1", "kind": "Job", "name": "nightly"}
    write("all.yaml", make.fleet(make.pool()), workload)
    said = cli("plan", "-f", "all.yaml")
    assert said.code == 1
    assert "spec.workloadRef.name: there is no Job default/nightly" in said.err
