"""All candidates of a workload: every pool with every alternative of accelerators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from stellwerk.economics.cost import expected_cost, run_hours
from stellwerk.economics.podsets import as_gang
from stellwerk.model.policy import Policy
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.offers.choices import SetChoice
from stellwerk.placement.offers.gangs import GangOffer
from stellwerk.placement.rules.asking import Ask


class Grounds(Protocol):
    """Where room is sought: the fleet, or a part of it."""

    @property
    def views(self) -> Sequence[PoolView]:
        """The pools, those that grow once more with the nodes that they have yet to get."""

    @property
    def health(self) -> Mapping[str, str]:
        """Why a cluster must not be used now, by name."""


class _Market(NamedTuple):
    """Where candidates are sought, and by whose rules."""

    grounds: Grounds
    policy: Policy
    now: datetime | None

    def ask(self, workload: Workload, option: AcceleratorOption | None, view: PoolView) -> Ask:
        """Ask about one alternative on one pool."""
        cost = expected_cost(workload, option, view.site, self.policy)
        return Ask(workload, option, self.policy, cost, self.grounds.health, self.now)


def offers_for(
    workload: Workload,
    policy: Policy,
    grounds: Grounds,
    now: datetime | None = None,
    views: Sequence[PoolView] | None = None,
) -> list[Offer]:
    """Judge every pool with every alternative, the best first, for a start at `now`.

    Args:
        workload: What needs a place.
        policy: Whose rules hold.
        grounds: Where there may be room.
        now: The moment; None where no deadline is asked about.
        views: Only these pools are judged, further pod sets may still go anywhere; None judges all.
    """
    market = _Market(grounds, policy, now)
    where = grounds.views if views is None else views
    offers = _gang_offers(workload, market, where) if workload.others else _offers(workload, market, where)
    return sorted(offers, key=lambda offer: offer.order)


def _offers(workload: Workload, market: _Market, views: Sequence[PoolView]) -> list[Offer]:
    return [
        Offer(market.ask(workload, option, view), view, index)
        for view in views
        for index, option in enumerate(workload.options)
        if option is not None or not view.secondary
    ]


def _gang_offers(workload: Workload, market: _Market, views: Sequence[PoolView]) -> list[Offer]:
    """Judge the main pod set everywhere, and the further ones once per cluster and alternative."""
    chosen: dict[tuple[str, int], tuple[SetChoice, ...]] = {}
    found: list[Offer] = []
    for view in views:
        for index, option in enumerate(workload.options):
            if option is None and view.secondary:
                continue
            key = (view.pool.cluster, index)
            if key not in chosen:
                chosen[key] = _choices(workload, option, view.pool.cluster, market)
            found.append(GangOffer(market.ask(workload, option, view), view, index, chosen[key]))
    return found


def _choices(
    workload: Workload, option: AcceleratorOption | None, cluster: str, market: _Market
) -> tuple[SetChoice, ...]:
    hours = run_hours(workload, option)
    views = [view for view in market.grounds.views if view.pool.cluster == cluster]
    return tuple(
        SetChoice(one, tuple(sorted(_offers(as_gang(workload, one, hours), market, views), key=lambda o: o.order)))
        for one in workload.others
    )
