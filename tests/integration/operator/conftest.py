"""One control plane per run; one replica of the operator per worker; one site per test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import operator_process
from tests.faults.proxy import FaultProxy
from tests.integration.operator.replicas import BRISK, PATIENT, Replicas
from tests.integration.operator.site import Site
from tests.operator_process import Operator
from tests.testbed.binaries import absent_everywhere
from tests.testbed.cluster import Cluster
from tests.testbed.plugin import Bed, shared_bed
from tests.testbed.progress import Progress


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration/operator" in item.nodeid:
            item.add_marker(pytest.mark.integration)


# ------------------------------------------------------------------------------- the shared control plane


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run see."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "operators"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def testbed() -> Iterator[Bed]:
    """A control plane apart from that of other tests: an operator acts on every workload that it sees, theirs too."""
    with shared_bed("-operator") as bed:
        yield bed


@pytest.fixture(scope="session")
def operator(testbed: Bed, shared_folder: Path, worker_id: str) -> Iterator[Operator]:
    """This worker's replica, with the rights of deploy/rbac.yaml; it may lead or stand by."""
    operator_process.install(testbed.kubectl)
    config = operator_process.kubeconfig(testbed.kubectl, shared_folder / f"kubeconfig-{worker_id}.yaml")
    replica = Operator(config, shared_folder, PATIENT).start()
    yield replica
    code = replica.stop()
    assert code == 0, f"exit code {code}: {replica.tail()}"


@pytest.fixture
def replicas(operator: Operator, shared_folder: Path) -> Replicas:
    """All replicas on the shared control plane."""
    return Replicas(shared_folder)


@pytest.fixture
def site(testbed: Bed, operator: Operator) -> Iterator[Site]:
    """A site on the shared control plane, where an operator runs."""
    assert operator.alive(), f"{operator.name} ended: {operator.tail()}"
    made = Site(testbed.kubectl, testbed.api, ruled=True)
    yield made
    made.close()
    assert operator.alive(), f"{operator.name} ended: {operator.tail()}"


# ------------------------------------------------------------------------------- control planes of one's own


@dataclass
class Ground:
    """A control plane for faults, with the operator's role installed and no operator running."""

    cluster: Cluster
    kubeconfig: Path
    folder: Path

    def install(self) -> None:
        """Put the CRDs and the role there."""
        operator_process.install(self.cluster.kubectl)
        operator_process.kubeconfig(self.cluster.kubectl, self.kubeconfig)


def a_ground(folder: Path) -> Iterator[Ground]:
    """Start a control plane for faults; it ends with the generator."""
    if reason := absent_everywhere():
        pytest.fail(reason, pytrace=False)
    with Cluster.start(progress=Progress(quiet=True)) as cluster:
        ground = Ground(cluster, folder / "operator.yaml", folder)
        ground.install()
        yield ground


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A control plane for faults; tests of one worker use it one after the other."""
    yield from a_ground(tmp_path_factory.mktemp("ground"))


@pytest.fixture(scope="module")
def bare_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A control plane where nothing was declared, for one module."""
    yield from a_ground(tmp_path_factory.mktemp("bare"))


@pytest.fixture
def fault_site(ground: Ground) -> Iterator[Site]:
    """A site on the control plane for faults."""
    made = Site(ground.cluster.kubectl, ground.cluster.api)
    yield made
    made.close()


@pytest.fixture
def start(ground: Ground, tmp_path: Path) -> Iterator[Callable[..., Operator]]:
    """Start replicas on the control plane for faults; all are ended after the test, dead or alive."""
    started: list[Operator] = []

    def start_one(kubeconfig: Path | None = None, *, wait: bool = True, **settings: str) -> Operator:
        made = Operator(kubeconfig or ground.kubeconfig, tmp_path, {**BRISK, **PATIENT, **settings})
        started.append(made)
        return made.start(wait=wait)

    yield start_one
    for one in started:
        one.resume()
        one.stop()


@pytest.fixture
def proxy(ground: Ground) -> Iterator[FaultProxy]:
    """A fault proxy with the operator's rights; give its kubeconfig to a replica."""
    with FaultProxy(ground.kubeconfig) as running:
        yield running


@pytest.fixture
def proxied(proxy: FaultProxy, tmp_path: Path) -> Path:
    """A kubeconfig that leads through the proxy."""
    return proxy.kubeconfig(tmp_path / "proxied.yaml")
