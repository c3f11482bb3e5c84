"""How many pods would find room at most, told without touching the room."""

from __future__ import annotations

import pytest

from stellwerk.model.resources import Resources
from stellwerk.placement.packing.bins import Bins, Sliced
from stellwerk.placement.packing.reach import Reach
from tests.builders import GPU, resources

BOTH = frozenset({0, 1})


def bins(**free: int) -> Bins:
    """Build bins of nodes with so many GPUs free, and ten cores; `z` is of another class."""
    return Bins([GPU, "cpu"], [(name, resources(gpu=gpu, cpu=10), int(name == "z")) for name, gpu in free.items()])


def reach(there: Bins, gpu: int = 2, kinds: frozenset[int] = BOTH) -> Reach:
    found = Reach.of(there, resources(gpu=gpu, cpu=1), kinds)
    assert found is not None
    return found


def test_it_starts_with_the_pods_that_find_room_now() -> None:
    there = bins(a=8, b=3, z=4)
    assert reach(there).pods == 4 + 1 + 2 == there.room(resources(gpu=2, cpu=1), BOTH)
    assert reach(there, kinds=frozenset({0})).pods == 5
    assert reach(there, kinds=frozenset()).pods == 0
    assert reach(there, gpu=0).pods == 30


@pytest.mark.parametrize(
    "request_",
    [Resources(), Resources.of({GPU: 0}), Resources.of({"example.com/fpga": 1}), Resources.of({GPU: 1, "disk": 1})],
    ids=["nothing", "none of something", "what no node has", "also what no node has"],
)
def test_of_some_requests_it_cannot_tell(request_: Resources) -> None:
    assert Reach.of(bins(a=8), request_, BOTH) is None
    assert Reach.of(bins(a=8), Resources.of({GPU: 1, "disk": 0}), BOTH) is not None


def test_of_slices_of_devices_it_cannot_tell() -> None:
    shared = Bins([GPU], [("a", Resources.of({GPU: 8}), 0)], Sliced(4, {"a": (4, 4)}))
    assert Reach.of(shared, Resources.of({GPU: 1}), BOTH) is None


def test_room_that_is_given_counts_where_it_makes_another_pod_fit_and_is_taken_back() -> None:
    there = bins(a=1, b=0)
    tried = reach(there)
    assert tried.pods == 0
    tried.give({"a": resources(gpu=1), "b": resources(gpu=1)})
    assert tried.pods == 1
    tried.give({"b": resources(gpu=5), "elsewhere": resources(gpu=8)})
    assert tried.pods == 1 + 3
    tried.give({"b": resources(gpu=5)}, -1)
    assert tried.pods == 1
    tried.give({"a": resources(gpu=1), "b": resources(gpu=1)}, -1)
    assert tried.pods == 0
    assert there.room(resources(gpu=2, cpu=1), BOTH) == 0, "the room itself is as it was"


def test_what_is_not_asked_for_and_nodes_that_are_not_open_change_nothing() -> None:
    tried = Reach.of(bins(a=1, z=1), Resources.of({GPU: 2}), frozenset({0}))
    assert tried is not None
    tried.give({"a": resources(cpu=99), "z": resources(gpu=9)})
    assert tried.pods == 0


def test_overused_nodes_take_nothing_until_they_have_enough() -> None:
    there = Bins([GPU], [("a", resources(gpu=1) - resources(gpu=4), 0)])
    tried = reach_of_gpus(there)
    assert tried.pods == 0
    tried.give({"a": resources(gpu=4)})
    assert tried.pods == 0
    tried.give({"a": resources(gpu=1)})
    assert tried.pods == 1


def reach_of_gpus(there: Bins) -> Reach:
    found = Reach.of(there, Resources.of({GPU: 2}), BOTH)
    assert found is not None
    return found
