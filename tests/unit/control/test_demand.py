"""What has asked for accelerators, as the operator remembers it."""

from __future__ import annotations

from stellwerk.control.demand import SeenDemand
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.wire import WorkloadStatus
from stellwerk.model.demand import FINE
from stellwerk.model.workload import Workload
from tests.builders import gang


def state(workload: Workload) -> WorkloadState:
    return WorkloadState(workload, WorkloadStatus())


def test_a_workload_counts_once_however_often_it_is_looked_at() -> None:
    seen = SeenDemand()
    for _ in range(3):
        seen.see("a", state(gang("a", 4, 2)))
    assert [count for _, count in seen.frozen.asked] == [4 * FINE]


def test_what_is_gone_has_asked_all_the_same() -> None:
    seen = SeenDemand()
    seen.see("a", state(gang("a", 1, 2)))
    before = seen.frozen
    seen.see("a", None)
    assert seen.frozen == before
    seen.see("a", state(gang("a", 1, 2)))
    assert [count for _, count in seen.frozen.asked] == [2 * FINE], "the same name again is another workload"


def test_work_without_accelerators_asks_for_none() -> None:
    seen = SeenDemand()
    seen.see("a", state(gang("a", 4, 0)))
    assert seen.frozen.asked == ()
