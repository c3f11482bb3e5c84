"""The operator's engine in simulated time."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from stellwerk.model.capacity import Growth
from stellwerk.model.policy import QueueOrder
from stellwerk.sim.engine import Timeline, simulate
from stellwerk.sim.planned import Planned
from stellwerk.sim.summary import summarize
from stellwerk.sim.traces import EPOCH, Entry
from tests.unit.sim.cases import cluster, job, jobs


def ends(timeline: Timeline) -> dict[str, float | None]:
    """When each job ended, by name."""
    return {one.job.workload.key.name: one.finished for one in timeline.outcomes}


def run(*entries: Entry, count: int = 1, order: QueueOrder = QueueOrder.PRIORITY, preempt: bool = False) -> Timeline:
    return simulate(jobs(*entries), Planned(cluster(count, order), EPOCH, preempt=preempt))


def test_a_job_runs_for_its_start_overhead_and_its_work() -> None:
    assert ends(run(job("a", 8, work=100, submitted=5, start_overhead=10))) == {"a": 115}


def test_jobs_that_fit_together_run_together_and_the_rest_waits_for_room() -> None:
    told = run(job("a", 4, 100), job("b", 4, 50), job("c", 4, 10, submitted=1))
    assert ends(told) == {"b": 50, "c": 60, "a": 100}


def test_what_finds_no_room_does_not_hold_up_those_behind_it() -> None:
    told = run(job("half", 4, 100), job("whole", 8, 10, submitted=1), job("small", 1, 10, submitted=2))
    assert ends(told) == {"small": 12, "half": 100, "whole": 110}


def test_a_gang_of_several_nodes_waits_until_all_of_them_are_idle() -> None:
    told = run(job("one", 8, 30), job("gang", 16, 10, submitted=1), count=2)
    assert ends(told) == {"one": 30, "gang": 40}


def test_without_preemption_the_queue_order_rules_those_who_wait() -> None:
    entries = [job("first", 8, 100), job("long", 8, 50, submitted=1), job("short", 8, 10, submitted=2)]
    assert ends(run(*entries)) == {"first": 100, "long": 150, "short": 160}
    assert ends(run(*entries, order=QueueOrder.SHORTEST_FIRST)) == {"first": 100, "short": 110, "long": 160}


def test_with_preemption_a_shorter_job_stops_a_longer_one_which_keeps_its_work() -> None:
    entries = [job("long", 8, 100, start_overhead=5), job("short", 8, 10, submitted=50, start_overhead=5)]
    told = run(*entries, order=QueueOrder.SHORTEST_FIRST, preempt=True)
    # 45 s of work are done at second 50; 55 s and a second start follow the short job.
    assert ends(told) == {"short": 65, "long": 125}
    assert {one.job.workload.key.name: one.starts for one in told.outcomes} == {"short": 1, "long": 2}


def test_who_goes_on_keeps_his_nodes_and_loses_nothing_when_others_come_and_go() -> None:
    entries = [job("stays", 4, 100, start_overhead=5), *(job(f"j{n}", 4, 10, 10.0 * n) for n in range(1, 8))]
    told = run(*entries, order=QueueOrder.LEAST_SERVICE, preempt=True)
    stays = next(one for one in told.outcomes if one.job.workload.key.name == "stays")
    assert stays.starts == 1
    assert stays.finished == 105


def test_least_service_lets_a_new_job_go_first_once_the_other_had_an_accelerator_hour() -> None:
    entries = [job("old", 8, 10_000), job("new", 8, 100, submitted=10)]
    told = run(*entries, order=QueueOrder.LEAST_SERVICE, preempt=True)
    assert ends(told) == {"new": 550, "old": 10_100}  # 3,600 accelerator-seconds on 8 accelerators are 450 s


def test_a_job_that_can_never_run_is_told_with_the_reason_and_holds_up_nobody() -> None:
    told = run(job("huge", 64, 10), job("small", 1, 10), count=2)
    huge = next(one for one in told.outcomes if one.finished is None)
    assert huge.job.workload.key.name == "huge"
    assert "64 x" in huge.why
    assert ends(told)["small"] == 10


def test_jobs_pay_the_price_of_what_they_hold_while_they_hold_it() -> None:
    # Half of a node of 8 EUR/h for 30 minutes; the price has no part for CPU: the pods ask for none.
    told = summarize(run(job("half", 4, 1800)), 8)
    whole = summarize(run(job("whole", 8, 1800)), 8)
    assert whole.cost["EUR"] == pytest.approx(2 * told.cost["EUR"], rel=1e-6)
    assert 0 < told.cost["EUR"] <= 2_000_000
    assert told.unpriced == 0


def test_where_no_price_is_known_the_cost_is_unknown_and_not_zero() -> None:
    timeline = simulate(jobs(job("a", 8, 10)), Planned(cluster(1, price=None), EPOCH))
    told = summarize(timeline, 8)
    assert told.unpriced == 1
    assert told.cost == {}


def test_the_same_trace_gives_the_same_outcomes_each_time() -> None:
    entries = [job(f"j{n}", 1 + n % 8, 50 + 7 * n, submitted=3.0 * n) for n in range(40)]
    first = run(*entries, count=2, order=QueueOrder.SHORTEST_FIRST, preempt=True)
    assert run(*entries, count=2, order=QueueOrder.SHORTEST_FIRST, preempt=True) == first


@pytest.mark.parametrize("order", list(QueueOrder))
@pytest.mark.parametrize("preempt", [False, True])
def test_no_accelerator_is_given_twice_and_every_job_gets_its_work(order: QueueOrder, *, preempt: bool) -> None:
    entries = [job(f"j{n}", (1, 2, 4, 8, 16)[n % 5], 20 + 13 * (n % 7), 2.0 * n, start_overhead=3) for n in range(60)]
    told = run(*entries, count=3, order=order, preempt=preempt)
    assert all(one.finished is not None for one in told.outcomes)
    assert all(moment.accelerators <= 24 for moment in told.moments)
    for one in told.outcomes:
        assert one.held >= one.job.work + one.job.start_overhead - 1e-6


def test_pools_do_not_grow_in_a_simulation() -> None:
    fleet = cluster(1)
    growing = replace(fleet, pools=tuple(replace(one, growth=Growth(5, 300)) for one in fleet.pools))
    told = simulate(jobs(job("a", 8, 100), job("b", 8, 100)), Planned(growing, EPOCH))
    assert ends(told) == {"a": 100, "b": 200}
