"""A process of the demo: started with a log of its own, watched while we wait, ended for sure."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.testbed import ports
from tests.testbed.progress import TestbedError

SECONDS_TO_END = 20.0


class Child:
    """Runs from `__enter__` to `__exit__`; SIGTERM first, SIGKILL if it takes too long."""

    def __init__(self, name: str, argv: Sequence[str | Path], log: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        self._argv = [str(part) for part in argv]
        self._env = dict(env)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._argv,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the demo, which then ends its children in order
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def check(self) -> None:
        """TestbedError with the end of its log when it has ended by itself."""
        process = self._process
        if process is not None and process.poll() is not None:
            raise TestbedError(f"{self.name} ended with code {process.returncode}:\n{self.tail()}")

    def tail(self, lines: int = 20) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now, and that nobody who asks here is given while we run."""
    return ports.choose(1)[0]


def wait_for(child: Child, ready: Callable[[], bool], limit: float = 120.0) -> None:
    """Poll `ready()` until it is true; TestbedError when the child dies or the limit passes."""
    until = time.monotonic() + limit
    while not ready():
        child.check()
        if time.monotonic() > until:
            raise TestbedError(f"{child.name} is not ready after {limit:.0f} s:\n{child.tail()}")
        time.sleep(0.1)
