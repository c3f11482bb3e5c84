"""Judging rows for one request: how many pods go on a node, and what that takes of the room's worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from stellwerk.model.resources import UNBOUNDED, Resources
from stellwerk.placement.packing.devices import NOTHING, Wanted, after, after_each, copies, from_hole, wanted
from stellwerk.placement.packing.quotes import Step
from stellwerk.placement.packing.roomvalue import Worth
from stellwerk.placement.packing.rows import Floats, Ints, Rows

_MANY: Final = 1 << 40
"""Copies are counted up to here, so that sums over nodes stay exact."""
_NO_HOLE: Final = 0
_REMEMBERED: Final = 1 << 16


class Request(NamedTuple):
    """What one pod takes of a node."""

    vector: tuple[int, ...]
    """Amounts along the axis, accelerators in units included."""
    devices: Wanted
    """Of sliced devices; nothing where they are handed out whole."""

    def left_of(self, devices: tuple[int, ...], step: Step, slices: int) -> tuple[int, ...]:
        """Return what a step leaves of the devices of one of its nodes."""
        if self.devices == NOTHING:
            return devices
        if step.hole:
            return from_hole(devices, self.devices.part, step.hole)
        left = after(devices, self.devices, slices, step.pods)
        if left is None:
            raise RuntimeError("a node has fewer devices than it was judged to have")
        return left


@lru_cache(maxsize=_REMEMBERED)
def along(axis: tuple[str, ...], resources: Resources) -> tuple[int, ...]:
    """Return the amounts of the axis' resources; remembered from cycle to cycle."""
    there = dict(resources.amounts)
    return tuple(min(UNBOUNDED, there.get(name, 0)) for name in axis)


def laid_along(axis: tuple[str, ...], slices: int, request: Resources) -> Request | None:
    """Lay a request out on the axis; None if no node offers one of its resources."""
    if any(amount > 0 and name not in axis for name, amount in request.amounts):
        return None
    vector = tuple(max(0, amount) for amount in along(axis, request))
    return Request(vector, wanted(vector[0], slices) if slices > 1 else NOTHING)


class Appraisal:
    """What the rows of a pool are worth, found once per row and set of prices."""

    def __init__(self, rows: Rows, worth: Worth) -> None:
        """Value `rows` by `worth`."""
        self._rows = rows
        self.worth = worth
        self._epoch = -1
        self._born: Ints = np.zeros(0, np.int64)
        self._value: Floats = np.zeros(0)

    def before(self, ids: Ints) -> Floats:
        """Return what these rows are worth as they are."""
        born = self._rows.born
        if self.worth.epoch != self._epoch or len(self._born) < len(born):
            self._epoch = self.worth.epoch
            self._born, self._value = np.zeros(len(born), np.int64), np.zeros(len(born))
        stale = ids[self._born[ids] != born[ids]]
        if len(stale):
            rows = self._rows
            self._value[stale] = self.worth.of(rows.free[stale], rows.devices[stale], rows.kind[stale])
            self._born[stale] = born[stale]
        return self._value[ids]


