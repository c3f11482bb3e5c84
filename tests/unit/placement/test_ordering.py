"""Who goes first."""

from __future__ import annotations

from itertools import permutations

from stellwerk.placement.ordering import queue_order
from tests.builders import gang


def test_priority_goes_before_age_and_age_before_uid() -> None:
    urgent = gang("urgent", priority=10, created="2026-11-22T11:00:00Z")
    old = gang("old", created="2026-11-22T09:00:00Z")
    first, second = gang("x", uid="a"), gang("y", uid="b")
    for order in permutations([urgent, old, first, second]):
        assert queue_order(order) == [urgent, old, first, second]
