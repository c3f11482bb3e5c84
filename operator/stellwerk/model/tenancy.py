"""Which namespace is whose, by what administrators wrote and by nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from stellwerk.api.tenant_reasons import TenantReason


class TenantRule(msgspec.Struct, frozen=True):
    """What a Tenant says."""

    name: str
    created: str
    """RFC 3339."""
    namespaces: tuple[str, ...] = ()
    parent: str = ""
    zone: str = "UTC"


class Tenancy(msgspec.Struct, frozen=True):
    """All tenants together."""

    owners: Mapping[str, str]
    """Tenant by namespace."""
    families: Mapping[str, tuple[str, ...]]
    """Each tenant with all that are a part of it, itself first."""
    problems: Mapping[str, tuple[TenantReason, str]]
    """What is not as a tenant says: reason and sentence."""


def tenancy(rules: Iterable[TenantRule]) -> Tenancy:
    """Work out whose each namespace is: that of the oldest tenant that names it, by name where two are as old.

    A tenant whose parent does not exist, or which is an ancestor of itself, is a part of nothing.
    """
    known = {rule.name: rule for rule in sorted(rules, key=lambda rule: (rule.created, rule.name))}
    owners: dict[str, str] = {}
    problems: dict[str, tuple[TenantReason, str]] = {}
    for rule in known.values():
        for namespace in rule.namespaces:
            owner = owners.setdefault(namespace, rule.name)
            if owner != rule.name:
                problems[rule.name] = (TenantReason.NAMESPACE_TAKEN, f"namespace {namespace} belongs to tenant {owner}")
    parents = {name: rule.parent for name, rule in known.items() if rule.parent in known}
    loose = {name for name in parents if name in _above(name, parents)}
    for name, rule in known.items():
        if rule.parent and rule.parent not in known:
            problems.setdefault(name, (TenantReason.PARENT_NOT_FOUND, f"there is no tenant {rule.parent}"))
        elif name in loose:
            problems.setdefault(name, (TenantReason.PARENT_CIRCLE, f"tenant {name} would be a part of itself"))
    links = {name: parent for name, parent in parents.items() if name not in loose}
    parts: dict[str, list[str]] = {name: [] for name in known}
    for name in sorted(known):
        for above in _above(name, links):
            parts[above].append(name)
    families = {name: (name, *below) for name, below in parts.items()}
    return Tenancy(owners, families, problems)


def _above(name: str, parents: Mapping[str, str]) -> set[str]:
    """Return a tenant's parent, that one's parent and so on; ends in a circle, too."""
    found: set[str] = set()
    while (name := parents.get(name, "")) and name not in found:
        found.add(name)
    return found
