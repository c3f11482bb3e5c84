"""A real Prometheus that scrapes the operator: from PATH, else out of Debian's package, into the cache."""

import json
import os
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.demo.child import Child, free_port, wait_for
from tests.testbed import env
from tests.testbed.progress import Progress

CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: stellwerk
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
PACKAGE = "prometheus"


def find(progress: Progress) -> Path | None:
    """The program, or None where there is none to be had."""
    if found := shutil.which("prometheus"):
        return Path(found)
    cached = env.cache_dir() / "prometheus"
    program = cached / "usr" / "bin" / "prometheus"
    if not program.exists():
        _unpack(cached, progress)
    return program if program.exists() else None


def _unpack(target: Path, progress: Progress) -> None:
    """Fetch Debian's package and unpack it without installing: nothing outside the cache changes."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return
    work = target.with_name("prometheus.part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    progress.say("fetching Prometheus from Debian's package (19 MB, once)")
    if not _fetched(work) and os.geteuid() == 0:
        _run(["apt-get", "update", "-qq"], work)
        _fetched(work)
    for package in work.glob("*.deb"):
        _run(["dpkg-deb", "-x", str(package), str(work / "tree")], work)
    if (work / "tree").is_dir():
        shutil.rmtree(target, ignore_errors=True)
        (work / "tree").rename(target)
    shutil.rmtree(work, ignore_errors=True)


def _fetched(work: Path) -> bool:
    return _run(["apt-get", "download", "-qq", PACKAGE], work)


def _run(argv: list[str], folder: Path) -> bool:
    try:
        done = subprocess.run(argv, cwd=folder, capture_output=True, check=False, timeout=180)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


class Prometheus:
    """One that runs, scraping one target every second; use it as a context manager."""

    def __init__(self, program: Path, folder: Path, target_port: int) -> None:
        folder.mkdir(parents=True)
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.format(port=target_port), encoding="utf-8")
        self.port = free_port()
        argv = [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
        ]
        self._child = Child("prometheus", argv, folder / "log", os.environ)

    def __enter__(self) -> Self:
        self._child.__enter__()
        try:
            wait_for(self._child, self._ready)
        except BaseException:
            self._child.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._child.__exit__(None, None, None)

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.port}"

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The labels and the value of each series that an instant query yields."""
        text = fetch(f"{self.address}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        result = json.loads(text)["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in result]

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return when `condition()` is true; TestbedError when Prometheus ends before that, or minutes pass."""
        wait_for(self._child, condition)

    def _ready(self) -> bool:
        try:
            fetch(f"{self.address}/-/ready")
            return bool(self.query("up == 1"))
        except OSError:
            return False


def fetch(url: str) -> str:
    """The body of a GET, without any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as answer:
        return str(answer.read().decode())
