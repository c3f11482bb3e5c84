"""Where reasons appear: in which condition, decision or event."""

from __future__ import annotations

from enum import StrEnum


class Group(StrEnum):
    """Where a reason appears."""

    ACCEPTED = "Condition Accepted"
    DECISION = "Decision (and condition Placed)"
    FILTER = "Rejection of a candidate pool"
    READY = "Condition Ready"
    EVICTED = "Condition Evicted"
    FINISHED = "Condition Finished"
    EVENT = "Event"
