"""Workloads to plan: AIWorkloads as written, and Jobs that the operator would adopt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from stellwerk.api.field_error import Keys
from stellwerk.api.labels import POLICY_LABEL
from stellwerk.api.reasons import Reason
from stellwerk.api.validation import validate
from stellwerk.cli.collect import Collection, Wire
from stellwerk.cli.manifests import Document
from stellwerk.cli.problems import Problem
from stellwerk.cluster import structs
from stellwerk.control.workloads import job_view
from stellwerk.lifecycle.actions import CreateWorkload, EmitEvent
from stellwerk.lifecycle.adopt import adoption
from stellwerk.lifecycle.intake import workload_from
from stellwerk.lifecycle.observed import JobView
from stellwerk.model.workload import Identity, InvalidWorkload, Workload, WorkloadKey


@dataclass(frozen=True, slots=True)
class Asked:
    """A workload and where it is written."""

    workload: Workload
    file: str
    line: int


@dataclass(slots=True)
class Asks:
    """The workloads of some manifests.

    Attributes:
        namespace: of objects that name none.
        created: when objects were created that do not say, RFC 3339.
        asked: what is to be planned.
        notes: what is left out, and why.
        problems: what is wrong.

    """

    namespace: str
    created: str
    asked: list[Asked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def take(self, found: Collection) -> None:
        """Take in all AIWorkloads and Jobs."""
        jobs = dict(self._jobs(found.jobs))
        views = {view.key: view for view, _ in jobs.values()}
        referred = set()
        for document, spec in found.workloads:
            job = self._referred(document, spec, views)
            if job is not None:
                referred.add(job.key)
            if "workloadRef" not in spec or job is not None:
                self._add(document, ("spec",), (self._identity(document), spec, job))
        taken = {self._key(document) for document, _ in found.workloads}
        for view, document in jobs.values():
            if view.key not in referred:
                self._adopt(document, view, taken)

    # ----------------------------------------------------------------------------- AIWorkloads

    def _referred(self, document: Document, spec: Wire, jobs: Mapping[WorkloadKey, JobView]) -> JobView | None:
        """Return the Job that a workload refers to."""
        if "workloadRef" not in spec:
            return None
        key = WorkloadKey(self._key(document).namespace, spec["workloadRef"]["name"])
        if key not in jobs:
            message = f"there is no Job {key} among the manifests"
            self.problems.append(document.problem(("spec", "workloadRef", "name"), message))
        return jobs.get(key)

    def _add(self, document: Document, keys: Keys, parts: tuple[Identity, Mapping[str, Any], JobView | None]) -> None:
        parsed = workload_from(*parts)
        if isinstance(parsed, InvalidWorkload):
            self.problems.append(document.problem(keys, parsed.message))
        else:
            self.asked.append(Asked(parsed, document.file, document.line))

    # ------------------------------------------------------------------------------------ Jobs

    def _jobs(self, documents: Sequence[Document]) -> list[tuple[str, tuple[JobView, Document]]]:
        found = []
        for document in documents:
            try:
                job = msgspec.convert(document.value, structs.Job)
            except msgspec.ValidationError as error:
                self.problems.append(document.problem((), f"is no Job that Kubernetes would take: {error}"))
                continue
            identity = self._identity(document)
            view = _at_birth(msgspec.structs.replace(job_view(job), key=identity.key, uid=identity.uid))
            found.append((identity.uid, (view, document)))
        return found

    def _adopt(self, document: Document, job: JobView, taken: set[WorkloadKey]) -> None:
        """Do what the operator does when it sees the Job: adopt it, explain why not, or leave it alone."""
        transaction = adoption(job, taken=job.key in taken)
        actions = transaction.actions if transaction else ()
        for action in actions:
            if isinstance(action, CreateWorkload):
                self._add_adopted(document, job, action.manifest)
            elif isinstance(action, EmitEvent) and action.reason == Reason.INVALID_ANNOTATION:
                self.problems.append(document.problem(_blamed(job, action.message), action.message))
        if not any(isinstance(action, CreateWorkload) for action in actions):
            self.notes.append(f"Job {job.key} is left alone: {_why(job)}")

    def _add_adopted(self, document: Document, job: JobView, manifest: Mapping[str, Any]) -> None:
        verdict = validate(dict(manifest))
        if verdict.errors:
            self.problems.extend(document.problem(("metadata",), str(error)) for error in verdict.errors)
            return
        self._add(document, ("spec",), (self._identity(document), verdict.manifest["spec"], job))

    # --------------------------------------------------------------------------------- identity

    def _key(self, document: Document) -> WorkloadKey:
        return WorkloadKey(document.namespace or self.namespace, document.name)

    def _identity(self, document: Document) -> Identity:
        """Return who an object is; one that was never created gets an identity from its name."""
        meta: dict[str, Any] = document.value.get("metadata") or {}
        key = self._key(document)
        uid = str(meta.get("uid") or f"{document.kind}/{key}")
        return Identity(key, uid, created=str(meta.get("creationTimestamp") or self.created))


def _at_birth(job: JobView) -> JobView:
    """Return the Job as deploy/admission.yaml lets it be born: suspended, if it carries the label."""
    opted_in = POLICY_LABEL in job.labels and not job.started
    return msgspec.structs.replace(job, suspend=True) if opted_in else job


def _blamed(job: JobView, message: str) -> Keys:
    """Return the annotation that a message is about, or all of them."""
    named = [name for name in sorted(job.annotations) if name in message]
    return ("metadata", "annotations", *named[:1])


def _why(job: JobView) -> str:
    if POLICY_LABEL not in job.labels:
        return f"it has no label {POLICY_LABEL}"
    if not job.suspend:
        return "it runs already"
    return "it has ended, or it is in a namespace that Stellwerk never touches"
