"""The status of an AIWorkload as it is on the wire (camelCase), read and written as one value."""

from __future__ import annotations

import msgspec

from stellwerk.model.placement import Placement


class Condition(msgspec.Struct, frozen=True, rename="camel"):
    """A condition; `status` is True, False or Unknown."""

    type: str
    status: str
    reason: str
    message: str = ""
    last_transition_time: str = ""
    observed_generation: int = 0


class PartStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One addend of the total, as a decimal string."""

    name: str
    amount: str
    per_hour: str | None = None


class CostStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Expected cost; amounts are decimal strings or `unknown`."""

    currency: str
    per_hour: str
    total: str
    parts: tuple[PartStatus, ...] = ()
    room_taken: str | None = None


class CarbonStatus(msgspec.Struct, frozen=True):
    """Energy and emissions of the whole run, as decimal strings."""

    grams_co2e: str = msgspec.field(name="gramsCO2e")
    kwh: str = msgspec.field(name="kWh")


class CandidateStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One candidate of the decision record."""

    cluster: str
    pool: str
    verdict: str
    reason: str
    message: str = ""
    accelerator: str | None = None
    count: int | None = None
    currency: str | None = None
    per_hour: str | None = None
    total: str | None = None
    parts: tuple[PartStatus, ...] = ()


class ChangeStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A change that was tried and that would admit the workload."""

    change: str
    then: str
    cluster: str
    pool: str
    currency: str
    per_hour: str
    total: str
    contested: bool = False
    elsewhere: bool = False


class DecisionStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The decision record."""

    mode: str
    reason: str
    message: str = ""
    considered: int = 0
    candidates: tuple[CandidateStatus, ...] = ()
    cycle: int = 0
    decided_at: str | None = None
    unblock: str | None = None
    changes: tuple[ChangeStatus, ...] = ()


class ChildStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The object that runs the pods."""

    api_version: str
    kind: str
    name: str
    uid: str | None = None


class ServiceStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What a workload had in places that it has left or changed, in accelerator-seconds."""

    accelerator_seconds: int = 0
    lost_seconds: int = 0
    """Accelerator-seconds of these whose work is lost."""


class WorkloadStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """All of `.status`; a new object has the empty one."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    placement: Placement | None = None
    cost: CostStatus | None = None
    carbon: CarbonStatus | None = None
    decision: DecisionStatus | None = None
    child: ChildStatus | None = None
    children: tuple[ChildStatus, ...] = ()
    """The Jobs of the further pod sets."""
    resized_at: str | None = None
    """When its number of pods last changed while it ran."""
    service: ServiceStatus | None = None
    """None: its pods have not run yet, or run without a break since they first did."""

    def condition(self, type_: str) -> Condition | None:
        """Return the condition of this type, if there is one."""
        return next((c for c in self.conditions if c.type == type_), None)

    def is_true(self, type_: str) -> bool:
        """Tell whether the condition of this type is there and True."""
        condition = self.condition(type_)
        return condition is not None and condition.status == "True"
