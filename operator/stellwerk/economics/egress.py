"""What it costs to bring a workload's data to where it runs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

from stellwerk.model.capacity import Pool
from stellwerk.model.decision import MICROS
from stellwerk.model.policy import EgressPrice, Policy
from stellwerk.model.workload import DataAt

GIB: Final = 2**30

LIST_CURRENCY: Final = "USD"
"""Of `LIST_PRICES`."""

LIST_PRICES: Final[Mapping[str, EgressPrice]] = {
    "aws": EgressPrice(Decimal("0.09"), Decimal("0.01")),
    "azure": EgressPrice(Decimal("0.0875"), Decimal("0.01")),
    "digitalocean": EgressPrice(Decimal(0), Decimal(0)),
    "gcp": EgressPrice(Decimal("0.12"), Decimal("0.01")),
    "lambda": EgressPrice(Decimal(0), Decimal(0)),
    "nebius": EgressPrice(Decimal(0), Decimal(0)),
    "oci": EgressPrice(Decimal("0.0085"), Decimal("0.01")),
    "onprem": EgressPrice(Decimal(0), Decimal(0)),
    "runpod": EgressPrice(Decimal(0), Decimal(0)),
    "seeweb": EgressPrice(Decimal(0), Decimal(0)),
    "verda": EgressPrice(Decimal(0), Decimal(0)),
}
"""List prices per GiB that leaves a provider, in US dollars, as of 2026-11-22, by provider.

Sources: the `get_egress_cost` constants of SkyPilot 0.14.1 (sky/clouds/*.py), of each provider the first tier that is
paid for (free allowances are used up once a month, not once a workload; `onprem` is what SkyPilot says of Kubernetes);
between regions of one provider, `regionNetworkEgress` of OpenCost's configs/default.json where the provider charges at
all. Both are licensed under Apache-2.0."""


def egress(data: DataAt, pool: Pool, policy: Policy) -> tuple[int, str]:
    """Return what moving `data` to `pool` costs once in micro-units, and what is missing to know it, or nothing.

    Data that is in the pool's region already costs nothing.
    """
    if data.provider == pool.provider and data.region and data.region == pool.region:
        return 0, ""
    if not pool.provider:
        return 0, "its provider is not known and data must come to it"
    within = data.provider == pool.provider
    if within and not (data.region and pool.region):
        return 0, "its region is not known and data must come to it"
    price = _price(data.provider, within=within, policy=policy)
    if price is None:
        return 0, f"what data out of {data.provider} costs in {policy.currency} is not known"
    return round(Fraction(data.size_bytes, GIB) * Fraction(price) * MICROS), ""


def _price(provider: str, *, within: bool, policy: Policy) -> Decimal | None:
    """Return the price of a GiB: the policy's own, else the list price where its currency is the policy's."""
    prices = policy.egress_prices.get(provider) or LIST_PRICES.get(provider)
    if prices is None:
        return None
    price = prices.between_regions if within else prices.out
    known = provider in policy.egress_prices or policy.currency == LIST_CURRENCY or not price
    return price if known else None
