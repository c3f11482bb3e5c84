"""Single components of a running cluster, for fault tests: stop, kill, pause and start again."""

import signal
from pathlib import Path
from typing import Any

import yaml

from tests.testbed import processes
from tests.testbed.processes import Process
from tests.testbed.progress import TestbedError
from tests.testbed.waiting import eventually


class Component:
    """One process of the control plane; started again, it has the same arguments and ports."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self._home = home  # kwokctl's folder of the cluster
        self._argv = _argv(name, home)
        self._log = home / "logs" / f"{name}.log"

    def process(self) -> Process | None:
        """The running process, paused or not; None when it is down."""
        for found, argv in processes.running_below(self._home):
            if argv[0] == self._argv[0]:
                return found
        return None

    def stop(self, limit: float = 10.0) -> None:
        """End it politely and wait; after `limit` seconds, kill it.

        An API server that others watch takes a minute to end by itself.
        """
        running = self.process()
        if running is None:
            return
        processes.send(running, signal.SIGTERM)
        try:
            eventually(lambda: not running.alive(), limit=limit, every=0.05)
        except AssertionError:
            self.kill()

    def kill(self) -> None:
        """End it at once and wait until it is gone."""
        if running := self.process():
            processes.end([running])

    def start(self) -> None:
        """Start it when it is down; returns before it answers requests."""
        if self.process() is None:
            started = processes.spawn(self._argv, self._log)
            pid_file = self._home / "pids" / f"{self.name}.pid"
            pid_file.write_text(str(started.pid))

    def restart(self) -> None:
        """Kill and start; returns before it answers requests."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    def log(self) -> str:
        """All it has written so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _signal(self, what: signal.Signals) -> None:
        running = self.process()
        if running is None:
            raise TestbedError(f"{self.name} does not run")
        processes.send(running, what)


def _argv(name: str, home: Path) -> list[str]:
    documents: list[dict[str, Any]] = list(yaml.safe_load_all((home / "kwok.yaml").read_text()))
    for component in documents[0]["components"]:
        if component["name"] == name:
            return [component["binary"], *component["args"]]
    known = ", ".join(component["name"] for component in documents[0]["components"])
    raise TestbedError(f"no component {name!r}; there are {known}")
