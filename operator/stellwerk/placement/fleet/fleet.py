"""The fleet of one cycle: all pools, reservations taken off, and the company that pods keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from stellwerk.model.capacity import Node, Pool
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Reservation, Snapshot
from stellwerk.model.supply import Supply
from stellwerk.model.workload import PodShape, Workload
from stellwerk.placement.fleet.coming import Needs, nodes_to_come
from stellwerk.placement.fleet.company import Company
from stellwerk.placement.fleet.poolview import Left, PoolView, room_when_empty, tolerating, untolerated
from stellwerk.placement.fleet.quota import Allowance

__all__ = ["Fleet", "PoolView", "nodes_by_pool", "room_when_empty", "tolerating", "untolerated"]

_NONE: Final = Resources()
_REMEMBERED: Final = 1 << 16


class Fleet:
    """All pools of a snapshot, reservations taken off."""

    def __init__(self, snapshot: Snapshot, pending: Iterable[Workload]) -> None:
        """Look at a snapshot with the eyes of the `pending` workloads."""
        self.health = snapshot.cluster_health
        free = {node.name: _left(node.allocatable, snapshot.usage.get(node.name, _NONE)) for node in snapshot.nodes}
        sliced = {(pool.cluster, pool.name) for pool in snapshot.pools if _is_sliced(pool)}
        leftover = _take_reserved(free, snapshot.reserved, sliced)
        keys = sorted({key for shape in _shapes(pending) for key in shape.requirements.keys})
        left = Left(free, _slices_by_node(snapshot) if sliced else {})
        owned = nodes_by_pool(snapshot.nodes, snapshot.pools)
        needs = Needs.of(pending, snapshot.reserved)
        firsts: list[PoolView] = []
        coming: list[Node] = []
        for pool in sorted(snapshot.pools, key=lambda pool: (pool.cluster, pool.name)):
            members = owned.get((pool.cluster, pool.name), [])
            new = nodes_to_come(pool, members, needs.nodes_of(pool))
            coming += new
            supply = snapshot.supply.get((pool.cluster, pool.name), Supply())
            firsts += _views(PoolView(_learned(pool, supply), members, left, keys, new), supply)
        self.views = tuple(
            view for first in firsts for view in (first, *(first.seen_for(one) for one in first.pool.further))
        )
        self._take_rest(leftover)
        foreseen = msgspec.structs.replace(snapshot, nodes=(*snapshot.nodes, *coming)) if coming else snapshot
        self.company = Company(foreseen, pending)
        self.allowance = Allowance(snapshot.namespaces)
        for view in self.views:
            view.company, view.allowance = self.company, self.allowance

    def concern(self, workload: Workload) -> Hashable:
        """Return what the decision on a workload depends on besides its shape: neighbours, rules of its namespace."""
        return self.company.concern(workload), self.allowance.concern(workload)

    def _take_rest(self, leftover: Sequence[tuple[Reservation, int]]) -> None:
        """Take room for reserved pods whose preferred nodes are gone or full, in pieces if there is no other way.

        Where devices are sliced nothing was taken yet: there the largest pods choose their devices first.
        """
        views = {(view.pool.cluster, view.pool.name): view for view in self.views}
        for reservation, pods in sorted(leftover, key=lambda one: -_slices_of(views, one[0])):  # stable: else by uid
            view = views.get((reservation.cluster, reservation.pool))
            if view is not None:
                left = pods
                for name in reservation.preferred_nodes if _is_sliced(view.pool) else ():
                    if left:
                        there = frozenset({name})
                        found = view.bins.place(reservation.pod, left, view.open, at_least=0, only=there) or []
                        left -= sum(one.pods for one in found)
                found = (view.place(reservation.pod, left, view.open, at_least=0) or []) if left else []
                view.bins.claim(reservation.pod, left - sum(one.pods for one in found), view.there)


def _learned(pool: Pool, supply: Supply) -> Pool:
    """Return the pool as experience corrects its declaration."""
    if supply.rate_per_hour is None:
        return pool
    return msgspec.structs.replace(pool, interruption_rate_per_hour=supply.rate_per_hour)


def _views(view: PoolView, supply: Supply) -> list[PoolView]:
    """Look at a pool as it is, and, if it can grow, also with the nodes that it has yet to get."""
    if not view.can_grow:
        return [view]
    return [*([view] if view.nodes else []), view.grown(supply.stocked_out_until)]


def nodes_by_pool(nodes: Iterable[Node], pools: Iterable[Pool]) -> dict[tuple[str, str], list[Node]]:
    """Give each node to one pool, so that no room is counted twice.

    Where several pools select a node, the one with the most labels in its selector gets it, and of
    those the first by name. Keys are cluster and name of the pool.
    """
    ranked = sorted(pools, key=lambda pool: (-len(pool.node_selector), pool.name))
    owned: defaultdict[tuple[str, str], list[Node]] = defaultdict(list)
    for node in nodes:
        for pool in ranked:
            if pool.selects(node):
                owned[pool.cluster, pool.name].append(node)
                break
    return owned


def _shapes(pending: Iterable[Workload]) -> set[PodShape]:
    return {shape for workload in pending for shape in (workload.pod, *(one.pod for one in workload.others))}


@lru_cache(maxsize=_REMEMBERED)
def _left(offered: Resources, used: Resources) -> Resources:
    """Return what is free; remembered from cycle to cycle, for only few nodes change between two."""
    return offered - used


def _is_sliced(pool: Pool) -> bool:
    return pool.accelerator is not None and pool.accelerator.slices > 1


def _slices_by_node(snapshot: Snapshot) -> dict[str, list[int]]:
    """Return how many slices each pod of a workload that runs uses, by node; those of others are not known."""
    names = {pool.accelerator.resource for pool in snapshot.pools if pool.accelerator and _is_sliced(pool)}
    found: defaultdict[str, list[int]] = defaultdict(list)
    for running in snapshot.running:
        for (node, pods), (_, uses) in zip(running.pods_by_node, running.uses, strict=True):
            amounts = (uses.get(name) for name in names)
            for each, rest in (divmod(amount, pods) for amount in amounts if amount and pods):
                found[node] += [each] * pods if not rest else [each * pods + rest]
    return found


def _slices_of(views: Mapping[tuple[str, str], PoolView], reservation: Reservation) -> int:
    """Return how many slices one reserved pod takes, 0 where devices are handed out whole."""
    view = views.get((reservation.cluster, reservation.pool))
    has = None if view is None else view.pool.accelerator
    return 0 if has is None or has.slices == 1 else reservation.pod.get(has.resource)


def _take_reserved(
    free: dict[str, Resources], reserved: Iterable[Reservation], sliced: Container[tuple[str, str]]
) -> list[tuple[Reservation, int]]:
    """Take reserved pods off their preferred nodes; return what found no room there, and all of `sliced` pools."""
    leftover: list[tuple[Reservation, int]] = []
    for reservation in sorted(reserved, key=lambda one: one.uid):
        left = reservation.pods
        for name in reservation.preferred_nodes if (reservation.cluster, reservation.pool) not in sliced else ():
            if left and name in free:
                pods = min(left, reservation.pod.copies_in(free[name]))
                free[name] -= reservation.pod * pods
                left -= pods
        if left:
            leftover.append((reservation, left))
    return leftover
