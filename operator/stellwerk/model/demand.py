"""Demand: which shapes of pods have asked for accelerators so far, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

import msgspec

from stellwerk.model.requirements import NODE_NAME
from stellwerk.model.shares import WHOLE
from stellwerk.model.workload import AcceleratorOption, PodShape, Workload

MOST_SHAPES: Final = 512
"""Shapes that are remembered; the ones that asked least are forgotten first."""
FINE: Final = 1 << 20
"""What one pod counts when it arrives; halved with age, so that small counts keep whole numbers."""
HALF_LIFE: Final = 1 << 14
"""Pods after whose arrival an old one counts half."""


class AskedShape(msgspec.Struct, frozen=True):
    """What one pod of a gang asks for, as far as it tells where it may go."""

    pod: PodShape
    accelerators: tuple[AcceleratorOption, ...]
    policy: str = ""

    @property
    def size(self) -> Fraction:
        """Accelerators of one pod, by its first alternative; a share by memory counts half of one."""
        option = self.accelerators[0]
        if not option.is_share:
            return Fraction(option.count)
        return Fraction(option.share_milli or WHOLE // 2, WHOLE)


class Demand(msgspec.Struct, frozen=True):
    """Counts of shapes, newest arrivals counting most."""

    asked: tuple[tuple[AskedShape, int], ...] = ()
    """Each shape with its count in parts of `FINE`, in the order of their JSON text."""

    @classmethod
    def of(cls, counts: Mapping[AskedShape, int]) -> Demand:
        """Build from counts; keeps the `MOST_SHAPES` that asked most."""
        told = sorted(((-count, msgspec.json.encode(shape), shape) for shape, count in counts.items() if count))
        kept = sorted(told[:MOST_SHAPES], key=lambda one: one[1])
        return cls(tuple((shape, -count) for count, _, shape in kept))


class Learner:
    """Counts arrivals; needs no clock: arrivals age by the arrivals after them."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._counts: dict[AskedShape, int] = {}
        self._since_halved = 0
        self._demand: Demand | None = Demand()

    def learn(self, workload: Workload) -> None:
        """Count the pods of a workload that is seen for the first time."""
        for shape, pods in asked_by(workload):
            self._counts[shape] = self._counts.get(shape, 0) + pods * FINE
            self._since_halved += pods
            self._demand = None
        while self._since_halved >= HALF_LIFE:
            self._since_halved -= HALF_LIFE
            self._counts = {shape: count // 2 for shape, count in self._counts.items() if count > 1}
        if len(self._counts) > 2 * MOST_SHAPES:
            self._counts = dict(self.demand.asked)

    @property
    def demand(self) -> Demand:
        """What was learned, frozen."""
        if self._demand is None:
            self._demand = Demand.of(self._counts)
        return self._demand


def asked_by(workload: Workload) -> Iterable[tuple[AskedShape, int]]:
    """Return each shape of the workload's pods that asks for accelerators, and how many pods have it.

    A workload that names its very node asks for no shape: that node is not like others.
    """
    sets = [(workload.pod, workload.accelerators, workload.replicas)]
    sets += [(other.pod, other.accelerators, other.replicas) for other in workload.others]
    for pod, accelerators, replicas in sets:
        if accelerators and NODE_NAME not in pod.requirements.keys:
            yield AskedShape(pod, accelerators, workload.policy), replicas
