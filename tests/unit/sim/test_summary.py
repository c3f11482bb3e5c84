"""Figures of a simulation."""

from __future__ import annotations

import pytest

from stellwerk.sim.engine import Moment, Timeline, simulate
from stellwerk.sim.refill import Refill, srtf
from stellwerk.sim.summary import percentile, series, spread, summarize
from stellwerk.sim.traces import Entry, layout
from tests.unit.sim.cases import job, jobs


def told(*entries: Entry) -> Timeline:
    return simulate(jobs(*entries), Refill(srtf, 1, 8))


def test_waiting_is_the_time_without_a_seat() -> None:
    found = summarize(told(job("a", 8, 100), job("b", 8, 300, submitted=10)), 8)
    assert (found.completion.mean, found.waiting.mean) == ((100 + 390) / 2, 90 / 2)
    assert found.makespan == 400
    assert found.utilization == 1.0


def test_utilization_counts_accelerators_and_not_nodes() -> None:
    assert summarize(told(job("a", 2, 100)), 8).utilization == 0.25


def test_of_nothing_there_is_no_mean() -> None:
    assert spread([]).mean is None
    assert summarize(Timeline((), (), 0), 8).utilization is None


@pytest.mark.parametrize(("part", "value"), [(0.5, 3), (0.99, 4), (0.0, 1)])
def test_a_percentile_is_a_value_of_the_list(part: float, value: float) -> None:
    assert percentile([1, 2, 3, 4], part) == value


def test_a_series_holds_means_over_equal_intervals() -> None:
    moments = [Moment(0, 1, 0, 4), Moment(5, 1, 2, 8), Moment(20, 0, 0, 0)]
    points = series(moments, 20, 2)
    assert [point.at for point in points] == [5, 15]
    assert [point.accelerators for point in points] == [6, 8]
    assert [point.waiting for point in points] == [1, 2]


@pytest.mark.parametrize(
    ("accelerators", "pods", "each"), [(1, 1, 1), (8, 1, 8), (12, 2, 6), (20, 4, 5), (64, 8, 8), (0, 1, 0)]
)
def test_a_gang_is_laid_out_as_the_fewest_equal_pods(accelerators: int, pods: int, each: int) -> None:
    assert layout(accelerators, 8) == (pods, each)
