"""Build the binaries from the Go modules that go.mod pins: slow, but needs nothing but a module proxy.

Go keeps every compiled package in its build cache, so a build that was interrupted goes on where it was.
"""

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.testbed import toolchain, versions
from tests.testbed.progress import Progress, TestbedError, clock

MEASURED = "54 minutes on two cores, 2,550 packages"
CORE_SECONDS_PER_PACKAGE = 54 * 60 * 2 / 2550
LEARNT = 100  # packages after which this machine's own pace tells more than the one measured elsewhere
TARGETS = {
    "kwokctl": "sigs.k8s.io/kwok/cmd/kwokctl",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    "controlplane": ".",
}


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module to build from, and the go command to do it with."""

    go: Path
    folder: Path
    ldflags: str = ""

    def environment(self) -> dict[str, str]:
        """Static binaries: they need no C compiler to build and no C library to run."""
        return {**os.environ, "CGO_ENABLED": "0"}

    def arguments(self, *verb: str) -> list[str]:
        """A go command whose packages hash alike, so that counting and building share one cache."""
        flags = ["-trimpath", "-buildvcs=false", f"-ldflags={self.ldflags}"]
        return [str(self.go), *verb, *flags]

    def output(self, *command: str) -> list[str]:
        """The lines that a go command prints; TestbedError with what it says when it fails."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise TestbedError(f"{' '.join(command[:3])}: {done.stderr[-2000:]}")
        return done.stdout.splitlines()


def build(folder: Path, progress: Progress) -> Path:
    """Build all binaries into `folder` and return it; TestbedError says what went wrong."""
    pinned = versions.pinned()
    module = Module(toolchain.find(progress), versions.MODULE, _ldflags(pinned))
    progress.say(f"building Kubernetes {pinned.kubernetes}, etcd {pinned.etcd} and kwok {pinned.kwok} from source.")
    progress.say(f"That took {MEASURED}. Ctrl-C is safe: the next build goes on from there.")
    progress.say("What needs no cluster works meanwhile: `make check`, `.venv/bin/stellwerk plan -f examples/`.")
    compile_all(module, TARGETS, folder, progress)
    for name in (*versions.COMPONENTS, "kubectl"):
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to("controlplane")
    return folder


def compile_all(module: Module, targets: dict[str, str], folder: Path, progress: Progress) -> None:
    """Build each package of `targets` to a file of its name in `folder`, counting packages on the way."""
    with progress.step("fetching Go modules"):
        module.output(str(module.go), "mod", "download")
    with progress.step("counting packages"):
        total, stale = count(module, list(targets.values()))
    progress.say(f"{total} packages, {total - stale} compiled before, {stale} to do")
    folder.mkdir(parents=True, exist_ok=True)
    pace = Pace(stale)
    for name, package in targets.items():
        fresh = folder / f"{name}.new"
        _compile(module, package, fresh, _Report(name, pace, progress))
        fresh.replace(folder / name)
        progress.say(f"built {name} ({clock(pace.elapsed())} so far)")


def count(module: Module, packages: list[str]) -> tuple[int, int]:
    """How many packages there are, and how many of them are not in the build cache yet."""
    form = "{{.ImportPath}} {{.Stale}}"
    lines = module.output(*module.arguments("list", "-deps", "-f", form), *packages)
    return len(lines), sum(line.endswith(" true") for line in lines)


class Pace:
    """How many packages are done and how long the rest will take."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self._began = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the build began."""
        return time.monotonic() - self._began

    def remaining(self) -> float:
        """Seconds that the rest will take, from the pace elsewhere and, more and more, the pace here."""
        elsewhere = CORE_SECONDS_PER_PACKAGE / (os.cpu_count() or 1)
        trust = min(1.0, self.done / LEARNT)
        here = self.elapsed() / self.done if self.done else elsewhere
        return max(0, self.total - self.done) * (trust * here + (1 - trust) * elsewhere)


@dataclass(frozen=True, slots=True)
class _Report:
    name: str
    pace: Pace
    progress: Progress

    def compiled(self) -> None:
        self.pace.done += 1
        self.show()

    def show(self) -> None:
        pace = self.pace
        left = clock(pace.remaining())
        self.progress.update(
            f"building {self.name}: {pace.done} of {pace.total} packages, "
            f"{clock(pace.elapsed())} so far, about {left} left and the linking"
        )


def _compile(module: Module, package: str, target: Path, report: _Report) -> None:
    command = [*module.arguments("build", "-v"), "-o", str(target), package]
    said: deque[str] = deque(maxlen=40)
    with _running(module, command) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if " " in line.strip():
                report.show()  # a message; with -v, a line of one word is a package
            else:
                report.compiled()
    if process.returncode:
        target.unlink(missing_ok=True)
        raise TestbedError(f"building {package} failed:\n{''.join(said)}")


@contextmanager
def _running(module: Module, command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """A process that ends with its block, also when the block is interrupted."""
    with subprocess.Popen(
        command,
        cwd=module.folder,
        env=module.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        except BaseException:
            process.send_signal(signal.SIGINT)  # go removes its scratch files
            raise


def _ldflags(pinned: versions.Versions) -> str:
    """Tell the components their version, which the release build would; without it they say v0.0.0."""
    major, minor, _ = pinned.kubernetes.removeprefix("v").split(".")
    facts = {"gitVersion": pinned.kubernetes, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    settings = [f"-X {package}.{key}={value}" for package in packages for key, value in facts.items()]
    return " ".join(["-s -w", *settings])
