"""Candidates of gangs of several pod sets: all of them find a place in one cluster, or none does.

The main pod set decides on the pool and on how long the gang runs. The further sets go to its pool if they can, and
else to the cheapest pool of the same cluster that has room for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final, NamedTuple, Self

import msgspec

from stellwerk.api.reasons import Reason
from stellwerk.economics.cost import expected_cost, run_hours
from stellwerk.economics.sums import sum_of
from stellwerk.model.decision import Cost, Rejection
from stellwerk.model.placement import PlacedSet, Placement
from stellwerk.model.policy import Policy
from stellwerk.model.workload import PodSet, Workload
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.offers.candidates import Offer, Views
from stellwerk.placement.packing.bins import Assignment
from stellwerk.placement.rules.asking import Ask

_SECONDS: Final = 3600


class SetChoice(NamedTuple):
    """Where one further pod set may go in one cluster, for one alternative of the main one."""

    pod_set: PodSet
    offers: tuple[Offer, ...]
    """All that were judged, the best first."""

    @property
    def viable(self) -> list[Offer]:
        """Those that the fixed rules allow."""
        return [offer for offer in self.offers if not offer.rejections]

    def near(self, view: PoolView) -> list[Offer]:
        """Return the viable ones, those on the pool of the main pod set first."""
        pool = view.pool.name
        return sorted(self.viable, key=lambda offer: offer.view.pool.name != pool)

    def cost_near(self, view: PoolView) -> Cost | None:
        """Return what it is expected to cost where it would go first; None if it may go nowhere."""
        first = next(iter(self.near(view)), None)
        return None if first is None else first.ask.cost

    def rejection(self, why: Callable[[Offer], tuple[Rejection, ...]]) -> Rejection:
        """Return what keeps it from the pool that is nearest to taking it; `why` tells that of one pool.

        A pool that nothing keeps it from would take it alone: what it lacks is room beside the other pods.
        """
        if not self.offers:
            return self._nowhere()
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

    def _said(self, reason: Reason, message: str) -> Rejection:
        name = self.pod_set.name
        told, change = f"pod set {name}: {message}", f"free room for pod set {name}"
        return Rejection(reason, told, change, permanent=False, pod_set=name)

    def _nowhere(self) -> Rejection:
        """Say that no pool of the cluster has nodes yet: further sets are not placed on nodes that are yet to come."""
        name = self.pod_set.name
        told = f"pod set {name}: no pool here has nodes, and a further pod set does not go to nodes yet to come"
        return Rejection(Reason.POOL_HAS_NO_NODES, told, f"add nodes for pod set {name}", permanent=False, pod_set=name)

    def on(self, views: Views) -> SetChoice:
        """Return the same on fresh views of the same pools."""
        return self._replace(offers=tuple(offer.on(views) for offer in self.offers))


class GangOffer(Offer):
    """One candidate of a gang with further pod sets: a pool and an alternative for the main one."""

    def __init__(self, ask: Ask, view: PoolView, index: int, sets: Sequence[SetChoice]) -> None:
        """Judge `view` by the fixed rules; `sets` are the further pod sets, and `ask` holds the cost of all."""
        self._sets = tuple(sets)
        super().__init__(ask, view, index)
        self._placed: list[tuple[Offer, list[Assignment], PlacedSet]] = []
        homeless = (one for one in self._sets if not one.viable)
        self.rejections += tuple(one.rejection(lambda offer: offer.rejections) for one in homeless)

    def place(self) -> list[Assignment] | None:
        """Take room for all pod sets, or nothing."""
        mark = self.view.company.mark()
        self._placed = []
        nodes = super().place()
        if nodes is None:
            return None
        for choice in self._sets:
            if not self._place_set(choice):
                self.undo(nodes, mark)
                return None
        return nodes

    def fits(self) -> bool:
        """Tell whether the whole gang would find room now."""
        if not super().fits():
            return False
        mark = self.view.company.mark()
        nodes = self.place()
        if nodes is None:
            return False
        self.undo(nodes, mark)
        return True

    def on(self, views: Views) -> Self:
        """Return the same candidate on fresh views of the same pools, with the same verdict of the fixed rules."""
        again = super().on(views)
        again._sets = tuple(one.on(views) for one in self._sets)  # noqa: SLF001 - its own copy
        return again

    def full(self) -> tuple[Rejection, ...]:
        """Return what speaks against this candidate now: the fixed rules, then the lack of room of any pod set."""
        found = super().full()
        if found:
            return found
        short = next((one for one in self._sets if not any(offer.fits() for offer in one.viable)), self._sets[-1])
        return (short.rejection(lambda offer: offer.full()),)

    def cost_on(self, replicas: int) -> Cost:
        """Return the expected cost of what was placed last, with so many pods of the main set."""
        workload, option, policy = self.ask.workload, self.ask.option, self.ask.policy
        main = expected_cost(workload, option, self.view.site, policy, replicas)
        hours = run_hours(workload, option, replicas)
        further = [set_cost(offer.ask, offer.view, hours, policy) for offer, _, _ in self._placed]
        return sum_of([main, *further])

    def expected_on(self, replicas: int) -> Cost:
        """Return the expected cost with so many pods of the main set, each further one where it would go first."""
        ask, view = self.ask, self.view
        hours = run_hours(ask.workload, ask.option, replicas)
        first = [offers[0] for one in self._sets if (offers := one.near(view))]
        further = [set_cost(offer.ask, offer.view, hours, ask.policy) for offer in first]
        return sum_of([super().expected_on(replicas), *further])

    def placement(self, nodes: list[Assignment]) -> Placement:
        """Return where all pod sets go, as placed last."""
        main = super().placement(nodes)
        return msgspec.structs.replace(main, pod_sets=tuple(placed for _, _, placed in self._placed))

    def _place_set(self, choice: SetChoice) -> bool:
        for offer in choice.near(self.view):
            nodes = offer.place()
            if nodes is not None:
                self._placed.append((offer, nodes, PlacedSet.of(choice.pod_set.name, offer.placement(nodes))))
                return True
        return False

    def undo(self, nodes: Sequence[Assignment], mark: int) -> None:
        """Undo `place`, as if it had never been."""
        for offer, taken, _ in reversed(self._placed):
            offer.give_back(taken)
        super().undo(nodes, mark)
        self._placed = []


def as_gang(workload: Workload, pod_set: PodSet, hours: Fraction) -> Workload:
    """Return one further pod set as a gang of its own that runs for so many hours."""
    return msgspec.structs.replace(
        workload,
        replicas=pod_set.replicas,
        pod=pod_set.pod,
        facts=pod_set.facts,
        accelerators=pod_set.accelerators,
        min_replicas=None,
        others=(),
        expected_runtime_s=max(1, round(hours * _SECONDS)),
        deadline=None,
        data=None,
    )


def set_cost(ask: Ask, view: PoolView, hours: Fraction, policy: Policy) -> Cost:
    """Return the expected cost of one further pod set that runs for so many hours."""
    workload = msgspec.structs.replace(ask.workload, expected_runtime_s=max(1, round(hours * _SECONDS)))
    return expected_cost(workload, ask.option, view.site, policy)
