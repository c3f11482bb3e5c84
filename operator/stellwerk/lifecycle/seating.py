"""Naming the node of each pod that is held back, where the placement says how many pods each node gets.

Such pods are born with a scheduling gate. It is lifted in the same write that names the node, so that kube-scheduler
binds the pod there and nowhere else. Which pod goes where follows from what is seen alone: asking again before the
write has echoed says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from stellwerk.api.labels import SEAT_GATE
from stellwerk.lifecycle.actions import Action, SeatPod
from stellwerk.model.discovery import HOSTNAME_LABEL
from stellwerk.model.placement import PlacedSet, Placement, seats
from stellwerk.model.workload import WorkloadKey


class HeldPod(msgspec.Struct, frozen=True, order=True):
    """A pod with our gate."""

    key: WorkloadKey
    """Namespace and name of the pod."""
    uid: str
    index: int | None = None
    """Of an Indexed Job."""
    gates: tuple[str, ...] = ()
    """Further gates, which others lift."""


class Held(msgspec.Struct, frozen=True):
    """The pods of one Job, some of them held back."""

    pods: tuple[HeldPod, ...] = ()
    seated: tuple[tuple[str, int], ...] = ()
    """Nodes that the other pods of the Job are on or were told, and how many."""
    hosts: tuple[tuple[str, str], ...] = ()
    """Nodes that can be used now, and their host name labels."""


def seat_actions(placement: Placement, held: Sequence[Held]) -> list[Action]:
    """Return what lets the held pods of a placed workload go; `held` is of the main pod set and the further ones."""
    parts: tuple[Placement | PlacedSet, ...] = (placement, *placement.pod_sets)
    return [
        SeatPod(pod.key, pod.uid, _body(pod, node))
        for part, one in zip(parts, held, strict=False)
        for pod, node in seats_of(part, one).items()
    ]


def seats_of(part: Placement | PlacedSet, held: Held) -> Mapping[HeldPod, str | None]:
    """Return the host name of the node for each pod that may go now; None lets it go wherever the pool has room.

    A pod of an Indexed Job has the seat of its index. Others take the seats that are left in order, once all are
    there: until then a later one could come first in that order.
    """
    hosts = dict(held.hosts)
    nodes = [node for node, pods in seats(part) for _ in range(pods)]
    indexed = {pod: nodes[pod.index] for pod in held.pods if pod.index is not None and pod.index < len(nodes)}
    plain = sorted(pod for pod in held.pods if pod.index is None)
    left = _left(nodes, held.seated)
    if len(plain) + sum(pods for _, pods in held.seated) < part.replicas:
        plain = []
    chosen: dict[HeldPod, str | None] = {pod: hosts.get(node) for pod, node in indexed.items()}
    chosen |= {pod: None for pod in held.pods if pod.index is not None and pod not in indexed}
    chosen |= {pod: hosts.get(left[at]) if at < len(left) else None for at, pod in enumerate(plain)}
    return chosen


def _left(seats: Iterable[str], seated: Iterable[tuple[str, int]]) -> list[str]:
    taken = Counter(dict(seated))
    left = []
    for node in seats:
        if taken[node]:
            taken[node] -= 1
        else:
            left.append(node)
    return left


def _body(pod: HeldPod, host: str | None) -> dict[str, Any]:
    spec: dict[str, Any] = {"schedulingGates": [{"name": gate} for gate in pod.gates if gate != SEAT_GATE]}
    if host is not None:
        spec["nodeSelector"] = {HOSTNAME_LABEL: host}
    return {"metadata": {"uid": pod.uid}, "spec": spec}
