"""What a namespace allows its pods: limits and defaults of single pods, and quotas of all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from stellwerk.model.capacity import Toleration
from stellwerk.model.podask import PodAsk, amounts
from stellwerk.model.podrules import Selector
from stellwerk.model.requirements import Operator, Requirement
from stellwerk.model.resources import CPU, MEMORY, Resources

Amounts = tuple[tuple[str, int], ...]


class Limit(msgspec.Struct, frozen=True):
    """One item of a LimitRange."""

    source: str
    """Name of the LimitRange."""
    kind: Literal["Container", "Pod"]
    least: Amounts = ()
    most: Amounts = ()
    default_limit: Amounts = ()
    default_request: Amounts = ()
    ratio_milli: Amounts = ()
    """Most thousandths of the request that a limit may be."""


class Scope(msgspec.Struct, frozen=True):
    """Which pods a quota counts."""

    name: str
    operator: Operator = Operator.EXISTS
    values: tuple[str, ...] = ()

    def covers(self, ask: PodAsk) -> bool:
        """Tell whether pods like this one count."""
        if self.name == "PriorityClass":
            return Requirement("", self.operator, self.values).admits(ask.priority_class or None)
        facts = {
            "Terminating": ask.ends,
            "NotTerminating": not ask.ends,
            "BestEffort": _best_effort(ask),
            "NotBestEffort": not _best_effort(ask),
            "CrossNamespacePodAffinity": ask.crosses_namespaces,
        }
        return facts.get(self.name, False)  # others are of other objects than pods


class Quota(msgspec.Struct, frozen=True):
    """A ResourceQuota and what is used of it; names and units as `usage_of` gives them."""

    name: str
    hard: Amounts
    used: Amounts = ()
    scopes: tuple[Scope, ...] = ()

    def covers(self, ask: PodAsk) -> bool:
        """Tell whether pods like this one count."""
        return all(scope.covers(ask) for scope in self.scopes)


class NamespaceRules(msgspec.Struct, frozen=True):
    """What is known of a namespace."""

    labels: Mapping[str, str] = {}
    limits: tuple[Limit, ...] = ()
    """In the order in which the API server applies them."""
    quotas: tuple[Quota, ...] = ()
    """By name."""


class RuntimeClass(msgspec.Struct, frozen=True):
    """What a RuntimeClass adds to pods that name it."""

    name: str
    overhead: Resources = Resources()
    node_selector: Selector = ()
    tolerations: tuple[Toleration, ...] = ()


COMPUTE: Final = frozenset({CPU, MEMORY, "ephemeral-storage"})


def usage_of(ask: PodAsk) -> dict[str, int]:
    """Return what one pod takes of a quota, by the quota's names; CPU in milli-cores, pods and objects in pieces."""
    usage = {"pods": 1, "count/pods": 1}
    for name, amount in ask.requests.without("pods").amounts:
        usage[f"requests.{name}"] = amount
        if name in COMPUTE or name.startswith("hugepages-"):
            usage[name] = amount
    for name, amount in ask.limits.amounts:
        if name in COMPUTE:
            usage[f"limits.{name}"] = amount
    return usage


def limits_of(name: str, spec: Mapping[str, Any]) -> tuple[Limit, ...]:
    """Read the spec of a LimitRange (decoded JSON, with the API server's defaults).

    Raises:
        ValueError: If an amount is no quantity.
    """
    return tuple(
        Limit(
            name,
            one["type"],
            amounts(one.get("min")),
            amounts(one.get("max")),
            amounts(one.get("default")),
            amounts(one.get("defaultRequest")),
            tuple((key, Resources.from_quantities({CPU: text}).get(CPU)) for key, text in _ratios(one)),
        )
        for one in spec.get("limits") or ()
        if one["type"] in ("Container", "Pod")
    )


def quota_of(name: str, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Quota:
    """Read a ResourceQuota (decoded JSON); until its status counts, nothing is used.

    Raises:
        ValueError: If an amount is no quantity.
    """
    selector = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return Quota(
        name,
        quota_amounts(spec.get("hard") or {}),
        quota_amounts(status.get("used") or {}),
        (
            *(Scope(one) for one in spec.get("scopes") or ()),
            *(Scope(one["scopeName"], Operator(one["operator"]), tuple(one.get("values") or ())) for one in selector),
        ),
    )


def quota_amounts(quantities: Mapping[str, str | int]) -> Amounts:
    """Read amounts by the names of a quota; `cpu`, `requests.cpu` and `limits.cpu` in milli-cores.

    Raises:
        ValueError: If a value is no quantity.
    """
    found = []
    for name, text in sorted(quantities.items()):
        unit = CPU if name.rpartition(".")[2] == CPU and "/" not in name else "other"
        found.append((name, Resources.from_quantities({unit: text}).get(unit)))
    return tuple(found)


def _ratios(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    return sorted((one.get("maxLimitRequestRatio") or {}).items())


def _best_effort(ask: PodAsk) -> bool:
    containers = ask.everyone if ask.pod is None else (ask.pod,)
    return not any(
        amount > 0 and name in (CPU, MEMORY) for one in containers for name, amount in (*one.requests, *one.limits)
    )
