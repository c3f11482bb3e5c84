"""What pods demand of their neighbours and of the spread over nodes: host ports, affinity, topology spread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from stellwerk.model.requirements import Operator, Requirement

ANY_IP: Final = "0.0.0.0"  # noqa: S104 - as Kubernetes writes a host port on every address
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"

Labels = tuple[tuple[str, str], ...]
"""Labels of a pod, sorted by key."""

Selector = tuple[Requirement, ...]
"""Demands on labels that must all be met; none are met by everything."""


class HostPort(msgspec.Struct, frozen=True, order=True):
    """A port of the node that a pod takes."""

    port: int
    protocol: str = "TCP"
    ip: str = ANY_IP

    def collides(self, other: HostPort) -> bool:
        """Tell whether two pods on one node cannot have both ports."""
        same = self.port == other.port and self.protocol == other.protocol
        return same and (self.ip == other.ip or ANY_IP in (self.ip, other.ip))

    def __str__(self) -> str:
        address = "" if self.ip == ANY_IP else f"{self.ip}:"
        return f"{address}{self.port}/{self.protocol}"


class Term(msgspec.Struct, frozen=True):
    """Which other pods a pod wants near, or away, and what near means."""

    topology_key: str
    """Nodes with the same value of this label are one domain."""
    selector: Selector | None
    """On the labels of the other pods; None selects none."""
    namespaces: tuple[str, ...] = ()
    """Where the other pods are, besides what `namespace_selector` says."""
    namespace_selector: Selector | None = None
    """On the labels of namespaces; None selects none."""

    def selects(self, namespace: str, labels: Mapping[str, str], of_namespace: Mapping[str, str]) -> bool:
        """Tell whether a pod in a namespace, with its labels and those of the namespace, is meant."""
        if self.selector is None or not holds(self.selector, labels):
            return False
        if namespace in self.namespaces:
            return True
        return self.namespace_selector is not None and holds(self.namespace_selector, of_namespace)

    def __str__(self) -> str:
        wanted = " and ".join(map(str, self.selector or ())) or "any pod"
        return f"{wanted} by {self.topology_key}"


class Spread(msgspec.Struct, frozen=True):
    """How evenly pods that match must lie over the domains of a topology."""

    max_skew: int
    topology_key: str
    selector: Selector | None
    min_domains: int = 1
    honor_affinity: bool = True
    """Only nodes that the pod's node selector and affinity admit make up domains."""
    honor_taints: bool = False
    """Only nodes whose taints the pod tolerates make up domains."""


class PodRules(msgspec.Struct, frozen=True):
    """All hard demands of a pod that depend on other pods."""

    ports: tuple[HostPort, ...] = ()
    affinity: tuple[Term, ...] = ()
    anti_affinity: tuple[Term, ...] = ()
    spread: tuple[Spread, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ports or self.affinity or self.anti_affinity or self.spread)

    @property
    def keys(self) -> frozenset[str]:
        """The node labels that make up domains."""
        near = {one.topology_key for one in (*self.affinity, *self.anti_affinity)}
        return frozenset(near | {one.topology_key for one in self.spread})

    @property
    def looks_at_others(self) -> bool:
        """Whether labels of other pods matter, and not just their ports."""
        return bool(self.affinity or self.anti_affinity or self.spread)


class Neighbour(msgspec.Struct, frozen=True):
    """A pod on a node, as other pods must put up with it."""

    namespace: str
    labels: Mapping[str, str]
    node: str
    ports: tuple[HostPort, ...] = ()
    anti_affinity: tuple[Term, ...] = ()
    leaving: bool = False
    """It is being deleted: a spread does not count it any more."""

    @property
    def guards(self) -> bool:
        """Whether it may keep a pod away that demands nothing of its neighbours itself."""
        return bool(self.anti_affinity)


