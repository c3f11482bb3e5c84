"""Best-fit packing, gang by gang."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from stellwerk.model.resources import UNBOUNDED, Resources
from stellwerk.placement.fleet.fleet import room_when_empty
from stellwerk.placement.packing.bins import Assignment, Bins, Limits, Sliced
from tests.builders import GPU, resources

ANY = frozenset({0})


def bins(free: Mapping[str, int], kinds: Mapping[str, int] | None = None) -> Bins:
    """Build bins of nodes with so many free GPUs and 8 times as many cores."""
    told = kinds or {}
    return Bins([GPU, "cpu"], [(n, resources(gpu=g, cpu=8 * g), told.get(n, 0)) for n, g in free.items()])


def pod(gpu: int, cpu: int = 1) -> Resources:
    return resources(gpu=gpu, cpu=cpu)


def test_the_tightest_node_is_filled_first() -> None:
    assert bins({"a": 8, "b": 2, "c": 4}).place(pod(2), 1, ANY) == [Assignment("b", 1)]


def test_a_gang_fills_node_after_node() -> None:
    placed = bins({"a": 8, "b": 2, "c": 4}).place(pod(2), 5, ANY)
    assert placed == [Assignment("b", 1), Assignment("c", 2), Assignment("a", 2)]


def test_a_gang_waits_when_one_node_is_short_and_takes_nothing() -> None:
    there = bins({"a": 8, "b": 7})
    assert there.place(pod(8), 2, ANY) is None
    assert there.free(GPU) == 15


def test_who_asks_for_less_at_least_takes_what_there_is() -> None:
    there = bins({"a": 8, "b": 7})
    assert there.place(pod(8), 2, ANY, at_least=0) == [Assignment("a", 1)]


def test_too_little_for_the_least_takes_nothing() -> None:
    there = bins({"a": 8, "b": 7})
    assert there.place(pod(8), 3, ANY, at_least=2) is None
    assert there.place(pod(4), 4, ANY, at_least=2) == [Assignment("b", 1), Assignment("a", 2)]
    assert there.free(GPU) == 3


def test_a_gang_that_spreads_puts_no_more_on_a_node_than_it_allows() -> None:
    there = bins({"a": 8, "b": 2, "c": 4})
    assert not there.fits(pod(1), 4, ANY, per_node=1)
    assert there.room(pod(1), ANY, per_node=1) == 3
    assert there.place(pod(1), 4, ANY, per_node=1) is None
    placed = there.place(pod(1), 5, ANY, per_node=2)
    assert placed == [Assignment("b", 2), Assignment("c", 2), Assignment("a", 1)]


def test_only_the_named_nodes_are_used() -> None:
    there = bins({"a": 8, "b": 8, "c": 8})
    assert there.room(pod(4), ANY, only=frozenset("bc")) == 4
    assert not there.fits(pod(4), 5, ANY, only=frozenset("bc"))
    assert there.place(pod(4), 3, ANY, only=frozenset("bc")) == [Assignment("b", 2), Assignment("c", 1)]
    assert there.place(pod(8), 1, ANY) == [Assignment("a", 1)]


def test_what_fits_nowhere_whole_claims_its_room_in_pieces() -> None:
    there = bins({"a": 3, "b": 2, "c": 4})
    there.claim(pod(8), 1, ANY)
    assert there.free(GPU) == 1
    assert there.place(pod(2), 1, ANY) is None
    assert there.place(pod(1), 1, ANY) == [Assignment("b", 1)]


def test_a_claim_takes_all_there_is_and_no_more() -> None:
    there = bins({"a": 3, "b": 2})
    there.claim(pod(8), 5, ANY)
    assert there.free(GPU) == 0
    there.claim(resources(disk="1"), 1, ANY)


def test_room_that_is_taken_is_not_given_again() -> None:
    there = bins({"a": 8})
    assert there.place(pod(5), 1, ANY)
    assert there.place(pod(5), 1, ANY) is None
    assert there.place(pod(3), 1, ANY)
    assert there.free(GPU) == 0


def test_like_nodes_are_taken_by_name_whatever_order_they_came_in() -> None:
    forward, backward = ["a", "b", "c"], ["c", "b", "a"]
    for names in (forward, backward):
        assert bins(dict.fromkeys(names, 8)).place(pod(8), 2, ANY) == [Assignment("a", 1), Assignment("b", 1)]


def test_the_scarcest_resource_decides_how_many_pods_a_node_takes() -> None:
    assert bins({"a": 8}).place(resources(gpu=1, cpu=30), 3, ANY) is None
    assert bins({"a": 8}).room(resources(gpu=1, cpu=30), ANY) == 2


def test_only_accepted_classes_of_nodes_are_used() -> None:
    there = bins({"a": 2, "b": 8}, kinds={"a": 1})
    assert there.place(pod(1), 1, frozenset({0})) == [Assignment("b", 1)]
    assert there.place(pod(1), 1, frozenset({1})) == [Assignment("a", 1)]
    assert there.place(pod(1), 1, frozenset()) is None


def test_overused_nodes_take_nothing() -> None:
    there = Bins([GPU], [("a", resources(gpu=1) - resources(gpu=3), 0)])
    assert there.place(resources(gpu=1), 1, ANY) is None
    assert there.free(GPU) == 0


def test_a_resource_that_no_node_offers_never_fits() -> None:
    there = bins({"a": 8})
    odd = resources(gpu=1, **{"example.com/fpga": 1})
    assert there.place(odd, 1, ANY) is None
    assert there.place(odd, 1, ANY, at_least=0) == []
    assert there.room(odd, ANY) == 0
    assert not there.fits(odd, 1, ANY)


def test_asking_does_not_take() -> None:
    there = bins({"a": 8})
    assert there.fits(pod(8), 1, ANY)
    assert there.room(pod(8), ANY) == 1
    assert there.place(pod(8), 1, ANY)


def test_work_without_accelerators_goes_where_fewest_are_free() -> None:
    there = bins({"a": 8, "b": 1})
    assert there.place(resources(cpu=4), 1, ANY) == [Assignment("b", 1)]


def test_an_empty_request_fits_without_end() -> None:
    assert bins({"a": 8}).room(Resources(), ANY) == UNBOUNDED
    assert bins({"a": 8}).room(Resources(), frozenset()) == 0, "but for where no node is open to it"


@pytest.mark.parametrize(("gpu", "room"), [(8, 3), (4, 6), (3, 6), (9, 0)])
def test_an_empty_pool_is_counted_by_shape_of_node(gpu: int, room: int) -> None:
    offer = resources(gpu=8)
    capacity = {(offer, 0): 2, (offer, 1): 5, (resources(gpu=8, cpu=1), 0): 1}
    assert room_when_empty(resources(gpu=gpu), capacity, ANY) == room


def test_room_of_single_nodes_can_be_given_and_taken_back() -> None:
    there = bins({"a": 0, "b": 4, "c": 2})
    there.shift({"a": resources(gpu=8, cpu=64), "elsewhere": resources(gpu=8)})
    assert there.place(pod(8), 1, ANY) == [Assignment("a", 1)]
    there.shift({"a": Resources() - resources(gpu=8, cpu=64), "b": resources(gpu=-2)})
    assert there.room(pod(2), ANY) == 2
    there.shift({"a": resources(gpu=8, cpu=64)})
    assert there.room(pod(2), ANY) == 2, "what a gang took in room that is promised is not there twice"


def test_what_nobody_offers_is_not_free() -> None:
    there = bins({"a": 8, "b": 2}, kinds={"b": 1})
    assert there.free("example.com/fpga") == 0
    assert there.free("cpu") == 80_000
    assert [there.free(GPU, frozenset(kinds)) for kinds in ((), (0,), (1,), (0, 1))] == [0, 8, 2, 10]


def test_spots_are_told_by_node() -> None:
    there = bins({"a": 8, "b": 3, "c": 1, "d": 3}, kinds={"d": 1})
    assert there.spots(pod(2), ANY) == {"a": 4, "b": 1}
    assert there.spots(pod(2), frozenset({1})) == {"d": 1}
    assert there.spots(resources(disk="1"), ANY) == {}


def test_no_more_is_taken_of_a_node_than_it_may_give_even_where_nodes_are_named() -> None:
    there = bins({"a": 8, "b": 8, "c": 8})
    named = frozenset({"a", "c", "elsewhere"})
    assert there.room(pod(2), ANY, per_node=3, only=named) == 6
    assert there.place(pod(2), 7, ANY, per_node=3, only=named) is None
    assert there.place(pod(2), 5, ANY, per_node=3, only=named) == [Assignment("a", 3), Assignment("c", 2)]
    assert there.room(pod(2), ANY, only=frozenset({"b"})) == 4


def test_a_quote_is_kept_until_something_changes() -> None:
    there = bins({"a": 8, "b": 8})
    first = there.quote(pod(8), 1, Limits(ANY))
    assert there.quote(pod(8), 1, Limits(ANY)) is first
    before = there.version
    there.place(pod(8), 1, ANY)
    assert there.version != before
    second = there.quote(pod(8), 1, Limits(ANY))
    assert second is not None
    assert second != first


def test_the_emptiest_node_is_looked_for_again_when_room_comes_back() -> None:
    there = bins({"a": 2, "b": 2})
    assert there.place(pod(1), 2, ANY) == [Assignment("a", 2)]
    there.shift({"b": resources(gpu=4, cpu=32)})
    assert there.place(pod(1), 6, ANY) == [Assignment("b", 6)]


def test_a_claim_takes_of_the_richest_nodes_of_its_classes_only() -> None:
    there = bins({"a": 3, "b": 5, "c": 4}, kinds={"b": 1})
    there.claim(pod(8), 1, ANY)
    assert there.free(GPU) == 5
    assert there.free(GPU, ANY) == 0
    shared = Bins([GPU], [("a", Resources.of({GPU: 7}), 0)], Sliced(4, {"a": (3, 4)}))
    shared.claim(Resources.of({GPU: 5}), 1, ANY)
    assert shared.stock()[1].tolist() == [[0, 2]]
