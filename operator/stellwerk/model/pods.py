"""The effective request of a pod: what kube-scheduler will find room for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from stellwerk.model.resources import CPU, MEMORY, PODS, Resources

_POD_LEVEL: Final = (CPU, MEMORY)
"""Resources that a pod may also state for all of its containers together (and huge pages)."""


def pod_requests(pod_spec: Mapping[str, Any]) -> Resources:
    """Return the effective request of a pod spec (decoded JSON), `pods: 1` included.

    Containers and sidecars (init containers that restart) run together; an ordinary init container
    runs beside the sidecars that were started before it. The pod needs the most of all these
    moments, plus its overhead. Where a container states a limit and no request, the limit is asked
    for; what the pod states for itself overrides the sum of its containers.

    Raises:
        ValueError: If an amount is no quantity.
    """
    running = _sum(pod_spec.get("containers"))
    sidecars, starting = Resources(), Resources()
    for container in pod_spec.get("initContainers") or ():
        request = requests_of(container)
        if container.get("restartPolicy") == "Always":
            sidecars += request
            starting = starting.most(sidecars)
        else:
            starting = starting.most(sidecars + request)
    needed = (running + sidecars).most(starting)
    overhead = Resources.from_quantities(pod_spec.get("overhead") or {})
    return _with_pod_level(needed, pod_spec) + overhead + Resources.of({PODS: 1})


def requests_of(container: Mapping[str, Any]) -> Resources:
    """Return what one container asks for, its limits filling in for absent requests.

    Raises:
        ValueError: If an amount is no quantity.
    """
    resources = container.get("resources") or {}
    return Resources.from_quantities({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _sum(containers: list[Mapping[str, Any]] | None) -> Resources:
    total = Resources()
    for container in containers or ():
        total += requests_of(container)
    return total


def _with_pod_level(needed: Resources, pod_spec: Mapping[str, Any]) -> Resources:
    stated = dict(requests_of(pod_spec).amounts)
    overriding = {
        name: amount for name, amount in stated.items() if name in _POD_LEVEL or name.startswith("hugepages-")
    }
    return Resources.of({**dict(needed.amounts), **overriding}) if overriding else needed
