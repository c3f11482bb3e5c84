"""Builders of valid objects, and readers of what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.testbed.labels import PREFIX

Object = dict[str, Any]

API = "stellwerk.dev/v1alpha1"
POLICY_LABEL = "stellwerk.dev/policy"
FOREVER = "never"
CONDITIONS = ("Accepted", "Placed", "Ready", "Evicted", "Finished")


def pod_template(steer: Mapping[str, str], **spec: Any) -> Object:
    """A template of one container; `steer` becomes annotations that tell kwok how the pod behaves."""
    return {
        "metadata": {"annotations": {f"{PREFIX}/{key}": value for key, value in steer.items()}},
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "image": "example.com/train:1",
                    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
                }
            ],
            **spec,
        },
    }


def workload(
    name: str,
    policy: str,
    gpus: int = 1,
    steer: Mapping[str, str] | None = None,
    **spec: Any,
) -> Object:
    """An AIWorkload of one pod that asks for H100s and runs until it is stopped, unless `steer` says otherwise."""
    chosen = {"duration": FOREVER, **(steer or {})}
    body: Object = {"class": "Training", "policy": policy, "template": pod_template(chosen), **spec}
    if gpus:
        body.setdefault("accelerators", [{"model": "H100", "count": gpus}])
    return {"apiVersion": API, "kind": "AIWorkload", "metadata": {"name": name}, "spec": body}


def user_job(
    name: str,
    policy: str | None,
    gpus: int = 1,
    steer: Mapping[str, str] | None = None,
    **spec: Any,
) -> Object:
    """A suspended Job as a user writes it, labelled with `policy` unless that is None."""
    template = pod_template({"duration": FOREVER, **(steer or {})}, restartPolicy="Never")
    template["spec"]["containers"][0]["resources"]["limits"] = {"nvidia.com/gpu": str(gpus)}
    labels = {} if policy is None else {POLICY_LABEL: policy}
    annotations = {"stellwerk.dev/accelerators": "H100", "stellwerk.dev/class": "Training"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {"suspend": True, "backoffLimit": 0, "template": template, **spec},
    }


def policy(name: str, **spec: Any) -> Object:
    """A PlacementPolicy in EUR."""
    return {
        "apiVersion": API,
        "kind": "PlacementPolicy",
        "metadata": {"name": name},
        "spec": {"currency": "EUR", **spec},
    }


def pool(name: str, selector: Mapping[str, str], gpus: int = 8, **spec: Any) -> Object:
    """A ComputePool of owned H100 nodes in Germany at 32 EUR per node and hour; what is None in `spec` is left out."""
    body: Object = {
        "nodeSelector": dict(selector),
        "provider": "onprem",
        "region": "de-fra",
        "jurisdiction": "DE",
        "capacityType": "Owned",
        "price": {"perNodeHour": "32", "currency": "EUR", "source": "the tests"},
    }
    if gpus:
        body["accelerator"] = {"model": "H100", "count": gpus, "memory": "80Gi"}
    return {"apiVersion": API, "kind": "ComputePool", "metadata": {"name": name}, "spec": _given(body | spec)}


def _given(spec: Object) -> Object:
    return {key: value for key, value in spec.items() if value is not None}


def condition(of: Object, kind: str) -> Object:
    """The condition of this type, whatever its status; LookupError if there is none."""
    for one in of.get("status", {}).get("conditions", []):
        if one["type"] == kind:
            found: Object = one
            return found
    raise LookupError(f"{of['metadata']['name']} has no condition {kind}: {of.get('status')}")


def is_true(of: Object, kind: str) -> bool:
    """Tell whether the condition is there and True."""
    return any(one["type"] == kind and one["status"] == "True" for one in of.get("status", {}).get("conditions", []))


def finished(pod: Object) -> bool:
    """Tell whether a pod has ended."""
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def gpus_of(pod: Object) -> int:
    """GPUs that a pod asks for."""
    asked = (one.get("resources", {}).get("limits", {}) for one in pod["spec"]["containers"])
    return sum(int(limits.get("nvidia.com/gpu", 0)) for limits in asked)
