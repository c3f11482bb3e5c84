"""Where the binaries come from: a named folder, the cache, the release sites, or a build from source."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.testbed import env, versions
from tests.testbed.progress import Progress, TestbedError


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder that holds the control plane, and a kubectl from wherever there is one."""

    folder: Path
    kubectl: Path

    def path(self, name: str) -> Path:
        """The binary of this name."""
        return self.folder / name


def find(progress: Progress) -> Binaries:
    """All binaries, fetched or built if need be; TestbedError says what is missing and what to do."""
    if named := os.environ.get(env.BIN):
        folder = Path(named).expanduser().resolve()
        if missing := absent(folder):
            raise TestbedError(f"{env.BIN}={named} lacks {', '.join(missing)}")
    else:
        folder = cached(versions.pinned())
        if absent(folder):
            from tests.testbed import provide

            provide.control_plane(folder, progress)
    return Binaries(folder, kubectl(folder, progress))


def cached(wanted: versions.Versions) -> Path:
    """The cache's folder for these versions."""
    return env.cache_dir() / "testbed" / wanted.label


def absent(folder: Path) -> list[str]:
    """Which binaries of the control plane a folder lacks."""
    return [name for name in versions.CONTROL_PLANE if not os.access(folder / name, os.X_OK)]


def kubectl(folder: Path, progress: Progress) -> Path:
    """Find kubectl on PATH, from beside the control plane, from the cache, or fetched."""
    if found := shutil.which("kubectl"):
        return Path(found).absolute()
    cache = cached(versions.pinned())
    for place in (folder, cache):
        if os.access(place / "kubectl", os.X_OK):
            return place / "kubectl"
    from tests.testbed import provide

    provide.kubectl(cache, progress)
    return cache / "kubectl"


def absent_everywhere() -> str | None:
    """Why there is no control plane at hand, in words, without fetching or building; None when there is."""
    named = os.environ.get(env.BIN)
    folder = Path(named).expanduser() if named else cached(versions.pinned())
    if missing := absent(folder):
        return (
            f"no control plane at hand: {folder} lacks {', '.join(missing)}. Get one once with "
            f"`python -m tests.testbed binaries` (it downloads or builds), or point {env.BIN} to a "
            "folder that has them"
        )
    return None
