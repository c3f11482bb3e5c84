"""Packing of gangs on the nodes of one pool, where the room they take is worth least to others.

Nodes that are alike are handled as one row (rows.py), rows are judged for a request by what its pods would
take of the room's worth (judging.py, roomvalue.py), and of rows that are equally good the tightest is
taken: with nothing known of the demand this is best fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from stellwerk.model.resources import UNBOUNDED, Resources
from stellwerk.placement.packing.devices import Ints, in_pieces, padded, relaid
from stellwerk.placement.packing.judging import Appraisal, Judge, Request, along, laid_along
from stellwerk.placement.packing.quotes import Assignment, Limits, Quote, Sliced, Step
from stellwerk.placement.packing.roomvalue import Worth, Worthless
from stellwerk.placement.packing.rows import Key, Rows, Selection

__all__ = ["Assignment", "Bins", "Limits", "Quote", "Sliced"]

_JUDGES: Final = 128
"""Requests whose view of the rows is kept; the oldest goes first."""


class Bins:
    """The free room of a pool's nodes; changes as gangs are placed."""

    def __init__(
        self, axis: Sequence[str], nodes: Iterable[tuple[str, Resources, int]], sliced: Sliced | None = None
    ) -> None:
        """Fill the rows.

        Args:
            axis: All resource names that nodes offer, the one to pack tightest first.
            nodes: Name, free resources and class of each node, in any order.
            sliced: The devices, where they are not handed out whole.
        """
        told = sorted(nodes, key=lambda node: node[0])
        self._axis = tuple(axis)
        self._names = [name for name, _, _ in told]
        self._slices = sliced.slices if sliced else 1
        self.is_sliced = self._slices > 1
        devices = sliced.devices if sliced else {}
        width = max(map(len, devices.values()), default=0)
        keys = (Key(along(self._axis, free), padded(devices.get(name, ()), width), kind) for name, free, kind in told)
        self._rows = Rows(len(self._axis), width, zip(keys, range(len(told)), strict=True))
        self._worth = Appraisal(self._rows, Worthless())
        self._judges: dict[tuple[Request, int], Judge] = {}
        self._most: dict[Request, int] = {}
        self._requests: dict[Resources, Request | None] = {}
        self._chosen = Selection(self._rows, self._names)
        self._quoted = (-1, -1)
        self._quotes: dict[tuple[Resources, int, Limits], Quote] = {}
        self._rooms: dict[tuple[Request, frozenset[int]], tuple[int, int]] = {}
        self._device_counts = {name: len(found) for name, found in devices.items()}
        self._lay: dict[tuple[int, tuple[int, ...]], tuple[int, ...]] = {}
        """How the devices of a node lay when it had that free vector, for room that comes back."""

    @property
    def axis(self) -> tuple[str, ...]:
        """All resource names that nodes offer."""
        return self._axis

    @property
    def version(self) -> int:
        """Changes with every change of the free room."""
        return self._rows.version

    def value_by(self, worth: Worth) -> None:
        """Judge places by this worth from now on."""
        self._worth = Appraisal(self._rows, worth)
        self._judges.clear()

    def stock(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Return free vectors, devices and class of all rows, and how many nodes each has."""
        rows, live = self._rows, self._rows.live()
        return rows.free[live], rows.devices[live], rows.kind[live], rows.count[live]

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
        """Take room for a gang, where it is worth least to others: all pods or none, unless `at_least` says less.

        Args:
            request: What one pod asks for.
            pods: Size of the gang, at least 1.
            kinds: Classes of nodes that the pods accept.
            at_least: Place as many pods as there is room for, and none if that is fewer than these.
            per_node: Most pods of this gang on one node.
            only: Names of the nodes that may be used; None allows all.

        Returns the pods per node in the order of filling, or None if the gang does not fit.
        """
        quote = self.quote(request, pods, Limits(kinds, per_node, only), at_least=at_least)
        return None if quote is None else self.take(request, quote)

    def quote(self, request: Resources, pods: int, limits: Limits, *, at_least: int | None = None) -> Quote | None:
        """Return how a gang would be placed now and what that takes, None if it does not fit; changes nothing."""
        least = pods if at_least is None else at_least
        if self._quoted != (self.version, self._worth.worth.epoch):
            self._quoted = (self.version, self._worth.worth.epoch)
            self._quotes.clear()
        key = (request, pods, limits)
        if key not in self._quotes:
            asked = self._laid(request)
            self._quotes[key] = Quote() if asked is None else self._plan(asked, pods, limits)
        return None if self._quotes[key].pods < least else self._quotes[key]

    def take(self, request: Resources, quote: Quote) -> list[Assignment]:
        """Take the room of a quote, which must be the last word on it: nothing may have changed since."""
        asked = self._laid(request)
        if asked is None:
            return []
        found = []
        for step in quote.steps:
            key = self._rows.keys[step.row]
            vector = tuple(there - amount * step.pods for there, amount in zip(key.vector, asked.vector, strict=True))
            self._rows.move(step.row, step.nodes, Key(vector, asked.left_of(key.devices, step, self._slices), key.kind))
            found += [Assignment(self._names[rank], step.pods) for rank in step.nodes]
        return found

    def claim(self, request: Resources, pods: int, kinds: frozenset[int]) -> None:
        """Take room for pods that fit on no node as they are, in pieces, from the nodes with the most.

        They have a right to what becomes free beside the pieces: given to others, it would be booked twice.
        """
        asked = self._laid(request)
        owed = [amount * pods for amount in asked.vector] if asked else []
        while (row := self._richest(owed, kinds)) is not None:
            key = self._rows.keys[row]
            piece = [max(0, min(there, due)) for there, due in zip(key.vector, owed, strict=True)]
            vector = tuple(there - part for there, part in zip(key.vector, piece, strict=True))
            devices = in_pieces(key.devices, piece[0]) if key.devices else ()
            self._rows.move(row, self._rows.members[row][:1], Key(vector, devices, key.kind))
            owed = [due - part for due, part in zip(owed, piece, strict=True)]

    def shift(self, changes: Mapping[str, Resources]) -> None:
        """Give room to single nodes, or take it where amounts are negative; nodes of other pools are left out.

        Where devices are sliced, room that comes back lies as it lay when it was taken, if that is known,
        and else as tightly as it can.
        """
        for name in sorted(changes):
            rank = self._chosen.rank_of(name)
            if rank is None:
                continue
            key = self._rows.keys[self._rows.at[rank]]
            vector = tuple(
                there + more for there, more in zip(key.vector, along(self._axis, changes[name]), strict=True)
            )
            self._lay[rank, key.vector] = key.devices
            devices = self._lay.get((rank, vector))
            if devices is None:
                devices = relaid(key.devices, vector[0], self._device_counts.get(name, 0), self._slices)
            self._rows.move(self._rows.at[rank], [rank], Key(vector, devices, key.kind))
        self._most.clear()

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
        return self.room(request, kinds, per_node=per_node, only=only) >= pods

    def room(
        self,
        request: Resources,
        kinds: frozenset[int],
        *,
        per_node: int | None = None,
        only: frozenset[str] | None = None,
    ) -> int:
        """Return how many such pods would find room now, at most `UNBOUNDED`."""
        asked = self._laid(request)
        if asked is None:
            return 0
        if per_node is None and only is None:
            return self._room(asked, kinds)
        ids = self._chosen.of_kinds(kinds)
        copies = self._judge(asked, 1).room(ids)
        copies = copies if per_node is None else np.minimum(copies, per_node)
        nodes = self._rows.count[ids]
        if only is not None:
            allowed = self._chosen.named(only)
            nodes = np.array([len(allowed.get(row, ())) for row in ids.tolist()], np.int64)
        return sum(one * n for one, n in zip(copies.tolist(), nodes.tolist(), strict=True))

    def spots(self, request: Resources, kinds: frozenset[int]) -> dict[str, int]:
        """Return how many such pods each node would take now, by name; nodes that take none are absent."""
        asked = self._laid(request)
        if asked is None:
            return {}
        ids = self._chosen.of_kinds(kinds)
        copies = self._judge(asked, 1).room(ids).tolist()
        rows = ((self._rows.members[row], pods) for row, pods in zip(ids.tolist(), copies, strict=True) if pods)
        return {self._names[rank]: pods for ranks, pods in rows for rank in ranks}

    def free(self, resource: str, kinds: frozenset[int] | None = None) -> int:
        """Return how much of one resource is free over all nodes, or those of some classes; what is overused is 0."""
        if resource not in self._axis:
            return 0
        free, _, kind, nodes = self.stock()
        if kinds is not None:
            nodes = nodes * np.isin(kind, list(kinds))
        return int((np.maximum(free[:, self._axis.index(resource)], 0) * nodes).sum())

    def rank_of(self, node: str) -> int | None:
        """Return the rank of a node by name, None if it is not here."""
        return self._chosen.rank_of(node)

    def by_rank(self) -> tuple[Ints, Ints]:
        """Return the free vector along the axis and the class of each node."""
        at = np.array([self._rows.at[rank] for rank in range(len(self._names))], np.int64)
        return self._rows.free[at], self._rows.kind[at]

    def _plan(self, asked: Request, pods: int, limits: Limits) -> Quote:
        """Choose nodes for as many of the pods as there is room for."""
        ids = self._chosen.of_kinds(limits.kinds)
        allowed = None if limits.only is None else self._chosen.named(limits.only)
        if allowed is not None:
            ids = ids[np.isin(ids, list(allowed))]
        left, steps, used = pods, list[Step](), dict[int, int]()
        while left and len(ids):
            most = min(left, limits.per_node or left)
            most = most if most == 1 else min(most, self._most_on_one(asked))
            judge = self._judge(asked, most)
            judge.judge(ids, self._worth)
            ids = ids[judge.pods[ids] > 0]
            for row in judge.best_first(ids):
                ranks = (self._rows.members[row] if allowed is None else allowed[row])[used.get(row, 0) :]
                step = judge.step(row, ranks, left)
                if step.nodes:
                    steps.append(step)
                    used[row] = used.get(row, 0) + len(step.nodes)
                    left -= step.pods * len(step.nodes)
                if left < most:
                    break
            else:
                break
            there = self._rows.members if allowed is None else allowed
            ids = ids[~np.isin(ids, [row for row, nodes in used.items() if nodes >= len(there[row])])] if left else ids
        return Quote(tuple(steps), pods - left, sum(step.loss for step in steps))

    def _room(self, asked: Request, kinds: frozenset[int]) -> int:
        """Return how many such pods would find room now, found once until something changes."""
        known = self._rooms.get((asked, kinds))
        if known is None or known[0] != self.version:
            ids = self._chosen.of_kinds(kinds)
            if any(asked.vector):
                room = int(self._judge(asked, 1).room(ids).astype(float) @ self._rows.count[ids])
            else:
                room = UNBOUNDED if len(ids) else 0
            known = self._rooms[asked, kinds] = (self.version, room)
        return known[1]

    def _laid(self, request: Resources) -> Request | None:
        """Lay a request out on the axis, once; None if no node offers one of its resources."""
        if request not in self._requests:
            self._requests[request] = laid_along(self._axis, self._slices, request)
        return self._requests[request]

    def _judge(self, asked: Request, most: int) -> Judge:
        judge = self._judges.get((asked, most))
        if judge is None:
            if len(self._judges) == _JUDGES:
                del self._judges[next(iter(self._judges))]
            judge = self._judges[asked, most] = Judge(self._rows, self._slices, asked, most)
        return judge

    def _most_on_one(self, asked: Request) -> int:
        """Return how many such pods the emptiest node takes, at least 1: nodes only get fuller."""
        most = self._most.get(asked)
        if most is None:
            room = self._judge(asked, 1).room(self._rows.live())
            most = self._most[asked] = max(1, int(room.max(initial=1)))
        return most

    def _richest(self, owed: Sequence[int], kinds: frozenset[int]) -> int | None:
        """Return the row with the most of the scarce resources that still has something of what is owed."""
        due = [at for at, amount in enumerate(owed) if amount > 0]
        keys = self._rows.keys
        some = (row for row in self._chosen.of_kinds(kinds).tolist() if any(keys[row].vector[at] > 0 for at in due))
        return max(some, key=lambda row: keys[row], default=None)
