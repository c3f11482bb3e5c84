"""The published completion times of the Muri traces, reproduced to the second, where the traces are at hand."""

from __future__ import annotations

import pytest

from stellwerk.sim.engine import simulate
from stellwerk.sim.refill import Refill, srsf, srtf
from stellwerk.sim.summary import summarize
from tests.bench.muri import DATA, NODES, PER_NODE, PUBLISHED, find, load

RANKS = {"SRTF": srtf, "SRSF": srsf}
SHARED = ("trace1", "trace1_pr", "trace3", "trace3_pr")

needs_traces = pytest.mark.skipif(
    not DATA.is_dir(),
    reason=f"the Muri traces are no part of this repository, and there is no folder {DATA.name} of them beside it",
)


@needs_traces
@pytest.mark.parametrize("policy", RANKS)
@pytest.mark.parametrize("trace", SHARED)
def test_the_published_mean_percentile_and_makespan_come_out_to_the_second(trace: str, policy: str) -> None:
    told = summarize(simulate(load(find(DATA, trace)), Refill(RANKS[policy], NODES, PER_NODE)), NODES * PER_NODE)
    mean, p99, makespan = PUBLISHED[trace][policy]
    assert told.completion.mean == pytest.approx(mean, abs=1)
    assert told.completion.p99 == pytest.approx(p99, abs=1)
    assert told.makespan == pytest.approx(makespan, abs=1)
