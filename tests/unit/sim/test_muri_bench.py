"""The benchmark on the Muri traces, on a trace of a few jobs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import muri

HEAD = "job_id,num_gpu,submit_time,iterations,model_name,batch_size,duration,interval,iteration_time"
NAMES = ["SRTF", "SRSF", "Tiresias", "LeastService", "ShortestFirst"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one trace of 24 jobs that want more than there is."""
    jobs = [f"{n},{(1, 4, 8, 32)[n % 4]},{n * 60_000},{600 + 997 * (n % 5)},bert,16,0,0,1000" for n in range(24)]
    (tmp_path / "tiny.csv").write_text("\n".join([HEAD, *jobs]) + "\n")
    return tmp_path


def test_the_table_has_a_line_for_every_policy_and_the_same_figures_as_the_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    assert muri.main(["--data", str(folder), "--json", str(out), "tiny"]) == 0
    rows = json.loads(out.read_text())["tiny"]
    assert [row["policy"] for row in rows] == NAMES
    assert all(row["finished"] == row["jobs"] == 24 for row in rows)
    lines = capsys.readouterr().out.splitlines()
    for row in rows:
        line = next(line for line in lines if line.startswith(f"{row['policy']} "))
        assert f"{row['meanCompletion']:.0f}" in line


def test_those_that_know_no_durations_are_not_shown_any(folder: Path) -> None:
    jobs = muri.load(folder / "tiny.csv")
    assert len({job.workload.expected_runtime_s for job in jobs}) > 1
    assert {muri.blinded(job).workload.expected_runtime_s for job in jobs} == {3600}
    assert {muri.blinded(job).work for job in jobs} == {job.work for job in jobs}


def test_an_unknown_trace_says_which_there_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert muri.main(["--data", str(folder), "other"]) == 1
    assert "there is tiny" in capsys.readouterr().err


def test_a_folder_without_traces_says_how_to_name_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert muri.main(["--data", str(tmp_path)]) == 1
    assert "--data" in capsys.readouterr().err
