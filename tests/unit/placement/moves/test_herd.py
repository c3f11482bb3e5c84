"""All that could give room in one pool: whether it is enough, and how many of them it takes at least."""

from __future__ import annotations

from typing import Any

from stellwerk.model.decision import Cost
from stellwerk.placement.moves.herd import Herd
from stellwerk.placement.moves.sacrifices import Sacrifice, sacrifice_of
from stellwerk.placement.packing.bins import Bins
from stellwerk.placement.packing.reach import Reach
from tests.builders import GPU, NOW, policy, resources
from tests.unit.placement.moves.test_preemption import running

ANY = frozenset({0})


def giver(name: str, gpus: int = 2, where: dict[str, int] | None = None, **facts: Any) -> Sacrifice:
    one = running(name, where or {"a": 1}, gpus, **facts)
    return sacrifice_of(one, Cost("EUR", 10, 10), policy(), NOW, 0)


def room(**free: int) -> Bins:
    return Bins([GPU], [(name, resources(gpu=gpus), 0) for name, gpus in free.items()])


def reach(there: Bins, gpus: int) -> Reach:
    found = Reach.of(there, resources(gpu=gpus), ANY)
    assert found is not None
    return found


def fewest(there: Bins, givers: list[Sacrifice], gpus: int, pods: int = 1) -> int | None:
    herd = Herd(there, givers)
    return herd.fewest(herd.below(1), reach(there, gpus), pods)


def test_it_takes_none_where_there_is_room_and_all_may_be_too_few() -> None:
    there = room(a=4, b=0)
    givers = [giver("one"), giver("two", where={"b": 1})]
    assert fewest(there, givers, 4) == 0
    assert fewest(there, givers, 6) == 1
    assert fewest(there, givers, 6, pods=2) is None
    assert fewest(there, givers, 7) is None


def test_it_takes_at_least_as_many_as_free_the_most() -> None:
    there = room(a=0, b=0)
    givers = [giver("s1", 1), giver("s2", 1), giver("s3", 1), giver("large", 4, where={"b": 1})]
    assert fewest(there, givers, 1, pods=4) == 1
    assert fewest(there, givers, 1, pods=5) == 2
    assert fewest(there, givers, 1, pods=7) == 4
    assert fewest(there, givers, 1, pods=8) is None


def test_what_is_free_beside_the_pods_of_a_node_helps_whoever_is_on_it() -> None:
    there = room(a=3)
    assert fewest(there, [giver("one", 1), giver("two", 1)], 4) == 1
    three = [giver(name, 1) for name in ("one", "two", "three")]
    assert fewest(there, three, 2, pods=2) == 1
    assert fewest(there, three, 2, pods=3) == 2, "what the first pod takes of the node helps nobody"


def test_who_is_as_important_or_gives_room_already_is_not_asked() -> None:
    there = room(a=0)
    givers = [giver("low", 2, priority=-5), giver("high", 2, priority=7), giver("mid", 2, priority=0)]
    herd = Herd(there, givers)
    assert herd.below(7).tolist() == [0, 2]
    assert herd.below(8).tolist() == [0, 1, 2]
    assert herd.below(0).tolist() == [0]
    herd.leave(["uid-low", "uid-unknown"])
    assert herd.below(8).tolist() == [1, 2]
    assert herd.fewest(herd.below(7), reach(there, 2), 1) == 1
    assert herd.fewest(herd.below(7), reach(there, 2), 2) is None


def test_nobody_at_all_gives_nothing() -> None:
    assert fewest(room(a=1), [], 1) == 0
    assert fewest(room(a=1), [], 2) is None


def test_who_is_on_nodes_of_other_pools_frees_nothing_here() -> None:
    assert fewest(room(a=0), [giver("away", 8, where={"elsewhere": 1})], 1) is None
    wide = giver("wide", 2, where={"a": 1, "elsewhere": 3})
    assert fewest(room(a=0), [wide], 2) == 1
