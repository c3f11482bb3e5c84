"""What the containers of a pod ask for, kept apart so that the rules of a namespace can be applied to it later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from stellwerk.model.resources import CPU, MEMORY, PODS, Resources

_POD_LEVEL: Final = (CPU, MEMORY)
"""Resources that a pod may also state for all of its containers together (and huge pages)."""


class ContainerAsk(msgspec.Struct, frozen=True):
    """Requests and limits of one container; what is said to be zero is kept, for it is said."""

    requests: tuple[tuple[str, int], ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    sidecar: bool = False
    """An init container that keeps running beside the others."""

    @property
    def effective(self) -> Resources:
        """What it is given: limits fill in for absent requests."""
        return Resources.of({**dict(self.limits), **dict(self.requests)})

    def asking(self, more: Mapping[str, int]) -> ContainerAsk:
        """Return the same with further amounts, as requests and as limits."""
        requests, limits = {**dict(self.requests), **more}, {**dict(self.limits), **more}
        return ContainerAsk(_pairs(requests), _pairs(limits), self.sidecar)


class PodAsk(msgspec.Struct, frozen=True):
    """A pod as quota, limits and runtime class look at it."""

    containers: tuple[ContainerAsk, ...] = ()
    init_containers: tuple[ContainerAsk, ...] = ()
    pod: ContainerAsk | None = None
    """What the pod states for all of its containers together."""
    overhead: Resources = Resources()
    runtime_class: str = ""
    priority_class: str = ""
    ends: bool = False
    """It has an active deadline."""
    crosses_namespaces: bool = False
    """It has pod affinity that names other namespaces."""

    @property
    def requests(self) -> Resources:
        """Kubernetes' effective request, `pods: 1` included.

        Containers and sidecars run together; an ordinary init container runs beside the sidecars that were
        started before it. The pod needs the most of all these moments, plus its overhead. What the pod states
        for itself overrides the sum of its containers.
        """
        needed = self._most([one.effective for one in self.containers], lambda one: one.effective)
        return self._stated(needed) + self.overhead + Resources.of({PODS: 1})

    @property
    def limits(self) -> Resources:
        """The sum of limits that a quota counts."""
        needed = self._most([Resources.of(dict(one.limits)) for one in self.containers], _limits)
        total = {**dict(needed.amounts), **self._pod_limits(needed)}
        spent = dict(self.overhead.amounts)
        return Resources.of({name: amount + spent.get(name, 0) for name, amount in total.items()})

    @property
    def everyone(self) -> tuple[ContainerAsk, ...]:
        """All containers, those that only start included."""
        return (*self.init_containers, *self.containers)

    def with_accelerators(self, resource: str, count: int) -> PodAsk:
        """Return the pod with accelerators in its first container, as they are written into it."""
        if not self.containers or not count:
            return self
        first, *others = self.containers
        return msgspec.structs.replace(self, containers=(first.asking({resource: count}), *others))

    def _pod_limits(self, needed: Resources) -> dict[str, int]:
        """Return the limits of the pod: stated, or where all containers have one their sum, at least its request."""
        if self.pod is None:
            return {}
        asked, everyone = dict(self.pod.requests), [dict(one.limits) for one in self.everyone]
        whole = {
            name: max(needed.get(name), asked.get(name, 0))
            for name in _POD_LEVEL
            if all(name in limits for limits in everyone)
        }
        return {**whole, **_overriding(self.pod.limits)}

    def _most(self, running: Iterable[Resources], of: Callable[[ContainerAsk], Resources]) -> Resources:
        total, sidecars, starting = Resources(), Resources(), Resources()
        for one in running:
            total += one
        for container in self.init_containers:
            request = of(container)
            if container.sidecar:
                sidecars += request
                starting = starting.most(sidecars)
            else:
                starting = starting.most(sidecars + request)
        return (total + sidecars).most(starting)

    def _stated(self, needed: Resources) -> Resources:
        """Apply what the pod states: a limit counts as request where no container asks for that resource."""
        if self.pod is None:
            return needed
        there = dict(needed.amounts)
        fallback = {name: there.get(name) or amount for name, amount in _overriding(self.pod.limits).items()}
        return Resources.of({**there, **fallback, **_overriding(self.pod.requests)})


def ask_of(pod_spec: Mapping[str, Any]) -> PodAsk:
    """Read a pod spec (decoded JSON).

    Raises:
        ValueError: If an amount is no quantity.
    """
    stated = pod_spec.get("resources")
    return PodAsk(
        containers=tuple(_container(one) for one in pod_spec.get("containers") or ()),
        init_containers=tuple(_container(one) for one in pod_spec.get("initContainers") or ()),
        pod=_container(pod_spec) if stated else None,
        overhead=Resources.from_quantities(pod_spec.get("overhead") or {}),
        runtime_class=pod_spec.get("runtimeClassName") or "",
        priority_class=pod_spec.get("priorityClassName") or "",
        ends=pod_spec.get("activeDeadlineSeconds") is not None,
        crosses_namespaces=_crosses(pod_spec.get("affinity") or {}),
    )


def _container(one: Mapping[str, Any]) -> ContainerAsk:
    resources = one.get("resources") or {}
    return ContainerAsk(
        amounts(resources.get("requests")),
        amounts(resources.get("limits")),
        one.get("restartPolicy") == "Always",
    )


def amounts(quantities: Mapping[str, Any] | None) -> tuple[tuple[str, int], ...]:
    """Read quantities by name, zeros included, sorted by name.

    Raises:
        ValueError: If a value is no quantity.
    """
    found = {name: Resources.from_quantities({name: text}).get(name) for name, text in (quantities or {}).items()}
    return _pairs(found)


def _pairs(found: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(found.items()))


def _limits(one: ContainerAsk) -> Resources:
    return Resources.of(dict(one.limits))


def _overriding(stated: Iterable[tuple[str, int]]) -> dict[str, int]:
    return {name: amount for name, amount in stated if name in _POD_LEVEL or name.startswith("hugepages-")}


def _crosses(affinity: Mapping[str, Any]) -> bool:
    terms = [
        term.get("podAffinityTerm", term)
        for kind in ("podAffinity", "podAntiAffinity")
        for part in (affinity.get(kind) or {}).values()
        for term in part or ()
    ]
    return any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms)
