"""The price of a node of one's own, from what it costs to buy and to run."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from stellwerk.economics.prices.amounts import micros
from stellwerk.model.capacity import OnPrem

HOURS_PER_MONTH: Final = Fraction(1461, 2)
"""730.5: a year of 365.25 days has 8,766 hours, and twelve months."""


def on_prem_price(own: OnPrem, watts: Decimal, pue: Decimal) -> Decimal:
    """Return what a node costs per hour, in the currency of `own`, rounded half-even to six decimals.

        price per hour = purchase / (lifetime in months x 730.5)
                       + watts / 1000 x PUE x price of a kWh
                       + (rack per month + staff per month) / 730.5

    Every hour of the lifetime counts, whether work runs in it or not, and always at the power under load: a node
    of one's own is paid when it idles, too. Interest and what it may be sold for are left out.

    Args:
        own: What it costs.
        watts: Power of the node under load.
        pue: Power usage effectiveness of the site, 1 or more.
    """
    bought = Fraction(own.purchase) / (own.lifetime_months * HOURS_PER_MONTH)
    power = Fraction(watts) / 1000 * Fraction(pue) * Fraction(own.per_kwh)
    upkeep = Fraction(own.rack_per_month + own.staff_per_month) / HOURS_PER_MONTH
    return micros(bought + power + upkeep)
