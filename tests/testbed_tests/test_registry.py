"""Who uses a cluster decides when it goes: the last one out, or the next start after a death."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.testbed import processes
from tests.testbed.processes import Process
from tests.testbed.progress import TestbedError
from tests.testbed.registry import Registry

SLEEPER = [sys.executable, "-c", "import sys; sys.stdin.read()"]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "run")


@pytest.fixture
def other() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that uses clusters besides this one."""
    with subprocess.Popen(SLEEPER, stdin=subprocess.PIPE) as running:
        yield running
        running.kill()


def identity(of: "subprocess.Popen[bytes]") -> Process:
    found = Process.of(of.pid)
    assert found is not None
    return found


def test_the_last_user_removes_the_cluster(registry: Registry, other: "subprocess.Popen[bytes]") -> None:
    registry.claim("shared")
    registry.claim("shared", user=identity(other))
    assert registry.release("shared") is False
    assert registry.folder("shared").is_dir()
    assert registry.release("shared", identity(other)) is True
    assert not registry.root.exists()


def test_a_start_removes_what_the_dead_left_and_nothing_of_the_living(
    registry: Registry, other: "subprocess.Popen[bytes]"
) -> None:
    registry.claim("orphan", user=identity(other))
    registry.claim("mine")
    other.kill()
    other.wait()
    registry.claim("next")
    assert registry.names() == ["mine", "next"]


def test_a_number_that_a_later_process_has_got_does_not_keep_a_cluster(
    registry: Registry, other: "subprocess.Popen[bytes]"
) -> None:
    real = identity(other)
    registry.claim("orphan", user=Process(real.pid, f"{real.started}0"))
    assert registry.sweep() == ["orphan"]


def test_a_record_cut_short_by_a_crash_counts_as_nobodys(registry: Registry) -> None:
    registry.claim("mine")
    (registry.root / "torn").mkdir()
    (registry.root / "torn" / "owner.json").write_text('{"ports": {"etcd": 2')
    assert registry.sweep() == ["torn"]


def test_processes_of_a_removed_cluster_end(registry: Registry, tmp_path: Path) -> None:
    registry.claim("busy")
    program = registry.folder("busy") / "bin" / "component"
    program.parent.mkdir()
    program.symlink_to("/bin/sleep")
    running = processes.spawn([str(program), "3600"], tmp_path / "log")
    assert running.alive()
    registry.remove("busy")
    assert not running.alive()


def test_starts_at_the_same_time_get_ports_of_their_own(registry: Registry) -> None:
    with ThreadPoolExecutor(8) as pool:
        entries = list(pool.map(lambda n: Registry(registry.root).claim(f"c{n}"), range(16)))
    ports = [port for entry in entries for port in entry.ports.values()]
    assert len(ports) == len(set(ports)) == 16 * 6


def test_joining_keeps_the_ports(registry: Registry) -> None:
    assert registry.claim("c").ports == registry.claim("c").ports


def test_a_kept_cluster_whose_processes_are_gone_is_cleaned_up(registry: Registry) -> None:
    registry.claim("kept", kept=True)
    registry.mark_ready("kept")
    registry.release("kept")
    assert registry.names() == ["kept"]  # whoever kept it left it on purpose
    registry.claim("next")
    assert registry.names() == ["next"]


@pytest.mark.parametrize("name", ["", "UPPER", "../up", "a/b", "-a", "a" * 41])
def test_a_name_that_could_leave_the_run_folder_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(TestbedError, match="is no cluster name"):
        registry.claim(name)
