"""Install one pinned package from PyPI into a folder, with pip or with uv, whichever there is."""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.testbed.progress import TestbedError


def install(requirement: str, sha256: str, folder: Path) -> None:
    """Fill `folder` anew with the package and nothing it depends on; TestbedError says why not."""
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pins:
        pins.write(f"{requirement} --hash=sha256:{sha256}\n")
        pins.flush()
        command = [*_installer(), "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        command += ["--target", str(fresh), "-r", pins.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        raise TestbedError(f"PyPI gives no {requirement}: {done.stderr.strip()[-800:]}")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _installer() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    raise TestbedError("neither pip nor uv is there to install from PyPI")
