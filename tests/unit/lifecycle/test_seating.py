"""Which pod is told which node, and when."""

from __future__ import annotations

import msgspec

from stellwerk.lifecycle.actions import SeatPod
from stellwerk.lifecycle.seating import Held, HeldPod, seat_actions, seats_of
from stellwerk.model.capacity import CapacityType
from stellwerk.model.placement import PlacedSet, Placement
from stellwerk.model.workload import WorkloadKey

HOSTS = (("a", "host-a"), ("b", "host-b"))
PLACEMENT = Placement(
    "local", "own", CapacityType.OWNED, 3, preferred_nodes=("a", "b"), pods_per_node=(2, 1), nodes_required=True
)


def pod(name: str, index: int | None = None, *gates: str) -> HeldPod:
    return HeldPod(WorkloadKey("team", name), f"uid-{name}", index, gates)


def told(held: Held) -> dict[str, str | None]:
    return {one.key.name: node for one, node in seats_of(PLACEMENT, held).items()}


def test_a_pod_of_an_indexed_job_has_the_seat_of_its_index_whoever_else_is_there() -> None:
    assert told(Held((pod("x", 2),), (), HOSTS)) == {"x": "host-b"}
    assert told(Held((pod("y", 0), pod("x", 2)), (("a", 1),), HOSTS)) == {"y": "host-a", "x": "host-b"}


def test_a_pod_beyond_the_seats_goes_wherever_there_is_room() -> None:
    assert told(Held((pod("x", 3),), (), HOSTS)) == {"x": None}


def test_a_seat_on_a_node_that_is_gone_holds_nobody_back() -> None:
    assert told(Held((pod("x", 2),), (), HOSTS[:1])) == {"x": None}


def test_pods_without_index_wait_until_all_are_there() -> None:
    assert told(Held((pod("x"), pod("y")), (), HOSTS)) == {}
    assert told(Held((pod("z"), pod("x"), pod("y")), (), HOSTS)) == {"x": "host-a", "y": "host-a", "z": "host-b"}


def test_looking_again_before_the_writes_are_seen_says_the_same() -> None:
    everyone = told(Held((pod("x"), pod("y"), pod("z")), (), HOSTS))
    assert told(Held((pod("x"), pod("z")), (("a", 1),), HOSTS)) == {k: everyone[k] for k in ("x", "z")}
    assert told(Held((pod("x"), pod("y")), (("b", 1),), HOSTS)) == {k: everyone[k] for k in ("x", "y")}


def test_the_gate_goes_and_the_node_comes_in_one_write_and_the_gates_of_others_stay() -> None:
    (action,) = seat_actions(PLACEMENT, [Held((pod("x", 0, "example.com/data"),), (), HOSTS)])
    assert isinstance(action, SeatPod)
    assert action.body == {
        "metadata": {"uid": "uid-x"},
        "spec": {
            "schedulingGates": [{"name": "example.com/data"}],
            "nodeSelector": {"kubernetes.io/hostname": "host-a"},
        },
    }


def test_further_pod_sets_have_seats_of_their_own() -> None:
    loader = PlacedSet(
        "loader", "own", CapacityType.OWNED, 1, preferred_nodes=("b",), pods_per_node=(1,), nodes_required=True
    )
    both = msgspec.structs.replace(PLACEMENT, pod_sets=(loader,))
    (action,) = seat_actions(both, [Held(), Held((pod("l", 0),), (), HOSTS)])
    assert isinstance(action, SeatPod)
    assert action.body["spec"]["nodeSelector"] == {"kubernetes.io/hostname": "host-b"}
