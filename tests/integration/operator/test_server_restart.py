"""The API server is killed and started again under the operator."""

from __future__ import annotations

from collections.abc import Callable

from tests.integration.operator import objects
from tests.integration.operator.conftest import Ground
from tests.integration.operator.site import Site
from tests.operator_process import Operator
from tests.testbed.waiting import eventually


def test_a_restarted_api_server_is_survived(ground: Ground, fault_site: Site, start: Callable[..., Operator]) -> None:
    site = fault_site
    site.pool(nodes=2)
    operator = start(LEASE__DURATION_SECONDS="15", LEASE__RENEW_SECONDS="10")
    site.workload("before", gpus=8)
    site.running("before")
    ground.cluster.component("kube-apiserver").restart()
    ground.cluster.wait_ready()
    site.workload("after", gpus=8)
    site.running("after")
    site.submit(objects.user_job("later", site.name, gpus=8))
    site.waits("later", "CapacityFull")
    assert operator.alive()
    assert eventually(lambda: operator.probe("/healthz")[0] == 200)
