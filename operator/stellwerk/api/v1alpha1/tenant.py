"""Tenant: a business unit, the namespaces that are its, and what it spends."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stellwerk.api.base import LIST_SET, Name, Timestamp, WireModel, doc, list_map
from stellwerk.api.money import Amount, Currency, KnownOrNot
from stellwerk.api.v1alpha1.kind import AGE, AnsweredStatus, Column, Kind, KindInfo, short_name_rule

SpendPeriod = Literal["Day", "Week", "Month"]
"""Over what spend is summed; weeks begin on Monday."""

ZoneName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$")]
"""The IANA name of a time zone, such as `Europe/Berlin`."""


class TenantSpec(WireModel):
    """Whose namespaces are whose."""

    namespaces: Annotated[
        tuple[Name, ...],
        doc(
            "Namespaces whose pods are on this tenant's account. A namespace belongs to one tenant at most: the oldest"
            " one that names it.",
            ["team-vision", "team-vision-dev"],
            max_length=1024,
            json_schema_extra=LIST_SET,
        ),
    ] = ()
    parent: Annotated[
        Name | None,
        doc("Tenant of which this one is a part; its sums hold those of this one.", "research"),
    ] = None
    time_zone: Annotated[
        ZoneName, doc("Time zone in which its days, weeks and months begin, by its IANA name.", "Europe/Berlin")
    ] = "UTC"


class TenantSpend(WireModel):
    """What was spent since a period began."""

    period: Annotated[SpendPeriod, doc("Over what it is summed.", "Month")]
    since: Annotated[Timestamp, doc("When the period began.", "2026-11-01T00:00:00+01:00")]
    currency: Annotated[Currency, doc("ISO 4217 code; `XXX` for time on nodes without a price.", "EUR")]
    amount: Annotated[
        KnownOrNot, doc("What was spent, children included; `unknown` on nodes without a price.", "1234.56")
    ]
    accelerator_hours: Annotated[Amount, doc("Hours of whole accelerators.", "96.5")]


class TenantStatus(AnsweredStatus):
    """Whether the tenant is in force, and what it has spent."""

    spent_until: Annotated[Timestamp | None, doc("Up to when the sums count.", "2026-11-22T19:10:00Z")] = None
    spend: Annotated[
        tuple[TenantSpend, ...],
        doc(
            "Sums of the periods that run.",
            [
                {
                    "period": "Month",
                    "since": "2026-11-01T00:00:00+01:00",
                    "currency": "EUR",
                    "amount": "1234.56",
                    "acceleratorHours": "96.5",
                }
            ],
            max_length=64,
            json_schema_extra=list_map("period", "currency"),
        ),
    ] = ()


class Tenant(Kind):
    """A business unit, by namespaces that an administrator gave it, and what it spends."""

    rules = (short_name_rule("it becomes a label of metrics"),)
    info = KindInfo(
        kind="Tenant",
        plural="tenants",
        singular="tenant",
        short_names=("tn",),
        scope="Cluster",
        description="A business unit: its namespaces, of which other one it is a part, and what it spends.",
        columns=(
            Column("PARENT", ".spec.parent", "Of which tenant it is a part."),
            Column("MONTH", '.status.spend[?(@.period=="Month")].amount', "Spent since the month began."),
            Column("DAY", '.status.spend[?(@.period=="Day")].amount', "Spent since the day began."),
            Column("CURRENCY", '.status.spend[?(@.period=="Month")].currency', "Of the amounts."),
            Column(
                "CONSISTENT",
                '.status.conditions[?(@.type=="Consistent")].status',
                "Whether its namespaces and its parent are what the spec says.",
            ),
            Column("UNTIL", ".status.spentUntil", "Up to when the sums count.", wide=True),
            Column("ZONE", ".spec.timeZone", "Where its periods begin.", wide=True),
            AGE,
        ),
    )

    kind: Literal["Tenant"] = "Tenant"
    spec: Annotated[TenantSpec, doc("Whose namespaces are whose.", {"namespaces": ["team-vision"]})]
    status: Annotated[TenantStatus | None, doc("What it has spent.", {"observedGeneration": 1})] = None
