"""Between the code under test and the real API server stands a fault proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from stellwerk.cluster.session import Session
from tests.faults.proxy import FaultProxy
from tests.faults.support import ConfigMaps
from tests.testbed.plugin import Bed


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
