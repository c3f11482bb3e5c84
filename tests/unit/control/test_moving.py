"""From the moves of a plan to what is asked of workloads, whether their cycle looked at them or not."""

from __future__ import annotations

from typing import cast

import msgspec
import pytest

from stellwerk.control.moving import is_moving, is_promised, room_of, with_wishes
from stellwerk.control.store import Store
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.wire import ChildStatus, Condition, DecisionStatus, WorkloadStatus
from stellwerk.model.capacity import CapacityType
from stellwerk.model.decision import Move, MoveKind
from stellwerk.model.placement import Placement
from tests.builders import SPEC, identity, own_job, state

PLACE = Placement("local", "pool", CapacityType.OWNED, 2)


class Known:
    """A store that knows some states."""

    def __init__(self, *states: WorkloadState) -> None:
        self._states = {one.workload.uid: one for one in states}

    def state(self, uid: str) -> WorkloadState | None:
        return self._states.get(uid)


def known(*states: WorkloadState) -> Store:
    return cast("Store", Known(*states))


def named(name: str, **facts: object) -> WorkloadState:
    return state({**SPEC, "minReplicas": 1}, identity=identity(name), status=WorkloadStatus(placement=PLACE), **facts)


def move(name: str, kind: MoveKind, placement: Placement | None = None) -> Move:
    return Move(identity(name).key, f"uid-{name}", kind, "because", "uid-x", placement)


@pytest.mark.parametrize(("kind", "reason"), [(MoveKind.PREEMPT, "Preempted"), (MoveKind.MIGRATE, "Migrated")])
def test_who_must_go_is_asked_to_give_its_place_up(kind: MoveKind, reason: str) -> None:
    (asked,) = with_wishes([named("a")], [move("a", kind, PLACE)], known())
    assert asked.eviction is not None
    assert (asked.eviction.reason, asked.eviction.message) == (reason, "because")


def test_those_that_the_cycle_did_not_look_at_are_asked_too() -> None:
    seen, other = named("a"), named("b")
    smaller = msgspec.structs.replace(PLACE, replicas=1)
    found = with_wishes([seen], [move("b", MoveKind.SHRINK, smaller)], known(other))
    assert [one.workload.key.name for one in found] == ["a", "b"]
    assert found[0].resize is None
    assert found[1].resize is not None
    assert found[1].resize.placement.replicas == 1


def test_who_is_gone_is_not_asked() -> None:
    assert with_wishes([], [move("a", MoveKind.PREEMPT)], known()) == []


@pytest.mark.parametrize(
    ("kind", "replicas", "pods"),
    [(MoveKind.GROW, 5, 3), (MoveKind.SHRINK, 1, None), (MoveKind.MIGRATE, 2, 2)],
)
def test_a_move_takes_the_room_of_the_pods_that_are_to_come(kind: MoveKind, replicas: int, pods: int | None) -> None:
    room = room_of(move("a", kind, msgspec.structs.replace(PLACE, replicas=replicas)), named("a"))
    assert (None if room is None else room.pods) == pods


def test_a_promise_is_read_off_the_status() -> None:
    waits = msgspec.structs.replace(named("a"), status=WorkloadStatus(decision=DecisionStatus("Preempt", "Preempting")))
    assert is_promised(waits)
    assert not is_promised(named("b"))


@pytest.mark.parametrize(("reason", "moving"), [("Migrated", True), ("Preempted", False)])
def test_who_moves_is_followed_until_its_pods_are_gone(reason: str, *, moving: bool) -> None:
    job = own_job(identity("a"), deleting=True)
    status = WorkloadStatus(
        conditions=(Condition("Evicted", "True", reason), Condition("Placed", "False", "GivenUp")),
        child=ChildStatus("batch/v1", "Job", job.key.name, job.uid),
    )
    seen = state(identity=identity("a"), status=status, job=job)
    assert is_moving(seen) is moving
    assert not is_moving(msgspec.structs.replace(seen, job=None))
