"""What a plan over files yields, joined with where each workload was written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from stellwerk.cli.pricing import PriceList
from stellwerk.model.decision import Bound, Decision, Mode
from stellwerk.model.workload import Workload

EXIT_FITS = 0
EXIT_BAD_INPUT = 1
EXIT_NEVER_FITS = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One workload, the manifest that it comes from, and what was decided."""

    workload: Workload
    file: str
    line: int
    decision: Decision


@dataclass(frozen=True, slots=True)
class Result:
    """All workloads in the order in which the engine decided them."""

    entries: tuple[Entry, ...]
    now: datetime
    notes: tuple[str, ...] = ()
    """What was left out of the plan, and why; sentences for people."""
    bound: Bound | None = None
    """How near the plan is to the cheapest one that places the same."""
    prices: PriceList | None = None
    """What nodes cost, and who says so."""

    @property
    def totals(self) -> Totals:
        """Sums over what is placed."""
        return Totals.of(self.entries)

    def named(self, name: str) -> tuple[Entry, ...]:
        """Return the workloads called `name`, or `namespace/name`."""
        return tuple(e for e in self.entries if name in {e.workload.key.name, str(e.workload.key)})


def exit_code(shown: tuple[Entry, ...]) -> int:
    """Return 0, or 2 if a workload that is shown can never fit."""
    never = any(entry.decision.mode is Mode.NEVER for entry in shown)
    return EXIT_NEVER_FITS if never else EXIT_FITS


@dataclass(frozen=True, slots=True)
class Totals:
    """How many workloads fare how, and what the placed ones cost (micro-units by currency)."""

    modes: dict[Mode, int]
    per_hour: dict[str, int]
    total: dict[str, int]
    unpriced: int

    @classmethod
    def of(cls, entries: tuple[Entry, ...]) -> Totals:
        """Count; a cost that is unknown is counted as unpriced and adds nothing."""
        per_hour: Counter[str] = Counter()
        total: Counter[str] = Counter()
        unpriced = 0
        for entry in entries:
            cost = entry.decision.cost
            if entry.decision.chosen is None:
                continue
            if cost is None or cost.per_hour is None or cost.total is None:
                unpriced += 1
                continue
            per_hour[cost.currency] += cost.per_hour
            total[cost.currency] += cost.total
        modes = Counter(entry.decision.mode for entry in entries)
        return cls({mode: modes[mode] for mode in Mode}, dict(per_hour), dict(total), unpriced)
