"""The search for sacrifices, against all combinations of small cases."""

from __future__ import annotations

from itertools import combinations as combinations_of
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from stellwerk.model.decision import Cost
from stellwerk.model.resources import Resources
from stellwerk.model.running import Running
from stellwerk.placement.moves import victims
from stellwerk.placement.moves.herd import Herd
from stellwerk.placement.moves.sacrifices import Sacrifice, Step
from stellwerk.placement.moves.victims import Levels, Price, cheapest, price_of
from stellwerk.placement.packing.bins import Bins
from stellwerk.placement.packing.reach import Reach
from tests.builders import GPU, gang


def prices(losses: list[int]) -> list[Price]:
    """Steps that cost more and more; each takes one pod more."""
    totals = [sum(losses[: at + 1]) for at in range(len(losses))]
    return [Price(0, total, 1, at + 1) for at, total in enumerate(totals)]


def combinations(steps: list[list[Price]]) -> list[Levels]:
    """All of them."""
    every = product(*(range(len(one) + 1) for one in steps))
    return [tuple((at, level) for at, level in enumerate(levels) if level) for levels in every]


STEPS = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=3).map(prices), min_size=1, max_size=4)
NODES = st.lists(st.integers(0, 2), min_size=4, max_size=4)
NEED = st.integers(1, 10)


def frees(levels: Levels, homes: list[int], wanted: int) -> bool:
    """Pods of two devices on nodes of which each step frees one device: not additive, as on real nodes."""
    free = [0, 0, 0]
    for at, level in levels:
        free[homes[at]] += level
    return sum(amount // 2 for amount in free) >= wanted


@given(STEPS, NODES, st.integers(1, 4))
def test_the_first_that_is_enough_is_the_cheapest_of_all(
    steps: list[list[Price]], homes: list[int], wanted: int
) -> None:
    fitting = [levels for levels in combinations(steps) if frees(levels, homes, wanted)]
    found = cheapest(steps, lambda levels: frees(levels, homes, wanted))
    if not fitting:
        assert found is None
        return
    assert found is not None
    least = min(price_of(steps, levels).loss for levels in fitting)
    if len(combinations(steps)) <= victims.EXACT_TRIES:
        assert price_of(steps, found).loss == least


@given(STEPS, NODES, st.integers(1, 4))
def test_nothing_of_it_can_be_spared_even_by_the_greedy_search(
    steps: list[list[Price]], homes: list[int], wanted: int
) -> None:
    every = tuple((at, len(one)) for at, one in enumerate(steps))
    if not frees(every, homes, wanted):
        return
    for found in (
        cheapest(steps, lambda levels: frees(levels, homes, wanted)),
        victims._trimmed(range(len(steps)), steps, lambda levels: frees(levels, homes, wanted)),
    ):
        assert found is not None
        assert frees(found, homes, wanted)
        for place, (at, level) in enumerate(found):
            assert level
            assert not frees((*found[:place], (at, level - 1), *found[place + 1 :]), homes, wanted)


def test_a_hundred_victims_do_not_cost_a_million_tries() -> None:
    steps = [prices([5, 5]) for _ in range(100)]
    tries = 0

    def enough(levels: Levels) -> bool:
        nonlocal tries
        tries += 1
        return sum(level for _, level in levels) >= 60

    found = cheapest(steps, enough)
    assert found is not None
    assert sum(level for _, level in found) == 60
    assert tries < 1000


def test_what_is_not_known_is_taken_last() -> None:
    unknown, known = [Price(1, 0, 1, 1)], [Price(0, 10**12, 1, 1)]
    assert cheapest([unknown, known], lambda levels: len(levels) >= 1) == ((1, 1),)


@given(STEPS)
def test_combinations_come_each_once_and_the_cheapest_first(steps: list[list[Price]]) -> None:
    ranked = sorted(range(len(steps)), key=lambda at: (steps[at][0], at))
    found = list(victims._by_price(ranked, steps))
    assert sorted(found) == sorted(combinations(steps))
    costs = [price_of(steps, levels) for levels in found]
    assert costs == sorted(costs)


def test_a_dear_victim_alone_is_found_behind_many_cheap_ones() -> None:
    """Twenty cheap ones would do, and one that costs less than twenty of them."""
    cheap = [[Price(0, 10, 1, 1)] for _ in range(100)]
    steps = [*cheap, [Price(0, 150, 1, 1)]]
    found = cheapest(steps, lambda levels: len(levels) >= 20 or (100, 1) in levels)
    assert found == ((100, 1),)


@given(STEPS, NODES, st.integers(1, 4), st.data())
def test_what_is_known_of_how_many_it_takes_changes_nothing(
    steps: list[list[Price]], homes: list[int], wanted: int, data: st.DataObject
) -> None:
    fitting = [levels for levels in combinations(steps) if frees(levels, homes, wanted)]
    known = data.draw(st.integers(0, min(map(len, fitting), default=0)))
    asked: list[Levels] = []

    def enough(levels: Levels) -> bool:
        asked.append(levels)
        return frees(levels, homes, wanted)

    found = cheapest(steps, enough, known)
    plainly = cheapest(steps, lambda levels: frees(levels, homes, wanted))
    assert (found is None) == (plainly is None)
    if found is not None and plainly is not None and len(combinations(steps)) <= victims.EXACT_TRIES:
        assert price_of(steps, found) == price_of(steps, plainly)


# ----------------------------------------------------------------------------- who could give enough

ROOM = st.integers(0, 9)
GIVERS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 8), st.integers(1, 40)), min_size=1, max_size=5)
"""Node, GPUs and CPUs that each frees."""


