"""From a fleet file to what a cycle knows besides nodes: namespaces, runtime classes, and what was learned of pools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from stellwerk.cli.asks import Asked
from stellwerk.cli.fleetmodel import Fleet
from stellwerk.cli.fleetrules import KNOWN_NAME, FleetLimit, FleetNamespace, FleetQuota, FleetRuntimeClass
from stellwerk.cluster import structs
from stellwerk.model.admission import admitted
from stellwerk.model.capacity import Pool, Toleration
from stellwerk.model.namespaces import Limit, NamespaceRules, Quota, RuntimeClass, Scope, limits_of, quota_amounts
from stellwerk.model.requirements import Operator, Requirement
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.supply import Supply


def namespaces_of(told: Iterable[FleetNamespace]) -> dict[str, NamespaceRules]:
    """Return the rules of the namespaces, by name."""
    return {one.metadata.name: _rules(one) for one in told}


def runtime_classes_of(told: Iterable[FleetRuntimeClass]) -> dict[str, RuntimeClass]:
    """Return the runtime classes, by name."""
    return {one.metadata.name: _runtime_class(one) for one in told}


def supply_of(fleet: Fleet, pools: Iterable[Pool], now: datetime) -> Mapping[tuple[str, str], Supply]:
    """Return what was learned of pools as the operator would know it at a moment, by cluster and name."""
    told = [(entry.metadata.name, entry.supply) for entry in fleet.pools if entry.supply is not None]
    if not told:
        return {}
    from stellwerk.control.supply import Supplies  # it logs, which loads what a plan can do without

    supplies = Supplies()
    for name, supply in told:
        meta = structs.ObjectMeta(name=name)
        supplies.see(structs.ComputePool(metadata=meta, status={"supply": supply.wire()}), None)
    return supplies.frozen(pools, now)


def as_admitted(asked: Sequence[Asked], seen: Snapshot) -> list[Asked]:
    """Return the workloads with their pods as the API server will make them."""
    return [replace(one, workload=admitted(one.workload, seen.namespaces, seen.runtime_classes)) for one in asked]


def _rules(told: FleetNamespace) -> NamespaceRules:
    ranges = sorted(told.limit_ranges, key=lambda one: one.name)
    return NamespaceRules(
        labels={KNOWN_NAME: told.metadata.name, **told.metadata.labels},
        limits=tuple(limit for one in ranges for item in one.limits for limit in _limits(one.name, item)),
        quotas=tuple(_quota(one) for one in sorted(told.resource_quotas, key=lambda one: one.name)),
    )


def _limits(name: str, told: FleetLimit) -> tuple[Limit, ...]:
    return limits_of(name, {"limits": [told.model_dump(mode="json", by_alias=True)]})


def _quota(told: FleetQuota) -> Quota:
    scopes = tuple(Scope(one.scope_name, one.meaning, one.values) for one in told.scopes)
    return Quota(told.name, quota_amounts(told.hard), quota_amounts(told.used), scopes)


def _runtime_class(told: FleetRuntimeClass) -> RuntimeClass:
    selector = sorted(told.scheduling.node_selector.items())
    return RuntimeClass(
        told.metadata.name,
        Resources.from_quantities(told.overhead.pod_fixed),
        tuple(Requirement(key, Operator.IN, (value,)) for key, value in selector),
        tuple(Toleration(one.key, one.operator, one.value, one.effect) for one in told.scheduling.tolerations),
    )
