"""What became of a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from stellwerk.cluster import errors
from stellwerk.lifecycle.actions import Transaction


class OutcomeKind(StrEnum):
    """How a transaction ended; only `APPLIED` means that every action is in effect."""

    APPLIED = "Applied"
    CONFLICT = "Conflict"
    """The object changed meanwhile: wait for its echo and decide again."""
    NAME_TAKEN = "NameTaken"
    """Somebody else's object has the child's name."""
    THROTTLED = "Throttled"
    """The server kept asking us to wait; nothing was done."""
    UNREACHABLE = "Unreachable"
    """No connection; nothing was done."""
    UNKNOWN = "Unknown"
    """It may have been carried out, and a look was not possible: trust only what the watch says."""
    INVALID = "Invalid"
    """The server refuses it as it stands."""
    NOT_FOUND = "NotFound"
    """The object is gone."""
    FORBIDDEN = "Forbidden"
    """A permission is missing, a quota or policy said no, or the namespace is going away."""
    NOT_LEADER = "NotLeader"
    """This replica does not lead (any more); nothing was sent."""


class Outcome(msgspec.Struct, frozen=True):
    """The end of one transaction.

    Attributes:
        transaction: what was submitted.
        kind: how it ended; actions before the failed one are in effect.
        applied: how many actions are in effect.
        resource_version: version of the AIWorkload after our last write to it, or "": do not act on
            it again before the cache has that version.
        child_uid: uid of the child that was created, or found to be ours, else "".
        error: one sentence on the failure, else "".
        seconds: from submission to the end.

    """

    transaction: Transaction
    kind: OutcomeKind
    applied: int = 0
    resource_version: str = ""
    child_uid: str = ""
    error: str = ""
    seconds: float = 0.0


class NotLeader(errors.ApiError):
    """This replica must not write."""


class NameTaken(errors.ApiError):
    """An object of that name exists and is not ours."""


_KINDS: Final[Mapping[type[errors.ApiError], OutcomeKind]] = {
    NotLeader: OutcomeKind.NOT_LEADER,
    NameTaken: OutcomeKind.NAME_TAKEN,
    errors.AlreadyExists: OutcomeKind.NAME_TAKEN,
    errors.Conflict: OutcomeKind.CONFLICT,
    errors.Throttled: OutcomeKind.THROTTLED,
    errors.Unreachable: OutcomeKind.UNREACHABLE,
    errors.NotFound: OutcomeKind.NOT_FOUND,
    errors.Gone: OutcomeKind.NOT_FOUND,
    errors.Forbidden: OutcomeKind.FORBIDDEN,
    errors.Unauthorized: OutcomeKind.FORBIDDEN,
    errors.Invalid: OutcomeKind.INVALID,
}


def kind_of(error: errors.ApiError) -> OutcomeKind:
    """Return the outcome that an error means; what is not surely undone is UNKNOWN."""
    return _KINDS.get(type(error), OutcomeKind.UNKNOWN)
