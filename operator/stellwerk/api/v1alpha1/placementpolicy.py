"""PlacementPolicy: rules for the placement of workloads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stellwerk.api.base import LIST_SET, Labels, Name, Token, WireModel, doc, key_rule, list_map
from stellwerk.api.duration import DurationOrZero
from stellwerk.api.money import Amount, Currency, PositiveAmount
from stellwerk.api.v1alpha1.computepool import CapacityType, Provider
from stellwerk.api.v1alpha1.kind import AGE, AnsweredStatus, Column, Kind, KindInfo, short_name_rule

Jurisdiction = Annotated[str, Field(min_length=2, max_length=3, pattern=r"^([A-Z]{2}|EEA)$")]
"""An ISO 3166-1 alpha-2 code, or the groups EU and EEA."""


class Requirements(WireModel):
    """What a pool must be like; what is empty requires nothing."""

    rules = (key_rule("poolLabels", "pool_labels"),)

    jurisdictions: Annotated[
        tuple[Jurisdiction, ...],
        doc(
            "Where the pool may lie: ISO 3166-1 alpha-2 codes, or EU or EEA for all their members.",
            ["EU", "CH"],
            max_length=64,
            json_schema_extra=LIST_SET,
        ),
    ] = ()
    certifications: Annotated[
        tuple[Token, ...],
        doc(
            "Certifications that the pool must have, all of them.",
            ["ISO27001", "C5"],
            max_length=32,
            json_schema_extra=LIST_SET,
        ),
    ] = ()
    providers: Annotated[
        tuple[Provider, ...],
        doc(
            "Providers that are allowed.",
            ["onprem", "aws"],
            max_length=32,
            json_schema_extra=LIST_SET,
        ),
    ] = ()
    regions: Annotated[
        tuple[Token, ...],
        doc(
            "Regions that are allowed.",
            ["eu-central-1"],
            max_length=64,
            json_schema_extra=LIST_SET,
        ),
    ] = ()
    capacity_types: Annotated[
        tuple[CapacityType, ...],
        doc(
            "Capacity types that are allowed.",
            ["Owned", "Reserved"],
            max_length=4,
            json_schema_extra=LIST_SET,
        ),
    ] = ()
    pool_labels: Annotated[
        Labels,
        doc("Labels that the pool must have in spec.labels.", {"tier": "gold"}, max_length=16),
    ] = {}


class Queueing(WireModel):
    """In which order the waiting workloads under this policy get their turn."""

    order: Annotated[
        Literal["Priority", "ShortestFirst", "LeastService"],
        doc(
            "Within one priority: Priority takes the older one first; ShortestFirst the one that is expected to need"
            " the fewest accelerator-hours yet, which serves the mean where expected runtimes are good; LeastService"
            " the one that has had the fewest, in levels of 1, 10, 100 and so on accelerator-hours and of one level the"
            " smaller gang, which needs no expected runtimes. What a workload had before it was stopped is in its"
            " status. It rearranges this policy's workloads only.",
            "ShortestFirst",
        ),
    ] = "Priority"


class Preemption(WireModel):
    """Whether workloads under this policy may take the room of others, and of whom."""

    mode: Annotated[
        Literal["Never", "LowerPriority"],
        doc(
            "Never waits until others finish; LowerPriority takes the room of preemptible workloads of lower priority"
            " where nothing is free: elastic ones shrink first, then the ones that lose the least money are evicted.",
            "LowerPriority",
        ),
    ] = "Never"
    minimum_runtime: Annotated[
        DurationOrZero,
        doc(
            "A workload is not evicted before it has run for this long. Of the policies of whoever needs room and of"
            " whoever would lose it, the longer one counts.",
            "10m",
        ),
    ] = "0s"


class Migration(WireModel):
    """Whether running workloads under this policy are moved where that saves money, and how often."""

    enabled: Annotated[bool, doc("Whether running workloads may be moved at all.", True)] = False
    max_moves_per_hour: Annotated[
        int,
        doc("Number of workloads under this policy that are moved within any hour, at most.", 4, ge=1, le=1000),
    ] = 4
    minimum_saving: Annotated[
        Amount,
        doc("What a move must save beyond all that it costs (lost work and restart), in the currency.", "5"),
    ] = "1"


class EgressPrices(WireModel):
    """What a provider charges for data that leaves one of its regions."""

    provider: Annotated[Provider, doc("The provider that the data leaves.", "aws")]
    price: Annotated[Amount, doc("Of a GiB that goes anywhere outside the provider, in the currency.", "0.083")]
    between_regions: Annotated[
        Amount | None,
        doc(
            "Price of a GiB that goes to another region of the same provider, in the currency; absent means the"
            " same price.",
            "0.01",
        ),
    ] = None


class PlacementPolicySpec(WireModel):
    """Rules and prices by which pools are chosen."""

    namespaces: Annotated[
        tuple[Name, ...],
        doc(
            "Namespaces whose workloads may name this policy; all if empty.",
            ["vision", "speech"],
            max_length=256,
            json_schema_extra=LIST_SET,
        ),
    ] = ()
    require: Annotated[Requirements, doc("What a pool must be like.", {"jurisdictions": ["EU"]})] = Requirements()
    carbon_price_per_tonne: Annotated[
        Amount,
        doc("What a tonne of CO2e costs in comparisons, in the currency; 0 ignores it.", "80"),
    ] = "0"
    currency: Annotated[
        Currency,
        doc(
            "ISO 4217 code of all amounts; prices in others are converted, and not used where no rate is known.", "EUR"
        ),
    ] = "EUR"
    restart_overhead: Annotated[
        DurationOrZero,
        doc(
            "Time that every expected spot interruption costs besides lost work, in days, hours, minutes and seconds.",
            "5m",
        ),
    ] = "5m"
    waiting_price_per_hour: Annotated[
        Amount,
        doc(
            "What an hour costs that a workload waits for the nodes of a growing pool, in the currency; 0 ignores it.",
            "12",
        ),
    ] = "0"
    max_cost_per_hour: Annotated[
        PositiveAmount | None,
        doc("The most that one workload may cost per hour, in the currency.", "250"),
    ] = None
    unpriced_pools: Annotated[
        Literal["Run", "Wait"],
        doc(
            "What becomes of workloads where a pool's price is not known. Run: they run there where no pool of known"
            " price will do, and their cost is unknown. Wait: such pools are not used.",
            "Wait",
        ),
    ] = "Run"
    queueing: Annotated[
        Queueing,
        doc("In which order its waiting workloads get their turn.", {"order": "ShortestFirst"}),
    ] = Queueing()
    preemption: Annotated[
        Preemption,
        doc("Whether workloads may take the room of others.", {"mode": "LowerPriority", "minimumRuntime": "10m"}),
    ] = Preemption()
    migration: Annotated[
        Migration,
        doc("Whether running workloads are moved where that saves money.", {"enabled": True, "maxMovesPerHour": 4}),
    ] = Migration()
    egress_prices: Annotated[
        tuple[EgressPrices, ...],
        doc(
            "What data out of a provider costs. List prices hold for providers that are not named, if the currency is"
            " USD; otherwise a cost that depends on them is not known.",
            [{"provider": "aws", "price": "0.083", "betweenRegions": "0.01"}],
            max_length=32,
            json_schema_extra=list_map("provider"),
        ),
    ] = ()


class PlacementPolicyStatus(AnsweredStatus):
    """Whether the policy is in force."""


ACCEPTED = Column(
    "ACCEPTED",
    ".status.conditions[?(@.type=='Accepted')].status",
    "Whether it is valid and in force.",
)


class PlacementPolicy(Kind):
    """Rules for the placement of the workloads that name it."""

    rules = (short_name_rule("it becomes a label of Jobs"),)
    info = KindInfo(
        kind="PlacementPolicy",
        plural="placementpolicies",
        singular="placementpolicy",
        short_names=("pp",),
        scope="Cluster",
        description="Rules for the placement of the workloads that name it.",
        columns=(
            Column("JURISDICTIONS", ".spec.require.jurisdictions", "Where pools may lie."),
            Column("CAPACITY", ".spec.require.capacityTypes", "Capacity types allowed."),
            Column("CARBON/T", ".spec.carbonPricePerTonne", "Price of a tonne of CO2e."),
            Column("MAX/H", ".spec.maxCostPerHour", "The most a workload may cost per hour."),
            ACCEPTED,
            AGE,
        ),
    )

    kind: Literal["PlacementPolicy"] = "PlacementPolicy"
    spec: Annotated[PlacementPolicySpec, doc("Rules and prices.", {"require": {"jurisdictions": ["EU"]}})]
    status: Annotated[
        PlacementPolicyStatus | None,
        doc("Whether the policy is in force.", {"observedGeneration": 1}),
    ] = None
