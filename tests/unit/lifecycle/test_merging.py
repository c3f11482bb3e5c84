"""Merge patches."""

from __future__ import annotations

from stellwerk.lifecycle.merging import merge_patch


def test_only_what_differs_is_in_the_patch() -> None:
    old = {"a": 1, "b": {"c": 1, "d": 2}, "e": [1, 2]}
    new = {"a": 1, "b": {"c": 1, "d": 3}, "e": [1], "f": "new"}
    assert merge_patch(old, new) == {"b": {"d": 3}, "e": [1], "f": "new"}


def test_what_must_go_is_null() -> None:
    assert merge_patch({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"c": 1}}) == {"a": None, "b": {"d": None}}


def test_equal_objects_need_no_patch() -> None:
    assert merge_patch({"a": {"b": [1]}}, {"a": {"b": [1]}}) == {}
