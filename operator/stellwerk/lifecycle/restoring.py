"""The pod template of a user's Job as it was before it was placed, kept so that it can be placed elsewhere later.

What Stellwerk adds to the template at release (selector, tolerations, preferred nodes) would look like the user's own
demand the next time it is planned, and tie the Job to the pool that it was taken from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from stellwerk.api.labels import ORIGINAL_ANNOTATION, PLACEMENT_ANNOTATION
from stellwerk.lifecycle.merging import Json, merge_patch
from stellwerk.lifecycle.observed import JobView

_STEERED: Final = ("nodeSelector", "tolerations", "affinity", "schedulingGates")
"""What a release changes of a pod spec, and Kubernetes lets be changed."""


def original_of(job: JobView) -> str:
    """Return, as the value of an annotation, what the user asked for where a release adds to it."""
    return msgspec.json.encode(_steered(job), order="sorted").decode()


def is_restored(job: JobView) -> bool:
    """Tell whether a user's Job carries no trace of a release."""
    return PLACEMENT_ANNOTATION not in job.annotations and ORIGINAL_ANNOTATION not in job.annotations


def restore_patch(job: JobView) -> Json:
    """Return the merge patch that takes a release back; a Job without the note keeps its template as it is."""
    noted = job.annotations.get(ORIGINAL_ANNOTATION)
    patch: Json = {"metadata": {"annotations": {PLACEMENT_ANNOTATION: None, ORIGINAL_ANNOTATION: None}}}
    original = None if noted is None else _decoded(noted)
    if original is not None and (changed := merge_patch(_steered(job), original)):
        patch["spec"] = {"template": {"spec": changed}}
    return patch


def as_asked(job: JobView) -> Mapping[str, Any]:
    """Return the pod template as the user wrote it: of a Job that runs, without what its release added."""
    noted = job.annotations.get(ORIGINAL_ANNOTATION)
    original = None if job.suspend or noted is None else _decoded(noted)
    if original is None:
        return job.template
    kept = {key: value for key, value in (job.template.get("spec") or {}).items() if key not in _STEERED}
    return {**job.template, "spec": {**kept, **original}}


def _steered(job: JobView) -> Json:
    spec: Mapping[str, Any] = job.template.get("spec") or {}
    return {key: spec[key] for key in _STEERED if spec.get(key)}


def _decoded(noted: str) -> Json | None:
    """Read a note; None if somebody wrote something else there."""
    try:
        found = msgspec.json.decode(noted, type=dict[str, Any])
    except msgspec.MsgspecError:
        return None
    return {key: found[key] for key in _STEERED if found.get(key)}
