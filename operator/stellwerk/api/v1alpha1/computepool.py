"""ComputePool: a set of like nodes in one cluster."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stellwerk.api.base import (
    DNS_SUBDOMAIN,
    LIST_SET,
    Labels,
    LabelValue,
    Name,
    QualifiedName,
    Rule,
    Token,
    WireModel,
    doc,
    key_rule,
    list_map,
)
from stellwerk.api.labels import LOCAL_CLUSTER
from stellwerk.api.money import Amount
from stellwerk.api.quantity import Quantity, positive_rule
from stellwerk.api.v1alpha1.computepool_price import PoolPrice, PriceStatus
from stellwerk.api.v1alpha1.growth import PoolGrowth, PoolSupply
from stellwerk.api.v1alpha1.kind import AGE, AnsweredStatus, Column, Kind, KindInfo, short_name_rule

CapacityType = Literal["Owned", "Reserved", "OnDemand", "Spot"]
"""How nodes are paid for: owned, reserved for a term, by the hour, or interruptible."""

Provider = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_SUBDOMAIN)]
"""A provider in lower case."""


class Taint(WireModel):
    """A taint that the pool's nodes carry."""

    key: Annotated[QualifiedName, doc("Key of the taint.", "nvidia.com/gpu")]
    value: Annotated[LabelValue, doc("Value of the taint.", "present")] = ""
    effect: Annotated[
        Literal["NoSchedule", "PreferNoSchedule", "NoExecute"],
        doc("Effect of the taint.", "NoSchedule"),
    ]


class PoolAccelerator(WireModel):
    """The accelerators of each node."""

    rules = (positive_rule("memory"),)

    model: Annotated[Token, doc("Model, compared without regard to case.", "H100")]
    count: Annotated[int, doc("Accelerators per node.", 8, ge=1, le=1024)]
    memory: Annotated[
        Quantity | None,
        doc("Memory per accelerator, in bytes with an optional suffix.", "80Gi"),
    ] = None
    resource: Annotated[QualifiedName, doc("Resource by which pods ask for them.", "nvidia.com/gpu")] = "nvidia.com/gpu"
    slices: Annotated[
        int,
        doc(
            "Slices that each accelerator is offered in (time-slicing, MPS): nodes then offer count times slices"
            " of the resource. 1 where pods get whole ones.",
            4,
            ge=1,
            le=64,
        ),
    ] = 1


class ComputePoolSpec(WireModel):
    """Which nodes make up the pool, and what is known of them."""

    rules = (
        key_rule("nodeSelector", "node_selector"),
        key_rule("labels", "labels"),
        Rule(
            name="spot-has-interruption-rate",
            cel="self.capacityType != 'Spot' || has(self.interruptionRatePerHour)",
            message="interruptionRatePerHour is required when capacityType is Spot",
            holds=lambda s: s.capacity_type != "Spot" or s.interruption_rate_per_hour is not None,
            field="interruptionRatePerHour",
        ),
        Rule(
            name="only-spot-is-interrupted",
            cel="self.capacityType == 'Spot' || !has(self.interruptionRatePerHour)",
            message="interruptionRatePerHour is only allowed when capacityType is Spot",
            holds=lambda s: s.capacity_type == "Spot" or s.interruption_rate_per_hour is None,
            field="interruptionRatePerHour",
        ),
        Rule(
            name="on-prem-price-needs-power",
            cel="!has(self.price) || !has(self.price.onPrem) || (has(self.pue) && has(self.nodePowerWatts))",
            message="price.onPrem needs pue and nodePowerWatts",
            holds=lambda s: s.price is None or s.price.on_prem is None or None not in {s.pue, s.node_power_watts},
            field="price",
        ),
    )

    cluster: Annotated[Name, doc("Cluster of the nodes; `local` is the one where Stellwerk runs.", "local")] = (
        LOCAL_CLUSTER
    )
    node_selector: Annotated[
        Labels,
        doc(
            "Labels that tell the pool's nodes from all others; pods placed here select them.",
            {"cloud.google.com/gke-nodepool": "h100"},
            min_length=1,
            max_length=16,
        ),
    ]
    taints: Annotated[
        tuple[Taint, ...],
        doc(
            "Taints of the nodes that pods placed here tolerate.",
            [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}],
            max_length=16,
            json_schema_extra=list_map("key", "effect"),
        ),
    ] = ()
    provider: Annotated[Provider, doc("Who runs the nodes.", "onprem")]
    region: Annotated[Token, doc("Region of the nodes, as the provider names it.", "eu-central-1")]
    zone: Annotated[Token | None, doc("Zone of the nodes, as the provider names it.", "eu-central-1a")] = None
    jurisdiction: Annotated[
        str | None,
        doc(
            "Country whose law applies: an ISO 3166-1 alpha-2 code. Absent means not known, and"
            " policies that require one rule the pool out.",
            "DE",
            min_length=2,
            max_length=2,
            pattern=r"^[A-Z]{2}$",
        ),
    ] = None
    certifications: Annotated[
        tuple[Token, ...],
        doc(
            "Certifications that the place has.",
            ["ISO27001", "C5"],
            max_length=32,
            json_schema_extra=LIST_SET,
        ),
    ] = ()
    labels: Annotated[
        Labels,
        doc("Labels that policies may require in poolLabels.", {"tier": "gold"}, max_length=32),
    ] = {}
    capacity_type: Annotated[
        CapacityType,
        doc("How the nodes are paid for; Spot nodes may be taken away at any time.", "Reserved"),
    ]
    accelerator: Annotated[
        PoolAccelerator | None,
        doc(
            "The accelerators of each node; absent for CPU only.",
            {"model": "H100", "count": 8, "memory": "80Gi"},
        ),
    ] = None
    price: Annotated[
        PoolPrice | None,
        doc(
            "What a node costs. Where it is absent, the catalogue, annotations of the nodes and the built-in list"
            " prices are asked; a price that nobody names is not known, and never taken for free.",
            {"perNodeHour": "31.5", "currency": "EUR"},
        ),
    ] = None
    interruption_rate_per_hour: Annotated[
        Amount | None,
        doc("Interruptions expected per node and hour; for Spot only, and required there.", "0.05"),
    ] = None
    growth: Annotated[
        PoolGrowth | None,
        doc(
            "How the pool gets more nodes; absent where it has those that it has.",
            {"maxNodes": 16, "provisionTime": "5m"},
        ),
    ] = None
    pue: Annotated[
        str | None,
        doc(
            "Power usage effectiveness of the site: its energy per energy of the nodes, 1 to 3.",
            "1.25",
            min_length=1,
            max_length=6,
            pattern=r"^([12](\.[0-9]{1,4})?|3(\.0{1,4})?)$",
        ),
    ] = None
    grid_carbon_grams_per_kwh: Annotated[
        int | None,
        doc(
            "Emissions of the grid, in grams of CO2e per kWh.",
            363,
            alias="gridCarbonGramsPerKWh",
            ge=0,
            le=5000,
        ),
    ] = None
    node_power_watts: Annotated[
        int | None, doc("Power of a node under load, in watts.", 10_200, ge=1, le=1_000_000)
    ] = None


