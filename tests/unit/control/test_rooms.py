"""Reservations are summed up by what they ask of the nodes, and no pod is lost or counted twice on the way."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stellwerk.control.rooms import Rooms
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Reservation

UIDS = st.sampled_from(["a", "b", "c", "d"])
ROOM = st.builds(
    Reservation,
    uid=st.just(""),
    cluster=st.just("local"),
    pool=st.sampled_from(["p", "q"]),
    pod=st.sampled_from([Resources.of({"nvidia.com/gpu": 1}), Resources.of({"nvidia.com/gpu": 8})]),
    pods=st.integers(1, 4),
    preferred_nodes=st.sampled_from([(), ("n1",), ("n1", "n2")]),
)
STEPS = st.lists(st.tuples(st.sampled_from(["see", "assume"]), UIDS, st.none() | ROOM), max_size=40)


@given(STEPS)
def test_sums_equal_the_reservations_of_the_single_workloads(steps: list[tuple[str, str, Reservation | None]]) -> None:
    """An assumption stands in for what the cache shows of the same workload, and is never added to it."""
    rooms = Rooms()
    layers: dict[str, dict[str, Reservation | None]] = {"see": {}, "assume": {}}
    for layer, uid, room in steps:
        getattr(rooms, layer)(uid, room)
        layers[layer][uid] = room

    want: Counter[tuple[str, Resources, tuple[str, ...]]] = Counter()
    for uid in "abcd":
        room = layers["assume"].get(uid) or layers["see"].get(uid)
        if room is not None:
            want[room.pool, room.pod, room.preferred_nodes] += room.pods
    assert {(one.pool, one.pod, one.preferred_nodes): one.pods for one in rooms.taken} == dict(want)


def test_the_order_does_not_depend_on_the_order_of_events() -> None:
    """The same fleet gives the same snapshot, byte for byte."""
    one, two = (Reservation("", "local", pool, Resources.of({"cpu": 1}), 1, ("n",)) for pool in "pq")
    forth, back = Rooms(), Rooms()
    forth.see("a", one)
    forth.see("b", two)
    back.see("b", two)
    back.see("a", one)

    assert forth.taken == back.taken