def holds(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Tell whether labels meet every demand."""
    return all(requirement.admits(labels.get(requirement.key)) for requirement in selector)


def ports_of(pod_spec: Mapping[str, Any]) -> tuple[HostPort, ...]:
    """Return the host ports of containers and sidecars of a pod spec (decoded JSON), sorted."""
    sidecars = (one for one in pod_spec.get("initContainers") or () if one.get("restartPolicy") == "Always")
    host = bool(pod_spec.get("hostNetwork"))
    found = {
        HostPort(number, port.get("protocol") or "TCP", port.get("hostIP") or ANY_IP)
        for container in (*sidecars, *(pod_spec.get("containers") or ()))
        for port in container.get("ports") or ()
        if (number := port.get("hostPort") or (port["containerPort"] if host else 0))
    }
    return tuple(sorted(found))


def anti_affinity_of(affinity: Mapping[str, Any] | None, namespace: str, labels: Mapping[str, str]) -> tuple[Term, ...]:
    """Return the required anti-affinity of a pod's `affinity` (decoded JSON).

    Raises:
        ValueError: If a selector uses an operator that Kubernetes does not know.
    """
    part = ((affinity or {}).get("podAntiAffinity") or {}).get(_REQUIRED) or ()
    return tuple(_term(one, namespace, labels) for one in part)


def rules_of(pod_spec: Mapping[str, Any], namespace: str, labels: Mapping[str, str]) -> PodRules | None:
    """Read what a pod spec (decoded JSON) demands of its neighbours; None if nothing.

    Args:
        pod_spec: Of the pod, or of the template that it is made from.
        namespace: Where the pod is, or will be.
        labels: Of the pod.

    Raises:
        ValueError: If a selector uses an operator that Kubernetes does not know.
    """
    affinity = pod_spec.get("affinity") or {}
    near = (affinity.get("podAffinity") or {}).get(_REQUIRED) or ()
    rules = PodRules(
        ports=ports_of(pod_spec),
        affinity=tuple(_term(one, namespace, labels) for one in near),
        anti_affinity=anti_affinity_of(affinity, namespace, labels),
        spread=tuple(
            _spread(one, labels)
            for one in pod_spec.get("topologySpreadConstraints") or ()
            if one.get("whenUnsatisfiable") == "DoNotSchedule"
        ),
    )
    return rules or None


def selector_of(selector: Mapping[str, Any] | None) -> Selector | None:
    """Read a label selector; None stays None.

    Raises:
        ValueError: If it uses an operator that Kubernetes does not know.
    """
    if selector is None:
        return None
    equal = sorted((selector.get("matchLabels") or {}).items())
    return (
        *(Requirement(key, Operator.IN, (value,)) for key, value in equal),
        *(
            Requirement(one["key"], Operator(one["operator"]), tuple(one.get("values") or ()))
            for one in selector.get("matchExpressions") or ()
        ),
    )


def _term(one: Mapping[str, Any], namespace: str, labels: Mapping[str, str]) -> Term:
    selector = selector_of(one.get("labelSelector"))
    if selector is not None:
        selector += _by_keys(one.get("matchLabelKeys"), labels, Operator.IN)
        selector += _by_keys(one.get("mismatchLabelKeys"), labels, Operator.NOT_IN)
    among = selector_of(one.get("namespaceSelector"))
    named = tuple(one.get("namespaces") or ())
    own = () if named or among is not None else (namespace,)
    return Term(one["topologyKey"], selector, (*named, *own), among)


def _spread(one: Mapping[str, Any], labels: Mapping[str, str]) -> Spread:
    selector = selector_of(one.get("labelSelector"))
    if selector is not None:
        selector += _by_keys(one.get("matchLabelKeys"), labels, Operator.IN)
    return Spread(
        max_skew=one["maxSkew"],
        topology_key=one["topologyKey"],
        selector=selector,
        min_domains=one.get("minDomains") or 1,
        honor_affinity=one.get("nodeAffinityPolicy", "Honor") == "Honor",
        honor_taints=one.get("nodeTaintsPolicy", "Ignore") == "Honor",
    )


def _by_keys(keys: Iterable[str] | None, labels: Mapping[str, str], operator: Operator) -> Selector:
    """Compare with the pod's own labels; the API server writes the same into the selector of a pod."""
    return tuple(Requirement(key, operator, (labels[key],)) for key in keys or () if key in labels)
