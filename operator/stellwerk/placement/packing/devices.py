"""Accelerators that are handed out in slices: which device of a node a pod takes of.

A node's devices are the free slices of each, ascending, padded with zeros in front where it has fewer
devices than others of its pool. A request is `whole` idle devices and `part` slices of one more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


class Wanted(NamedTuple):
    """What one pod takes of a node's devices."""

    whole: int = 0
    """Wholly idle devices."""
    part: int = 0
    """Slices of one device, fewer than it has."""


NOTHING = Wanted()


def wanted(amount: int, slices: int) -> Wanted:
    """Split a number of slices into whole devices and a part of one."""
    return Wanted(*divmod(max(0, amount), slices))


def laid_out(free: int, capacity: int, slices: int, pods: Sequence[int] = ()) -> tuple[int, ...]:
    """Return the free slices of each device of a node, ascending.

    Pods of known size are laid out one by one, the largest first, each where it fits most tightly. What else
    is used is known only as a sum, and taken to lie as tightly as it can: device after device.

    Args:
        free: Free slices of the node; negative where more is used than there is.
        capacity: All slices of the node.
        slices: Slices of one device.
        pods: Slices of each pod of known size, which are part of what is used.
    """
    whole, rest = divmod(max(0, capacity), slices)
    devices = tuple([rest] * (rest > 0) + [slices] * whole)
    unknown = max(0, capacity - max(0, free))
    for amount in sorted(pods, reverse=True):
        left = after(devices, wanted(amount, slices), slices)
        devices = in_pieces(devices, amount) if left is None else left
        unknown -= amount
    return in_pieces(devices, max(0, unknown))


def copies(devices: Ints, want: Wanted, slices: int) -> Ints | None:
    """Return per row how many such pods find devices; None if they need none."""
    if want == NOTHING:
        return None
    if not want.part:
        idle: Ints = (devices == slices).sum(axis=1)
        return idle // want.whole
    if not want.whole:
        shares: Ints = (devices // want.part).sum(axis=1)
        return shares
    return np.array([_copies_mixed(tuple(row), want, slices) for row in devices.tolist()], np.int64)


def after(devices: tuple[int, ...], want: Wanted, slices: int, times: int = 1) -> tuple[int, ...] | None:
    """Return what so many pods leave of a node's devices, each in the tightest place; None if they do not fit."""
    left = list(devices)
    for _ in range(times):
        for _ in range(want.whole):
            if not left or left[-1] != slices:
                return None
            left[-1] = 0
            left.sort()
        if want.part:
            at = next((at for at, free in enumerate(left) if free >= want.part), None)
            if at is None:
                return None
            left[at] -= want.part
            left.sort()
    return tuple(left)


def from_hole(devices: tuple[int, ...], part: int, hole: int) -> tuple[int, ...]:
    """Return the devices after `part` slices were taken of one that had `hole` free."""
    left = list(devices)
    left[left.index(hole)] -= part
    return tuple(sorted(left))


def in_pieces(devices: tuple[int, ...], amount: int) -> tuple[int, ...]:
    """Return the devices after `amount` slices were taken wherever they are, the fullest devices first."""
    left = []
    for free in devices:
        taken = min(free, amount)
        amount -= taken
        left.append(free - taken)
    return tuple(sorted(left))


def relaid(devices: tuple[int, ...], free: int, count: int, slices: int) -> tuple[int, ...]:
    """Return the `count` devices of a node whose sum of free slices has changed to `free`."""
    if not devices:
        return ()
    gone = sum(devices) - max(0, free)
    if gone >= 0:
        return in_pieces(devices, gone)
    return padded(laid_out(free, count * slices, slices), len(devices))


def padded(devices: tuple[int, ...], width: int) -> tuple[int, ...]:
    """Return the devices of a node among nodes of up to `width` devices."""
    return (0,) * (width - len(devices)) + devices


def after_each(devices: Ints, want: Wanted, slices: int, times: Ints) -> Ints:
    """Return what is left of each row after so many pods on it; rows may come unsorted."""
    if not want.part:
        left = devices.copy()
        idle = devices == slices
        left[idle & (np.cumsum(idle, axis=1) <= (times * want.whole)[:, None])] = 0
        return left
    rows = (after(tuple(row), want, slices, n) for row, n in zip(devices.tolist(), times.tolist(), strict=True))
    return np.array([row or () for row in rows], np.int64).reshape(devices.shape)


def _copies_mixed(devices: tuple[int, ...], want: Wanted, slices: int) -> int:
    found, left = 0, after(devices, want, slices)
    while left is not None:
        found, left = found + 1, after(left, want, slices)
    return found


def copies_when_empty(capacity: int, amount: int, slices: int) -> int | None:
    """Return how many pods that ask for `amount` slices an empty node takes; None if they ask for none."""
    devices = np.array([laid_out(capacity, capacity, slices)], np.int64)
    found = copies(devices, wanted(amount, slices), slices)
    return None if found is None else int(found[0])
