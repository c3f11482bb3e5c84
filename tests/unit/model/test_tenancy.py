"""Whose a namespace is: what administrators wrote, and the oldest of them first."""

from __future__ import annotations

from stellwerk.api.tenant_reasons import TenantReason
from stellwerk.model.tenancy import TenantRule, tenancy

OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"


def test_a_namespace_belongs_to_the_oldest_tenant_that_names_it_and_the_other_one_hears_of_it() -> None:
    found = tenancy([TenantRule("b", NEW, ("x", "y")), TenantRule("a", OLD, ("x",))])
    assert found.owners == {"x": "a", "y": "b"}
    assert found.problems == {"b": (TenantReason.NAMESPACE_TAKEN, "namespace x belongs to tenant a")}


def test_of_two_that_are_as_old_the_first_name_has_it_whatever_the_order_is() -> None:
    rules = [TenantRule("b", OLD, ("x",)), TenantRule("a", OLD, ("x",))]
    assert tenancy(rules) == tenancy(rules[::-1])
    assert tenancy(rules).owners == {"x": "a"}


def test_a_family_is_a_tenant_and_all_below_it() -> None:
    found = tenancy(
        [TenantRule("top", OLD), TenantRule("mid", OLD, parent="top"), TenantRule("leaf", OLD, parent="mid")]
    )
    assert found.families == {"top": ("top", "leaf", "mid"), "mid": ("mid", "leaf"), "leaf": ("leaf",)}
    assert found.problems == {}


def test_a_parent_that_does_not_exist_is_told_and_changes_nothing_else() -> None:
    found = tenancy([TenantRule("a", OLD, ("x",), parent="gone")])
    assert found.problems["a"] == (TenantReason.PARENT_NOT_FOUND, "there is no tenant gone")
    assert found.owners == {"x": "a"}
    assert found.families == {"a": ("a",)}


def test_a_circle_is_told_to_each_in_it_and_counts_nobody_twice() -> None:
    found = tenancy(
        [
            TenantRule("a", OLD, parent="b"),
            TenantRule("b", OLD, parent="a"),
            TenantRule("c", OLD, parent="a"),
            TenantRule("self", OLD, parent="self"),
        ]
    )
    assert {name: reason for name, (reason, _) in found.problems.items()} == dict.fromkeys(
        ("a", "b", "self"), TenantReason.PARENT_CIRCLE
    )
    assert found.families == {"a": ("a", "c"), "b": ("b",), "c": ("c",), "self": ("self",)}


def test_a_circle_is_a_circle_also_where_another_problem_is_told() -> None:
    found = tenancy(
        [
            TenantRule("0-first", OLD, ("x",)),
            TenantRule("a", OLD, ("x",), parent="b"),
            TenantRule("b", OLD, parent="a"),
        ]
    )
    assert found.owners == {"x": "0-first"}
    assert found.problems["a"][0] is TenantReason.NAMESPACE_TAKEN
    assert found.families["b"] == ("b",)
