"""Sums over entries: by any keys, by any period, exact until they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from enum import StrEnum
from fractions import Fraction
from typing import Final

import msgspec

from stellwerk.economics.ledger.facts import HOUR, Entry, Line, Loss
from stellwerk.economics.ledger.periods import Period, bounds
from stellwerk.economics.ledger.rates import apportion


class Kind(StrEnum):
    """What a part of a node's price was paid for."""

    WORK = "Work"
    """Pods had it."""
    IDLE = "Idle"
    """Nobody had it."""
    UNSEEN = "Unseen"
    """Nobody watched, and nobody is known to have had it."""


class Slice(msgspec.Struct, frozen=True):
    """A line of an entry within one period; the atom of all sums."""

    entry: Entry
    line: Line
    kind: Kind
    start: int
    end: int
    period: int
    """When the period begins."""


class Sum(msgspec.Struct):
    """A sum; add up first, round last."""

    amount: int = 0
    """Micro-units times seconds per hour: 3600 of it are one micro-unit."""
    device_seconds: int = 0
    """Thousandths of devices times seconds."""
    unpriced_seconds: int = 0
    """Seconds on nodes without a price, for each party."""
    lost: int = 0
    """Of `amount`: for work that was lost."""

    def add(self, part: Slice, lost_seconds: int = 0) -> None:
        """Add one slice."""
        seconds = part.end - part.start
        self.amount += part.line.rate * seconds
        self.device_seconds += part.line.accelerators * seconds
        self.lost += part.line.rate * lost_seconds
        if part.entry.billing.price is None:
            self.unpriced_seconds += seconds


Key = Callable[[Slice], str]


def _workload(part: Slice) -> str:
    party = part.line.party
    return f"{party.namespace}/{party.workload}" if party.workload else ""


KEYS: Final[Mapping[str, Key]] = {
    "tenant": lambda part: part.line.party.tenant,
    "namespace": lambda part: part.line.party.namespace,
    "class": lambda part: part.line.party.class_,
    "workload": _workload,
    "attempt": lambda part: part.line.party.attempt,
    "cluster": lambda part: part.entry.billing.cluster,
    "pool": lambda part: part.entry.billing.pool,
    "provider": lambda part: part.entry.billing.provider,
    "region": lambda part: part.entry.billing.region,
    "jurisdiction": lambda part: part.entry.billing.jurisdiction,
    "capacity": lambda part: part.entry.billing.capacity_type,
    "node": lambda part: part.entry.node,
    "kind": lambda part: part.kind.value,
}
"""By what sums can be grouped."""


class Question(msgspec.Struct, frozen=True):
    """What is to be summed."""

    start: int
    end: int
    by: tuple[str, ...] = ("tenant",)
    """Names in `KEYS`."""
    period: Period | None = None
    """None: over all of the time."""
    zone: tzinfo = UTC


Group = tuple[int, tuple[str, ...], str, Kind]
"""When the period begins, values of the keys, currency, kind."""


def slices(entries: Iterable[Entry], question: Question) -> Iterator[Slice]:
    """Cut entries at the ends of periods; each second of each node's price is in exactly one slice."""
    for entry in entries:
        start, end = max(entry.start, question.start), min(entry.end, question.end)
        while start < end:
            period, till = (question.start, end) if question.period is None else _bounds(start, question)
            stop = min(till, end)
            for line in entry.lines:
                yield Slice(entry, line, Kind.WORK, start, stop, period)
            rest = entry.rest
            if rest.rate or rest.accelerators or entry.billing.price is None:
                yield Slice(entry, rest, Kind.IDLE if entry.seen else Kind.UNSEEN, start, stop, period)
            start = stop


def _bounds(moment: int, question: Question) -> tuple[int, int]:
    if question.period is None:
        return question.start, question.end
    return bounds(moment, question.period, question.zone)


def sums(entries: Iterable[Entry], losses: Iterable[Loss], question: Question) -> dict[Group, Sum]:
    """Add up by period, keys, currency and kind."""
    lost = losses_by_workload(losses)
    keys = [KEYS[name] for name in question.by]
    found: dict[Group, Sum] = {}
    for part in slices(entries, question):
        group = (part.period, tuple(key(part) for key in keys), part.entry.billing.currency, part.kind)
        found.setdefault(group, Sum()).add(part, lost_seconds(part, lost))
    return found


def losses_by_workload(losses: Iterable[Loss]) -> dict[str, list[Loss]]:
    """Return losses by the uid of the workload."""
    found: dict[str, list[Loss]] = {}
    for loss in losses:
        found.setdefault(loss.uid, []).append(loss)
    return found


def lost_seconds(part: Slice, losses: Mapping[str, Sequence[Loss]]) -> int:
    """Return for how many seconds of a slice the work was lost; what two losses have in common counts once."""
    total, reached = 0, part.start
    for loss in sorted(losses.get(part.line.party.uid, ()), key=lambda one: one.start) if part.line.party.uid else ():
        start, end = max(loss.start, reached), min(loss.end, part.end)
        if end > start:
            total, reached = total + end - start, end
    return total


def node_bill(entries: Iterable[Entry], start: int, end: int) -> dict[str, int]:
    """Return what the nodes cost, by currency, in the unit of `Sum.amount`: price times time and nothing else."""
    found: dict[str, int] = {}
    for entry in entries:
        seconds = min(entry.end, end) - max(entry.start, start)
        if seconds > 0 and entry.billing.price is not None:
            currency = entry.billing.currency
            found[currency] = found.get(currency, 0) + entry.billing.price * seconds
    return found


def rounded(amounts: Sequence[int], unit: int = 1) -> list[int]:
    """Round amounts as in `Sum.amount` so that what is written adds up to the rounded total.

    Args:
        amounts: Of one currency, zero or more each.
        unit: Micro-units of the smallest amount that is written: 1, or 10,000 for cents.

    Returns:
        Whole numbers of that unit.
    """
    if not amounts:
        return []
    total = (sum(amounts) + HOUR * unit // 2) // (HOUR * unit)
    return apportion(total, [Fraction(one) for one in amounts])
