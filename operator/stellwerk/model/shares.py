"""How many units of a pool's accelerator resource one pod asks for: whole devices, slices, or partitions.

Where nodes offer an accelerator in slices (time-slicing), a unit of the resource is a slice; a partition (MIG, MPS and
its like) is a smaller device of its own. A share takes whole slices of one device; whole devices take all slices of
theirs, so that nobody shares them. Which slices a container gets is the device plugin's choice.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from stellwerk.model.capacity import Accelerator
from stellwerk.model.workload import AcceleratorOption

WHOLE: Final = 1000
"""Thousandths of a whole device."""


def units_of(option: AcceleratorOption, accelerator: Accelerator) -> int | None:
    """Return how many units of the accelerator's resource one pod takes; None if its memory would tell and is unknown.

    More than `accelerator.slices` means for a share that one device is too small for it.
    """
    if option.resource is not None:
        return option.count  # the pods of a user's Job state the amount themselves
    if option.share_milli is not None:
        return -(-option.share_milli * accelerator.slices // accelerator.part_milli)
    if option.share_bytes is not None:
        if accelerator.memory_bytes is None:
            return None
        return -(-option.share_bytes * accelerator.slices // accelerator.memory_bytes)
    return option.count * accelerator.slices


def part_of_node(units: int, accelerator: Accelerator) -> Fraction:
    """Return what part of a node's accelerators of this kind so many units are."""
    return Fraction(units, accelerator.count * accelerator.slices)
