"""The status of tenants: what was spent, at most so often, and nothing where nothing changed."""

from __future__ import annotations

from typing import Any

import msgspec

from stellwerk.cluster import accounts
from stellwerk.control.tenants import Tenants
from stellwerk.economics.ledger.facts import Billing, Entry, Line, Party
from stellwerk.economics.ledger.totals import Totals
from stellwerk.lifecycle.actions import PatchConfigStatus

NOON = 1_793_016_000  # 2026-10-26T12:00:00Z, a Monday
HOUR = 3600


def tenant(name: str, status: Any = None, created: str = "2026-01-01T00:00:00Z", **spec: Any) -> accounts.Tenant:
    metadata = {"name": name, "uid": f"u-{name}", "generation": 1, "creationTimestamp": created}
    return msgspec.convert({"metadata": metadata, "spec": spec, "status": status or {}}, accounts.Tenant)


def spent(*tenants: str, end: int = NOON + HOUR, price: int | None = 36_000_000) -> Totals:
    billing = Billing("local", "p", currency="EUR" if price else "", price=price, accelerators=8000)
    lines = tuple(Line(Party(f"ns-{name}", tenant=name), 18_000_000 if price else 0, 4000) for name in tenants)
    totals = Totals()
    totals.add([Entry("n", "n", NOON, end, billing, lines)], end)
    return totals


def writes(tenants: Tenants, totals: Totals | None) -> dict[str, dict[str, Any]]:
    found = {}
    for transaction in tenants.due(totals):
        [action] = transaction.actions
        assert isinstance(action, PatchConfigStatus)
        found[action.name] = dict(action.body["status"])
    return found


def test_a_tenant_hears_what_it_spent_in_its_own_time_zone() -> None:
    tenants = Tenants(600.0)
    tenants.on_tenant("ADDED", tenant("a", namespaces=["ns-a"], timeZone="Europe/Berlin"), None)
    status = writes(tenants, spent("a"))["a"]
    assert status["spend"] == [
        {"period": name, "since": since, "currency": "EUR", "amount": "18", "acceleratorHours": "4"}
        for name, since in (
            ("Day", "2026-10-26T00:00:00+01:00"),
            ("Week", "2026-10-26T00:00:00+01:00"),
            ("Month", "2026-10-01T00:00:00+02:00"),
        )
    ]
    assert status["spentUntil"] == "2026-10-26T13:00:00Z"
    assert [(one["type"], one["status"]) for one in status["conditions"]] == [
        ("Accepted", "True"),
        ("Consistent", "True"),
    ]


def test_the_sums_of_a_parent_hold_those_of_its_children() -> None:
    tenants = Tenants(600.0)
    tenants.on_tenant("ADDED", tenant("top"), None)
    tenants.on_tenant("ADDED", tenant("a", parent="top"), None)
    found = writes(tenants, spent("top", "a"))
    assert found["top"]["spend"][0]["amount"] == "36"
    assert found["a"]["spend"][0]["amount"] == "18"


def test_what_has_no_price_is_unknown() -> None:
    tenants = Tenants(600.0)
    tenants.on_tenant("ADDED", tenant("a"), None)
    first = writes(tenants, spent("a", price=None))["a"]["spend"][0]
    assert (first["currency"], first["amount"], first["acceleratorHours"]) == ("XXX", "unknown", "4")


def test_sums_are_written_at_most_so_often_and_at_once_when_a_period_begins() -> None:
    tenants = Tenants(3600.0)
    tenants.on_tenant("ADDED", tenant("a"), None)
    status = writes(tenants, spent("a"))["a"]
    tenants.on_tenant("MODIFIED", tenant("a", status), None)
    assert writes(tenants, spent("a", end=NOON + 2 * HOUR)) == {}
    later = writes(tenants, spent("a", end=NOON + 13 * HOUR))["a"]
    assert later["spend"][0] == {**status["spend"][0], "since": "2026-10-27T00:00:00Z"}


def test_before_the_ledger_is_read_nothing_is_said_of_spending() -> None:
    tenants = Tenants(600.0)
    tenants.on_tenant("ADDED", tenant("a"), None)
    assert "spend" not in writes(tenants, None)["a"]


def test_a_time_zone_that_does_not_exist_is_told_and_the_last_good_version_counts() -> None:
    tenants = Tenants(600.0)
    tenants.on_tenant("ADDED", tenant("a", namespaces=["ns-a"]), None)
    tenants.on_tenant("MODIFIED", tenant("a", namespaces=["ns-b"], timeZone="Europe/Berlinn"), None)
    [accepted, _] = writes(tenants, None)["a"]["conditions"]
    assert (accepted["status"], accepted["reason"]) == ("False", "InvalidSpec")
    assert "Europe/Berlinn" in accepted["message"]
    assert tenants.tenancy.owners == {"ns-a": "a"}


def test_who_names_a_namespace_of_an_older_tenant_is_told_and_a_deletion_frees_it() -> None:
    tenants = Tenants(600.0)
    old, new = tenant("old", namespaces=["x"]), tenant("new", created="2026-06-01T00:00:00Z", namespaces=["x"])
    for one in (new, old):
        tenants.on_tenant("ADDED", one, None)
    conditions = writes(tenants, None)["new"]["conditions"]
    assert [(one["status"], one["reason"]) for one in conditions] == [("True", "Valid"), ("False", "NamespaceTaken")]
    tenants.on_tenant("DELETED", None, old)
    assert tenants.tenancy.owners == {"x": "new"}
