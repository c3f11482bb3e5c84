"""Every environment variable and every folder that the test bed looks at."""

import os
import tempfile
from pathlib import Path

BIN = "STELLWERK_TESTBED_BIN"  # folder with ready binaries; looked at first
CACHE = "STELLWERK_CACHE"  # where binaries are kept between runs
RUN = "STELLWERK_TESTBED_RUN"  # where clusters that run keep their files
NO_DOWNLOAD = "STELLWERK_TESTBED_NO_DOWNLOAD"  # set: never ask a release site
NO_BUILD = "STELLWERK_TESTBED_NO_BUILD"  # set: never build from source
SESSION = "STELLWERK_TESTBED_SESSION"  # name of the cluster that a test run shares
KUBECONFIG = "STELLWERK_E2E_KUBECONFIG"  # attach to this cluster instead of starting one
# Where releases are fetched from, for mirrors; the defaults are in release.py.
KUBERNETES_URL = "STELLWERK_TESTBED_KUBERNETES_URL"
GITHUB_URL = "STELLWERK_TESTBED_GITHUB_URL"
GITHUB_API_URL = "STELLWERK_TESTBED_GITHUB_API_URL"


def is_set(name: str) -> bool:
    """Whether a switch is on; empty, `0`, `false` and `no` mean off."""
    return os.environ.get(name, "").lower() not in {"", "0", "false", "no"}


def cache_dir() -> Path:
    """The user's cache for this project; not created here."""
    if own := os.environ.get(CACHE):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "stellwerk"


def run_dir() -> Path:
    """The folder below which each cluster that runs has one of its own; in memory where that exists."""
    if own := os.environ.get(RUN):
        return Path(own).resolve()
    memory = Path("/dev/shm")
    base = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    return base.resolve() / f"stellwerk-testbed-{os.getuid()}"
