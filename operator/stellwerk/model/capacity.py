"""Capacity: nodes, and the pools of like nodes that decisions choose between."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from stellwerk.api.labels import LOCAL_CLUSTER
from stellwerk.model.resources import Resources

BLOCKING_EFFECTS: Final = ("NoSchedule", "NoExecute")
"""Taint effects that keep a pod away; `PreferNoSchedule` only asks."""


TERMINATION_TAINTS: Final = (
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
    "aws-node-termination-handler/",
    "cloud.google.com/impending-node-termination",
    "node.cloudprovider.kubernetes.io/shutdown",
    "node.kubernetes.io/out-of-service",
)
"""Taints that begin like this say that the node is about to be taken away, or was."""


PASSING_TAINTS: Final = (
    *TERMINATION_TAINTS,
    "node.kubernetes.io/",
    "node.cloudprovider.kubernetes.io/",
    "karpenter.sh/unregistered",
    "ToBeDeletedByClusterAutoscaler",
)
"""Taints that begin like this tell of a node's state (cordoned, not ready, going away): they pass, and say
nothing of what the pool is for."""


class CapacityType(StrEnum):
    """How a pool's nodes are paid for; the order is the one in which ties are broken."""

    OWNED = "Owned"
    RESERVED = "Reserved"
    SPOT = "Spot"
    ON_DEMAND = "OnDemand"

    @property
    def rank(self) -> int:
        """Position in the tie-break: what is paid anyway first."""
        return tuple(CapacityType).index(self)


class Taint(msgspec.Struct, frozen=True, omit_defaults=True):
    """A taint of a node."""

    key: str
    effect: str
    value: str = ""

    @property
    def blocks(self) -> bool:
        """Whether pods that do not tolerate it stay away."""
        return self.effect in BLOCKING_EFFECTS

    @property
    def passing(self) -> bool:
        """Whether it tells of the node's state and not of what the node is for."""
        return self.key.startswith(PASSING_TAINTS)

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


class Toleration(msgspec.Struct, frozen=True, omit_defaults=True):
    """A toleration of a pod, as Kubernetes writes it; empty fields match everything."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    def tolerates(self, taint: Taint) -> bool:
        """Tell whether this toleration covers `taint`."""
        if self.effect and self.effect != taint.effect:
            return False
        if not self.key:
            return self.operator == "Exists"
        return self.key == taint.key and (self.operator == "Exists" or self.value == taint.value)


class Node(msgspec.Struct, frozen=True):
    """A node as the planner sees it."""

    name: str
    labels: Mapping[str, str]
    allocatable: Resources
    """What its pods may use in total."""
    taints: tuple[Taint, ...] = ()
    ready: bool = True
    unschedulable: bool = False
    cluster: str = LOCAL_CLUSTER
    annotations: Mapping[str, str] = {}
    """Those that tell its price, and no others."""

    @property
    def usable(self) -> bool:
        """Whether new pods may be bound to it now."""
        if not self.ready or self.unschedulable:
            return False
        return not any(taint.blocks and taint.passing for taint in self.taints)

    @property
    def ends(self) -> bool:
        """Whether it is about to be taken away."""
        return any(taint.key.startswith(TERMINATION_TAINTS) for taint in self.taints)

    @property
    def guards(self) -> tuple[Taint, ...]:
        """The taints that keep pods away for good unless they tolerate them."""
        return tuple(taint for taint in self.taints if taint.blocks and not taint.passing)


class Accelerator(msgspec.Struct, frozen=True):
    """The accelerators of each node of a pool."""

    model: str
    """Normalised, such as `H100`; `any` if the node does not say."""
    count: int
    """Per node."""
    resource: str
    """Name of the extended resource, such as `nvidia.com/gpu`."""
    memory_bytes: int | None = None
    """Per accelerator; None if unknown."""
    slices: int = 1
    """Pieces in which one accelerator is handed out, each a unit of `resource` (time-slicing)."""
    part_milli: int = 1000
    """Thousandths of a whole device that each is: a partition, such as a MIG device, is less than 1000."""


class Price(msgspec.Struct, frozen=True):
    """What a node costs."""

    per_node_hour: Decimal
    currency: str
    source: str = ""
    valid_from: str = ""
    """RFC 3339; empty where nobody says since when it holds."""
    origin: str = ""
    """Which kind of source named it, as the status of a ComputePool writes it."""
    elsewhere: Mapping[str, Decimal] = {}
    """The same amount in other currencies, at the exchange rates in force."""

    def counted_in(self, currency: str) -> Price | None:
        """Return the price in a currency; None if no exchange rate is known."""
        if currency == self.currency:
            return self
        amount = self.elsewhere.get(currency)
        return None if amount is None else Price(amount, currency, self.source, self.valid_from, self.origin)


class OnPrem(msgspec.Struct, frozen=True):
    """What a node of one's own costs, in one currency; power and PUE are those of its pool."""

    purchase: Decimal
    lifetime_months: int
    per_kwh: Decimal
    rack_per_month: Decimal
    staff_per_month: Decimal
    currency: str
    source: str = ""
    valid_from: str = ""


class Growth(msgspec.Struct, frozen=True):
    """How a pool gets nodes that are not there yet."""

    max_nodes: int
    """Those that are there included."""
    provision_s: int
    """Seconds until a new node takes pods."""
    node: Resources | None = None
    """What a new node offers; None if it is like those that are there."""
    labels: Mapping[str, str] = {}
    """Of a new node besides the pool's selector, where no node is there to show them."""


class Pool(msgspec.Struct, frozen=True):
    """A set of like nodes in one cluster. None says that a fact is unknown, never that it is zero."""

    name: str
    node_selector: Mapping[str, str]
    cluster: str = LOCAL_CLUSTER
    taints: tuple[Taint, ...] = ()
    """Taints of its nodes that Stellwerk tolerates for what it places there."""
    provider: str = ""
    region: str = ""
    zone: str | None = None
    jurisdiction: str | None = None
    certifications: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    capacity_type: CapacityType = CapacityType.ON_DEMAND
    accelerator: Accelerator | None = None
    further: tuple[Accelerator, ...] = ()
    """Other accelerators of the same nodes, such as MIG partitions beside whole devices."""
    price: Price | None = None
    on_prem: OnPrem | None = None
    """What its price is to be computed from, where that is not declared itself."""
    interruption_rate_per_hour: Decimal | None = None
    """Expected interruptions of one node in one hour; spot pools only."""
    growth: Growth | None = None
    """None if it has the nodes that it has."""
    pue: Decimal | None = None
    """Power usage effectiveness: facility energy by IT energy."""
    grid_carbon: Decimal | None = None
    """Grams of CO2 equivalent per kWh."""
    node_power_watts: Decimal | None = None
    """Power of one node under load."""
    discovered: bool = False
    """Found from node labels; nobody declared it."""

    def selects(self, node: Node) -> bool:
        """Tell whether `node` belongs to this pool by cluster and labels."""
        labels = node.labels
        return node.cluster == self.cluster and all(
            labels.get(key) == value for key, value in self.node_selector.items()
        )
