"""What it saves to go on elsewhere, and what the move loses: the two sides of every migration, in micro-units."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Final

import msgspec

from stellwerk.economics.cost import ROOM_TAKEN, run_hours
from stellwerk.economics.disruption import lost_hours, option_of, remaining_hours
from stellwerk.model.decision import Cost
from stellwerk.model.running import Running
from stellwerk.model.workload import AcceleratorOption

ONCE: Final = frozenset({"Egress", "Waiting"})
"""Cost parts that are paid for each start and not by the hour."""

MARGIN: Final = Fraction(3, 2)
"""A move must save so many times what it loses: both are expectations, and neither is certain."""


class Balance(msgspec.Struct, frozen=True):
    """The two sides of a move."""

    saving: int
    """Of the remaining run, between the two places; what it loses is not taken off."""
    loss: int
    """Work to do again, the restart, and what every start costs."""

    @property
    def gain(self) -> int:
        """What is left of the saving."""
        return self.saving - self.loss

    def pays(self, minimum: int) -> bool:
        """Tell whether the move is worth it: it gains at least the `minimum`, and with a margin."""
        return self.gain >= max(1, minimum) and self.saving >= MARGIN * self.loss


class Start(msgspec.Struct, frozen=True):
    """A place to go on at."""

    cost: Cost
    """Expected of a whole run there."""
    option: AcceleratorOption | None
    """The alternative of accelerators with which it would run there."""
    restart_s: int
    """Seconds until it does."""


def balance(running: Running, here: Cost, start: Start, now: datetime) -> Balance | None:
    """Weigh going on elsewhere against staying.

    Args:
        running: What would move.
        here: Expected cost of a whole run where it is.
        start: Where it would go.
        now: The moment.

    Returns:
        None if a cost is not known, currencies differ, or nothing is left to do.
    """
    own, there = option_of(running), start.cost
    pods = running.placement.replicas if running.placement else None
    whole, left = run_hours(running.workload, own, pods), remaining_hours(running, now)
    if here.total is None or there.total is None or there.per_hour is None or here.currency != there.currency:
        return None
    if not left:
        return None
    part = left / whole
    saving = part * (_by_the_hour(here) - _by_the_hour(there))
    again = lost_hours(running, now) * run_hours(running.workload, start.option) / whole
    again += Fraction(start.restart_s, 3600)
    starts = sum(one.amount for one in there.parts if one.name in ONCE)
    return Balance(round(saving), round(there.per_hour * again) + starts)


def _by_the_hour(cost: Cost) -> int:
    """Return the part of the cost that comes with time; what the room is worth to others is not paid."""
    return sum(one.amount for one in cost.parts if one.name not in ONCE and one.name != ROOM_TAKEN)
