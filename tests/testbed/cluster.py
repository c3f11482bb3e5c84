"""Start, use and stop one control plane."""

import fcntl
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.testbed import kwokctl
from tests.testbed.api import Api, healthy
from tests.testbed.binaries import Binaries, find
from tests.testbed.components import Component
from tests.testbed.kubectl import Kubectl
from tests.testbed.progress import Progress, TestbedError
from tests.testbed.registry import Entry, Registry
from tests.testbed.waiting import eventually

SECONDS_TO_COME_UP = 180.0
MAY_GIVE_UP = ("kube-controller-manager", "kube-scheduler", "kwok-controller")
"""What ends by itself when the API server needs long to come up: the controller manager waits ten seconds for it."""


@dataclass
class Cluster:
    """A control plane that runs. Its folder, ports and processes are its own."""

    name: str
    folder: Path
    ports: dict[str, int]
    binaries: Binaries
    registry: Registry = field(repr=False)
    _api: Api | None = field(default=None, init=False, repr=False)

    @staticmethod
    def start(
        name: str | None = None,
        *,
        kept: bool = False,
        progress: Progress | None = None,
        registry: Registry | None = None,
    ) -> "Cluster":
        """Start the cluster of this name, or join it when it runs; returns when it is ready.

        Without a name it gets one of its own. A cluster ends when the last process that started or
        joined it stops it or dies; a `kept` one stays until `down`.
        """
        progress = progress or Progress()
        registry = registry or Registry()
        binaries = find(progress)
        name = name or f"c-{os.getpid()}-{os.urandom(3).hex()}"
        entry = registry.claim(name, kept=kept)
        cluster = Cluster(name, registry.folder(name), entry.ports, binaries, registry)
        try:
            cluster._bring_up(progress)
        except BaseException:
            if kept:
                registry.remove(name)
            else:
                registry.release(name)
            raise
        if kept:
            registry.release(name)
        return cluster

    @staticmethod
    def attach(name: str, registry: Registry | None = None) -> "Cluster":
        """A cluster that runs, without becoming one of its users; TestbedError when there is none."""
        registry = registry or Registry()
        entry = registry.entry(name)
        if entry is None or not entry.ready:
            raise TestbedError(f"no cluster {name!r} runs; start it: python -m tests.testbed up --name {name}")
        return Cluster(name, registry.folder(name), entry.ports, find(Progress(quiet=True)), registry)

    @property
    def home(self) -> Path:
        """The folder that kwokctl made."""
        return self.folder / "clusters" / self.name

    @property
    def kubeconfig(self) -> Path:
        """The admin's kubeconfig."""
        return self.home / "kubeconfig.yaml"

    @property
    def server(self) -> str:
        """Address of the API server."""
        return f"https://127.0.0.1:{self.ports['kube-apiserver']}"

    @property
    def api(self) -> Api:
        """Plain requests as admin."""
        if self._api is None:
            self._api = Api(self.kubeconfig)
        return self._api

    @property
    def kubectl(self) -> Kubectl:
        """Run kubectl as admin."""
        return Kubectl(self.binaries.kubectl, self.kubeconfig)

    def component(self, name: str) -> Component:
        """One of etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok-controller."""
        return Component(name, self.home)

    def wait_ready(self, limit: float = SECONDS_TO_COME_UP) -> None:
        """Wait until every component answers and has done its first work."""
        eventually(self._ready, limit=limit, every=0.05)

    def stop(self) -> None:
        """Leave the cluster; it ends with its last user."""
        if self._api is not None:
            self._api.close()
        self.registry.release(self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _bring_up(self, progress: Progress) -> None:
        with (self.folder / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # others who join wait here until it is up
            entry = self.registry.entry(self.name)
            if entry is None:
                raise TestbedError(f"cluster {self.name} was removed while it started")
            if not entry.ready:
                with progress.step(f"starting control plane {self.name}"):
                    self._create(entry)
                self.registry.mark_ready(self.name)

    def _create(self, entry: Entry) -> None:
        kwokctl.create(self.name, self.folder, self.binaries, entry.ports)
        parts = [self.component(name) for name in MAY_GIVE_UP]
        try:
            eventually(lambda: self._ready_or_started_anew(parts), limit=SECONDS_TO_COME_UP, every=0.1)
        except AssertionError as error:
            raise TestbedError(f"cluster {self.name} did not become ready: {error}\n{self._tails()}") from error

    def _ready_or_started_anew(self, parts: list[Component]) -> bool:
        try:
            return self._ready()
        except TestbedError:
            for part in parts:
                part.start()
            raise

    def _ready(self) -> bool:
        self.api.get("/readyz")
        self.api.get("/api/v1/namespaces/default/serviceaccounts/default")  # controllers work
        healthy(f"https://127.0.0.1:{self.ports['kube-scheduler']}/readyz")
        healthy(f"http://127.0.0.1:{self.ports['kwok']}/healthz")
        return True

    def _tails(self) -> str:
        logs = sorted((self.home / "logs").glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-800:]}" for log in logs)
