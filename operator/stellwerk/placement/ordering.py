"""Who goes first."""

from __future__ import annotations

from collections.abc import Iterable

from stellwerk.model.workload import Workload


def queue_order(pending: Iterable[Workload]) -> list[Workload]:
    """Sort by priority (higher first), then creation time, then uid: no two workloads tie."""
    return sorted(pending, key=_rank)


def _rank(workload: Workload) -> tuple[int, str, str]:
    return -workload.priority, workload.identity.created, workload.uid
