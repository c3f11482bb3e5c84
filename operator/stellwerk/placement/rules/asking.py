"""The question that filters answer: may this workload, in this form, go to this pool?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from stellwerk.model.decision import Cost, Rejection
from stellwerk.model.policy import Policy
from stellwerk.model.resources import Resources
from stellwerk.model.shares import units_of
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.fleet.fleet import PoolView


class Ask(msgspec.Struct, frozen=True):
    """What one candidate is judged by: a workload with one alternative, its policy and its cost."""

    workload: Workload
    option: AcceleratorOption | None
    policy: Policy
    cost: Cost
    """On the pool in question, with the most pods that it may start with."""
    health: Mapping[str, str] = {}
    """Why a cluster must not be used now, by name."""
    now: datetime | None = None
    """The moment of the decision; None where no deadline is asked about."""
    in_time: int | None = None
    """With how many pods an elastic gang must start on the pool in question to end by its deadline."""
    paid: int | None = None
    """With how many pods it may start at most on the pool in question, where the policy does not pay for all."""

    @property
    def size(self) -> int:
        """How many pods this form of the workload has; of an elastic one, the most."""
        return self.workload.size(self.option)

    @property
    def least(self) -> int:
        """With how many pods it may start."""
        return self.workload.least(self.option) if self.in_time is None else self.in_time

    @property
    def most(self) -> int:
        """With how many pods it may start at most."""
        return self.size if self.paid is None else self.paid

    @property
    def is_elastic(self) -> bool:
        """Whether it may start with fewer pods than the most."""
        return self.least < self.most

    def request_on(self, view: PoolView) -> Resources:
        """Return what one pod asks for on this pool, accelerators included."""
        accelerator = view.pool.accelerator
        requests = self.workload.pod.requests
        if self.option is None or accelerator is None:
            return requests
        units = units_of(self.option, accelerator)
        whole = accelerator.slices  # of a device of unknown size, which another rule turns down
        return requests + Resources.of({accelerator.resource: whole if units is None else units})


Filter = Callable[[Ask, PoolView], Rejection | None]
"""A rejection with its reason and sentence, or nothing."""
