"""JSON merge patches (RFC 7396): the smallest body that turns one object into another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Json:
    """Return the patch from `old` to `new`: changed and added members, and null for those that must go.

    Lists are replaced as a whole. `new` holds no nulls: a patch cannot set one.
    """
    patch: Json = {key: None for key in sorted(old) if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if inner := merge_patch(before, value):
                patch[key] = inner
        elif key not in old or value != before:
            patch[key] = value
    return patch
