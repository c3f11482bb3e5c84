"""Between the code under test and the real API server stands a fault proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from stellwerk.cluster.resources import AIWORKLOADS
from stellwerk.cluster.session import Session
from tests.faults.proxy import FaultProxy
from tests.faults.support import ConfigMaps
from tests.faults.workloads import Workloads
from tests.testbed.plugin import Bed
from tests.testbed.waiting import eventually


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration/cluster" in item.nodeid:
            item.add_marker(pytest.mark.integration)


@pytest.fixture
def proxy(testbed: Bed) -> Iterator[FaultProxy]:
    with FaultProxy(testbed.kubeconfig) as running:
        yield running


@pytest.fixture
async def session(proxy: FaultProxy) -> AsyncIterator[Session]:
    async with Session(proxy.target) as opened:
        yield opened


@pytest.fixture
def configmaps(testbed: Bed, namespace: str) -> ConfigMaps:
    return ConfigMaps(testbed.api, namespace)


@pytest.fixture(scope="session")
def kinds(testbed: Bed) -> Bed:
    """The control plane, with our kinds installed and served; safe for parallel workers."""
    crds = str(Path(__file__).parents[3] / "crds")
    testbed.kubectl("apply", "--server-side", "--force-conflicts", "-k", crds)
    testbed.kubectl("wait", "--for=condition=Established", "--timeout=180s", "crd", "aiworkloads.stellwerk.dev")
    eventually(lambda: testbed.api.get(AIWORKLOADS.path))  # 429 until its storage is ready
    return testbed


@pytest.fixture
def workloads(kinds: Bed, namespace: str) -> Workloads:
    return Workloads(kinds.api, namespace)
