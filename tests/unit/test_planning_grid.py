"""The speed benchmark on a small fleet."""

from __future__ import annotations

import json

import pytest

from tests.bench import planning_grid


def test_a_cell_tells_its_times_its_memory_and_where_the_time_went(capsys: pytest.CaptureFixture[str]) -> None:
    assert planning_grid.main(["--cell", "--nodes", "10", "--pending", "20", "--repeats", "1"]) == 0
    cell = json.loads(capsys.readouterr().out)
    assert 0 < cell["placed"] <= 20
    assert cell["least_s"] > 0
    assert set(cell["stages"]) == {stage for stage, _, _ in planning_grid.STAGES} | {"rest"}
    assert cell["peak_mib"] > 0


def test_growth_is_told_per_tenfold() -> None:
    cells = [{"nodes": n, "pending": 5, "least_cpu_s": s} for n, s in ((100, 1.0), (400, 4.0), (4000, 40.0))]
    told = planning_grid.growth(cells, "nodes", "pending")
    assert [line.rpartition("x ")[2] for line in told] == ["10.00 per tenfold", "10.00 per tenfold"]
