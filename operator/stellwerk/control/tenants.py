"""Tenants: whose the namespaces are, and the sums in their status."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from stellwerk.api.v1alpha1.tenant import TenantSpec
from stellwerk.cluster import accounts, structs
from stellwerk.cluster.cache import EventType
from stellwerk.economics.ledger.periods import zone
from stellwerk.economics.ledger.totals import Totals
from stellwerk.lifecycle.actions import Transaction
from stellwerk.lifecycle.tenant_status import Verdict, has_new_period, spend_of, tenant_status
from stellwerk.model.tenancy import Tenancy, TenantRule, tenancy


class Tenants:
    """All Tenants of one cluster; used in the main loop only.

    Args:
        every: Seconds between two writes of the sums of a tenant, at least; a new period is told at once.

    Attributes:
        tenancy: Whose the namespaces are.

    """

    def __init__(self, every: float) -> None:
        self.tenancy = Tenancy({}, {}, {})
        self._every = every
        self._objects: dict[str, accounts.Tenant] = {}
        self._rules: dict[str, TenantRule] = {}
        self._invalid: dict[str, str] = {}
        self._told: dict[str, float] = {}

    def on_tenant(self, _type: EventType, new: accounts.Tenant | None, old: accounts.Tenant | None) -> None:
        """Take in a tenant; of one that is not understood the last good version stays in force."""
        shown = new or old
        if shown is None:
            return
        name = shown.metadata.name
        before = self._rules.get(name)
        if new is None:
            for known in (self._objects, self._rules, self._invalid, self._told):
                known.pop(name, None)
        else:
            self._objects[name] = new
            try:
                self._rules[name] = rule_of(new)
                self._invalid.pop(name, None)
            except ValueError as error:
                self._invalid[name] = str(error)
        if self._rules.get(name) != before:
            self.tenancy = tenancy(self._rules.values())

    def due(self, totals: Totals | None) -> Iterator[Transaction]:
        """Return the writes that bring the status of tenants up to date.

        Args:
            totals: What was spent; None while that is not known.
        """
        now = datetime.now(UTC)
        for name, found in self._objects.items():
            verdict = Verdict(self._invalid.get(name, ""), self.tenancy.problems.get(name))
            spend = None if totals is None else self._spend(name, found, totals)
            due = tenant_status(structs.plain(found), verdict, spend, now)
            if due is not None:
                yield due

    def _spend(self, name: str, found: accounts.Tenant, totals: Totals) -> dict[str, Any] | None:
        rule = self._rules.get(name)
        last = self._told.get(name)
        if rule is None or not totals.until:
            return None
        fresh = last is not None and time.monotonic() - last < self._every
        if fresh and not has_new_period(found.status.get("spend") or (), totals, rule.zone):
            return None
        self._told[name] = time.monotonic()
        return spend_of(self.tenancy.families.get(name, (name,)), totals, rule.zone)


def rule_of(tenant: accounts.Tenant) -> TenantRule:
    """Parse a tenant.

    Raises:
        ValueError: It does not fit the schema, or its time zone does not exist.
    """
    spec = TenantSpec.model_validate(tenant.spec)
    zone(spec.time_zone)
    meta = tenant.metadata
    return TenantRule(
        meta.name, meta.creation_timestamp or "", tuple(spec.namespaces), spec.parent or "", spec.time_zone
    )
