"""The Job that runs a gang: made from a template, or a user's own with the placement written into it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from stellwerk.api.labels import (
    API_VERSION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    ORIGINAL_ANNOTATION,
    PLACEMENT_ANNOTATION,
    POLICY_LABEL,
    SEAT_GATE,
    WORKLOAD_LABEL,
)
from stellwerk.lifecycle.observed import JobView
from stellwerk.lifecycle.restoring import original_of
from stellwerk.model.discovery import HOSTNAME_LABEL
from stellwerk.model.placement import Placement
from stellwerk.model.workload import Workload

Json = dict[str, Any]

_NAME_KEPT: Final = 48
"""So much of a workload's name, `-`, 8 digits, and `-9999` of an indexed pod's host name fit into 63."""

_PREFERENCE: Final = 100
"""The greatest weight of a preference: the nodes that the packing found, before any other score."""


def child_name(name: str, uid: str) -> str:
    """Return the name of the Job of a workload: always the same, and of no other workload."""
    digest = hashlib.sha256(uid.encode()).hexdigest()[:8]
    return f"{name[:_NAME_KEPT].replace('.', '-').rstrip('-')}-{digest}"


def placement_mark(placement: Placement, uid: str) -> str:
    """Return what a Job's annotation says of the placement that was written into it for the AIWorkload of this uid."""
    return f"{placement.cluster}/{placement.pool}/{uid}"


def build_job(workload: Workload, spec: Mapping[str, Any], placement: Placement) -> Json:
    """Return the manifest of the child Job of a workload with a `template`, the same for the same arguments."""
    key = workload.key
    labels = {MANAGED_BY_LABEL: MANAGED_BY, POLICY_LABEL: workload.policy, WORKLOAD_LABEL: key.name}
    template = spec["template"]
    metadata = template.get("metadata") or {}
    pod_labels = {**(metadata.get("labels") or {}), MANAGED_BY_LABEL: MANAGED_BY, WORKLOAD_LABEL: key.name}
    annotations = metadata.get("annotations") or {}
    job_spec: Json = {
        "parallelism": placement.replicas,
        "completions": placement.replicas,
        "backoffLimit": spec.get("backoffLimit", 3),
        "template": {
            "metadata": {"labels": pod_labels, **({"annotations": dict(annotations)} if annotations else {})},
            "spec": _pod_spec(template["spec"], placement),
        },
    }
    if placement.replicas > 1 or workload.min_replicas is not None:  # only the size of an Indexed Job may change
        job_spec["completionMode"] = "Indexed"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": child_name(key.name, workload.uid),
            "namespace": key.namespace,
            "labels": labels,
            "annotations": {PLACEMENT_ANNOTATION: placement_mark(placement, workload.uid)},
            "ownerReferences": [_owner(workload)],
        },
        "spec": job_spec,
    }


def job_patch(job: JobView, placement: Placement, uid: str) -> Json:
    """Return the merge patch that writes a placement into a user's suspended Job and releases it.

    What the user demanded stays: selectors and tolerations are added to, never replaced.
    """
    pod_spec = job.template.get("spec") or {}
    patch: Json = {}
    if placement.node_selector:
        patch["nodeSelector"] = dict(placement.node_selector)
    if placement.tolerations:
        patch["tolerations"] = _tolerations(pod_spec, placement)
    if placement.preferred_nodes:
        affinity = _affinity(pod_spec, placement)
        patch["affinity"] = {"nodeAffinity": affinity["nodeAffinity"]}
    if placement.nodes_required:
        patch["schedulingGates"] = _gates(pod_spec)
    return {
        "metadata": {
            "annotations": {
                PLACEMENT_ANNOTATION: placement_mark(placement, uid),
                ORIGINAL_ANNOTATION: original_of(job),
            }
        },
        "spec": {"suspend": False, "template": {"spec": patch}},
    }


def carries(job: JobView, placement: Placement, uid: str) -> bool:
    """Tell whether this placement has been written into the Job for the AIWorkload of this uid."""
    return job.annotations.get(PLACEMENT_ANNOTATION) == placement_mark(placement, uid)


def _owner(workload: Workload) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": "AIWorkload",
        "name": workload.key.name,
        "uid": workload.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _pod_spec(template: Mapping[str, Any], placement: Placement) -> Json:
    spec: Json = {
        **template,
        "restartPolicy": template.get("restartPolicy", "Never"),
        "nodeSelector": {**(template.get("nodeSelector") or {}), **placement.node_selector},
        "containers": _containers(template["containers"], placement),
    }
    if tolerations := _tolerations(template, placement):
        spec["tolerations"] = tolerations
    if placement.preferred_nodes:
        spec["affinity"] = _affinity(template, placement)
    if placement.nodes_required:
        spec["schedulingGates"] = _gates(template)
    return spec


def _containers(containers: list[Json], placement: Placement) -> list[Json]:
    """Ask for the accelerators in the first container, under the name that the pool's nodes offer."""
    if placement.accelerator is None:
        return list(containers)
    amount = {placement.accelerator.resource: str(placement.accelerator.amount)}
    first, *others = containers
    resources = first.get("resources") or {}
    asking = {
        **resources,
        "requests": {**(resources.get("requests") or {}), **amount},
        "limits": {**(resources.get("limits") or {}), **amount},
    }
    return [{**first, "resources": asking}, *others]


def _tolerations(pod_spec: Mapping[str, Any], placement: Placement) -> list[Json]:
    own: list[Json] = list(pod_spec.get("tolerations") or ())
    added: list[Json] = [msgspec.to_builtins(toleration) for toleration in placement.tolerations]
    return own + [toleration for toleration in added if toleration not in own]


def _affinity(pod_spec: Mapping[str, Any], placement: Placement) -> Json:
    """Prefer the packed nodes: only prefer, so that a lost node heals inside its pool."""
    own = pod_spec.get("affinity") or {}
    nodes = own.get("nodeAffinity") or {}
    preference = {
        "weight": _PREFERENCE,
        "preference": {
            "matchExpressions": [{"key": HOSTNAME_LABEL, "operator": "In", "values": list(placement.preferred_nodes)}]
        },
    }
    key = "preferredDuringSchedulingIgnoredDuringExecution"
    kept = [term for term in nodes.get(key) or () if term != preference]
    return {**own, "nodeAffinity": {**nodes, key: [*kept, preference]}}


def _gates(pod_spec: Mapping[str, Any]) -> list[Json]:
    """Hold the pods back until each is told its node."""
    own = [gate for gate in pod_spec.get("schedulingGates") or () if gate.get("name") != SEAT_GATE]
    return [*own, {"name": SEAT_GATE}]
