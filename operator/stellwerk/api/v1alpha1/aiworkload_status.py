"""Status of an AIWorkload: conditions, placement, cost and the decision record."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stellwerk.api.base import (
    LIST_ATOMIC,
    MAX_COUNTER,
    ObjectName,
    Timestamp,
    Token,
    WireModel,
    doc,
    list_map,
)
from stellwerk.api.conditions import Conditions
from stellwerk.api.money import Amount, Currency, KnownOrNot
from stellwerk.api.v1alpha1.asks import MAX_POD_SETS
from stellwerk.api.v1alpha1.placement_status import PlacementStatus
from stellwerk.api.v1alpha1.service_status import ServiceStatus

Word = Annotated[str, Field(max_length=63, pattern=r"^[A-Z][A-Za-z]*$")]
"""A reason constant."""

Sentence = Annotated[str, Field(max_length=4096)]
"""Text for people."""


class CostPart(WireModel):
    """One part of the expected cost."""

    name: Annotated[
        Literal["Compute", "SpotRisk", "Carbon", "Egress", "Waiting", "Disruption"],
        doc(
            "Compute for the nodes, SpotRisk for lost work, Carbon for emissions, Egress for data that moves, "
            "Waiting for nodes that are to come, Disruption for work that others lose.",
            "Compute",
        ),
    ]
    amount: Annotated[Amount, doc("Amount until the end, in the currency.", "96.4")]
    per_hour: Annotated[
        Amount | None,
        doc("What of the cost per hour it is; absent for what is paid once, or expected to be lost.", "16.05"),
    ] = None


class CostStatus(WireModel):
    """The expected cost at the time of the decision."""

    currency: Annotated[Currency, doc("ISO 4217 code of all amounts.", "EUR")]
    per_hour: Annotated[KnownOrNot, doc("Amount per hour; `unknown` where the pool has no price.", "16.05")]
    total: Annotated[KnownOrNot, doc("Amount until the end; `unknown` where the pool has no price.", "96.4")]
    parts: Annotated[
        tuple[CostPart, ...],
        doc(
            "Parts that add up to the total.",
            [{"name": "Compute", "amount": "96.4"}],
            max_length=8,
            json_schema_extra=list_map("name"),
        ),
    ] = ()
    room_taken: Annotated[
        Amount | None,
        doc(
            "Amount until the end, in the currency, that the room would be worth to those who are still to come. "
            "It counts where places are compared; nobody pays it, so it is no part of the total. Absent where no "
            "accelerator has a price.",
            "4.2",
        ),
    ] = None


class CarbonStatus(WireModel):
    """The expected emissions and energy."""

    grams_co2e: Annotated[Amount, doc("Emissions until the end, in grams of CO2e.", "12500", alias="gramsCO2e")]
    kwh: Annotated[Amount, doc("Energy until the end, in kWh.", "33.6", alias="kWh")]


class CandidateStatus(WireModel):
    """One pool that was looked at."""

    cluster: Annotated[ObjectName, doc("Cluster of the pool.", "local")]
    pool: Annotated[ObjectName, doc("The pool.", "eu-spot-h100")]
    accelerator: Annotated[Token | None, doc("Model of the alternative; absent for CPU only.", "H100")] = None
    count: Annotated[int | None, doc("Accelerators per pod of the alternative.", 8, ge=1, le=64)] = None
    verdict: Annotated[
        Literal["Chosen", "Feasible", "Rejected"],
        doc("Feasible means that it would do and another is better.", "Rejected"),
    ]
    reason: Annotated[Word, doc("Reason in one word.", "ProviderNotAllowed")]
    message: Annotated[Sentence, doc("Reason in a sentence.", "policy eu-only allows onprem, not aws")] = ""
    currency: Annotated[Currency | None, doc("ISO 4217 code of its amounts; absent where there are none.", "EUR")] = (
        None
    )
    per_hour: Annotated[
        KnownOrNot | None,
        doc("Expected cost per hour there, in the currency; absent if the pool has no such accelerator.", "16.05"),
    ] = None
    total: Annotated[
        KnownOrNot | None,
        doc("Expected cost until the end there, in the currency; absent if the pool has no such one.", "96.4"),
    ] = None
    parts: Annotated[
        tuple[CostPart, ...],
        doc(
            "Parts that add up to the total; of the nearest candidate of a workload that has no place yet.",
            [{"name": "Compute", "amount": "96.4"}],
            max_length=8,
            json_schema_extra=list_map("name"),
        ),
    ] = ()


class ChangeStatus(WireModel):
    """A change of the workload or its policy with which the engine was run again."""

    change: Annotated[Sentence, doc("What to do.", "ask for 3 instead of 4 replicas")]
    then: Annotated[
        Literal["Runs", "Evicts", "Waits"],
        doc(
            "Runs: there is room. Evicts: others of lower priority make room first. Waits: it could run once there"
            " is room, which it never can as it is.",
            "Runs",
        ),
    ]
    cluster: Annotated[ObjectName, doc("Cluster of the pool.", "local")]
    pool: Annotated[
        ObjectName,
        doc("Where it would run then; with `elsewhere` the cheapest as things stand.", "reserved-a100"),
    ]
    currency: Annotated[Currency, doc("ISO 4217 code of the amounts.", "EUR")]
    per_hour: Annotated[KnownOrNot, doc("Expected cost per hour with the change.", "12.1")]
    total: Annotated[KnownOrNot, doc("Expected cost until the end with the change.", "12.1")]
    contested: Annotated[
        bool,
        doc("It changes a policy under which others wait too, and they may take the room first.", example=True),
    ] = False
    elsewhere: Annotated[
        bool,
        doc(
            "Other pools would do, too; which of them it gets is decided once the change is made.",
            example=True,
        ),
    ] = False


class DecisionStatus(WireModel):
    """The decision record."""

    mode: Annotated[
        Literal["Fit", "Preempt", "Wait", "Never"],
        doc(
            "Fit: placed. Preempt: others must go first. Wait: no room now. Never: no pool can ever"
            " take it as things stand.",
            "Fit",
        ),
    ]
    reason: Annotated[Word, doc("Reason in one word.", "CheapestFeasible")]
    message: Annotated[Sentence, doc("Reason in a sentence.", "onprem-h100 is the cheapest of 2 pools that fit.")] = ""
    unblock: Annotated[
        Sentence | None,
        doc(
            "The smallest change that would admit it, and what it would cost then; what begins with `perhaps` was not"
            " tried.",
            "allow provider aws in policy eu-only: would run on us-ondemand-h100 at 55.04 USD per hour",
        ),
    ] = None
    changes: Annotated[
        tuple[ChangeStatus, ...],
        doc(
            "Changes each of which would admit it, tried by the same engine; the smallest first.",
            [
                {
                    "change": "ask for 3 instead of 4 replicas",
                    "then": "Runs",
                    "cluster": "local",
                    "pool": "reserved-a100",
                    "currency": "EUR",
                    "perHour": "12.1",
                    "total": "12.1",
                }
            ],
            max_length=5,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()
    considered: Annotated[int, doc("Candidates that were looked at.", 5, ge=0, le=2**31 - 1)] = 0
    candidates: Annotated[
        tuple[CandidateStatus, ...],
        doc(
            "The ten nearest: the chosen one, those that would do by cost, then those with least in the way.",
            [
                {
                    "cluster": "local",
                    "pool": "onprem-h100",
                    "verdict": "Chosen",
                    "reason": "CheapestFeasible",
                }
            ],
            max_length=10,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()
    cycle: Annotated[int, doc("Number of the planning cycle that decided.", 42, ge=0, le=MAX_COUNTER)] = 0
    decided_at: Annotated[Timestamp | None, doc("When it was decided (RFC 3339).", "2026-11-22T19:00:00Z")] = None


class ChildStatus(WireModel):
    """The object that runs the pods."""

    api_version: Annotated[str, doc("API version.", "batch/v1", max_length=253)]
    kind: Annotated[str, doc("Kind.", "Job", max_length=63)]
    name: Annotated[ObjectName, doc("Name.", "train-resnet-1a2b3c4d")]
    uid: Annotated[
        str | None,
        doc("Its uid, once it was seen.", "6f1c0e9e-6a3b-4a52-9f0b-0d5f6f2f2c11", max_length=63),
    ] = None


class AIWorkloadStatus(WireModel):
    """What Stellwerk decided and saw; only Stellwerk writes it."""

    observed_generation: Annotated[int, doc("Generation of the spec that was seen.", 1, ge=0, le=MAX_COUNTER)] = 0
    conditions: Annotated[
        Conditions,
        doc(
            "Accepted, Placed, Ready, Evicted and Finished.",
            [
                {
                    "type": "Placed",
                    "status": "True",
                    "reason": "CheapestFeasible",
                    "lastTransitionTime": "2026-11-22T19:00:00Z",
                }
            ],
        ),
    ] = ()
    placement: Annotated[
        PlacementStatus | None,
        doc(
            "Where it was placed; absent while it waits.",
            {"cluster": "local", "pool": "onprem-h100", "capacityType": "Owned", "replicas": 4},
        ),
    ] = None
    cost: Annotated[
        CostStatus | None,
        doc(
            "Expected cost of the placement.",
            {"currency": "EUR", "perHour": "16.05", "total": "96.4"},
        ),
    ] = None
    carbon: Annotated[
        CarbonStatus | None,
        doc(
            "Expected emissions; absent where power or grid data is missing.",
            {"gramsCO2e": "12500", "kWh": "33.6"},
        ),
    ] = None
    decision: Annotated[
        DecisionStatus | None,
        doc("The decision record.", {"mode": "Fit", "reason": "CheapestFeasible"}),
    ] = None
    child: Annotated[
        ChildStatus | None,
        doc(
            "The Job that runs the pods.",
            {"apiVersion": "batch/v1", "kind": "Job", "name": "train-resnet-1a2b3c4d"},
        ),
    ] = None
    children: Annotated[
        tuple[ChildStatus, ...],
        doc(
            "The Jobs that run the pods of further pod sets.",
            [{"apiVersion": "batch/v1", "kind": "Job", "name": "train-resnet-loader-5e6f7a8b"}],
            max_length=MAX_POD_SETS,
            json_schema_extra=list_map("name"),
        ),
    ] = ()
    resized_at: Annotated[
        Timestamp | None,
        doc("When an elastic workload last grew or shrank (RFC 3339).", "2026-11-22T19:00:00Z"),
    ] = None
    service: Annotated[
        ServiceStatus | None,
        doc(
            "What it had already, which the queueing orders ShortestFirst and LeastService of its policy go by; absent"
            " until its pods have run and stopped or changed in number for the first time.",
            {"acceleratorSeconds": 14400, "lostSeconds": 900},
        ),
    ] = None
