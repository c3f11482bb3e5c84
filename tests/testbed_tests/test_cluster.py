"""Control planes come up side by side, survive what tests do to them, and leave nothing."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.testbed import env, kwokctl, pools, processes
from tests.testbed.api import Api, ApiError
from tests.testbed.binaries import Binaries
from tests.testbed.cluster import Cluster
from tests.testbed.components import Component
from tests.testbed.plugin import Bed
from tests.testbed.pools import Pool
from tests.testbed.progress import Progress, TestbedError
from tests.testbed.registry import Registry
from tests.testbed.waiting import eventually

pytestmark = pytest.mark.integration
REPOSITORY = Path(__file__).parents[2]
OWNER = """
import sys
from tests.testbed.cluster import Cluster
with Cluster.start(sys.argv[1]):
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A run folder of this test's own, also for the processes it starts."""
    if os.environ.get(env.KUBECONFIG):
        pytest.skip("starts control planes of its own")
    root = tmp_path / "run"
    monkeypatch.setenv(env.RUN, str(root))
    return Registry(root)


@contextmanager
def owner(name: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that starts a cluster and uses it until its input ends or it is told otherwise."""
    command = [sys.executable, "-c", OWNER, name]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as running:
        try:
            yield running
            running.wait(timeout=120)
        finally:
            running.kill()


def is_up(running: "subprocess.Popen[str]") -> bool:
    assert running.stdout is not None
    return running.stdout.readline() == "up\n"


def count_below(folder: Path) -> int:
    return len(list(processes.running_below(folder)))


def test_two_clusters_run_side_by_side(registry: Registry) -> None:
    quiet = Progress(quiet=True)
    with (
        Cluster.start("hub", progress=quiet, registry=registry) as hub,
        Cluster.start("member", progress=quiet, registry=registry) as member,
    ):
        assert not set(hub.ports.values()) & set(member.ports.values())
        pools.add(member.api, [Pool(name="gpu", count=1)])
        assert [node["metadata"]["name"] for node in member.kubectl.list("nodes")] == ["gpu-0"]
        assert hub.kubectl.list("nodes") == []
    assert not registry.root.exists()
    for port in (*hub.ports.values(), *member.ports.values()):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_an_owner_killed_leaves_an_orphan_that_the_next_start_removes(registry: Registry) -> None:
    with Cluster.start("mine", progress=Progress(quiet=True), registry=registry) as mine:
        with owner("orphan") as killed:
            assert is_up(killed)
            killed.kill()
        assert count_below(registry.folder("orphan")) == 5  # plain processes outlive their starter
        with Cluster.start("next", progress=Progress(quiet=True), registry=registry):
            assert registry.names() == ["mine", "next"]
            assert count_below(registry.root / "orphan") == 0
            assert mine.api.get("/readyz") == "ok"


def test_an_interrupted_owner_leaves_nothing(registry: Registry) -> None:
    with owner("interrupted") as running:
        assert is_up(running)
        running.send_signal(signal.SIGINT)
    assert not registry.root.exists()
    assert count_below(registry.root) == 0


def test_an_interrupt_while_starting_leaves_nothing(registry: Registry) -> None:
    with owner("early") as running:
        eventually(lambda: count_below(registry.root) >= 2, every=0.01)
        running.send_signal(signal.SIGINT)
    assert not registry.root.exists()
    assert count_below(registry.root) == 0


def test_the_command_line_starts_lists_and_ends_a_cluster(registry: Registry) -> None:
    def testbed(*arguments: str) -> str:
        command = [sys.executable, "-m", "tests.testbed", *arguments]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "export KUBECONFIG=" in testbed("up", "--name", "cli")
    assert testbed("status").split()[:2] == ["cli", "ready"]
    assert "onprem-h100-0" in testbed("nodes", "--name", "cli")
    assert "onprem-h100-3" in testbed("kubectl", "--name", "cli", "--", "get", "nodes", "-o", "name")
    testbed("nodes", "--name", "cli", "--remove", "onprem-h100")
    assert "onprem-h100" not in testbed("kubectl", "--name", "cli", "--", "get", "nodes")
    testbed("down", "--name", "cli")
    assert not registry.root.exists()
    assert count_below(registry.root) == 0


def test_a_cluster_that_does_not_run_is_named(registry: Registry) -> None:
    with pytest.raises(TestbedError, match="no cluster 'absent' runs"):
        Cluster.attach("absent", registry)


def test_the_api_server_is_killed_and_comes_back_on_its_port(
    start_cluster: Callable[[], Cluster],
) -> None:
    cluster = start_cluster()
    cluster.kubectl("create", "namespace", "remembered")
    server = cluster.component("kube-apiserver")
    server.kill()
    with pytest.raises(TestbedError):
        cluster.api.get("/readyz")
    server.start()
    cluster.wait_ready()
    assert cluster.kubectl.get("namespace", "remembered")["status"]["phase"] == "Active"
    server.stop(limit=1)
    assert server.process() is None
    server.start()
    cluster.wait_ready()


def test_what_gave_up_while_the_api_server_came_up_is_started_anew(
    start_cluster: Callable[[], Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine so slow that it took too long: the controller manager waits ten seconds for it, and ends."""
    create = kwokctl.create

    def create_and_lose_one(name: str, folder: Path, binaries: Binaries, ports: Mapping[str, int]) -> None:
        create(name, folder, binaries, ports)
        Component("kube-controller-manager", folder / "clusters" / name).kill()

    monkeypatch.setattr(kwokctl, "create", create_and_lose_one)
    cluster = start_cluster()
    assert cluster.component("kube-controller-manager").process() is not None
    assert cluster.api.get("/api/v1/namespaces/default/serviceaccounts/default")


def test_a_paused_api_server_answers_again_when_it_is_resumed(
    start_cluster: Callable[[], Cluster],
) -> None:
    cluster = start_cluster()
    server = cluster.component("kube-apiserver")
    server.pause()
    late = cluster.kubectl.run("get", "--raw", "/readyz", "--request-timeout=2s")
    assert late.returncode != 0
    server.resume()
    cluster.wait_ready()
    with pytest.raises(TestbedError, match="there are etcd, kube-apiserver"):
        cluster.component("kubelet")


def test_nodes_of_a_cluster_that_somebody_else_started_can_be_played(
    start_cluster: Callable[[], Cluster], tmp_path: Path
) -> None:
    cluster = start_cluster()
    cluster.component("kwok-controller").kill()
    command = [sys.executable, "-m", "tests.testbed", "play", "--kubeconfig"]
    with subprocess.Popen(
        [*command, str(cluster.kubeconfig)],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as playing:
        try:
            assert pools.add(cluster.api, [Pool(name="gpu", count=2)]) == ["gpu-0", "gpu-1"]
        finally:
            playing.terminate()


def test_a_service_account_may_do_what_its_role_says_and_no_more(testbed: Bed, act_as: Callable[[str], Path]) -> None:
    api = Api(act_as("system:basic-user"))
    try:
        assert api.get("/api/v1")["kind"] == "APIResourceList"
        with pytest.raises(ApiError) as refused:
            api.get("/api/v1/nodes")
        assert refused.value.code == 403
    finally:
        api.close()


def test_the_control_plane_says_which_version_it_is(testbed: Bed) -> None:
    if testbed.cluster is None:
        pytest.skip("attached to a cluster of another version")
    from tests.testbed.versions import pinned

    assert testbed.api.get("/version")["gitVersion"] == pinned().kubernetes
