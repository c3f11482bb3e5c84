"""Before Kubernetes 1.36 a suspended Job keeps its start time, and its template stays fixed until that is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.operator import objects
from tests.integration.operator.conftest import Ground, a_ground
from tests.integration.operator.replicas import BRISK, HURRIED, PATIENT
from tests.integration.operator.site import Site
from tests.integration.operator.supplying import homes, one_copy_at_a_time, pool_of, price
from tests.operator_process import Operator
from tests.testbed import kwokctl
from tests.testbed.waiting import eventually

GATES = ("MutableSchedulingDirectivesForSuspendedJobs", "MutablePodResourcesForSuspendedJobs")


@pytest.fixture(scope="module")
def old_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A control plane that treats Jobs as Kubernetes 1.35 does."""
    off = ",".join(f"{gate}=false" for gate in GATES)
    with pytest.MonkeyPatch.context() as patch:
        for part in ("kube-apiserver", "kube-controller-manager"):
            patch.setitem(kwokctl.EXTRA_ARGS, part, {**kwokctl.EXTRA_ARGS.get(part, {}), "feature-gates": off})
        yield from a_ground(tmp_path_factory.mktemp("old"))


def test_a_users_job_is_moved_all_the_same(old_ground: Ground, tmp_path: Path) -> None:
    site = Site(old_ground.cluster.kubectl, old_ground.cluster.api)
    operator = Operator(old_ground.kubeconfig, tmp_path, {**BRISK, **PATIENT, **HURRIED}).start()
    try:
        eventually(operator.leads)
        dry = site.growing("dry", provision="2s", price=price("8"))
        ready = site.pool("ready")
        with one_copy_at_a_time(site) as watch:
            site.submit(objects.user_job("nightly", site.name, gpus=8))
            assert pool_of(site.running("nightly")) == ready
        assert homes(watch) == [dry, ready]
        assert dry not in str(site.get("jobs", "nightly")["spec"]["template"])
        assert "ResetJobStart" in operator.probe("/metrics")[1], "else the test bed is not as old as it should be"
        assert not [line for line in operator.lines() if line.get("outcome") in ("Invalid", "Forbidden")]
    finally:
        operator.stop()
        site.close()
