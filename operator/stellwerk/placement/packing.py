"""Best-fit packing of gangs, with nodes that are alike handled as one.

Free room is kept as buckets: all nodes of one class (same taints and telling labels) with the same
free vector share a bucket, and buckets are sorted by their vector, the scarce resource first. A pool
of thousands of like nodes so costs as much as its few distinct vectors.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush

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
    nodes: int


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

    def place(
        self, request: Resources, pods: int, kinds: frozenset[int], *, partly: bool = False
    ) -> list[Assignment] | None:
        """Take room for a gang: all pods or none (unless `partly`), tightest nodes first.

        Args:
            request: What one pod asks for.
            pods: Size of the gang, at least 1.
            kinds: Classes of nodes that the pods accept.
            partly: Place as many pods as there is room for.

        Returns:
            Pods per node in the order of filling, or None if the gang does not fit.
        """
        vector = self._vector(request)
        if vector is None:
            return [] if partly else None
        shares, left = self._scan(vector, pods, kinds)
        if left and not partly:
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
            ranks = self._pop(bucket, 1)
            self._put((tuple(there - part for there, part in zip(free, piece, strict=True)), kind), ranks)
            owed = [due - part for due, part in zip(owed, piece, strict=True)]

    def fits(self, request: Resources, pods: int, kinds: frozenset[int]) -> bool:
        """Tell whether the whole gang would find room now; changes nothing."""
        vector = self._vector(request)
        return vector is not None and not self._scan(vector, pods, kinds)[1]

    def room(self, request: Resources, kinds: frozenset[int]) -> int:
        """Return how many such pods would find room now, at most `UNBOUNDED`."""
        vector = self._vector(request)
        return 0 if vector is None else UNBOUNDED - self._scan(vector, UNBOUNDED, kinds)[1]

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

    def _scan(self, vector: Vector, pods: int, kinds: frozenset[int]) -> tuple[list[Share], int]:
        """Return which shares a gang would take, and how many pods find no room."""
        asked = [(at, amount) for at, amount in enumerate(vector) if amount > 0]
        shares: list[Share] = []
        # A vector that holds the request is not below it in dictionary order either.
        for bucket in self._order[bisect_left(self._order, (vector,)) :]:
            free, kind = bucket
            if kind not in kinds:
                continue
            copies = min((free[at] // amount for at, amount in asked), default=UNBOUNDED)
            if copies <= 0:
                continue
            full = min(len(self._members[bucket]), pods // copies)
            if full:
                shares.append(Share(bucket, copies, full))
                pods -= full * copies
            if 0 < pods < copies and full < len(self._members[bucket]):
                shares.append(Share(bucket, pods, 1))
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

    def _pop(self, bucket: Bucket, nodes: int) -> list[int]:
        """Take the first nodes out of a bucket."""
        ranks = self._members[bucket]
        taken = [heappop(ranks) for _ in range(nodes)]
        if not ranks:
            del self._members[bucket]
            del self._order[bisect_left(self._order, bucket)]
        return taken

    def _put(self, bucket: Bucket, ranks: list[int]) -> None:
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
