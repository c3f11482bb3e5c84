"""Where one further pod set of a gang may go, and what to say where that is nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from stellwerk.api import duration
from stellwerk.api.reasons import Reason
from stellwerk.model.decision import Rejection
from stellwerk.model.workload import PodSet
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.offers.candidates import Offer, Views


class SetChoice(NamedTuple):
    """Where one further pod set may go in one cluster, for one alternative of the main one."""

    pod_set: PodSet
    offers: tuple[Offer, ...]
    """All that were judged, the best first; never none, for the pool of the main pod set is among them."""

    @property
    def viable(self) -> list[Offer]:
        """Those that the fixed rules allow."""
        return [offer for offer in self.offers if not offer.rejections]

    def near(self, view: PoolView) -> list[Offer]:
        """Return the viable ones, those on the pool of the main pod set first.

        Nodes that this pool has yet to get are only near where the main pod set waits for such nodes, too.
        """
        pool = view.pool.name
        return sorted(self.viable, key=lambda one: one.view.pool.name != pool or (one.view.grows and not view.grows))

    def rejection(self, why: Callable[[Offer], tuple[Rejection, ...]]) -> Rejection:
        """Return what keeps it from the pool that is nearest to taking it; `why` tells that of one pool.

        A pool that nothing keeps it from would take it alone: what it lacks is room beside the other pods.
        """
        told = [(offer, reasons) for offer in self.offers if (reasons := why(offer))]
        if len(told) < len(self.offers):
            cluster = self.offers[0].view.pool.cluster
            return self._said(Reason.CAPACITY_FULL, f"cluster {cluster} has too little room beside the other pods")
        offer, reasons = min(told, key=lambda one: (sum(r.weight for r in one[1]), one[0].order))
        return msgspec.structs.replace(
            reasons[0],
            message=f"pod set {self.pod_set.name}: {offer.view.pool.name}: {reasons[0].message}",
            change=" and ".join(f"{one.change} (pod set {self.pod_set.name})" for one in reasons),
            permanent=all(any(one.permanent for one in others) for _, others in told),
            weight=sum(one.weight for one in reasons),
            effort=sum(one.effort for one in reasons),
            pod_set=self.pod_set.name,
        )

    def too_late(self) -> Rejection:
        """Return that every pool that may take it has yet to get the nodes, and that these come too late."""
        name, wait = self.pod_set.name, min(offer.view.site.wait_s for offer in self.viable)
        told = f"pod set {name}: nodes that come after {duration.text(wait)} come too late for the deadline"
        change = f"set a later deadline, or add nodes for pod set {name}"
        return Rejection(Reason.DEADLINE_INFEASIBLE, told, change, pod_set=name)

    def _said(self, reason: Reason, message: str) -> Rejection:
        name = self.pod_set.name
        told, change = f"pod set {name}: {message}", f"free room for pod set {name}"
        return Rejection(reason, told, change, permanent=False, pod_set=name)

    def on(self, views: Views) -> SetChoice:
        """Return the same on fresh views of the same pools."""
        return self._replace(offers=tuple(offer.on(views) for offer in self.offers))
