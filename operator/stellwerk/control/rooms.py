"""Room that is given away and not yet taken up by bound pods, kept so that a snapshot costs little.

Thousands of placed workloads wait for their pods in a busy hour. Alike ones (same pool, same pod, same preferred
nodes) are kept as one sum, so that a cycle handles as many reservations as there are nodes with such pods, not as many
as there are workloads.
"""

from __future__ import annotations

import msgspec

from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Reservation

_Alike = tuple[str, str, Resources, tuple[str, ...]]


class Rooms:
    """Reservations by workload: as the cache shows them, and as decisions assume them until the cache does."""

    def __init__(self) -> None:
        self._seen: dict[str, Reservation] = {}
        self._assumed: dict[str, Reservation] = {}
        self._sums: dict[_Alike, Reservation] = {}
        self._frozen: tuple[Reservation, ...] | None = ()

    @property
    def taken(self) -> tuple[Reservation, ...]:
        """All reservations, alike ones summed up, in a fixed order; the same tuple until one changes."""
        if self._frozen is None:
            self._frozen = tuple(sorted(self._sums.values(), key=lambda one: one.uid))
        return self._frozen

    def assumes(self, uid: str) -> bool:
        """Tell whether a placement of this workload is assumed."""
        return uid in self._assumed

    def reserves(self, uid: str) -> bool:
        """Tell whether the cache shows that this workload holds room."""
        return uid in self._seen

    def see(self, uid: str, reservation: Reservation | None) -> None:
        """Note what the cache shows that a workload reserves; None for nothing."""
        self._change(uid, self._seen, reservation)

    def assume(self, uid: str, reservation: Reservation | None) -> None:
        """Take the room of a decision at once, whatever the cache shows; None drops the assumption."""
        self._change(uid, self._assumed, reservation)

    def clear_assumed(self) -> None:
        """Drop all assumptions."""
        for uid in list(self._assumed):
            self.assume(uid, None)

    def _change(self, uid: str, layer: dict[str, Reservation], reservation: Reservation | None) -> None:
        before = self._effective(uid)
        if reservation is None:
            layer.pop(uid, None)
        else:
            layer[uid] = reservation
        after = self._effective(uid)
        if before != after:
            self._frozen = None
            self._add(before, -1)
            self._add(after, 1)

    def _effective(self, uid: str) -> Reservation | None:
        return self._assumed.get(uid) or self._seen.get(uid)

    def _add(self, reservation: Reservation | None, sign: int) -> None:
        if reservation is not None:
            for one in (reservation, *reservation.others):
                self._count(one, sign)

    def _count(self, reservation: Reservation, sign: int) -> None:
        alike = (reservation.cluster, reservation.pool, reservation.pod, reservation.preferred_nodes)
        known = self._sums.get(alike)
        pods = (known.pods if known else 0) + sign * reservation.pods
        if pods:
            name = known.uid if known else "/".join((*alike[:2], *alike[3], repr(alike[2].amounts)))
            self._sums[alike] = msgspec.structs.replace(reservation, uid=name, pods=pods, others=())
        else:
            self._sums.pop(alike, None)
