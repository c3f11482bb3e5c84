"""What the cluster's workloads have asked for so far: the demand that the price of room is learned from."""

from __future__ import annotations

from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.model.demand import Demand, Learner
from stellwerk.model.workload import Workload


class SeenDemand:
    """Counts every workload once, when it is first seen as a valid one.

    After a restart it is built anew from the workloads that are there, so nothing has to be kept anywhere.
    """

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._learner = Learner()
        self._seen: set[str] = set()

    @property
    def frozen(self) -> Demand:
        """All that was seen, also of workloads that are gone; old ones fade."""
        return self._learner.demand

    def see(self, uid: str, state: WorkloadState | None) -> None:
        """Look at a workload; None if it is gone, and its uid with it."""
        if state is None:
            self._seen.discard(uid)
        elif uid not in self._seen and isinstance(state.workload, Workload):
            self._seen.add(uid)
            self._learner.learn(state.workload)
