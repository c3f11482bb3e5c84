"""What the ledger knows: nodes and pods as intervals of whole seconds, never as ticks.

A moment is whole seconds since 1970 in UTC. A rate is whole micro-units of a currency per hour, so that a rate times
seconds is exact in any order and however time is cut: nothing is rounded before somebody reads a sum.
"""

from __future__ import annotations

from typing import Final

import msgspec

from stellwerk.model.capacity import Accelerator
from stellwerk.model.resources import Resources

HOUR: Final = 3600


class Party(msgspec.Struct, frozen=True, array_like=True, order=True):
    """On whose account something runs; the empty one is nobody."""

    namespace: str = ""
    class_: str = ""
    """Of the AIWorkload; empty for pods of none."""
    workload: str = ""
    """Name of the AIWorkload; pods of none are one party for each namespace."""
    uid: str = ""
    attempt: str = ""
    """When the workload got the place in which these pods run (RFC 3339): it has another one after it lost that."""
    tenant: str = ""


class Billing(msgspec.Struct, frozen=True, array_like=True):
    """What a node costs while this holds, and what it is."""

    cluster: str
    pool: str
    provider: str = ""
    region: str = ""
    jurisdiction: str = ""
    capacity_type: str = ""
    currency: str = ""
    """Empty where no price is known."""
    price: int | None = None
    """Micro-units per hour; None is not known, never free."""
    accelerators: int = 0
    """Thousandths of whole devices that the node offers."""


class NodeFacts(msgspec.Struct, frozen=True):
    """A node as its price is split."""

    billing: Billing
    offers: Resources
    accelerators: tuple[Accelerator, ...] = ()
    """The main one first, as its pool says."""


class NodeSpan(msgspec.Struct):
    """One life of a node."""

    uid: str
    name: str
    start: int
    """When it was created."""
    versions: list[tuple[int, NodeFacts]]
    """What holds from when on, in order; the first holds before its moment, too."""
    end: int | None = None
    """When it was seen to be gone; None while it is there."""

    def facts_at(self, moment: int) -> NodeFacts:
        """Return what holds at `moment`."""
        found = self.versions[0][1]
        for since, facts in self.versions[1:]:
            if since > moment:
                break
            found = facts
        return found


class PodSpan(msgspec.Struct):
    """A pod on its node."""

    uid: str
    node: str
    """Name."""
    party: Party
    """Without its tenant, which is that of the namespace at the time."""
    requests: Resources
    start: int
    """When it was bound."""
    end: int | None = None
    """When it was seen to have ended; None while it holds its node."""

    def covers(self, moment: int) -> bool:
        """Tell whether it holds its node in the second that begins at `moment`."""
        return self.start <= moment and (self.end is None or moment < self.end)


Part = tuple[Party, str, Resources]
"""A pod's party, its tenant, and what it asks for."""


class Line(msgspec.Struct, frozen=True, array_like=True):
    """The part of a node that one party has."""

    party: Party
    rate: int
    """Micro-units per hour."""
    accelerators: int = 0
    """Thousandths of whole devices."""


class Entry(msgspec.Struct, frozen=True):
    """A node over an interval in which nothing changed: its whole price, and who has which part of it."""

    uid: str
    """Of the node."""
    node: str
    start: int
    end: int
    billing: Billing
    lines: tuple[Line, ...] = ()
    """In the order of the parties."""
    seen: bool = True
    """False where nobody watched: what no line has may have been used, and is not called idle."""

    @property
    def seconds(self) -> int:
        """Its length."""
        return self.end - self.start

    @property
    def rest(self) -> Line:
        """What no party has, in the name of nobody."""
        rate = (self.billing.price or 0) - sum(line.rate for line in self.lines)
        devices = self.billing.accelerators - sum(line.accelerators for line in self.lines)
        return Line(Party(), rate, devices)

    def continues(self, other: Entry) -> bool:
        """Tell whether it goes on where `other` ended, with nothing changed."""
        same = self.billing == other.billing and self.lines == other.lines and self.seen == other.seen
        return same and self.uid == other.uid and self.start == other.end


class Loss(msgspec.Struct, frozen=True, array_like=True):
    """Work that was paid for and is lost, because a place was given up; its cost is part of what entries say."""

    uid: str
    """Of the workload."""
    start: int
    """From here on; before it there was a checkpoint, or nothing had begun."""
    end: int
    """When it lost its place."""
    cause: str
    """Reason constant of the condition Evicted."""
    why: str = ""
    """One sentence: for whom, and what it cost."""
