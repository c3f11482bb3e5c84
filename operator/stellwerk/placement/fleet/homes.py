"""Where running workloads are, as views of the fleet: only nodes that are there, with the accelerators they have."""

from __future__ import annotations

from collections.abc import Iterable

from stellwerk.model.placement import Placement
from stellwerk.model.workload import Workload
from stellwerk.placement.fleet.poolview import PoolView


def is_free_to_go(workload: Workload) -> bool:
    """Tell whether its pods care for no neighbours: these are only known where something that waits asks for them."""
    rules = workload.pod.rules
    return not workload.others and (rules is None or not rules.looks_at_others)


class Homes:
    """The views in which something can run now."""

    def __init__(self, views: Iterable[PoolView]) -> None:
        """Leave out the views that count on nodes yet to come."""
        self.views = tuple(view for view in views if not view.grows)
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
