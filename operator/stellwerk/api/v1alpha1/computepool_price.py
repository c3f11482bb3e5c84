"""What a node of a pool costs: as it is declared, and as it is in force."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stellwerk.api.base import Rule, Timestamp, WireModel, doc
from stellwerk.api.moment import exists_rule
from stellwerk.api.money import Amount, Currency, PositiveAmount

Source = Annotated[str, Field(max_length=253)]
"""Where a price comes from, in words."""

PriceOrigin = Literal["Pool", "Catalogue", "Annotation", "BuiltIn"]
"""Which source named a price; in the order in which they are asked."""


class OnPremPrice(WireModel):
    """What a node costs that is bought and run at one's own site; power and PUE are those of the pool."""

    purchase_price: Annotated[PositiveAmount, doc("What one node costs to buy, in the currency.", "280000")]
    lifetime_months: Annotated[
        int, doc("Months over which the purchase is spread, of 730.5 hours each.", 60, ge=1, le=240)
    ]
    electricity_per_kwh: Annotated[
        Amount, doc("Price of a kWh at the meter, in the currency.", "0.21", alias="electricityPerKWh")
    ]
    rack_per_month: Annotated[
        Amount, doc("Space, rack, network and support of one node for a month, in the currency.", "640")
    ] = "0"
    staff_per_month: Annotated[Amount, doc("Staff for one node for a month, in the currency.", "380")] = "0"


class PoolPrice(WireModel):
    """What a node costs, and who says so."""

    rules = (
        exists_rule("validFrom", "valid_from"),
        Rule(
            name="one-price",
            cel="has(self.perNodeHour) != has(self.onPrem)",
            message="give either perNodeHour or onPrem",
            holds=lambda p: (p.per_node_hour is None) != (p.on_prem is None),
        ),
    )

    per_node_hour: Annotated[
        PositiveAmount | None,
        doc("Amount per node and hour, in the currency; absent where onPrem computes it.", "31.5"),
    ] = None
    on_prem: Annotated[
        OnPremPrice | None,
        doc(
            "What the amount is computed from for nodes of one's own; needs spec.pue and spec.nodePowerWatts.",
            {"purchasePrice": "280000", "lifetimeMonths": 60, "electricityPerKWh": "0.21"},
        ),
    ] = None
    currency: Annotated[Currency, doc("ISO 4217 code of the amounts.", "EUR")]
    valid_from: Annotated[
        Timestamp | None,
        doc(
            "Since when the price holds (RFC 3339). Before that the last good price holds, if there is one.",
            "2026-10-01T00:00:00Z",
        ),
    ] = None
    source: Annotated[
        Source | None,
        doc("Where the price comes from.", "price list of October 2026"),
    ] = None


class PriceStatus(WireModel):
    """The price in force: the last one that was found good."""

    per_node_hour: Annotated[PositiveAmount, doc("Amount per node and hour, in the currency.", "31.5")]
    currency: Annotated[Currency, doc("ISO 4217 code of the amount.", "EUR")]
    origin: Annotated[
        PriceOrigin,
        doc(
            "Pool: spec.price. Catalogue: the catalogue file. Annotation: annotations of the nodes. BuiltIn: the list"
            " prices that come with Stellwerk.",
            "Catalogue",
        ),
    ]
    source: Annotated[Source | None, doc("Where the price comes from, in words.", "catalogue line 17")] = None
    valid_from: Annotated[
        Timestamp | None, doc("Since when the price holds (RFC 3339), where that is said.", "2026-10-01T00:00:00Z")
    ] = None
    item: Annotated[
        Source,
        doc(
            "What was priced; a pool that becomes something else is not held to the price of what it was.",
            "OnDemand aws us-east-1 p5.48xlarge 8xH100",
        ),
    ] = ""
    rates_of: Annotated[
        Timestamp | None,
        doc(
            "Date of the exchange rates by which policies in other currencies count it (RFC 3339); absent where no"
            " rate of its currency is known.",
            "2026-10-30T00:00:00Z",
        ),
    ] = None