NODES_FREE = st.lists(st.tuples(ROOM, st.integers(-5, 60)), min_size=3, max_size=3)
ALL = frozenset({0})


@given(NODES_FREE, GIVERS, st.integers(1, 4), st.integers(1, 5))
def test_no_combination_of_fewer_givers_is_enough_and_none_at_all_where_it_says_so(
    free: list[tuple[int, int]], givers: list[tuple[int, int, int]], gpus: int, pods: int
) -> None:
    names = ("a", "b", "c")
    bins = Bins((GPU, "cpu"), [(name, amounts(g, c), 0) for name, (g, c) in zip(names, free, strict=True)])
    ways = [giver(at, names[node], amounts(g, c)) for at, (node, g, c) in enumerate(givers)]
    request = amounts(gpus, 8)
    reach = Reach.of(bins, request, ALL)
    assert reach is not None
    herd = Herd(bins, ways)
    fewest = herd.fewest(herd.below(1), reach, pods)

    def enough(chosen: tuple[int, ...]) -> bool:
        for at in chosen:
            reach.give(ways[at].freed(1))
            bins.shift(ways[at].freed(1))
        promised, room = reach.pods, bins.room(request, ALL)
        for at in chosen:
            reach.give(ways[at].freed(1), -1)
            bins.shift({node: one * -1 for node, one in ways[at].freed(1).items()})
        assert promised == room, "the sum is what the room says"
        return room >= pods

    every = [chosen for size in range(len(ways) + 1) for chosen in combinations_of(range(len(ways)), size)]
    some = [len(chosen) for chosen in every if enough(chosen)]
    assert (fewest is None) == (not some)
    assert fewest is None or fewest <= min(some)


def test_who_has_given_already_or_is_as_important_is_not_asked() -> None:
    bins = Bins((GPU, "cpu"), [("a", amounts(0, 0), 0)])
    herd = Herd(bins, [giver(0, "a", amounts(4, 8)), giver(1, "a", amounts(4, 8))])
    reach = Reach.of(bins, amounts(8, 8), ALL)
    assert reach is not None
    assert herd.below(0).tolist() == []
    assert herd.fewest(herd.below(1), reach, 1) == 2
    herd.leave(["uid-low-0", "uid-nobody"])
    assert herd.below(1).tolist() == [1]
    assert herd.fewest(herd.below(1), reach, 1) is None


def amounts(gpus: int, cpus: int) -> Resources:
    return Resources.of({GPU: gpus, "cpu": cpus * 1000})


def giver(number: int, node: str, freed: Resources) -> Sacrifice:
    """One that gives all its room, and has no priority."""
    one = Running(gang(f"low-{number}"), None, ((node, 1),), ((node, freed),), since="")
    step = Step(Price(0, number, 1, 1), 0, {node: freed})
    return Sacrifice(one, (step,), Cost("EUR", None, None), (step.price,))
