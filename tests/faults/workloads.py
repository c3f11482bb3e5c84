"""AIWorkloads to write on, and the transactions that write on them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from stellwerk.cluster.outcome import Outcome
from stellwerk.cluster.session import Session
from stellwerk.cluster.writer import Writer, WriterTuning
from stellwerk.lifecycle.actions import Action, CreateJob, EmitEvent, ObjectRef, PatchStatus, Transaction
from stellwerk.model.workload import WorkloadKey
from tests.testbed.api import Api

_POD = {"restartPolicy": "Never", "containers": [{"name": "work", "image": "example/work:1"}]}


@dataclass(frozen=True)
class Made:
    """One AIWorkload as it was last read."""

    key: WorkloadKey
    uid: str
    version: str

    @property
    def child(self) -> str:
        """Name of its Job."""
        return f"{self.key.name}-child"

    def patch(self, generation: int = 1, version: str | None = "") -> PatchStatus:
        """Set `status.observedGeneration`; by default only if the object is as it was read."""
        based_on = self.version if version == "" else version
        return PatchStatus(self.key, self.uid, based_on, {"status": {"observedGeneration": generation}})

    def create_job(self) -> CreateJob:
        """Create its child, suspended, so that nothing else changes it."""
        owner = {"apiVersion": "stellwerk.dev/v1alpha1", "kind": "AIWorkload", "name": self.key.name, "uid": self.uid}
        return CreateJob(self.key, self.uid, job(self.child, [{**owner, "controller": True}]))

    def tell(self, message: str = "placed") -> EmitEvent:
        """Say something about it."""
        ref = ObjectRef("stellwerk.dev/v1alpha1", "AIWorkload", self.key.namespace, self.key.name, self.uid)
        return EmitEvent(ref, "Normal", "Placed", message)

    def transaction(self, *actions: Action) -> Transaction:
        """Put actions on it together."""
        return Transaction(self.key, self.uid, actions)


def job(name: str, owners: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the manifest of a suspended Job."""
    meta = {"name": name, "ownerReferences": owners}
    spec = {"suspend": True, "template": {"spec": _POD}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}


@dataclass
class Workloads:
    """AIWorkloads of one namespace, written past the proxy."""

    api: Api
    namespace: str

    @property
    def path(self) -> str:
        """Their collection."""
        return f"/apis/stellwerk.dev/v1alpha1/namespaces/{self.namespace}/aiworkloads"

    @property
    def jobs(self) -> str:
        """The collection of Jobs beside them."""
        return f"/apis/batch/v1/namespaces/{self.namespace}/jobs"

    def create(self, name: str) -> Made:
        """Create one."""
        meta = {"name": name, "namespace": self.namespace}
        manifest = {"apiVersion": "stellwerk.dev/v1alpha1", "kind": "AIWorkload", "metadata": meta}
        self.api.call("POST", self.path, {**manifest, "spec": {"class": "Batch", "template": {"spec": _POD}}})
        return self.read(name)

    def read(self, name: str) -> Made:
        """Read one again."""
        meta = self.api.get(f"{self.path}/{name}")["metadata"]
        return Made(WorkloadKey(self.namespace, name), meta["uid"], meta["resourceVersion"])

    def generation(self, name: str) -> int | None:
        """Return its `status.observedGeneration`."""
        found: int | None = self.api.get(f"{self.path}/{name}").get("status", {}).get("observedGeneration")
        return found

    def touch(self, name: str) -> None:
        """Change it as somebody else would."""
        self._merge(name, {"metadata": {"annotations": {"touched": "yes"}}})

    def delete(self, name: str) -> None:
        """Delete one, and wait until it is gone: it has no finalizers."""
        self.api.call("DELETE", f"{self.path}/{name}")

    def job_names(self) -> list[str]:
        """Names of all Jobs in the namespace."""
        return [item["metadata"]["name"] for item in self.api.get(self.jobs)["items"]]

    def events(self, reason: str = "Placed") -> list[dict[str, Any]]:
        """Return the namespace's Events of one reason."""
        found = self.api.get(f"/api/v1/namespaces/{self.namespace}/events")["items"]
        return [item for item in found if item["reason"] == reason]

    def _merge(self, name: str, body: dict[str, Any]) -> None:
        self.api.call("PATCH", f"{self.path}/{name}", body, "application/merge-patch+json")


@dataclass
class Pen:
    """A writer that runs, whether it leads, and the outcomes so far."""

    writer: Writer
    outcomes: list[Outcome]
    leads: bool = True
    when_asked: Callable[[], None] = field(default=lambda: None)

    async def write(self, made: Made, *actions: Action) -> Outcome:
        """Submit a transaction and wait for its outcome."""
        transaction = made.transaction(*actions)
        self.writer.submit(transaction)
        await self.writer.drained()
        return next(outcome for outcome in reversed(self.outcomes) if outcome.transaction is transaction)


@asynccontextmanager
async def writing(session: Session, tuning: WriterTuning | None = None) -> AsyncIterator[Pen]:
    """Run a writer; patient with a slow machine unless told otherwise."""
    outcomes: list[Outcome] = []
    pen: Pen

    def leads() -> bool:
        pen.when_asked()
        return pen.leads

    async with Writer(session, leads, outcomes.append, tuning or WriterTuning(timeout=30.0, patience=120.0)) as writer:
        pen = Pen(writer, outcomes)
        yield pen
