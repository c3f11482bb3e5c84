"""Vectors of resources: what a node offers, what a pod asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from stellwerk.api import quantity

CPU: Final = "cpu"
MEMORY: Final = "memory"
PODS: Final = "pods"

UNBOUNDED: Final = 2**62
"""How often an empty request fits: more often than anybody asks for."""


class Resources(msgspec.Struct, frozen=True, array_like=True):
    """An immutable vector of whole numbers by resource name, sorted, without zeros.

    CPU counts in milli-cores, everything else in its base unit (bytes, pieces). A name that is
    absent counts as zero; an amount may be negative where more is used than there is.
    """

    amounts: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, amounts: Mapping[str, int]) -> Resources:
        """Build from amounts by name (CPU in milli-cores)."""
        return cls(tuple(sorted((name, n) for name, n in amounts.items() if n)))

    @classmethod
    def from_quantities(cls, quantities: Mapping[str, str | int]) -> Resources:
        """Build from Kubernetes quantities by name, such as `{"cpu": "500m", "memory": "2Gi"}`.

        Raises:
            ValueError: If a value is no quantity.
        """
        return cls.of(
            {name: quantity.milli(text) if name == CPU else quantity.whole(text) for name, text in quantities.items()}
        )

    def get(self, name: str) -> int:
        """Return the amount of `name`, zero if there is none."""
        for key, amount in self.amounts:
            if key == name:
                return amount
        return 0

    def without(self, *names: str) -> Resources:
        """Return all but the resources called `names`."""
        return Resources(tuple(pair for pair in self.amounts if pair[0] not in names))

    def most(self, other: Resources) -> Resources:
        """Return the larger amount of the two, name by name."""
        ours, theirs = dict(self.amounts), dict(other.amounts)
        names = ours.keys() | theirs.keys()
        return Resources.of({name: max(ours.get(name, 0), theirs.get(name, 0)) for name in names})

    def fits_in(self, free: Resources) -> bool:
        """Tell whether every positive amount of this vector is free."""
        there = dict(free.amounts)
        return all(amount <= 0 or there.get(name, 0) >= amount for name, amount in self.amounts)

    def copies_in(self, free: Resources) -> int:
        """Return how many copies of this vector fit at once: zero or more, at most `UNBOUNDED`."""
        there = dict(free.amounts)
        copies = UNBOUNDED
        for name, amount in self.amounts:
            if amount > 0:
                copies = min(copies, max(0, there.get(name, 0)) // amount)
        return copies

    def __add__(self, other: Resources) -> Resources:
        total = dict(self.amounts)
        for name, amount in other.amounts:
            total[name] = total.get(name, 0) + amount
        return Resources.of(total)

    def __sub__(self, other: Resources) -> Resources:
        if not other.amounts:
            return self
        left = dict(self.amounts)
        for name, amount in other.amounts:
            left[name] = left.get(name, 0) - amount
        return Resources.of(left)

    def __mul__(self, times: int) -> Resources:
        return Resources(tuple((name, n * times) for name, n in self.amounts if times))

    def __bool__(self) -> bool:
        return bool(self.amounts)
