"""Workloads that compete are placed together: the batch ends where greedy alone would not have put it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.operator.replicas import PATIENT
from tests.integration.operator.site import Site
from tests.operator_process import Operator
from tests.testbed.waiting import eventually

HOURS = {"first": "1h", "second": "3h", "third": "3h"}
SPEEDS = {
    "first": {"H100": "4", "A100": "2", "L40S": "2"},
    "second": {"H100": "2", "L40S": "4"},
    "third": {"H100": "4", "A100": "2", "L40S": "4"},
}
PRICES = {"H100": "10", "A100": "40", "L40S": "30"}
TOGETHER = {"first": "a100", "second": "l40s", "third": "h100"}
"""In the order of the queue they would get h100, l40s and a100: for nearly twice the money."""


@pytest.fixture
def operator(start: Callable[..., Operator]) -> Operator:
    """The only replica on a control plane without others' workloads: its figures are of this batch alone."""
    replica = start(**PATIENT, BATCH__IMPROVE_SECONDS="60")  # a machine that stands still makes no answer late
    eventually(replica.leads)
    return replica


@pytest.fixture
def batch(fault_site: Site, operator: Operator) -> Site:
    """Declare one node of each model, and let three workloads wait for their policy."""
    site = fault_site
    assert operator.alive()
    for model, price in PRICES.items():
        site.pool(
            model.lower(),
            accelerator={"model": model, "count": 8, "memory": "48Gi"},
            price={"perNodeHour": price, "currency": "EUR", "source": "the tests"},
        )
    for name, speeds in SPEEDS.items():
        options = [{"model": model, "count": 8, "speed": speed} for model, speed in speeds.items()]
        site.workload(name, policy=f"late-{site.name}", gpus=0, accelerators=options, expectedRuntime=HOURS[name])
        site.until(name, lambda seen: "PolicyNotFound" in str(seen.get("status")))  # and so in the order of the queue
    return site


def answered(operator: Operator) -> float:
    """Return how often the solver in the operator's child process has answered."""
    return operator.metric('stellwerk_improvements_total{result="answered"}') or 0.0


def test_a_batch_in_competition_ends_in_the_assignment_that_is_cheapest_together(
    batch: Site, operator: Operator
) -> None:
    before = answered(operator)
    batch.policy(f"late-{batch.name}")
    for name, pool in TOGETHER.items():
        placed = batch.running(name)
        assert placed["status"]["placement"]["pool"] == f"{pool}-{batch.name}", name
    assert all(len(batch.pods(name)) == 1 for name in TOGETHER)
    eventually(lambda: answered(operator) > before)
    gap = operator.metric("stellwerk_plan_gap_ratio")
    assert gap is not None
    assert 0 <= gap < 0.001


def test_alone_each_would_have_taken_what_is_cheapest_for_itself(batch: Site) -> None:
    """The counterpart: what comes one by one is not held up for others that may come."""
    batch.workload(
        "lone",
        gpus=0,
        accelerators=[{"model": model, "count": 8, "speed": speed} for model, speed in SPEEDS["first"].items()],
        expectedRuntime=HOURS["first"],
    )
    assert batch.running("lone")["status"]["placement"]["pool"] == f"h100-{batch.name}"
