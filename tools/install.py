"""Fill .venv with exactly what constraints.txt pins: by uv where it is present, else venv + pip.

Runs on any Python 3 that can start it, and looks for 3.11 or newer itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 11)
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
    print("install: packages of constraints.txt by", "uv" if uv else "pip", flush=True)
    run([*pip, *quiet, "--require-hashes", "-r", str(ROOT / "constraints.txt")])
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


def run(command: list[str]) -> None:
    """Run one step in the repository's root; its output goes to the terminal."""
    subprocess.run(command, cwd=str(ROOT), check=True)


if __name__ == "__main__":
    sys.exit(main())
