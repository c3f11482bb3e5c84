"""What one shape of workload may choose from, and what is known of the room there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stellwerk.economics.cost import expected
from stellwerk.model.decision import Decision, Rejection
from stellwerk.placement.candidates import Offer
from stellwerk.placement.fleet import PoolView


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

    def ranked(self) -> list[int]:
        """Return the viable candidates that are not known to be full, the best as room stands now first."""
        some = [index for index in range(len(self.viable)) if index not in self.full]
        return sorted(some, key=lambda index: self.viable[index].rank)

    @property
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