class Judge:
    """The rows of a pool as they look to one request, judged once per row and set of prices."""

    def __init__(self, rows: Rows, slices: int, request: Request, most: int) -> None:
        """Look at `rows` for gangs that put at most `most` pods on a node."""
        self._rows = rows
        self._slices = slices
        self._request = request
        self._most = most
        self._asked = [at for at, amount in enumerate(request.vector) if amount > 0]
        self._amounts = np.array([request.vector[at] for at in self._asked], np.int64)
        self._vector = np.array(request.vector, np.int64)
        self._born: Ints = np.zeros(0, np.int64)
        self._epoch = -1
        self.pods: Ints = np.zeros(0, np.int64)
        """Pods that a node of the row takes, by row."""
        self.loss: Floats = np.zeros(0)
        """Units of worth that they take together."""
        self.hole: Ints = np.zeros(0, np.int64)
        """Free slices of the device to use, where a single pod shares one."""

    def judge(self, ids: Ints, appraisal: Appraisal) -> None:
        """See that these rows are judged at the prices of the day."""
        if appraisal.worth.epoch != self._epoch:
            self._born[:] = 0
            self._epoch = appraisal.worth.epoch
        if len(self._born) < len(self._rows.born):
            self._grow()
        stale = ids[self._born[ids] != self._rows.born[ids]]
        if len(stale):
            self._judge(stale, appraisal)
            self._born[stale] = self._rows.born[stale]

    def room(self, ids: Ints) -> Ints:
        """Return how many pods each row's nodes take, one by one row."""
        free = self._rows.free[ids]
        if self._asked:
            found: Ints = (np.maximum(free[:, self._asked], 0) // self._amounts).min(axis=1)
        else:
            found = np.full(len(ids), UNBOUNDED, np.int64)
        if self._request.devices != NOTHING:
            on_devices = copies(self._rows.devices[ids], self._request.devices, self._slices)
            found = found if on_devices is None else np.minimum(found, on_devices)
        return np.minimum(found, _MANY)

    def best_first(self, ids: Ints) -> Iterator[int]:
        """Yield these rows from the least loss per pod on; of equals the tightest first. They must be judged."""
        per_pod = self.loss[ids] / self.pods[ids]
        if not len(ids):
            return
        first = self._tightest(ids[per_pod == per_pod.min()])
        yield first
        rest = ids != first
        yield from self._sorted(ids[rest], per_pod[rest]).tolist()

    def step(self, row: int, ranks: Sequence[int], left: int) -> Step:
        """Return what a gang with so many pods left takes of a row's nodes `ranks`."""
        pods = int(self.pods[row])
        nodes = tuple(ranks[: left // pods])
        return Step(row, pods, nodes, int(self.loss[row]) * len(nodes), int(self.hole[row]))

    def _tightest(self, ids: Ints) -> int:
        """Return the row with the least hole, then the least free in the order of the axis, then of devices."""
        columns = [self.hole, *self._rows.free.T, *self._rows.devices.T, self._rows.kind]
        for column in columns:
            if len(ids) == 1:
                break
            there = column[ids]
            ids = ids[there == there.min()]
        return int(ids[0])

    def _sorted(self, ids: Ints, per_pod: Floats) -> Ints:
        rows = self._rows
        columns: list[Ints | Floats] = [
            per_pod,
            self.hole[ids],
            *rows.free[ids].T,
            *rows.devices[ids].T,
            rows.kind[ids],
        ]
        return ids[np.lexsort(columns[::-1])]

    def _judge(self, ids: Ints, appraisal: Appraisal) -> None:
        pods = np.minimum(self.room(ids), self._most)
        self.pods[ids], self.loss[ids], self.hole[ids] = pods, 0, _NO_HOLE
        some = pods > 0
        ids, pods = ids[some], pods[some]
        if not len(ids):
            return
        rows = self._rows
        free, devices, kind = rows.free[ids], rows.devices[ids], rows.kind[ids]
        before, worth = appraisal.before(ids), appraisal.worth
        left = np.asarray(free - pods[:, None] * self._vector, np.int64)
        want = self._request.devices
        if want.part and not want.whole and self._most == 1:
            self.loss[ids], self.hole[ids] = self._by_hole(before, left, devices, kind, worth)
            return
        if want != NOTHING:
            devices = after_each(devices, want, self._slices, pods)
        self.loss[ids] = before - worth.of(left, devices, kind)

    def _by_hole(self, before: Floats, free: Ints, devices: Ints, kind: Ints, worth: Worth) -> tuple[Floats, Ints]:
        """Return the least loss of a share over all devices that have room, and what the best of them has free."""
        part = self._request.devices.part
        distinct = np.ones(devices.shape, bool)
        distinct[:, 1:] = devices[:, 1:] != devices[:, :-1]
        at, device = np.nonzero((devices >= part) & distinct)
        left = devices[at]
        left[np.arange(len(at)), device] -= part
        loss = np.full(devices.shape, np.inf)
        loss[at, device] = before[at] - worth.of(free[at], left, kind[at])
        best = loss.argmin(axis=1)  # ascending: the tightest of equals
        row = np.arange(len(devices))
        return loss[row, best], devices[row, best]

    def _grow(self) -> None:
        more = np.zeros(len(self._rows.born) - len(self._born), np.int64)
        self._born, self.pods, self.hole = (np.append(old, more) for old in (self._born, self.pods, self.hole))
        self.loss = np.append(self.loss, more)
