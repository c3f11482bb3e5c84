"""Decisions: the result of planning, as data."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum

import msgspec

from stellwerk.api.labels import ANY_MODEL
from stellwerk.api.reasons import Reason
from stellwerk.model.placement import Placement
from stellwerk.model.workload import AcceleratorOption, WorkloadKey

MICROS = 1_000_000
"""Amounts of money are whole micro-units: a million of them is one unit of the currency."""


class Mode(IntEnum):
    """What can be done with a workload; a larger value is better for it."""

    NEVER = 0
    WAIT = 1
    PREEMPT = 2
    FIT = 3

    @property
    def wire(self) -> str:
        """As the status writes it, such as `Fit`."""
        return self.name.capitalize()


class Verdict(IntEnum):
    """What became of a candidate."""

    CHOSEN = 0
    FEASIBLE = 1
    REJECTED = 2

    @property
    def wire(self) -> str:
        """As the status writes it, such as `Chosen`."""
        return self.name.capitalize()


class Rejection(msgspec.Struct, frozen=True):
    """Why a candidate will not do."""

    reason: str
    """Constant of `stellwerk.api.reasons`."""
    message: str
    """One sentence with the numbers, without a full stop."""
    change: str
    """The smallest change that would lift it, as an imperative clause: `allow provider aws`."""
    permanent: bool = True
    """True if only a change of rules or capacity lifts it; False if other work's end can."""
    weight: int = 1
    """How much the change asks of people, compared to changes of other reasons."""
    effort: int = 0
    """Size of the change, to tell the smallest of several changes of one reason; no unit."""
    pod_set: str = ""
    """The further pod set of which it speaks; empty for the main one."""


class CostPart(msgspec.Struct, frozen=True):
    """One addend of the total."""

    name: str
    amount: int
    """In micro-units."""
    per_hour: int | None = None
    """What of the cost per hour it is; None for what is paid once, or expected to be lost now and then."""


class Carbon(msgspec.Struct, frozen=True):
    """Energy and emissions of a whole run."""

    milligrams: int
    """Milligrams of CO2 equivalent."""
    milliwatt_hours: int


class Cost(msgspec.Struct, frozen=True):
    """Expected cost of a gang on a pool, in micro-units; None is unknown, never zero."""

    currency: str
    per_hour: int | None
    """While it runs."""
    total: int | None
    """Of the whole run, risk included; the sum of `parts`."""
    parts: tuple[CostPart, ...] = ()
    carbon: Carbon | None = None
    unknown: str = ""
    """What is missing where an amount is unknown."""
    room_taken: int | None = None
    """What the room would be worth to those who are still to come, until the end: it counts where places are
    compared, but nobody pays it, so it is no part of the total. None where it is not known or was not asked."""


class Candidate(msgspec.Struct, frozen=True):
    """A pool and an alternative of accelerators, and what speaks against them."""

    cluster: str
    pool: str
    option: AcceleratorOption | None
    verdict: Verdict
    cost: Cost
    rejections: tuple[Rejection, ...] = ()
    accelerator: str | None = None
    """Model that the pool has, for those who asked for any."""
    grown: bool = False
    """The pool with nodes that it has yet to get."""

    @property
    def model(self) -> str | None:
        """The model that is asked for; who takes any gets the pool's. None for CPU only."""
        if self.option is None:
            return None
        return (self.accelerator or ANY_MODEL) if self.option.model == ANY_MODEL else self.option.model

    @property
    def is_priced(self) -> bool:
        """Whether the pool has what is asked for, so that the cost there means something."""
        return all(rejection.reason != Reason.ACCELERATOR_MISMATCH for rejection in self.rejections)

    @property
    def distance(self) -> int:
        """How far it is from being feasible: the weights of its rejections."""
        return sum(rejection.weight for rejection in self.rejections)


class Outcome(StrEnum):
    """What a change leads to."""

    RUNS = "Runs"
    """There is room now."""
    EVICTS = "Evicts"
    """Others of lower priority make room first."""
    WAITS = "Waits"
    """It could run once there is room; without the change it never can."""


class Change(msgspec.Struct, frozen=True):
    """A change of a workload or its policy with which the engine was run again, and that admits it."""

    asks: str
    """What to do, as an imperative clause."""
    cluster: str
    """Where there is a place for it then, the cheapest as things stand; the only one unless `elsewhere`."""
    pool: str
    cost: Cost
    """Expected there with the change, what others lose included."""
    outcome: Outcome = Outcome.RUNS
    contested: bool = False
    """It changes a rule, and others that wait under the same policy may take the room first."""
    elsewhere: bool = False
    """Other pools would do, too: which of them it gets is decided when somebody has made the change."""


class Decision(msgspec.Struct, frozen=True):
    """What was decided for one workload, and why."""

    key: WorkloadKey
    uid: str
    mode: Mode
    reason: str
    """Constant of `stellwerk.api.reasons`."""
    message: str
    accepted: bool = True
    """False if the workload names a policy that it may not use: `reason` then says so."""
    unblock: str | None = None
    """One sentence: the smallest change that would admit it; `perhaps` says that it was not tried."""
    changes: tuple[Change, ...] = ()
    """Those that were tried, the smallest first; each admits it by itself."""
    chosen: Placement | None = None
    cost: Cost | None = None
    candidates: tuple[Candidate, ...] = ()
    """At most ten, the best first."""
    considered: int = 0
    """How many candidates were looked at."""


class MoveKind(StrEnum):
    """What happens to a workload that has a place already."""

    PREEMPT = "Preempt"
    """It is evicted for one of higher priority, and waits."""
    SHRINK = "Shrink"
    """It goes on with fewer pods."""
    GROW = "Grow"
    """It goes on with more pods."""
    MIGRATE = "Migrate"
    """It is evicted and placed elsewhere."""


class Move(msgspec.Struct, frozen=True):
    """A change to a workload that has a place already."""

    key: WorkloadKey
    uid: str
    kind: MoveKind
    message: str
    """One sentence: why, for whom, and what it costs; without a full stop."""
    cause: str = ""
    """Uid of the workload that gains by it; empty if it is itself the one."""
    placement: Placement | None = None
    """Its place afterwards; None if it waits."""
    cost: Cost | None = None
    """Expected at that place."""
    loss: int | None = 0
    """What is lost by it in micro-units: work since the last checkpoint, and the restart; None if unknown."""
    saving: int | None = None
    """What is saved by it in micro-units, the loss not taken off; None where it is not done for that."""


class Bound(msgspec.Struct, frozen=True):
    """How near a plan is to the cheapest one that places the same workloads, in micro-units."""

    currency: str
    cost: int
    """What is placed at a known cost is expected to cost together."""
    lower: int
    """No placement of it costs less."""

    @property
    def gap(self) -> float:
        """How much more the plan may cost than the best one: 0.02 is two per cent; 0 where nothing costs anything."""
        return (self.cost - self.lower) / self.lower if self.lower > 0 else 0.0


class Plan(msgspec.Struct, frozen=True):
    """The decisions of one cycle, in the order in which they were taken."""

    decisions: tuple[Decision, ...]
    cycle: int
    now: datetime
    moves: tuple[Move, ...] = ()
    """Changes to workloads that have a place already; at most one for each."""
    bound: Bound | None = None
    """None where nothing is placed at a known cost, or costs are in several currencies."""
