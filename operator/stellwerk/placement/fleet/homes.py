"""Where running workloads are, as views of the fleet: only nodes that are there, with the accelerators they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stellwerk.economics.disruption import option_of
from stellwerk.economics.podsets import MainAt, SetAt, cost_of_all
from stellwerk.economics.service import option_given
from stellwerk.model.decision import Cost
from stellwerk.model.placement import Placement
from stellwerk.model.policy import Policy
from stellwerk.model.running import Running
from stellwerk.model.workload import Workload
from stellwerk.placement.fleet.poolview import PoolView


def is_free_to_go(workload: Workload) -> bool:
    """Tell whether its pods care for no neighbours: these are only known where something that waits asks for them."""
    shapes = (workload.pod, *(one.pod for one in workload.others))
    return not any(shape.rules is not None and shape.rules.looks_at_others for shape in shapes)


class Homes:
    """The views in which something can run now.

    Attributes:
        health: Why a cluster must not be used now, by name.

    """

    def __init__(self, views: Iterable[PoolView], health: Mapping[str, str] | None = None) -> None:
        """Leave out the views that count on nodes yet to come."""
        self.views = tuple(view for view in views if not view.grows)
        self.health = health or {}
        self._found: dict[tuple[str, str, str], PoolView] = {}
        for view in self.views:
            accelerator = view.pool.accelerator
            resource = "" if accelerator is None else accelerator.resource
            for key in dict.fromkeys((resource, "")):
                self._found.setdefault((view.pool.cluster, view.pool.name, key), view)

    def of(self, placement: Placement) -> PoolView | None:
        """Return the view that a placement is in, None if its pool is gone."""
        resource = placement.accelerator.resource if placement.accelerator else ""
        return self._found.get((placement.cluster, placement.pool, resource))

    def cost_of(self, running: Running, policy: Policy, replicas: int | None = None) -> Cost:
        """Return the expected cost of a workload where it runs, with all its pod sets.

        Args:
            running: The workload.
            policy: Whose prices hold.
            replicas: Pods of the main set; None for as many as it has.
        """
        place, workload = running.placement, running.workload
        view = None if place is None else self.of(place)
        if place is None or view is None:
            return Cost(policy.currency, None, None, unknown="it has no place in a pool that is known")
        shapes, sets = {one.name: one for one in workload.others}, list[SetAt]()
        for placed in place.pod_sets:
            there, shape = self.of(place.of_set(placed)), shapes.get(placed.name)
            if there is None or shape is None:
                return Cost(policy.currency, None, None, unknown=f"where pod set {placed.name} runs is not known")
            sets.append(SetAt(shape, option_given(shape.accelerators, placed.accelerator), there.site))
        main = MainAt(option_of(running), view.site, place.replicas if replicas is None else replicas)
        return cost_of_all(workload, policy, main, sets)
