"""Building from source shows how far it is, and an interrupted build goes on where it was."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testbed import build, toolchain, versions
from tests.testbed.build import Module
from tests.testbed.progress import Progress, TestbedError

PACKAGES = 24
REPOSITORY = Path(__file__).parents[2]
BUILDER = """
import sys
from pathlib import Path
from tests.testbed import build
from tests.testbed.progress import Progress
module = build.Module(Path(sys.argv[1]), Path(sys.argv[2]))
build.compile_all(module, {"tool": "."}, Path(sys.argv[3]), Progress(every=0))
"""


@pytest.fixture
def module(tmp_path: Path) -> Module:
    """A small Go module."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("no go on PATH to build a small module with")
    folder = tmp_path / "module"
    for number in range(PACKAGES):
        package = folder / f"p{number}"
        package.mkdir(parents=True)
        below = f'import "example.com/m/p{number - 1}"\n' if number else ""
        value = f"p{number - 1}.Value() + 1" if number else "0"
        source = f"package p{number}\n{below}func Value() int {{ return {value} }}\n"
        (package / "p.go").write_text(source)
    (folder / "go.mod").write_text("module example.com/m\n\ngo 1.22\n")
    last = PACKAGES - 1
    source = f'package main\nimport "example.com/m/p{last}"\nfunc main() {{ println(p{last}.Value()) }}\n'
    (folder / "main.go").write_text(source)
    return Module(Path(go), folder)


def test_an_interrupted_build_is_resumed_and_counts_what_is_left(
    module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOCACHE", str(tmp_path / "gocache"))  # nothing is compiled yet
    out = tmp_path / "out"
    total, stale = build.count(module, ["."])
    assert stale == total - 1  # all but `unsafe`, which is never compiled
    command = [sys.executable, "-c", BUILDER, str(module.go), str(module.folder), str(out)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as building:
        assert building.stderr is not None
        for line in building.stderr:
            if re.search(r"building tool: ([3-9]|\d\d) of", line):
                os.killpg(building.pid, signal.SIGINT)  # as a terminal does for Ctrl-C
                break
        building.stderr.read()
    assert building.returncode != 0
    assert not (out / "tool").exists()
    left = build.count(module, ["."])[1]
    assert 0 < left < stale

    said = io.StringIO()
    build.compile_all(module, {"tool": "."}, out, Progress(out=said, every=0))
    assert f"{total} packages, {total - left} compiled before, {left} to do" in said.getvalue()
    reports = re.findall(r"building tool: (\d+) of (\d+) packages, \d+s so far", said.getvalue())
    assert [int(done) for done, _ in reports] == list(range(1, len(reports) + 1))
    assert {int(of) for _, of in reports} == {left}
    ran = subprocess.run([out / "tool"], capture_output=True, text=True, check=True)
    assert ran.stderr == f"{PACKAGES - 1}\n"
    assert list(out.iterdir()) == [out / "tool"]


def test_a_package_that_does_not_compile_is_reported(module: Module, tmp_path: Path) -> None:
    (module.folder / "p0" / "p.go").write_text('package p0\nfunc Value() int { return "x" }\n')
    with pytest.raises(TestbedError, match=r"cannot use \"x\""):
        build.compile_all(module, {"tool": "."}, tmp_path / "out", Progress(quiet=True))
    assert not (tmp_path / "out" / "tool").exists()


def test_the_estimate_moves_from_the_pace_elsewhere_to_the_pace_here() -> None:
    pace = build.Pace(total=2550)
    cores = os.cpu_count() or 1
    assert pace.remaining() == pytest.approx(54 * 60 * 2 / cores, rel=0.01)
    pace.done = 2550
    assert pace.remaining() == 0


def test_go_mod_pins_every_staging_module_to_the_same_release() -> None:
    text = (versions.MODULE / "go.mod").read_text()
    replaced = re.findall(r"^\t(k8s\.io/\S+) => (k8s\.io/\S+) (v\S+)$", text, re.MULTILINE)
    minor = versions.pinned().kubernetes.removeprefix("v1.")
    assert len(replaced) == 33
    assert {version for _, _, version in replaced} == {f"v0.{minor}"}
    assert all(left == right for left, right, _ in replaced)


def test_the_version_reaches_the_linker() -> None:
    flags = build._ldflags(versions.Versions("v1.37.2", "v3.7.0", "v0.8.0"))
    assert "-X k8s.io/component-base/version.gitVersion=v1.37.2" in flags
    assert "-X k8s.io/component-base/version.gitMinor=37" in flags


def test_an_old_go_is_not_used(tmp_path: Path) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.21.3\n")
    old.chmod(0o755)
    assert not toolchain.is_new_enough(old)
    old.write_text("#!/bin/sh\necho go1.30.0\n")
    assert toolchain.is_new_enough(old)
