"""All candidates of a workload: every pool with every alternative of accelerators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from stellwerk.economics.cost import expected_cost, run_hours
from stellwerk.economics.sums import sum_of
from stellwerk.model.policy import Policy
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.fleet.fleet import Fleet, PoolView
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.offers.gangs import GangOffer, SetChoice, as_gang
from stellwerk.placement.rules.asking import Ask


class _Market(NamedTuple):
    """Where candidates are sought, and by whose rules."""

    fleet: Fleet
    policy: Policy
    now: datetime | None

    def ask(self, workload: Workload, option: AcceleratorOption | None, view: PoolView) -> Ask:
        """Ask about one alternative on one pool."""
        cost = expected_cost(workload, option, view.site, self.policy)
        return Ask(workload, option, self.policy, cost, self.fleet.health, self.now)


def offers_for(
    workload: Workload,
    policy: Policy,
    fleet: Fleet,
    now: datetime | None = None,
    views: Sequence[PoolView] | None = None,
) -> list[Offer]:
    """Judge every pool with every alternative, the best first, for a start at `now`; with `views` only these pools."""
    market = _Market(fleet, policy, now)
    where = fleet.views if views is None else views
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
            found.append(_gang_offer(market.ask(workload, option, view), view, index, chosen[key]))
    return found


def _choices(
    workload: Workload, option: AcceleratorOption | None, cluster: str, market: _Market
) -> tuple[SetChoice, ...]:
    hours = run_hours(workload, option)
    views = [view for view in market.fleet.views if view.pool.cluster == cluster and not view.grows]
    return tuple(
        SetChoice(one, tuple(sorted(_offers(as_gang(workload, one, hours), market, views), key=lambda o: o.order)))
        for one in workload.others
    )


def _gang_offer(ask: Ask, view: PoolView, index: int, sets: tuple[SetChoice, ...]) -> GangOffer:
    costs = [one.cost_near(view) for one in sets]
    whole = sum_of([ask.cost, *(cost for cost in costs if cost is not None)])
    return GangOffer(msgspec.structs.replace(ask, cost=whole), view, index, sets)
