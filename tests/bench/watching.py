"""See when things happen: watch pods and workloads from this process and note the moment of each first sight."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from stellwerk.api.conditions import ConditionType
from stellwerk.cluster import kubeconfig, resources, structs
from stellwerk.cluster.reflector import Reflector
from stellwerk.cluster.session import Request, Session


class Watch:
    """First sights, in seconds of the monotonic clock, by the name of the Job or AIWorkload.

    Attributes:
        bound: when a pod of the Job was first seen on a node.
        placed: when the AIWorkload was first seen with the condition Placed.

    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.bound: dict[str, float] = {}
        self.placed: dict[str, float] = {}
        self._reflectors = (
            Reflector(session, resources.PODS, self._on_pod),
            Reflector(session, resources.AIWORKLOADS, self._on_workload),
        )

    async def run(self) -> None:
        """Watch until cancelled."""
        await asyncio.gather(*(reflector.run() for reflector in self._reflectors))

    async def synced(self) -> None:
        """Wait for the first lists."""
        await asyncio.gather(*(reflector.synced.wait() for reflector in self._reflectors))

    async def create(self, path: str, manifest: dict[str, object]) -> float:
        """POST an object; returns when that began."""
        began = time.monotonic()
        await self.session.send(Request("POST", path, msgspec.json.encode(manifest)), 60)
        return began

    def _on_pod(self, _type: str, new: structs.Pod | None, _old: structs.Pod | None) -> None:
        if new is not None and new.spec.node_name:
            labels = new.metadata.labels or {}
            name = labels.get("stellwerk.dev/workload") or labels.get("batch.kubernetes.io/job-name", "")
            self.bound.setdefault(name, time.monotonic())

    def _on_workload(self, _type: str, new: structs.AIWorkload | None, _old: structs.AIWorkload | None) -> None:
        if new is not None and new.status.is_true(ConditionType.PLACED):
            self.placed.setdefault(new.metadata.name, time.monotonic())


@asynccontextmanager
async def watching(config: Path) -> AsyncIterator[Watch]:
    """Watch a cluster as its admin for as long as the block runs."""
    async with Session(kubeconfig.discover(config)) as session:
        watch = Watch(session)
        task = asyncio.create_task(watch.run())
        await watch.synced()
        try:
            yield watch
        finally:
            task.cancel()
            await asyncio.wait({task})


async def until(count: int, seen: dict[str, float], what: str, progress: object) -> None:
    """Wait until so many names were seen; gives up after ten minutes without a new one."""
    last, since = -1, time.monotonic()
    while len(seen) < count:
        if len(seen) != last:
            last, since = len(seen), time.monotonic()
        if time.monotonic() - since > 600:
            message = f"{what}: stuck at {last} of {count}"
            raise TimeoutError(message)
        getattr(progress, "update")(f"{what}: {len(seen)} of {count}")  # noqa: B009 - any object with update
        await asyncio.sleep(0.1)
