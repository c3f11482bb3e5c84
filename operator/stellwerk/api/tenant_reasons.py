"""Reasons of the condition Consistent of a Tenant: one constant each, as in `reasons`."""

from __future__ import annotations

from stellwerk.api.reason_groups import Group, Word


class TenantReason(Word):
    """Why a tenant is what its spec says, or is not."""

    CONSISTENT = ("Consistent", Group.CONSISTENT, "Its namespaces are its alone, and its parent exists.")
    NAMESPACE_TAKEN = (
        "NamespaceTaken",
        Group.CONSISTENT,
        "An older Tenant names one of its namespaces, too, and has it; all others are its.",
    )
    PARENT_NOT_FOUND = (
        "ParentNotFound",
        Group.CONSISTENT,
        "There is no Tenant of the name that spec.parent gives; until there is, it is a part of nothing.",
    )
    PARENT_CIRCLE = (
        "ParentCircle",
        Group.CONSISTENT,
        "Following spec.parent leads back to it; it is a part of nothing.",
    )
