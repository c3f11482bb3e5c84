"""What spares preemption its looks at the room: sums and kept answers never change which room is made for whom."""

from __future__ import annotations

from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.model.decision import Plan
from stellwerk.model.placement import PlacedAccelerator, Placement
from stellwerk.model.resources import Resources
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, nodes, policy, pool, snapshot

PRICES = {"cheap": "16", "dear": "32"}
RULES = policy(preempts=True, minimum_runtime_s=0)


@st.composite
def fleets(draw: st.DrawFn) -> Snapshot:
    """Two pools of two nodes, on which some run: on one node or two, with one GPU or more, elastic or not."""
    declared = tuple(pool(name, price=price) for name, price in PRICES.items())
    members = tuple(one for name in PRICES for one in nodes(2, name))
    free = {one.name: 8 for one in members}
    usage: dict[str, Resources] = {}
    found: list[Running] = []
    for number in range(draw(st.integers(2, 6))):
        name = draw(st.sampled_from(sorted(PRICES)))
        gpus, pods = draw(st.sampled_from((2, 4, 8))), draw(st.integers(1, 3))
        seats: list[str] = []
        for node in (one.name for one in members if one.labels["pool"] == name):
            while len(seats) < pods and free[node] >= gpus:
                seats.append(node)
                free[node] -= gpus
        if seats:
            found.append(runs(draw, number, name, gpus, tuple(seats)))
            for node, used in found[-1].uses:
                usage[node] = usage.get(node, Resources()) + used
    return snapshot(declared, members, policies=(RULES,), running=tuple(found), usage=usage)


def runs(draw: st.DrawFn, number: int, where: str, gpus: int, seats: tuple[str, ...]) -> Running:
    """A workload with a pod on each of these nodes."""
    facts: dict[str, Any] = {"priority": draw(st.integers(0, 2)), "expected_runtime_s": 3600 * draw(st.integers(1, 9))}
    if draw(st.booleans()):
        facts["min_replicas"] = 1
    asked = gang(f"low-{number}", len(seats), gpus, **facts)
    one = asked.pod.requests + Resources.of({GPU: gpus})
    by_node = {node: seats.count(node) for node in seats}
    accelerator = PlacedAccelerator("H100", gpus, GPU)
    return Running(
        asked,
        Placement("local", where, pool().capacity_type, len(seats), accelerator=accelerator),
        tuple(sorted(by_node.items())),
        tuple((node, one * pods) for node, pods in sorted(by_node.items())),
        since=f"2026-11-22T{draw(st.integers(1, 11)):02d}:00:00Z",
        indexes=tuple((index, node, one) for index, node in enumerate(seats)),
    )


@st.composite
def queues(draw: st.DrawFn) -> list[Workload]:
    """Some who are more important, a few of them alike."""
    shapes = st.tuples(st.integers(1, 3), st.sampled_from((2, 4, 8)), st.integers(1, 4))
    return [
        gang(f"urgent-{number}", pods, gpus, priority=priority)
        for number, (pods, gpus, priority) in enumerate(draw(st.lists(shapes, min_size=1, max_size=5)))
    ]


def plainly(pending: list[Workload], seen: Snapshot) -> Plan:
    """Plan without any shortcut: every combination is looked at, and every answer is looked for anew."""
    with (
        mock.patch.object(Offer, "reach", return_value=None),
        mock.patch.object(Offer, "outside", return_value=None),
    ):
        return plan(pending, seen, NOW, 1)


@settings(deadline=None)
@given(fleets(), queues())
def test_the_same_room_is_made_for_the_same_workloads(seen: Snapshot, pending: list[Workload]) -> None:
    assert plan(pending, seen, NOW, 1) == plainly(pending, seen)
