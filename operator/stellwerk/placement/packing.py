"""Best-fit packing of gangs, with nodes that are alike handled as one.

Free room is kept as buckets: all nodes of one class (same taints and telling labels) with the same
free vector share a bucket, and buckets are sorted by their vector, the scarce resource first. A pool
of thousands of like nodes so costs as much as its few distinct vectors.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappush, nsmallest

import msgspec

from stellwerk.model.resources import UNBOUNDED, Resources

Vector = tuple[int, ...]
Bucket = tuple[Vector, int]
"""A free vector and a class of nodes."""


class Assignment(msgspec.Struct, frozen=True):
    """Pods on one node."""

    node: str
    pods: int


class Share(msgspec.Struct, frozen=True):
    """What a gang takes of one bucket."""

    bucket: Bucket
    pods_per_node: int
    nodes: tuple[int, ...]
    """By rank."""


class Bins:
    """The free room of a pool's nodes; changes as gangs are placed."""

    def __init__(self, axis: Sequence[str], nodes: Iterable[tuple[str, Resources, int]]) -> None:
        """Fill the buckets.

        Args:
            axis: All resource names that nodes offer, the one to pack tightest first.
            nodes: Name, free resources and class of each node, in any order.
        """
        self._axis = tuple(axis)
        self._names: list[str] = []
        self._members: dict[Bucket, list[int]] = {}
        for rank, (name, free, kind) in enumerate(sorted(nodes, key=lambda node: node[0])):
            self._names.append(name)
            there = dict(free.amounts)
            bucket = (tuple(there.get(resource, 0) for resource in self._axis), kind)
            self._members.setdefault(bucket, []).append(rank)  # ascending, and so a heap
        self._order = sorted(self._members)

    def place(  # noqa: PLR0913 - each keyword is a limit of its own
        self,
        request: Resources,
        pods: int,
        kinds: frozenset[int],
        *,
        at_least: int | None = None,
        per_node: int | None = None,
        only: frozenset[str] | None = None,
    ) -> list[Assignment] | None:
        """Take room for a gang: all pods or none (unless `at_least` says less), tightest nodes first.

        Args:
            request: What one pod asks for.
            pods: Size of the gang, at least 1.
            kinds: Classes of nodes that the pods accept.
            at_least: Place as many pods as there is room for, and none if that is fewer than these.
            per_node: Most pods of this gang on one node.
            only: Names of the nodes that may be used; None allows all.

        Returns:
            Pods per node in the order of filling, or None if the gang does not fit.
        """
        least = pods if at_least is None else at_least
        vector = self._vector(request)
        if vector is None:
            return None if least else []
        shares, left = self._scan(vector, pods, kinds, per_node, self._ranks(only))
        if pods - left < least:
            return None
        return [assignment for share in shares for assignment in self._take(share, vector)]

    def claim(self, request: Resources, pods: int, kinds: frozenset[int]) -> None:
        """Take room for pods that fit on no node as they are, in pieces, from the nodes with the most.

        They have a right to what becomes free beside the pieces: given to others, it would be booked twice.
        """
        vector = self._vector(request)
        owed = [amount * pods for amount in vector or ()]
        while (bucket := self._richest(owed, kinds)) is not None:
            free, kind = bucket
            piece = tuple(max(0, min(there, due)) for there, due in zip(free, owed, strict=True))
            ranks = self._pop(bucket, self._members[bucket][:1])
            self._put((tuple(there - part for there, part in zip(free, piece, strict=True)), kind), ranks)
            owed = [due - part for due, part in zip(owed, piece, strict=True)]

    def fits(
        self,
        request: Resources,
        pods: int,
        kinds: frozenset[int],
        *,
        per_node: int | None = None,
        only: frozenset[str] | None = None,
    ) -> bool:
        """Tell whether the whole gang would find room now; changes nothing."""
        vector = self._vector(request)
        return vector is not None and not self._scan(vector, pods, kinds, per_node, self._ranks(only))[1]

    def room(
        self,
        request: Resources,
        kinds: frozenset[int],
        *,
        per_node: int | None = None,
        only: frozenset[str] | None = None,
    ) -> int:
        """Return how many such pods would find room now, at most `UNBOUNDED`."""
        vector = self._vector(request)
        if vector is None:
            return 0
        return UNBOUNDED - self._scan(vector, UNBOUNDED, kinds, per_node, self._ranks(only))[1]

    def free(self, resource: str) -> int:
        """Return how much of one resource is free over all nodes; what is overused counts as 0."""
        if resource not in self._axis:
            return 0
        at = self._axis.index(resource)
        return sum(max(0, vec[at]) * len(ranks) for (vec, _), ranks in self._members.items())

    def _vector(self, request: Resources) -> Vector | None:
        """Lay a request out on the axis; None if no node offers one of its resources."""
        wanted = dict(request.amounts)
        vector = tuple(wanted.pop(resource, 0) for resource in self._axis)
        return None if any(amount > 0 for amount in wanted.values()) else vector

    def _ranks(self, only: frozenset[str] | None) -> frozenset[int] | None:
        return None if only is None else frozenset(rank for rank, name in enumerate(self._names) if name in only)

    def _scan(
        self,
        vector: Vector,
        pods: int,
        kinds: frozenset[int],
        per_node: int | None,
        only: frozenset[int] | None,
    ) -> tuple[list[Share], int]:
        """Return which shares a gang would take, and how many pods find no room."""
        asked = [(at, amount) for at, amount in enumerate(vector) if amount > 0]
        shares: list[Share] = []
        # A vector that holds the request is not below it in dictionary order either.
        for bucket in self._order[bisect_left(self._order, (vector,)) :]:
            free, kind = bucket
            if kind not in kinds:
                continue
            copies = min((free[at] // amount for at, amount in asked), default=UNBOUNDED)
            copies = copies if per_node is None else min(copies, per_node)
            if copies <= 0:
                continue
            ranks = self._members[bucket]
            ranks = ranks if only is None else sorted(only.intersection(ranks))
            full = min(len(ranks), pods // copies)
            if full:
                shares.append(Share(bucket, copies, tuple(nsmallest(full, ranks))))
                pods -= full * copies
            if 0 < pods < copies and full < len(ranks):
                shares.append(Share(bucket, pods, tuple(nsmallest(full + 1, ranks)[full:])))
                pods = 0
            if not pods:
                break
        return shares, pods

    def _take(self, share: Share, vector: Vector) -> list[Assignment]:
        free, kind = share.bucket
        taken = self._pop(share.bucket, share.nodes)
        pods = share.pods_per_node
        left = tuple(there - amount * pods for there, amount in zip(free, vector, strict=True))
        self._put((left, kind), taken)
        return [Assignment(self._names[rank], pods) for rank in taken]

    def _richest(self, owed: Sequence[int], kinds: frozenset[int]) -> Bucket | None:
        """Return the bucket with the most of the scarce resources that still has something of what is owed."""
        due = [at for at, amount in enumerate(owed) if amount > 0]
        some = (one for one in reversed(self._order) if one[1] in kinds and any(one[0][at] > 0 for at in due))
        return next(some, None)

    def _pop(self, bucket: Bucket, taken: Sequence[int]) -> Sequence[int]:
        """Take nodes out of a bucket."""
        gone = set(taken)
        ranks = self._members[bucket]
        ranks[:] = [rank for rank in ranks if rank not in gone]
        heapify(ranks)
        if not ranks:
            del self._members[bucket]
            del self._order[bisect_left(self._order, bucket)]
        return taken

    def _put(self, bucket: Bucket, ranks: Sequence[int]) -> None:
        members = self._members.get(bucket)
        if members is None:
            members = self._members[bucket] = []
            insort(self._order, bucket)
        for rank in ranks:
            heappush(members, rank)


def room_when_empty(request: Resources, capacity: Mapping[tuple[Resources, int], int], kinds: frozenset[int]) -> int:
    """Return how many pods would fit if nothing ran, at most `UNBOUNDED`.

    Args:
        request: What one pod asks for.
        capacity: How many nodes offer what, by allocatable resources and class.
        kinds: Classes of nodes that the pods accept.
    """
    copies = (request.copies_in(offered) * nodes for (offered, kind), nodes in capacity.items() if kind in kinds)
    return min(UNBOUNDED, sum(copies))
