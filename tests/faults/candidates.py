"""Candidates for one Lease, each behind a proxy of its own, and a watcher who sees whether two ever lead at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stellwerk.cluster.elector import Callbacks, Elector
from stellwerk.cluster.lease import LeaseConfig, now
from tests.faults.proxy import FaultProxy
from tests.testbed.waiting import eventually

DURATION, RENEW, RETRY = 4.0, 2.6, 0.4
"""Seconds: long enough for a machine that stands still for 0.8 s, short enough to wait for."""
CALM = 10.0
"""So many times as long where no lease has to lapse: then no pause of the machine ends a term."""


@dataclass
class Candidate:
    """One replica: its elector, the proxy between it and the server, and what its elector told."""

    name: str
    proxy: FaultProxy
    namespace: str
    pace: float = 1.0
    heart_beats: bool = True
    told: list[str] = field(default_factory=list)
    led_at: list[float] = field(default_factory=list)
    elector: Elector = field(init=False)

    def __post_init__(self) -> None:
        config = LeaseConfig(self.namespace, "test", self.name, DURATION * self.pace, RENEW * self.pace, RETRY)
        callbacks = Callbacks(lambda: self.heart_beats, lambda: self._tell("started"), lambda: self._tell("stopped"))
        self.elector = Elector(self.proxy.target, config, callbacks)

    @property
    def leads(self) -> bool:
        """Whether it may write now."""
        return self.elector.is_leader()

    @property
    def began(self) -> float:
        """When its elector last told that it leads; waits for that, for it may lead a moment before it tells so."""
        return eventually(lambda: self.told[-1] == "started" and self.led_at, every=0.01)[-1]

    def _tell(self, what: str) -> None:
        if what == "started":
            self.led_at.append(now())
        self.told.append(what)


@dataclass
class Race:
    """Candidates who compete, and how often two were seen leading at once."""

    kubeconfig: Path
    namespace: str
    stack: ExitStack
    pace: float = 1.0
    candidates: list[Candidate] = field(default_factory=list)
    overlaps: int = 0
    looks: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def join(self, name: str) -> Candidate:
        """Start a candidate."""
        candidate = Candidate(name, self.stack.enter_context(FaultProxy(self.kubeconfig)), self.namespace, self.pace)
        self.candidates.append(candidate)
        candidate.elector.start()
        return candidate

    def watch(self) -> None:
        """Look every few milliseconds; the second look at the first leader excludes a pause in between."""
        while not self._over.wait(0.005):
            self.looks += 1
            leading = [candidate for candidate in list(self.candidates) if candidate.leads]
            if len(leading) > 1 and all(candidate.leads for candidate in leading):
                self.overlaps += 1

    def finish(self) -> None:
        """End all."""
        for candidate in self.candidates:
            candidate.proxy.heal()
            candidate.elector.stop()
        self._over.set()


@contextmanager
def race(kubeconfig: Path, namespace: str, pace: float = 1.0) -> Iterator[Race]:
    """Hold an election for a Lease `pace` times as long as usual; fails if two ever led at once."""
    with ExitStack() as stack:
        held = Race(kubeconfig, namespace, stack, pace)
        watcher = threading.Thread(target=held.watch, name="watcher")
        watcher.start()
        try:
            yield held
        finally:
            held.finish()
            watcher.join()
        assert held.looks > 10, "nobody watched"
        assert held.overlaps == 0, f"two led at once in {held.overlaps} of {held.looks} looks"
        assert all(not candidate.elector.alive for candidate in held.candidates)
