"""The operator is killed at every write by which a place is given up: no second copy ever, and none is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.proxy import FaultProxy
from tests.faults.rules import Call, Fault, Match, Seen
from tests.integration.operator import objects
from tests.integration.operator.conftest import Ground
from tests.integration.operator.objects import condition, is_true
from tests.integration.operator.replicas import ALONE, HURRIED, PATIENT, UNELECTED
from tests.integration.operator.site import Site
from tests.integration.operator.supplying import homes, one_copy_at_a_time, pool_of, price, supply
from tests.operator_process import Operator
from tests.testbed.waiting import eventually

pytestmark = pytest.mark.timeout(1500)


def moves(ground: Ground, proxy: FaultProxy, operator: Operator, kind: str, kill_at: int) -> bool:
    """Let one workload be placed, starve and be placed elsewhere; tell whether the process was killed on the way.

    The kill comes at the n-th write after the place was given up, counted from 0 for that one, events left out.
    """
    site = Site(ground.cluster.kubectl, ground.cluster.api)
    try:
        dry = site.growing("dry", provision="2s", price=price("8"))
        ready = site.pool("ready")
        with one_copy_at_a_time(site) as watch:

            def kill(_: Seen) -> None:
                operator.kill()

            path = f"/namespaces/{site.name}/(aiworkloads|jobs)"
            effect = Call(kill, "committed")
            fault = proxy.inject(Fault(Match(write=True, path=path), effect, times=1, skip=kill_at, since=b"StockOut"))
            if kind == "template":
                site.workload("train", gpus=8)
            else:
                site.submit(objects.user_job("train", site.name, gpus=8))

            def over() -> bool:
                return not operator.alive() if fault.hits else is_true(site.aiw("train"), "Ready")

            eventually(over)
            proxy.heal()
            if fault.hits:
                eventually(lambda: not operator.alive())
                operator.start()
            seen = site.running("train")
            assert pool_of(seen) == ready
            assert condition(seen, "Evicted")["message"].startswith("placed again after StockOut")
            assert len(site.list("jobs")) == 1
            assert supply(site, dry)["stockOuts"] == 1, "remembered before the place was given up"
        assert homes(watch) == [dry, ready]
        return bool(fault.hits)
    finally:
        site.close()


@pytest.mark.parametrize("kind", ["template", "job"])
def test_a_kill_at_any_write_of_giving_a_place_up_doubles_and_loses_nothing(
    ground: Ground, proxy: FaultProxy, proxied: Path, start: Callable[..., Operator], kind: str
) -> None:
    operator = start(proxied, **PATIENT, **HURRIED, **ALONE, **UNELECTED)
    kills = 0
    while moves(ground, proxy, operator, kind, kills):
        kills += 1
    assert kills >= 4, "giving up, ending the Job, the new place and the new Job are writes of their own"
