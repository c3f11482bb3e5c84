"""What was decided and is not yet seen back: the assumed placements, and the objects whose last write has not echoed.

A decision takes its room at once, long before the API server has answered, so that the next cycle cannot give it
away again. An object with a write under way is not looked at again until the watch has shown that write (or something
newer): deciding from a view that is known to be old would write the same thing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stellwerk.api.labels import PLACEMENT_ANNOTATION, POD_SET_LABEL
from stellwerk.cluster.cache import is_older
from stellwerk.control.rooms import Rooms
from stellwerk.lifecycle.actions import CreateJob, DeleteJob, PatchJob, Transaction
from stellwerk.model.snapshot import Reservation

ECHO_LIMIT_SECONDS: Final = 10.0
"""An echo that is overdue by this much is not waited for any longer; the watch is then late, not the write lost."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the cache shows of a workload.

    Attributes:
        version: resource version of the AIWorkload; None if it is gone.
        mark: the placement that its Job carries; None without a Job, or with one that carries none.
        alive: uid of its Job, if that is neither suspended nor going away.

    """

    version: str | None
    mark: str | None = None
    alive: str | None = None


@dataclass(slots=True)
class _Pending:
    since: float
    """Of the writer's answer; before that, of the submission."""
    mark: str | None
    """What the Job will carry once it is as decided; None where the transaction does not touch it."""
    version: str | None = None
    """None while the writer has not answered; empty where no version is known."""
    ends: str | None = None
    """Uid of the Job that the transaction deletes."""


class InFlight:
    """Transactions on their way, and the room that they assume; used from one event loop.

    Args:
        rooms: where the assumed room is noted.

    """

    def __init__(self, rooms: Rooms) -> None:
        self._pending: dict[str, _Pending] = {}
        self._rooms = rooms

    def submit(self, transaction: Transaction, reservation: Reservation | None, now: float) -> None:
        """Note that a transaction goes to the writer, and take the room that it assumes."""
        self._pending[transaction.uid] = _Pending(now, mark_of(transaction), ends=_ended_by(transaction))
        if reservation is not None:
            self._rooms.assume(transaction.uid, reservation)

    def written(self, uid: str, version: str | None, now: float) -> None:
        """Note that the API server took it; without a version of the object only its Job's echo is waited for."""
        pending = self._pending.get(uid)
        if pending is not None:
            pending.version, pending.since = version or "", now

    def half_written(self, uid: str, version: str, now: float) -> None:
        """Note that the status was written and its Job was not: the room stays taken, and the echo is waited for."""
        pending = self._pending.get(uid)
        if pending is not None:
            pending.version, pending.mark, pending.ends, pending.since = version, None, None, now

    def failed(self, uid: str) -> bool:
        """Give back what a failed transaction assumed; tell whether it had assumed any room."""
        self._pending.pop(uid, None)
        assumed = self._rooms.assumes(uid)
        self._rooms.assume(uid, None)
        return assumed

    def waits(self, uid: str, seen: Seen, now: float) -> bool:
        """Tell whether the workload must be left alone: its last write has not come back.

        Args:
            uid: of the workload.
            seen: what the cache shows of it.
            now: of the loop's clock, in seconds.

        """
        pending = self._pending.get(uid)
        if pending is None:
            return False
        answered = pending.version is not None
        echoed = seen.version is None or not is_older(seen.version, pending.version or "")
        echoed = echoed and pending.mark in (None, seen.mark) and seen.alive not in {pending.ends} - {None}
        if answered and (echoed or now - pending.since > ECHO_LIMIT_SECONDS):
            del self._pending[uid]
            return False
        return True

    def settled(self, uid: str) -> None:
        """Drop the assumption: the cache shows the placement itself now, or the workload is gone."""
        self._rooms.assume(uid, None)

    def clear(self) -> None:
        """Forget everything: another replica leads."""
        self._pending.clear()
        self._rooms.clear_assumed()


def mark_of(transaction: Transaction) -> str | None:
    """Return the placement that a transaction writes into a Job, or None if it writes none."""
    for action in transaction.actions:
        if isinstance(action, CreateJob | PatchJob):
            body = action.manifest if isinstance(action, CreateJob) else action.body
            if POD_SET_LABEL in body.get("metadata", {}).get("labels", {}):
                continue  # the main Job comes after those of further pod sets
            mark: str | None = body.get("metadata", {}).get("annotations", {}).get(PLACEMENT_ANNOTATION)
            return mark
    return None


def _ended_by(transaction: Transaction) -> str | None:
    return next((action.uid for action in transaction.actions if isinstance(action, DeleteJob)), None)
