"""Linux processes: find them by the file they run, know them again, start and end them."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
_children: set[int] = set()  # what spawn() started and nobody has waited for yet


@dataclass(frozen=True, slots=True)
class Process:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    started: str  # boot id and start time in clock ticks since boot

    @staticmethod
    def of(pid: int) -> "Process | None":
        """The process that has this number now, or None when there is none or it has ended.

        One whose first thread has ended still holds its files while another thread runs.
        """
        stat = _stat(pid)
        if stat is None or (stat.state == "Z" and stat.threads <= 1):
            return None
        return Process(pid, stat.started)

    @staticmethod
    def this() -> "Process":
        """The process that calls."""
        found = Process.of(os.getpid())
        assert found is not None
        return found

    def alive(self) -> bool:
        """Whether exactly this process still runs."""
        reap(self.pid)
        return Process.of(self.pid) == self


class _Stat(NamedTuple):
    state: str  # R, S, D, T, Z and so on
    threads: int
    started: str


def _stat(pid: int) -> _Stat | None:
    try:
        text = (PROC / str(pid) / "stat").read_text()
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold spaces
    return _Stat(fields[0], int(fields[17]), f"{boot}:{fields[19]}")


def arguments(pid: int, limit: float = 10.0) -> list[str]:
    """The command line of a process; empty when it is gone, not ours to read or a thread of the kernel.

    A process that is about to run another program has none for a moment, and keeps its number: it is waited for.
    """
    until = time.monotonic() + limit
    while True:
        try:
            raw = (PROC / str(pid) / "cmdline").read_bytes()
        except OSError:
            return []
        if raw or not _runs_a_program(pid) or time.monotonic() > until:
            return raw.decode(errors="replace").split("\0")[:-1]
        time.sleep(0.001)


def _runs_a_program(pid: int) -> bool:
    """Whether a process has a program at all: what has ended and the kernel's own threads have none."""
    try:
        return bool((PROC / str(pid) / "exe").readlink())
    except OSError:
        return False


def running_below(folder: Path) -> Iterator[tuple[Process, list[str]]]:
    """Processes whose program was named by a path below `folder`, with their arguments."""
    prefix = f"{folder}/"
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        argv = arguments(int(entry.name))
        if argv and argv[0].startswith(prefix) and (found := Process.of(int(entry.name))):
            yield found, argv


def end(processes: Iterable[Process], limit: float = 30.0) -> None:
    """Kill processes and wait until they are gone; a paused one dies as well."""
    waiting = list(processes)
    for one in waiting:
        send(one, signal.SIGKILL)
    until = time.monotonic() + limit
    while waiting := [one for one in waiting if one.alive()]:
        if time.monotonic() > until:
            raise TimeoutError(f"processes outlive SIGKILL: {[one.pid for one in waiting]}")
        time.sleep(0.01)


def send(process: Process, what: signal.Signals) -> None:
    """Signal exactly this process; nothing happens when it is gone."""
    if process.alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, what)


def spawn(argv: list[str], log: Path) -> Process:
    """Start a program in a session of its own, its output appended to `log`; it outlives the caller."""
    log.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o640),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setsid=True)
    _children.add(pid)
    found = Process.of(pid)
    if found is None:
        reap(pid)
        raise RuntimeError(f"{argv[0]} ended at once; see {log}")
    return found


def reap(pid: int) -> None:
    """Let a child of spawn() that has ended go; other processes are left to those who started them."""
    if pid in _children and os.waitpid(pid, os.WNOHANG)[0] == pid:
        _children.discard(pid)
