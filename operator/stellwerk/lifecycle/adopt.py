"""Taking in users' Jobs: a labelled, suspended Job gets an AIWorkload that stands for it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from stellwerk.api.labels import (
    ACCELERATORS_ANNOTATION,
    ANY_MODEL,
    API_VERSION,
    CHECKPOINT_INTERVAL_ANNOTATION,
    CLASS_ANNOTATION,
    DEFAULT_POLICY,
    EXPECTED_RUNTIME_ANNOTATION,
    FORBIDDEN_NAMESPACES,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    POLICY_LABEL,
)
from stellwerk.api.reasons import Reason
from stellwerk.api.v1alpha1.aiworkload import AIWorkloadSpec
from stellwerk.lifecycle.actions import CreateWorkload, EmitEvent, ObjectRef, Transaction
from stellwerk.lifecycle.observed import JobView
from stellwerk.model.accelerators import PRODUCT_LABELS, accelerators_in, model_of
from stellwerk.model.pods import pod_requests
from stellwerk.model.workload import WorkloadKey

Json = dict[str, Any]

_FIELDS: Final[Mapping[str, str]] = {
    "policy": f"label {POLICY_LABEL}",
    "class": f"annotation {CLASS_ANNOTATION}",
    "accelerators": f"annotation {ACCELERATORS_ANNOTATION}",
    "expectedRuntime": f"annotation {EXPECTED_RUNTIME_ANNOTATION}",
    "checkpointInterval": f"annotation {CHECKPOINT_INTERVAL_ANNOTATION}",
}
"""Where the user wrote what becomes a field of the spec."""


def adoption(job: JobView, *, taken: bool = False) -> Transaction | None:
    """Return what a Job without an AIWorkload needs: one, an explanation, or nothing.

    Args:
        job: A Job, whether it opted in or not.
        taken: Another AIWorkload has the Job's name.
    """
    if not _concerns_us(job) or job.started:
        return None
    if not job.suspend:
        message = "the Job carries our label but was not created with suspend: true, so it is left alone"
        return _told(job, Reason.NOT_OPTED_IN, message)
    try:
        manifest = workload_for_job(job, _name(job, taken=taken))
    except ValueError as error:
        return _told(job, Reason.INVALID_ANNOTATION, str(error))
    key = WorkloadKey(job.key.namespace, manifest["metadata"]["name"])
    return Transaction(key, job.uid, (CreateWorkload(key, job.uid, manifest),))


def workload_for_job(job: JobView, name: str) -> Json:
    """Return the manifest of the AIWorkload for a labelled Job.

    Raises:
        ValueError: An annotation or the label cannot be understood; the message says which, and what is allowed.
    """
    spec = _spec(job)
    try:
        AIWorkloadSpec.model_validate(spec)
    except ValidationError as error:
        raise ValueError(_explain(error)) from error
    return {
        "apiVersion": API_VERSION,
        "kind": "AIWorkload",
        "metadata": {
            "name": name,
            "namespace": job.key.namespace,
            "labels": {MANAGED_BY_LABEL: MANAGED_BY},
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": job.key.name,
                    "uid": job.uid,
                    "controller": False,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": spec,
    }


def _concerns_us(job: JobView) -> bool:
    """Whether this is a live Job of a user who opted in."""
    ours = job.labels.get(MANAGED_BY_LABEL) == MANAGED_BY
    ended = job.finished is not None or job.deleting
    opted_in = POLICY_LABEL in job.labels and job.key.namespace not in FORBIDDEN_NAMESPACES
    return opted_in and not ours and not ended


def _name(job: JobView, *, taken: bool) -> str:
    """Return the Job's own name, or one derived from it where that cannot be used."""
    plain = re.sub(r"[^a-z0-9-]", "-", job.key.name)
    if plain == job.key.name and not taken:
        return plain
    return f"{plain[:54].rstrip('-')}-{hashlib.sha256(job.uid.encode()).hexdigest()[:8]}"


def _spec(job: JobView) -> Json:
    pod_spec = job.template.get("spec") or {}
    asked = accelerators_in(pod_requests(pod_spec))
    said = job.annotations
    size = job.parallelism if job.completions is None else min(job.parallelism, job.completions)
    spec: Json = {
        "class": said.get(CLASS_ANNOTATION, "Batch"),
        "policy": job.labels[POLICY_LABEL] or DEFAULT_POLICY,
        "replicas": max(1, size),
        "workloadRef": {"apiVersion": "batch/v1", "kind": "Job", "name": job.key.name},
    }
    if asked:
        spec["accelerators"] = [{"model": model, "count": asked[0][1]} for model in _models(said, pod_spec)]
    elif ACCELERATORS_ANNOTATION in said:
        raise ValueError(f"annotation {ACCELERATORS_ANNOTATION} is set, and the Job's pods ask for no accelerator")
    for field, annotation in (
        ("expectedRuntime", EXPECTED_RUNTIME_ANNOTATION),
        ("checkpointInterval", CHECKPOINT_INTERVAL_ANNOTATION),
    ):
        if annotation in said:
            spec[field] = said[annotation]
    return spec


def _models(said: Mapping[str, str], pod_spec: Mapping[str, Any]) -> list[str]:
    """Return the models that will do: as annotated, else as the node selector says, else any."""
    if ACCELERATORS_ANNOTATION in said:
        return [word.strip() for word in said[ACCELERATORS_ANNOTATION].split(",")]
    selector = pod_spec.get("nodeSelector") or {}
    product = next((selector[label] for label in PRODUCT_LABELS if label in selector), None)
    return [model_of(product) if product else ANY_MODEL]


def _explain(error: ValidationError) -> str:
    """Say in the user's terms what is wrong: they wrote labels and annotations, not a spec."""
    problems = dict.fromkeys(
        f"{_FIELDS.get(str(item['loc'][0]), '.'.join(map(str, item['loc'])))}: {item['msg']}"
        f" (it is {str(item['input'])[:80]!r})"
        for item in error.errors(include_url=False)
    )
    return "; ".join(problems)


def _told(job: JobView, reason: Reason, message: str) -> Transaction:
    return Transaction(job.key, job.uid, (EmitEvent(job_ref(job), "Warning", reason, message),))


def job_ref(job: JobView) -> ObjectRef:
    """Return the reference of a Job for events."""
    return ObjectRef("batch/v1", "Job", job.key.namespace, job.key.name, job.uid)
