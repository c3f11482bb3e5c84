"""The pools of one cluster, declared and discovered, with the prices in force and their nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from stellwerk.control.prices import Prices
from stellwerk.model.capacity import Node, Pool
from stellwerk.model.discovery import discover_pools
from stellwerk.placement.fleet.fleet import nodes_by_pool


class Pools:
    """Pools, worked out anew when nodes or declarations change.

    Args:
        nodes: returns all nodes.
        prices: what pools cost.

    Attributes:
        declared: as people declared them, by name.

    """

    def __init__(self, nodes: Callable[[], Sequence[Node]], prices: Prices) -> None:
        self.declared: dict[str, Pool] = {}
        self.prices = prices
        self._nodes = nodes
        self._unpriced: tuple[Pool, ...] | None = None
        self._priced: tuple[Pool, ...] | None = None
        self._members: Mapping[tuple[str, str], Sequence[Node]] | None = None

    @property
    def all(self) -> tuple[Pool, ...]:
        """Declared and discovered pools, with the prices in force."""
        if self._unpriced is None:
            declared = tuple(self.declared[name] for name in sorted(self.declared))
            self._unpriced = (*declared, *discover_pools(self._nodes(), declared))
            self._priced = self._members = None
        if self._priced is None:
            self._priced = self.prices.priced(self._unpriced, self._members_of, datetime.now(UTC))
        return self._priced

    def members_of(self, pool: Pool) -> Sequence[Node]:
        """Return the nodes of a pool, usable or not."""
        if self._unpriced is None:
            _ = self.all
        return self._members_of(pool)

    def forget(self) -> None:
        """Work everything out anew: nodes or declarations have changed."""
        self._unpriced = None

    def reprice(self) -> bool:
        """Judge the prices anew, for tables or time have changed; tell whether one of them has."""
        before, self._priced = self._priced, None
        return before != self.all

    def _members_of(self, pool: Pool) -> Sequence[Node]:
        if self._members is None:
            self._members = nodes_by_pool(self._nodes(), self._unpriced or ())
        return self._members.get((pool.cluster, pool.name), ())
