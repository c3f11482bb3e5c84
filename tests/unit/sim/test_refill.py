"""The rules of the Muri simulator, on cases small enough to do by hand."""

from __future__ import annotations

from stellwerk.sim.engine import Timeline, simulate
from stellwerk.sim.refill import TIRESIAS_LIMITS, Rank, Refill, srsf, srtf, tiresias
from stellwerk.sim.traces import Entry
from tests.unit.sim.cases import job, jobs


def run(rank: Rank, *entries: Entry, nodes: int = 1, limits: tuple[float, ...] = ()) -> Timeline:
    return simulate(jobs(*entries), Refill(rank, nodes, 8, limits))


def ends(timeline: Timeline) -> dict[str, float | None]:
    return {one.job.workload.key.name: one.finished for one in timeline.outcomes}


def test_the_shortest_remaining_time_goes_first_and_stops_the_longer_job() -> None:
    told = run(srtf, job("long", 8, 100), job("short", 8, 10, submitted=20))
    assert ends(told) == {"short": 30, "long": 110}


def test_service_counts_accelerators_where_time_does_not() -> None:
    entries = [job("wide", 8, 20), job("narrow", 1, 60)]
    assert ends(run(srtf, *entries)) == {"wide": 20, "narrow": 80}
    assert ends(run(srsf, *entries)) == {"narrow": 60, "wide": 80}


def test_a_start_overhead_is_lost_in_every_interval_even_by_who_just_goes_on() -> None:
    alone = run(srtf, job("a", 4, 100, start_overhead=7))
    assert ends(alone) == {"a": 100}  # as published: the loss shows only when an event cuts the run
    cut = run(srtf, job("a", 4, 100, start_overhead=7), job("b", 4, 10, submitted=50))
    assert ends(cut)["a"] == 50 + 10 + (100 - (50 - 7) - (10 - 7))


def test_a_large_gang_needs_idle_nodes_and_is_skipped_until_then() -> None:
    entries = [job("one", 1, 5), job("gang", 16, 10, submitted=1), job("later", 4, 100, submitted=2)]
    assert ends(run(srtf, *entries, nodes=2)) == {"one": 5, "gang": 15, "later": 112}


def test_tiresias_puts_a_job_back_that_had_its_first_share() -> None:
    told = run(tiresias, job("old", 8, 1000), job("new", 8, 100, submitted=1), limits=TIRESIAS_LIMITS)
    assert ends(told) == {"new": 3250 / 8 + 100, "old": 1100}


def test_a_job_larger_than_the_cluster_never_runs_and_says_why() -> None:
    told = run(srtf, job("huge", 16, 10), job("small", 1, 10))
    assert ends(told) == {"small": 10, "huge": None}
    assert next(one.why for one in told.outcomes if one.finished is None).startswith("needs 16 accelerators")
