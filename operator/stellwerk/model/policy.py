"""Policies as the planner sees them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from stellwerk.api.labels import DEFAULT_POLICY


class QueueOrder(StrEnum):
    """In which order the workloads of one policy and priority get their turn."""

    PRIORITY = "Priority"
    SHORTEST_FIRST = "ShortestFirst"
    LEAST_SERVICE = "LeastService"


class EgressPrice(msgspec.Struct, frozen=True):
    """What data costs that leaves a provider's region, per GiB."""

    out: Decimal
    """To anywhere outside the provider."""
    between_regions: Decimal
    """To another region of the same provider."""


class Policy(msgspec.Struct, frozen=True):
    """A PlacementPolicy with plain typed values; an empty list allows everything."""

    name: str = DEFAULT_POLICY
    namespaces: tuple[str, ...] = ()
    """Who may use it; empty for all."""
    jurisdictions: tuple[str, ...] = ()
    certifications: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    capacity_types: tuple[str, ...] = ()
    pool_labels: Mapping[str, str] = {}
    carbon_price_per_tonne: Decimal = Decimal(0)
    currency: str = "EUR"
    restart_overhead_s: int = 300
    """Added to every expected interruption of a spot placement."""
    waiting_price_per_hour: Decimal = Decimal(0)
    """Of a workload whose nodes have yet to come."""
    max_cost_per_hour: Decimal | None = None
    waits_for_prices: bool = False
    """Whether pools without a known price are not used."""
    preempts: bool = False
    """Whether its workloads may take the room of preemptible ones of lower priority."""
    minimum_runtime_s: int = 0
    """Nobody is evicted before that."""
    migrates: bool = False
    """Whether its running workloads may be moved."""
    max_moves_per_hour: int = 4
    minimum_saving: Decimal = Decimal(1)
    """What a move must save beyond its cost, in the currency."""
    queue_order: QueueOrder = QueueOrder.PRIORITY
    """How its own workloads of one priority are ordered; Priority is by age."""
    egress_prices: Mapping[str, EgressPrice] = {}
    """By provider, in the currency; list prices hold where none is given and the currency is theirs."""

    def admits_namespace(self, namespace: str) -> bool:
        """Tell whether workloads of `namespace` may name this policy."""
        return not self.namespaces or namespace in self.namespaces


BUILT_IN_POLICY = Policy()
"""Rules for those who name no policy where no object `default` exists."""


def policy_of(name: str, policies: Mapping[str, Policy]) -> Policy:
    """Return the policy that rules over what runs under this name; the built-in one if it is gone."""
    return policies.get(name, BUILT_IN_POLICY)
