"""Reasons of the condition PricesFresh of a ComputePool: one constant each, as in `reasons`."""

from __future__ import annotations

from stellwerk.api.reason_groups import Group, Word


class PoolReason(Word):
    """Why the price of a pool is up to date, or is not."""

    PRICE_IN_FORCE = ("PriceInForce", Group.PRICES, "The price that its source names today is in force.")
    PRICE_REFUSED = (
        "PriceRefused",
        Group.PRICES,
        "What a source names cannot be a price, or is too large a step at once; the last good price holds.",
    )
    PRICE_HELD = (
        "PriceHeld",
        Group.PRICES,
        "No source names a price any more, or one that begins later; the last good price holds.",
    )
    PRICE_OUTDATED = (
        "PriceOutdated",
        Group.PRICES,
        "The price is in force, and its source is older than the setting prices.outdated_days allows.",
    )
    NO_PRICE = (
        "NoPrice",
        Group.PRICES,
        "No source names a price of the pool. What runs there has an unknown cost; policies say whether it runs.",
    )
