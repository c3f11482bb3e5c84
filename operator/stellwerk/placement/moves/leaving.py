"""What is on its way out of some pools, and the room that it leaves there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from stellwerk.model.running import Running
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.moves.sacrifices import Freed, add


class Leaving:
    """All that leaves, whole or in part; looked for only where somebody needs room."""

    def __init__(self, running: Sequence[Running]) -> None:
        """Look at what runs."""
        self._running = running
        self._nodes: dict[tuple[str, str], frozenset[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._ones)

    def frees(self, views: Sequence[PoolView]) -> Freed:
        """Return what becomes free in some pools, by node."""
        freed: Freed = {}
        for one in self._ones:
            for node, used in one.going:
                if self._is_in(node, views):
                    add(freed, {node: used})
        return freed

    def names(self, views: Sequence[PoolView]) -> tuple[str, ...]:
        """Return who leaves some pools."""
        return tuple(str(one.key) for one in self._ones if any(self._is_in(node, views) for node, _ in one.going))

    @cached_property
    def _ones(self) -> list[Running]:
        return [one for one in self._running if one.going]

    def _is_in(self, node: str, views: Sequence[PoolView]) -> bool:
        return any(node in self._names(view) for view in views)

    def _names(self, view: PoolView) -> frozenset[str]:
        key = (view.pool.cluster, view.pool.name)
        if key not in self._nodes:
            self._nodes[key] = frozenset(node.name for node in view.nodes)
        return self._nodes[key]
