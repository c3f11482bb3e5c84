"""Sort what was read by kind and check every object as the API server would, collecting all problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stellwerk.api.field_error import FieldError, Keys
from stellwerk.api.labels import API_VERSION, GROUP
from stellwerk.api.validation import validate
from stellwerk.cli.manifests import Document
from stellwerk.cli.problems import Problem

WORKLOAD: Final = f"{GROUP}/AIWorkload"
POLICY: Final = f"{GROUP}/PlacementPolicy"
POOL: Final = f"{GROUP}/ComputePool"
FLEET: Final = f"{GROUP}/Fleet"
JOB: Final = "batch/Job"

Wire = dict[str, Any]


@dataclass(slots=True)
class Collection:
    """Objects by kind; specs have all defaults, as the API server would store them."""

    workloads: list[tuple[Document, Wire]] = field(default_factory=list)
    jobs: list[Document] = field(default_factory=list)
    policies: dict[str, Wire] = field(default_factory=dict)
    pools: dict[str, Wire] = field(default_factory=dict)
    fleets: list[Document] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)


def collect(documents: Sequence[Document], namespace: str) -> Collection:
    """Sort and check; objects without a namespace are in `namespace`."""
    found = Collection()
    seen: dict[tuple[str, str, str], Document] = {}
    for document in documents:
        where = document.namespace or namespace if document.kind in {WORKLOAD, JOB} else ""
        key = (document.kind, where, document.name)
        if document.name and key in seen:
            first = seen[key]
            message = f"{document.kind} {document.name} is already defined in {first.file}:{first.line}"
            found.problems.append(document.problem(("metadata", "name"), message))
            continue
        seen[key] = document
        _sort(document, found)
    return found


def _sort(document: Document, found: Collection) -> None:
    kind = document.kind
    if kind == FLEET:
        found.fleets.append(document)
    elif kind == JOB:
        found.jobs.append(document)
    elif kind.startswith(f"{GROUP}/"):
        _check(document, found)
    elif not kind or not document.value.get("apiVersion"):
        found.problems.append(document.problem((), "needs apiVersion and kind"))
    else:
        found.others[kind.rpartition("/")[2]] += 1


def _check(document: Document, found: Collection) -> None:
    verdict = validate(document.value)
    errors: list[FieldError] = list(verdict.errors)
    if not document.name:
        errors.append(FieldError(("metadata", "name"), "is required: plan needs a name to speak of"))
    if errors:
        found.problems.extend(document.problem(error.keys, error.message) for error in errors)
        return
    spec = verdict.manifest["spec"]
    if document.kind == WORKLOAD:
        found.workloads.append((document, spec))
    elif document.kind == POLICY:
        found.policies[document.name] = spec
    elif document.kind == POOL:
        found.pools[document.name] = spec
    else:
        found.others[document.kind.rpartition("/")[2]] += 1  # a Tenant: a plan does not depend on it


def check_part(document: Document, kind: str, name: str, keys: Keys) -> tuple[Wire, list[Problem]]:
    """Check the spec of an object that a fleet file holds at `keys`; return it with defaults, and its problems."""
    spec: Any = document.value
    for key in keys:
        spec = spec[key]
    verdict = validate({"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec})
    problems = [document.problem(_below(keys, error.keys), error.message) for error in verdict.errors]
    return verdict.manifest.get("spec", {}), problems


def _below(keys: Keys, error: Keys) -> Keys:
    """Where an error of the made-up object stands in the file: `keys` end in `spec`."""
    return (*keys, *error[1:]) if error[:1] == ("spec",) else (*keys[:-1], *error)