class ComputePoolStatus(AnsweredStatus):
    """Whether the pool is in force, and what was found of it."""

    nodes: Annotated[int | None, doc("Nodes that the selector matches.", 4, ge=0, le=2**31 - 1)] = None
    accelerators: Annotated[int | None, doc("Accelerators of all these nodes.", 32, ge=0, le=2**31 - 1)] = None
    price: Annotated[
        PriceStatus | None,
        doc(
            "The price in force; absent where none is known. The condition PricesFresh says whether it is up to date.",
            {"perNodeHour": "31.5", "currency": "EUR", "origin": "Pool"},
        ),
    ] = None
    supply: Annotated[
        PoolSupply | None,
        doc(
            "What was learned of its nodes; absent where it neither grows nor is Spot.",
            {"stockOuts": 1, "until": "2026-11-22T12:40:00Z"},
        ),
    ] = None


class ComputePool(Kind):
    """A set of like nodes in one cluster: what they are, where they are, what they cost."""

    rules = (short_name_rule("it becomes a label of metrics"),)
    info = KindInfo(
        kind="ComputePool",
        plural="computepools",
        singular="computepool",
        short_names=("cp",),
        scope="Cluster",
        description="A set of like nodes in one cluster: what they are, where, and what they cost.",
        columns=(
            Column("CLUSTER", ".spec.cluster", "Cluster of the nodes."),
            Column("PROVIDER", ".spec.provider", "Who runs the nodes."),
            Column("REGION", ".spec.region", "Region of the nodes."),
            Column("CAPACITY", ".spec.capacityType", "How the nodes are paid for."),
            Column("GPU", ".spec.accelerator.model", "Model of the accelerators."),
            Column("NODES", ".status.nodes", "Nodes that were found.", "integer"),
            Column("MAX", ".spec.growth.maxNodes", "Nodes that it can grow to.", "integer", wide=True),
            Column("OUT-UNTIL", ".status.supply.until", "Until then it gets no new nodes.", wide=True),
            Column("PRICE/H", ".status.price.perNodeHour", "Price of a node per hour that is in force."),
            Column("CURRENCY", ".status.price.currency", "Currency of the price."),
            Column("FRESH", ".status.conditions[?(@.type=='PricesFresh')].status", "Whether the price is up to date."),
            Column("ZONE", ".spec.zone", "Zone of the nodes.", wide=True),
            Column("JURISDICTION", ".spec.jurisdiction", "Whose law applies.", wide=True),
            Column("COUNT", ".spec.accelerator.count", "Accelerators per node.", "integer", wide=True),
            Column("SOURCE", ".status.price.origin", "Which source named the price.", wide=True),
            AGE,
        ),
    )

    kind: Literal["ComputePool"] = "ComputePool"
    spec: Annotated[
        ComputePoolSpec,
        doc(
            "Which nodes make up the pool, and what is known of them.",
            {
                "nodeSelector": {"pool": "h100"},
                "provider": "onprem",
                "region": "de-fra",
                "capacityType": "Owned",
            },
        ),
    ]
    status: Annotated[ComputePoolStatus | None, doc("What was found of the pool.", {"nodes": 4})] = None
