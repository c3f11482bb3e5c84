"""pytest fixtures: one control plane per run, shared by all workers, and one namespace per test."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.testbed import env, identity, pools
from tests.testbed.api import Api, ApiError
from tests.testbed.binaries import absent_everywhere
from tests.testbed.cluster import Cluster
from tests.testbed.kubectl import Kubectl
from tests.testbed.pools import Pool
from tests.testbed.progress import Progress, TestbedError
from tests.testbed.registry import Registry
from tests.testbed.waiting import eventually


@dataclass(frozen=True)
class Bed:
    """The cluster under test, started by us or not. `cluster` is None for one that we only attached to."""

    kubeconfig: Path
    kubectl: Kubectl
    api: Api
    cluster: Cluster | None


def pytest_configure(config: pytest.Config) -> None:
    """Name the run's cluster once, before workers start and inherit the name.

    A test never builds the control plane, nor does a program that it starts: that takes most of an hour.
    """
    os.environ.setdefault(env.NO_BUILD, "1")
    if not hasattr(config, "workerinput"):
        os.environ[env.SESSION] = f"t-{os.getpid()}-{uuid.uuid4().hex[:6]}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what a worker that crashed has left of this run's cluster."""
    if not hasattr(config, "workerinput"):
        name = os.environ.pop(env.SESSION, None)
        registry = Registry()
        for left in [one for one in registry.names() if name and one.startswith(name)]:
            registry.remove(left)


@contextlib.contextmanager
def shared_bed(suffix: str = "") -> Iterator[Bed]:
    """A control plane that all workers of the run share, as admin; another `suffix` is another one."""
    if given := os.environ.get(env.KUBECONFIG):
        bed = _attached(Path(given))
        yield bed
        bed.api.close()
        return
    if reason := absent_everywhere():
        pytest.fail(reason, pytrace=False)
    try:
        cluster = Cluster.start(os.environ[env.SESSION] + suffix, progress=Progress(quiet=True))
    except TestbedError as error:
        pytest.fail(f"the test bed did not start: {error}", pytrace=False)
    with cluster:
        yield Bed(cluster.kubeconfig, cluster.kubectl, cluster.api, cluster)


@pytest.fixture(scope="session")
def testbed() -> Iterator[Bed]:
    """The run's control plane, as admin. Shared: name what you create, and change no component."""
    with shared_bed() as bed:
        yield bed


@pytest.fixture
def namespace(testbed: Bed) -> Iterator[str]:
    """A namespace of this test's own, ready for pods; deleted afterwards without waiting."""
    name = f"t-{uuid.uuid4().hex[:10]}"
    path = f"/api/v1/namespaces/{name}"
    testbed.api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    eventually(lambda: testbed.api.get(f"{path}/serviceaccounts/default"), every=0.02)
    yield name
    with contextlib.suppress(ApiError):  # the test may have deleted it
        testbed.api.call("DELETE", path)


@pytest.fixture
def kubectl(testbed: Bed, namespace: str) -> Kubectl:
    """Run kubectl as admin in the test's namespace."""
    return testbed.kubectl.within(namespace)


@pytest.fixture
def add_nodes(testbed: Bed) -> Iterator[Callable[[Pool], str]]:
    """Add a pool's nodes under a name of its own, which is returned; they go with the test.

    All nodes carry the label `testbed.stellwerk.dev/pool` with that name.
    """
    added: list[str] = []

    def add(pool: Pool) -> str:
        name = f"{pool.name}-{uuid.uuid4().hex[:6]}"
        added.append(name)
        pools.add(testbed.api, [replace(pool, name=name)])
        return name

    yield add
    for name in added:
        pools.remove(testbed.api, name)


@pytest.fixture
def act_as(testbed: Bed, namespace: str, tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A kubeconfig for a new ServiceAccount that has one ClusterRole, given by name, and no other rights."""
    bindings: list[str] = []

    def act(cluster_role: str) -> Path:
        name = f"sa-{uuid.uuid4().hex[:6]}"
        identity.service_account(testbed.kubectl, namespace, name)
        bindings.append(identity.grant(testbed.kubectl, namespace, name, cluster_role))
        return identity.kubeconfig(testbed.kubectl, namespace, name, tmp_path / f"{name}.yaml")

    yield act
    for name in bindings:
        testbed.kubectl("delete", "clusterrolebinding", name, "--ignore-not-found")


@pytest.fixture
def start_cluster() -> Iterator[Callable[[], Cluster]]:
    """Start a control plane that belongs to this test alone, for faults; it ends with the test."""
    if os.environ.get(env.KUBECONFIG):
        pytest.skip(f"{env.KUBECONFIG} is set: only that cluster is to be used")
    if reason := absent_everywhere():
        pytest.fail(reason, pytrace=False)
    started: list[Cluster] = []

    def start() -> Cluster:
        started.append(Cluster.start(progress=Progress(quiet=True)))
        return started[-1]

    yield start
    for cluster in started:
        cluster.stop()


def _attached(kubeconfig: Path) -> Bed:
    binary = shutil.which("kubectl")
    if binary is None:
        pytest.fail(f"{env.KUBECONFIG} is set, and there is no kubectl on PATH", pytrace=False)
    path = kubeconfig.expanduser().resolve()
    return Bed(path, Kubectl(Path(binary), path), Api(path), None)
