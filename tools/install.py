"""Fill .venv with exactly what constraints.txt pins: by uv where it is present, else venv + pip.

Runs on any Python 3 that can start it, and looks for 3.11 or newer itself.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 11)
EVERY = 10.0
"""Seconds after which a long step says how far it is."""
CANDIDATES = ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python")


def main() -> int:
    """Create the environment where it is missing and install into it; 0 when it is ready."""
    uv = None if os.environ.get("STELLWERK_NO_UV") else shutil.which("uv")
    try:
        # An environment that uv made has no pip, one that was cut short may have neither.
        if not starts(str(VENV / "bin" / "python"), needed="sys" if uv else "pip"):
            create(uv)
        fill(uv)
    except subprocess.CalledProcessError as error:
        print("install: this step failed:", " ".join(error.cmd), file=sys.stderr)
        return 1
    except LookupError as error:
        print("install:", error, file=sys.stderr)
        return 1
    (VENV / ".installed").touch()
    return 0


def create(uv: str | None) -> None:
    """Make an empty .venv on Python 3.11 or newer."""
    wanted = os.environ.get("STELLWERK_PYTHON")
    if uv:
        run([uv, "venv", "--clear", "--python", wanted or ">=3.11", str(VENV)])
    else:
        run([wanted or find_python(), "-m", "venv", "--clear", str(VENV)])


def fill(uv: str | None) -> None:
    """Install the pinned, hashed packages, then Stellwerk itself as editable."""
    python = str(VENV / "bin" / "python")
    pip = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    quiet = ["--quiet"] if uv else ["--quiet", "--disable-pip-version-check"]
    wanted = pinned()
    print(f"install: {len(wanted)} packages of constraints.txt by", "uv" if uv else "pip", flush=True)
    run([*pip, *quiet, "--require-hashes", "-r", str(ROOT / "constraints.txt")], lambda: far(wanted))
    run([*pip, *quiet, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])


def find_python() -> str:
    """Return the first interpreter on PATH that is new enough.

    Raises:
        LookupError: there is none.
    """
    for name in CANDIDATES:
        path = shutil.which(name)
        if path and starts(path):
            return path
    message = "Python 3.11 or newer is needed, and none is on PATH (or set STELLWERK_PYTHON)"
    raise LookupError(message)


def starts(python: str, needed: str = "sys") -> bool:
    """Tell whether this interpreter starts, is at least Python 3.11, and can import a module."""
    probe = f"import sys, {needed}; sys.exit(sys.version_info < {OLDEST})"
    try:
        return subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def pinned() -> set[str]:
    """Return the names in constraints.txt that every machine needs, as folders of installed packages write them."""
    names = re.findall(r"^([\w.-]+)==[^;\n]+$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    return {as_folder(name) for name in names}


def far(wanted: set[str]) -> str:
    """Say how many of these packages .venv holds by now."""
    folders = VENV.glob("lib/python3*/site-packages/*.dist-info")
    found = {as_folder(folder.name.partition("-")[0]) for folder in folders}
    return f"{len(wanted & found)} of {len(wanted)} installed"


def as_folder(name: str) -> str:
    """Write the name of a package in the one form that all of its spellings share."""
    return re.sub(r"[-_.]+", "_", name).lower()


def run(command: list[str], progress: Callable[[], str] | None = None, every: float = EVERY) -> None:
    """Run one step in the repository's root; its output goes to the terminal.

    Args:
        command: The step.
        progress: Says how far it is; asked where the step is a long one.
        every: Seconds between two lines of progress.

    Raises:
        CalledProcessError: it failed.
    """
    began = time.monotonic()
    with subprocess.Popen(command, cwd=str(ROOT)) as process:
        while True:
            try:
                code = process.wait(every)
                break
            except subprocess.TimeoutExpired:
                far = f"{progress()}, " if progress else ""
                print(f"install: still at it: {far}{time.monotonic() - began:.0f}s so far", flush=True)
    if code:
        raise subprocess.CalledProcessError(code, command)


if __name__ == "__main__":
    sys.exit(main())
