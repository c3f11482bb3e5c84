"""Where reasons appear: in which condition, decision or event; and what a reason is."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Group(StrEnum):
    """Where a reason appears."""

    ACCEPTED = "Condition Accepted"
    DECISION = "Decision (and condition Placed)"
    FILTER = "Rejection of a candidate pool"
    READY = "Condition Ready"
    EVICTED = "Condition Evicted"
    FINISHED = "Condition Finished"
    PRICES = "Condition PricesFresh (of a ComputePool)"
    CONSISTENT = "Condition Consistent (of a Tenant)"
    EVENT = "Event"


class Word(StrEnum):
    """A reason constant; as a string it is the CamelCase word on the wire."""

    group: Group
    sentence: str

    def __new__(cls, word: str, group: Group, sentence: str) -> Self:
        """Make a member of the wire word, where it appears, and what it means."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.group = group
        member.sentence = sentence
        return member


def anchor(reason: Word) -> str:
    """Return the anchor of `reason` on the reference page."""
    return reason.value.lower()
