"""Who uses which cluster: so that the last one out removes it, and the next start what the dead left.

A cluster is a folder below the run folder. Its `owner.json` names the processes that use it (number and
start time) and the ports that are its own. All changes happen under one file lock.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.testbed import env, ports
from tests.testbed.processes import Process, end, running_below
from tests.testbed.progress import TestbedError

PORT_NAMES = ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass
class Entry:
    """What `owner.json` says. `kept`: stays without users until somebody removes it by name."""

    ports: dict[str, int]
    kept: bool = False
    ready: bool = False
    users: list[Process] = field(default_factory=list)

    def live(self) -> list[Process]:
        """The users that still run."""
        return [one for one in self.users if one.alive()]


class Registry:
    """The clusters below one run folder."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or env.run_dir()

    def folder(self, name: str) -> Path:
        """Where the cluster of this name keeps its files; TestbedError for a name that cannot be one."""
        if not NAME.fullmatch(name):
            raise TestbedError(f"{name!r} is no cluster name: 1-40 of a-z, 0-9 and - inside")
        return self.root / name

    def names(self) -> list[str]:
        """Clusters that have a folder, running or left behind."""
        if not self.root.is_dir():
            return []
        return sorted(entry.name for entry in self.root.iterdir() if entry.is_dir())

    def entry(self, name: str) -> Entry | None:
        """What is known about a cluster; None when there is no readable record."""
        try:
            raw = json.loads((self.folder(name) / "owner.json").read_text())
            users = [Process(**one) for one in raw.pop("users")]
            return Entry(users=users, **raw)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None  # cut short by a crash: nobody can be using it

    def claim(self, name: str, *, kept: bool = False, user: Process | None = None) -> Entry:
        """Use a cluster, new or there already, and clean up what dead owners left before that."""
        with self._locked():
            self._sweep()
            found = self.entry(name)
            if found is None:
                found = Entry(ports=self._free_ports())
                self.folder(name).mkdir(parents=True, exist_ok=True)
            found.users = [*found.live(), user or Process.this()]
            found.kept = found.kept or kept
            self._write(name, found)
            return found

    def mark_ready(self, name: str) -> None:
        """Record that the cluster of this name has come up."""
        with self._locked():
            found = self.entry(name)
            if found is None:
                raise TestbedError(f"cluster {name} was removed while it started")
            found.ready = True
            self._write(name, found)

    def release(self, name: str, user: Process | None = None) -> bool:
        """Stop using a cluster; True when that was the last use and the cluster is gone."""
        with self._locked():
            found = self.entry(name)
            if found is None:
                return False
            me = user or Process.this()
            uses = [one for one in found.users if one == me][1:]
            found.users = [one for one in found.live() if one != me] + uses
            if found.users or found.kept:
                self._write(name, found)
                return False
            self._remove(name)
            return True

    def remove(self, name: str) -> bool:
        """End a cluster whoever uses it; False when there was none."""
        with self._locked():
            there = self.folder(name).is_dir()
            self._remove(name)
            return there

    def sweep(self) -> list[str]:
        """Remove what nobody alive uses; returns the names."""
        with self._locked():
            return self._sweep()

    def _sweep(self) -> list[str]:
        dead = [name for name in self.names() if not self._in_use(name)]
        for name in dead:
            self._remove(name)
        return dead

    def _in_use(self, name: str) -> bool:
        found = self.entry(name)
        if found is None:
            return False
        if found.live():
            return True
        return found.kept and found.ready and any(running_below(self.folder(name)))

    def _remove(self, name: str) -> None:
        folder = self.folder(name)
        while left := [process for process, _ in running_below(folder)]:
            end(left)  # again: one that starts others may have been among them
        shutil.rmtree(folder, ignore_errors=True)

    def _write(self, name: str, entry: Entry) -> None:
        path = self.folder(name) / "owner.json"
        raw = {
            "ports": entry.ports,
            "kept": entry.kept,
            "ready": entry.ready,
            "users": [{"pid": one.pid, "started": one.started} for one in entry.users],
        }
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(raw, indent=1))
        fresh.replace(path)

    def _free_ports(self) -> dict[str, int]:
        entries = [self.entry(name) for name in self.names()]
        taken = {port for entry in entries if entry for port in entry.ports.values()}
        return dict(zip(PORT_NAMES, ports.choose(len(PORT_NAMES), taken), strict=True))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self.root / ".lock"
        handle = _lock(path)
        try:
            yield
            if not self.names():
                path.unlink()
                with contextlib.suppress(OSError):  # something that is not ours lies there too
                    self.root.rmdir()
        finally:
            os.close(handle)


def _lock(path: Path) -> int:
    """Open and lock a file that the holder before us may have removed meanwhile."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            continue
        fcntl.flock(handle, fcntl.LOCK_EX)
        if _same_file(handle, path):
            return handle
        os.close(handle)


def _same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
