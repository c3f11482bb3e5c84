"""What the packer is asked and what it answers, as data."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Assignment(msgspec.Struct, frozen=True):
    """Pods on one node."""

    node: str
    pods: int


class Limits(msgspec.Struct, frozen=True):
    """Which nodes a gang may use, and how much of each."""

    kinds: frozenset[int]
    """Classes of nodes."""
    per_node: int | None = None
    only: frozenset[str] | None = None
    """Names of nodes."""


class Sliced(msgspec.Struct, frozen=True):
    """Devices that are handed out in slices, units of the first resource of the axis."""

    slices: int
    """Of one device."""
    devices: Mapping[str, tuple[int, ...]]
    """Free slices of each device, by node."""


class Step(msgspec.Struct, frozen=True):
    """What a gang takes of one row."""

    row: int
    pods: int
    """On each of its nodes."""
    nodes: tuple[int, ...]
    """By rank."""
    loss: int
    """Units of worth that it takes, over all these nodes."""
    hole: int
    """Free slices of the device that a single share goes to."""


class Quote(msgspec.Struct, frozen=True):
    """How a gang would be placed now, and what that takes."""

    steps: tuple[Step, ...] = ()
    pods: int = 0
    """That find room."""
    loss: int = 0
    """Units of worth: what the room is worth to others."""
