"""What one reflector knows: the newest seen version of each object, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, Literal, TypeVar

from stellwerk.cluster.structs import KubeObject

T = TypeVar("T", bound=KubeObject)

EventType = Literal["ADDED", "MODIFIED", "DELETED"]
Change = tuple[EventType, T | None, T | None]
"""(type, new, old): old is None when added, new is None when deleted."""

_SMALL = 20
"""Below this many objects any change of their number is believed at once."""


class Cache(Generic[T]):
    """Objects by uid, so that an object recreated under its old name is another one."""

    def __init__(self) -> None:
        self.objects: dict[str, T] = {}

    def apply(self, kind: str, new: T) -> Change[T] | None:
        """Take in one watch event; None if it tells nothing new."""
        uid = new.metadata.uid
        if kind == "DELETED":
            old = self.objects.pop(uid, None)
            return None if old is None else ("DELETED", None, old)
        old = self.objects.get(uid)
        if old is not None and old.metadata.resource_version == new.metadata.resource_version:
            return None
        self.objects[uid] = new
        return ("ADDED", new, None) if old is None else ("MODIFIED", new, old)

    def replace(self, fresh: Mapping[str, T]) -> Iterator[Change[T]]:
        """Take in a whole LIST by uid; yields what changed since, deletions first.

        Deletions that happened while nobody watched come out here, so that no ghost stays; objects
        that did not change come out not at all.
        """
        old_objects, self.objects = self.objects, dict(fresh)
        for uid, old in old_objects.items():
            if uid not in fresh:
                yield ("DELETED", None, old)
        for uid, new in fresh.items():
            known = old_objects.get(uid)
            if known is None:
                yield ("ADDED", new, None)
            elif known.metadata.resource_version != new.metadata.resource_version:
                yield ("MODIFIED", new, known)

    def would_lose_most(self, fresh: Mapping[str, T]) -> bool:
        """Tell whether a LIST would delete most of many objects: worth a second look."""
        if len(self.objects) < _SMALL:
            return False
        kept = sum(1 for uid in self.objects if uid in fresh)
        return kept * 2 < len(self.objects)


def is_older(version: str, than: str) -> bool:
    """Compare resource versions; those that are no numbers are never older."""
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)
