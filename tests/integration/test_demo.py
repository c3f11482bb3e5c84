"""`make demo`: it shows everything, ends when asked, and leaves no process, port or file outside the cache behind."""

import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.demo import world
from tests.demo.prometheus import find
from tests.testbed import env
from tests.testbed.binaries import absent_everywhere
from tests.testbed.binaries import find as find_binaries
from tests.testbed.progress import Progress
from tests.testbed.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


MARK = "DEMO_MARK"
"""Not STELLWERK_…: the demo keeps settings of its user from the operator, and the operator must have the mark, too."""


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo under watch: all that it starts inherits the mark, all that it writes should be below `folder`."""

    folder: Path
    mark: str

    def start(self, **more: str) -> "subprocess.Popen[str]":
        """Start it; what it prints goes to `output`."""
        places = {"HOME": "home", "TMPDIR": "tmp", env.RUN: "run"}
        for name in places.values():
            (self.folder / name).mkdir()
        own = {key: str(self.folder / name) for key, name in places.items()}
        inherited = {key: value for key, value in os.environ.items() if key != "ONCE"}
        cache = {env.CACHE: str(env.cache_dir())}
        with self.output.open("w") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.demo"],
                cwd=ROOT,
                env={**inherited, **cache, **own, **more, MARK: self.mark},
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )

    @property
    def output(self) -> Path:
        """All that it printed."""
        return self.folder / "output"

    @property
    def said(self) -> str:
        """All that it printed so far."""
        return self.output.read_text()

    def left(self) -> list[str]:
        """Processes and files that it left behind."""
        processes = [f"process {pid}" for pid in self._processes()]
        names = {"home", "tmp", "run"}
        files = [str(path) for name in names for path in (self.folder / name).rglob("*") if not path.is_dir()]
        return processes + [file for file in files if not file.endswith("/.lock")]

    def _processes(self) -> Iterator[str]:
        """Everything that runs with the mark in its environment."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    environment = (entry / "environ").read_bytes()
                except OSError:
                    continue
                if self.mark.encode() in environment:
                    yield entry.name


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo that is not started yet; it does not outlive the test."""
    if os.environ.get(env.KUBECONFIG):
        pytest.skip(f"{env.KUBECONFIG} is set: only that cluster is to be used")
    if reason := absent_everywhere():
        pytest.fail(reason, pytrace=False)
    one = Demo(tmp_path, uuid.uuid4().hex)
    yield one
    for pid in one._processes():
        os.kill(int(pid), signal.SIGKILL)


@pytest.fixture
def bare_machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with kubectl and the control plane, without Prometheus and without apt."""
    binaries = find_binaries(Progress(quiet=True))
    path = tmp_path / "path"
    path.mkdir()
    (path / "kubectl").symlink_to(binaries.kubectl)
    return {"PATH": str(path), env.BIN: str(binaries.folder), env.CACHE: str(tmp_path / "cache")}


AT_WORK = re.compile(r"A100 3, H100 1(1[4-9]|2[0-4]), .*L40S 1\.25$", re.MULTILINE)
"""The accelerators of all pods that the examples have bound; an elastic gang of them may have grown by up to ten."""


def ended(process: "subprocess.Popen[str]") -> int:
    return process.wait(timeout=500)


def test_once_shows_the_whole_path_and_leaves_nothing_behind(demo: Demo) -> None:
    assert ended(demo.start(ONCE="1")) == 0, demo.said
    said = demo.said
    plan, real = said.split("== 2. For real")
    assert "To admit it:" in plan
    assert re.search(r"^evaluate-all +- +- +- +Wait +CapacityFull$", plan, re.MULTILINE)
    for column in ("CLASS", "POOL", "COST/H", "WHY"):
        assert column in real
    assert re.search(r"^nightly-job +Batch +[a-z-]+-h100 +[0-9.]+ +Cheapest[A-Za-z]+ ", real, re.MULTILINE)
    asked = len(list((world.EXAMPLES / "workloads").glob("*.yaml")))
    same = f"the same pools as the plan over files, for all {asked} workloads"
    assert same in real or "other pools than in the plan over files, which sees all at once" in real
    assert "Unblock:" in real
    assert "no data" not in real
    assert "Ten figures, queried from a real Prometheus that scrapes the operator" in real or find(Progress()) is None
    assert AT_WORK.search(real)
    assert len(re.findall(r"^ ?\d+\. ", real, re.MULTILINE)) == 10
    assert "export KUBECONFIG=" in real
    assert demo.left() == []


def test_it_stays_up_until_ctrl_c_and_then_ends_with_0_and_leaves_nothing_behind(
    demo: Demo, bare_machine: dict[str, str]
) -> None:
    process = demo.start(**bare_machine)
    eventually(lambda: "Ctrl-C ends it." in demo.said or process.poll() is not None, limit=500)
    assert process.poll() is None, demo.said
    assert "Ten figures, straight from the operator's /metrics: there is no Prometheus on this machine" in demo.said
    assert AT_WORK.search(demo.said)
    assert "no data" not in demo.said
    process.send_signal(signal.SIGINT)
    assert ended(process) == 0
    assert demo.left() == []


def test_ctrl_c_in_the_middle_ends_it_and_leaves_nothing_behind(demo: Demo) -> None:
    process = demo.start()
    eventually(lambda: re.search(r"adding \d+ nodes", demo.said) or process.poll() is not None, limit=500)
    process.send_signal(signal.SIGINT)
    assert ended(process) == 130, demo.said
    assert demo.left() == []
