"""What runs is frozen as it was last seen, and costs nothing where nothing changed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.control.capacity import Places
from stellwerk.control.running import RunningOnes, SetPods, running_of
from stellwerk.lifecycle.eviction import told_of
from stellwerk.lifecycle.wire import Condition, WorkloadStatus
from stellwerk.model.capacity import CapacityType
from stellwerk.model.placement import PlacedSet, Placement
from stellwerk.model.running import Running
from tests.builders import SPEC, gang, identity, own_job, resources, state

SINCE = "2026-11-22T11:00:00Z"
ONE = resources(cpu="8", gpu=8)
PLACES = Places((("n1", 1, ONE), ("n2", 1, ONE)), ((0, "n1", ONE), (1, "n2", ONE)))
PLACEMENT = Placement("local", "pool", CapacityType.OWNED, 2)


def placed(**facts: object) -> WorkloadStatus:
    """A status with a place since eleven."""
    conditions = (Condition("Placed", "True", "CheapestFeasible", "", SINCE),)
    return WorkloadStatus(conditions=conditions, placement=PLACEMENT, **facts)  # type: ignore[arg-type]


def seen(uid: str, pods: int) -> Running:
    return Running(gang(uid, uid=uid), PLACEMENT, (("n1", pods),), (("n1", ONE),), SINCE)


def test_a_workload_whose_pods_all_run_is_settled() -> None:
    whole = state(status=placed(), job=own_job(identity()))
    running = running_of(whole, PLACES, 0)
    assert running is not None
    assert (running.settled, running.leaving, running.since) == (True, False, SINCE)
    assert running.uses == (("n1", ONE), ("n2", ONE))


def test_one_with_a_pod_to_come_is_not_settled() -> None:
    half = Places(PLACES.by_node[:1])
    running = running_of(state(status=placed(), job=own_job(identity())), half, 1)
    assert running is not None
    assert not running.settled


def test_one_that_gave_its_place_up_leaves() -> None:
    evicted = WorkloadStatus(conditions=(Condition("Placed", "False", "Preempted", "", SINCE),))
    running = running_of(state(status=evicted, job=own_job(identity(), deleting=True)), PLACES, 0)
    assert running is not None
    assert (running.settled, running.leaving, running.placement) == (False, True, None)


def test_only_elastic_gangs_show_which_pod_has_which_index() -> None:
    rigid = running_of(state(status=placed(), job=own_job(identity())), PLACES, 0)
    elastic = running_of(state({**SPEC, "minReplicas": 1}, status=placed(), job=own_job(identity())), PLACES, 0)
    assert rigid is not None
    assert elastic is not None
    assert (rigid.indexes, elastic.indexes) == ((), PLACES.indexes)


def test_one_that_shrinks_is_not_settled_and_shows_what_is_on_its_way_out() -> None:
    shrunk = msgspec.structs.replace(placed(), placement=msgspec.structs.replace(PLACEMENT, replicas=1))
    spec = {**SPEC, "minReplicas": 1}
    running = running_of(state(spec, status=shrunk, job=own_job(identity())), PLACES, 0)
    assert running is not None
    assert (running.settled, running.going) == (False, (("n2", ONE),))


LOADER = {"name": "loader", "template": SPEC["template"]}
CPU = resources(cpu="4")


def with_loader(**facts: Any) -> Any:
    """A gang whose loader is a pod on the second node."""
    loader = PlacedSet("loader", "cpu", CapacityType.OWNED, 1)
    status = msgspec.structs.replace(placed(), placement=msgspec.structs.replace(PLACEMENT, pod_sets=(loader,)))
    job = own_job(identity(), "loader", parallelism=1, **facts)
    return state({**SPEC, "podSets": [LOADER]}, status=status, job=own_job(identity()), set_jobs=(job,))


def test_a_gang_is_settled_when_all_pods_of_all_its_sets_run_and_shows_them_all() -> None:
    running = running_of(with_loader(), PLACES, 0, [SetPods(Places((("n2", 1, CPU),)), 0)])
    assert running is not None
    assert running.settled
    assert running.pods_by_node == (("n1", 1), ("n2", 1), ("n2", 1))
    assert running.uses == (("n1", ONE), ("n2", ONE), ("n2", CPU))


@pytest.mark.parametrize(
    ("facts", "pods", "settled"),
    [
        ({"succeeded": 1}, SetPods(Places(), 0), True),
        ({}, SetPods(Places(), 0), False),
        ({}, SetPods(Places((("n2", 1, CPU),)), 1), False),
        ({"deleting": True}, SetPods(Places((("n2", 1, CPU),)), 0), False),
        ({"started": False}, SetPods(Places((("n2", 1, CPU),)), 0), False),
    ],
    ids=["has ended well", "has no pod", "has a pod too many", "goes", "has not started"],
)
def test_it_is_not_settled_where_a_further_set(facts: dict[str, Any], pods: SetPods, *, settled: bool) -> None:
    running = running_of(with_loader(**facts), PLACES, 0, [pods])
    assert running is not None
    assert running.settled is settled


def test_what_is_left_of_a_gang_that_leaves_is_seen_though_its_main_pods_are_gone() -> None:
    evicted = WorkloadStatus(conditions=(Condition("Placed", "False", "Preempted", "", SINCE),))
    gone = msgspec.structs.replace(with_loader(), status=evicted, job=None)
    running = running_of(gone, Places(), 0, [SetPods(Places((("n2", 1, CPU),)), 0)])
    assert running is not None
    assert (running.leaving, running.going) == (True, (("n2", CPU),))


def test_the_size_that_is_under_way_counts_before_it_is_seen() -> None:
    ones = RunningOnes()
    spec = {**SPEC, "minReplicas": 1}
    ones.see("a", running_of(state(spec, status=placed(), job=own_job(identity())), PLACES, 0))
    assert ones.frozen[0].going == ()
    ones.changing("a", leaving=False, placement=msgspec.structs.replace(PLACEMENT, replicas=1))
    assert ones.frozen[0].going == (("n2", ONE),)


def test_the_frozen_tuple_stays_the_same_until_something_changes() -> None:
    ones = RunningOnes()
    ones.see("a", seen("a", 1))
    frozen = ones.frozen
    ones.see("a", seen("a", 1))
    ones.changing("b", leaving=True)
    assert ones.frozen is frozen
    ones.changing("a", leaving=True)
    assert [(one.settled, one.leaving) for one in ones.frozen] == [(False, True)]
    ones.settled("a")
    assert ones.frozen == frozen


STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["see", "go", "hold", "settle"])), max_size=30)


@given(STEPS)
def test_it_shows_what_is_seen_with_what_is_under_way(steps: list[tuple[str, str]]) -> None:
    ones = RunningOnes()
    want: dict[str, int] = {}
    held: set[str] = set()
    for number, (uid, step) in enumerate(steps, 1):
        if step == "see":
            want[uid] = number
            ones.see(uid, seen(uid, number))
        elif step == "go":
            want.pop(uid, None)
            ones.see(uid, None)
        elif step == "hold":
            held.add(uid)
            ones.changing(uid, leaving=False)
        else:
            held.discard(uid)
            ones.settled(uid)
    shown = [(one.uid, one.pods_by_node[0][1], one.settled) for one in ones.frozen]
    assert shown == [(uid, pods, uid not in held) for uid, pods in sorted(want.items())]


def test_moves_are_counted_by_policy_from_what_the_statuses_say() -> None:
    ones = RunningOnes()
    moved = Condition("Evicted", "True", "Migrated", "cheaper there", SINCE)
    again = Condition("Evicted", "False", "NotEvicted", told_of(WorkloadStatus(conditions=(moved,))), SINCE)
    ones.note_move("a", state(status=WorkloadStatus(conditions=(moved,))))
    ones.note_move("b", state(status=WorkloadStatus(conditions=(again,))))
    ones.note_move("c", state(status=WorkloadStatus(conditions=(msgspec.structs.replace(moved, reason="Preempted"),))))
    assert ones.moved == {"default": (SINCE, SINCE)}
    ones.note_move("b", None)
    assert ones.moved == {"default": (SINCE,)}
