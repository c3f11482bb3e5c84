"""What was decided and is not yet seen back: the assumed placements, and the objects whose last write has not echoed.

A decision takes its room at once, long before the API server has answered, so that the next cycle cannot give it
away again. An object with a write under way is not looked at again until the watch has shown that write (or something
newer): deciding from a view that is known to be old would write the same thing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stellwerk.cluster.cache import is_older
from stellwerk.lifecycle.actions import Transaction
from stellwerk.model.snapshot import Reservation

ECHO_LIMIT_SECONDS: Final = 10.0
"""An echo that is overdue by this much is not waited for any longer; the watch is then late, not the write lost."""


@dataclass(slots=True)
class _Pending:
    since: float
    version: str | None = None
    """None while the writer has not answered."""


class InFlight:
    """Transactions on their way and the room that they assume; used from one event loop."""

    def __init__(self) -> None:
        self._pending: dict[str, _Pending] = {}
        self._assumed: dict[str, Reservation] = {}

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def assumed(self) -> tuple[Reservation, ...]:
        """Room that is taken by decisions that the cache does not show yet."""
        return tuple(self._assumed[uid] for uid in sorted(self._assumed))

    def assumes(self, uid: str) -> bool:
        """Tell whether a placement of this workload is assumed."""
        return uid in self._assumed

    def submit(self, transaction: Transaction, reservation: Reservation | None, now: float) -> None:
        """Note that a transaction goes to the writer, and take the room that it assumes."""
        self._pending[transaction.uid] = _Pending(now)
        if reservation is not None:
            self._assumed[transaction.uid] = reservation

    def written(self, uid: str, version: str | None) -> None:
        """Note that the API server took it; without a version of the object there is no echo to wait for."""
        if version is None:
            self._pending.pop(uid, None)
        elif uid in self._pending:
            self._pending[uid].version = version

    def failed(self, uid: str) -> bool:
        """Give back what a failed transaction assumed; tell whether it had assumed any room."""
        self._pending.pop(uid, None)
        return self._assumed.pop(uid, None) is not None

    def waits(self, uid: str, seen: str | None, now: float) -> bool:
        """Tell whether the workload must be left alone: its last write has not come back.

        Args:
            uid: of the workload.
            seen: resource version in the cache; None if the object is gone.
            now: of the loop's clock, in seconds.

        """
        pending = self._pending.get(uid)
        if pending is None:
            return False
        answered = pending.version is not None
        echoed = answered and (seen is None or not is_older(seen, pending.version or ""))
        if echoed or (answered and now - pending.since > ECHO_LIMIT_SECONDS):
            del self._pending[uid]
            return False
        return True

    def settled(self, uid: str) -> None:
        """Drop the assumption: the cache shows the placement itself now, or the workload is gone."""
        self._assumed.pop(uid, None)

    def clear(self) -> None:
        """Forget everything: another replica leads."""
        self._pending.clear()
        self._assumed.clear()
