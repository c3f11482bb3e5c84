"""What the fault tests share: waiting in an event loop, objects to watch, and a reflector's copy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from stellwerk.cluster.reflector import Reflector, Tuning
from stellwerk.cluster.resources import Resource
from stellwerk.cluster.session import Session
from stellwerk.cluster.structs import KubeObject
from tests.testbed.api import Api

T = TypeVar("T")

LABEL = "faults.stellwerk.dev/watched"
QUICK = Tuning(page_size=7, silence=90, first_delay=0.05, longest_delay=1.0)
"""Small pages and short pauses; silence only where a test is about it."""


async def until(condition: Callable[[], T], limit: float = 120.0) -> T:
    """Poll without blocking the loop until the condition is true, and return its value."""
    end = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < end, f"not so within {limit:g} s; last value: {value!r}"
        await asyncio.sleep(0.02)
    return value


@dataclass
class ConfigMaps:
    """ConfigMaps of one namespace, written past the proxy."""

    api: Api
    namespace: str

    @property
    def path(self) -> str:
        """Their collection."""
        return f"/api/v1/namespaces/{self.namespace}/configmaps"

    @property
    def resource(self) -> Resource[KubeObject]:
        """What a reflector needs to watch them."""
        return Resource("configmaps", self.path, KubeObject, label_selector=LABEL)

    def create(self, *names: str) -> None:
        """Create some."""
        for name in names:
            self.api.call("POST", self.path, {"metadata": {"name": name, "labels": {LABEL: "yes"}}})

    def change(self, name: str, value: str) -> None:
        """Change one."""
        body = {"data": {"value": value}}
        self.api.call("PATCH", f"{self.path}/{name}", body, "application/merge-patch+json")

    def delete(self, *names: str) -> None:
        """Delete some."""
        for name in names:
            self.api.call("DELETE", f"{self.path}/{name}")

    def versions(self) -> dict[str, str]:
        """The truth: resource version by uid."""
        listed: dict[str, Any] = self.api.get(f"{self.path}?labelSelector={LABEL}")
        return {item["metadata"]["uid"]: item["metadata"]["resourceVersion"] for item in listed["items"]}


@dataclass
class Copy:
    """A reflector that runs, and what it told its sink."""

    reflector: Reflector[KubeObject]
    told: list[tuple[str, str]] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """Names in the copy."""
        return {found.metadata.name for found in self.reflector.objects.values()}

    def versions(self) -> dict[str, str]:
        """Resource version by uid in the copy."""
        return {uid: found.metadata.resource_version for uid, found in self.reflector.objects.items()}

    async def equals(self, truth: ConfigMaps) -> None:
        """Wait until the copy is what the server has."""
        await until(lambda: self.versions() == truth.versions())


@asynccontextmanager
async def reflecting(session: Session, resource: Resource[KubeObject], tuning: Tuning = QUICK) -> AsyncIterator[Copy]:
    """Run a reflector; gives its copy after the first LIST and the first WATCH were answered."""
    told: list[tuple[str, str]] = []

    def sink(kind: str, new: KubeObject | None, old: KubeObject | None) -> None:
        shown = new or old
        assert shown is not None
        told.append((kind, shown.metadata.name))

    copy = Copy(Reflector(session, resource, sink, tuning), told)
    task = asyncio.create_task(copy.reflector.run())
    try:
        async with asyncio.timeout(120):
            await copy.reflector.synced.wait()
        await until(lambda: copy.reflector.stats.watches > 0)
        yield copy
        assert not task.done(), "the reflector ended by itself"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
