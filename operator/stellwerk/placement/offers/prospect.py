"""What one shape of workload may choose from, and what is known of the room there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

from stellwerk.economics.cost import expected
from stellwerk.model.decision import Decision, Rejection
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.offers.candidates import Offer, Rank

_COST: Final = 3
"""How many of the first members of an order and of a rank tell the cost."""


class Prospect:
    """The candidates of one shape, and which of them are full in this round."""

    def __init__(self, offers: Iterable[Offer]) -> None:
        """Keep the `offers`, the best first."""
        self.offers = list(offers)
        self.viable = [offer for offer in self.offers if not offer.rejections]
        self.full: dict[int, tuple[Rejection, ...]] = {}
        """Rejections of the viable offers that had no room; room never grows within a round."""
        self.stuck: Decision | None = None
        """The decision on the first workload of this shape that found no room."""

    def best(self) -> int | None:
        """Return the best viable candidate that is not known to be full, as room stands now; None if all are.

        What is taken from others only adds to a cost: who is dearer without it is not looked at.
        """
        found: tuple[Rank, int] | None = None
        for index, offer in enumerate(self.viable):
            if index in self.full:
                continue
            if found is not None and offer.order[:_COST] > found[0][:_COST]:
                break
            rank = offer.rank
            if found is None or rank < found[0]:
                found = rank, index
        return None if found is None else found[1]

    @cached_property
    def least(self) -> int | None:
        """What it costs at least in micro-units, wherever there is room; None if no cost is known."""
        known = (expected(offer.ask.cost) for offer in self.viable)
        return min((cost for cost in known if cost is not None), default=None)

    def on(self, views: Mapping[int, PoolView]) -> Prospect:
        """Return the same candidates in a fresh round, with nothing known to be full.

        Args:
            views: The fresh view of each pool, by the `id` of the old one.
        """
        return Prospect(offer.on(views) for offer in self.offers)
