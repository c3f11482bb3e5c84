"""What a workload has had decides who goes first under LeastService, on a real control plane and across evictions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.operator.objects import Object, condition, is_true
from tests.integration.operator.site import Site
from tests.testbed.waiting import eventually

pytestmark = pytest.mark.timeout(900)

NODES, GPUS = 8, 64
LEVEL = 3600
"""Accelerator-seconds with which a workload is no longer new; eight pods of 64 accelerators have them in 8 s."""


def had_for(site: Site, name: str) -> int:
    """Return how many accelerator-seconds a workload has had since it runs, by its own record."""
    ready = condition(site.aiw(name), "Ready")
    if ready["status"] != "True":
        return 0
    ran = datetime.now(UTC) - datetime.fromisoformat(ready["lastTransitionTime"])
    return int(ran / timedelta(seconds=1)) * NODES * GPUS


def service(seen: Object) -> int:
    """Return the accelerator-seconds on record."""
    return int(seen["status"].get("service", {}).get("acceleratorSeconds", 0))


def test_who_has_had_an_hour_lets_a_newcomer_go_first(site: Site) -> None:
    fair = site.policy(f"{site.name}-fair", queueing={"order": "LeastService"})
    urgent = site.policy(f"{site.name}-urgent", preemption={"mode": "LowerPriority"})
    site.pool(nodes=NODES, gpus=GPUS)
    gang = {"gpus": GPUS, "replicas": NODES}
    site.workload("veteran", policy=fair, checkpointInterval="30m", **gang)
    site.running("veteran")
    eventually(lambda: had_for(site, "veteran") > LEVEL)
    site.workload("urgent", policy=urgent, priority=100, **gang)
    site.until("veteran", lambda seen: is_true(seen, "Evicted"))
    site.running("urgent")
    evicted = site.aiw("veteran")
    assert service(evicted) >= LEVEL
    assert 0 < evicted["status"]["service"]["lostSeconds"] <= service(evicted) // 2
    site.workload("newcomer", policy=fair, **gang)
    site.waits("newcomer", "CapacityFull")
    site.waits("veteran", "CapacityFull")
    site.delete("aiworkloads", "urgent")
    site.running("newcomer")
    assert not is_true(site.aiw("veteran"), "Placed"), "it is the older one"
    site.delete("aiworkloads", "newcomer")
    again = site.running("veteran")
    assert service(again) == service(evicted), "what it had stays on record"
