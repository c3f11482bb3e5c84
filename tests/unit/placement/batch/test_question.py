"""From a batch in competition to numbers, and from an answer to places."""

from __future__ import annotations

from typing import Any

import msgspec

from stellwerk.model.capacity import Accelerator
from stellwerk.model.decision import Mode
from stellwerk.model.resources import Resources
from stellwerk.model.workload import AcceleratorOption, PodSet, PodShape, Workload
from stellwerk.placement.batch import question as module
from stellwerk.placement.batch.contest import Advice, Answer, Choice, Crowd, Demand, Problem, Question, Room, spread
from stellwerk.placement.batch.question import Rooms
from stellwerk.placement.packing.bins import Bins
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, node, pool, resources, snapshot
from tests.unit.placement.batch.test_together import A100, asked, choosy, exactly, fleet, flexible, placed

ANY = frozenset({0})
GIB = 2**30


def nodes_of(*free: tuple[int, int], kinds: tuple[int, ...] = ()) -> Bins:
    """Build bins of nodes with so many GPUs and cores free."""
    told = kinds or (0,) * len(free)
    offers = [(f"n{at:03d}", resources(gpu=gpu, cpu=cpu), told[at]) for at, (gpu, cpu) in enumerate(free)]
    return Bins([GPU, "cpu"], offers)


def pod(gpu: int, cpu: int = 1) -> Resources:
    return resources(gpu=gpu, cpu=cpu)


def only(batch: list[Workload], world: Any) -> Question:
    (question,) = asked(batch, world)
    return question


def test_nodes_with_as_much_free_are_one_room_and_each_tells_how_many_pods_it_holds() -> None:
    rooms = Rooms()
    demand = rooms.demand(nodes_of((8, 64), (3, 64), (8, 64), (8, 2)), (pod(2), 5, ANY))
    assert rooms.rooms == [
        Room(1, (3, 64_000), 3),
        Room(1, (8, 2000), 8),
        Room(2, (16, 128_000), 8),
    ]
    assert demand == Demand(5, (2, 1000), ((0, 1), (1, 2), (2, 8)))


def test_rooms_of_a_second_pool_come_behind_those_of_the_first() -> None:
    rooms, first, second = Rooms(), nodes_of((8, 64)), nodes_of((4, 64), (2, 64))
    asked_for = (pod(2), 1, ANY)
    found = [rooms.demand(bins, asked_for) for bins in (first, second, first)]
    assert [one.slots for one in found if one] == [((0, 4),), ((1, 1), (2, 2)), ((0, 4),)]
    assert len(rooms.rooms) == 3


def test_a_room_that_holds_no_such_pod_is_left_out_and_so_are_classes_that_are_not_accepted() -> None:
    rooms = Rooms()
    bins = nodes_of((8, 64), (1, 64), (4, 64), kinds=(0, 0, 1))
    assert [room.total[0] for room in (rooms.demand(bins, (pod(1), 1, ANY)), rooms)[1].rooms] == [1, 4, 8]
    slots = {kinds: rooms.demand(bins, (pod(2), 1, frozenset(kinds))) for kinds in ((0,), (1,), (0, 1))}
    assert {kinds: one.slots for kinds, one in slots.items() if one} == {
        (0,): ((2, 4),),
        (1,): ((1, 2),),
        (0, 1): ((1, 2), (2, 4)),
    }


def test_a_pod_that_asks_for_nothing_fits_without_end() -> None:
    demand = Rooms().demand(nodes_of((1, 1), (1, 1)), (Resources(), 1, ANY))
    assert demand is not None
    assert demand.slots[0][1] >= 2**30


def test_a_resource_that_no_node_offers_is_no_demand_at_all() -> None:
    odd = Resources.of({GPU: 1, "example.com/fpga": 1})
    assert Rooms().demand(nodes_of((8, 64)), (odd, 1, ANY)) is None
    none = Resources.of({GPU: 1, "example.com/fpga": 0})
    assert Rooms().demand(nodes_of((8, 64)), (none, 1, ANY)) is not None


def test_what_is_overused_is_no_room_and_is_not_taken_from_others() -> None:
    rooms = Rooms()
    bins = Bins([GPU, "cpu"], [("a", resources(gpu=1, cpu=4) - resources(gpu=3), 0), ("b", resources(gpu=2, cpu=4), 0)])
    demand = rooms.demand(bins, (pod(1), 1, ANY))
    assert demand is not None
    assert demand.slots == ((1, 2),)
    assert [room.total for room in rooms.rooms] == [(0, 4000), (2, 4000)]


def test_many_different_nodes_are_told_apart_by_accelerators_only_and_very_many_not_at_all() -> None:
    some = Rooms()
    some.demand(nodes_of(*((gpu, 10 + at) for at in range(30) for gpu in (2, 4))), (pod(1), 1, ANY))
    assert [(room.nodes, room.total[0], room.largest) for room in some.rooms] == [(30, 60, 2), (30, 120, 4)]
    every = Rooms()
    demand = every.demand(nodes_of(*((at, 99) for at in range(1, 61))), (pod(50), 1, ANY))
    assert [(room.nodes, room.total[0], room.largest) for room in every.rooms] == [(60, 60 * 61 // 2, 60)]
    assert demand is not None
    assert demand.slots == ((0, 11),)
    just = Rooms()
    just.demand(nodes_of(*((at, 99) for at in range(1, 49))), (pod(1), 1, ANY))
    assert len(just.rooms) == 48


def test_a_question_holds_each_shape_once_with_its_choices_rooms_and_costs() -> None:
    batch = [
        flexible("first", created="2026-11-22T09:00:00Z"),
        choosy("second"),
        flexible("third", created="2026-11-22T09:30:00Z"),
        gang("small", 1, 3, expected_runtime_s=600),
    ]
    world = msgspec.structs.replace(fleet(h100=2), usage={"h-0": resources(gpu=5, cpu=10)})
    question = only(batch, world)
    assert question.crowds == (("uid-first", "uid-third"), ("uid-second",), ("uid-small",))
    cheap, dear = ("local", "cheap", 0, False), ("local", "dear", 1, False)
    assert question.places == (cheap, dear, cheap, cheap)
    assert question.exact
    assert question.uids == {"uid-first", "uid-second", "uid-third", "uid-small"}
    problem = question.problem
    assert problem.crowds == (Crowd(2, 2), Crowd(1, 0), Crowd(1, 1))
    assert [(room.nodes, room.total[0], room.total[1], room.largest) for room in problem.rooms] == [
        (1, 3, 86_000, 3),
        (1, 8, 96_000, 8),
        (1, 8, 96_000, 8),
    ]
    whole, part = (8, 8000, 64 * GIB, 1), (3, 8000, 64 * GIB, 1)
    prices = [one.cost for one in problem.choices]
    assert problem.choices == (
        Choice(0, prices[0], (Demand(1, whole, ((1, 1),)),)),
        Choice(0, prices[1], (Demand(1, whole, ((2, 1),)),)),
        Choice(1, prices[0], (Demand(1, whole, ((1, 1),)),)),
        Choice(2, prices[3], (Demand(1, part, ((0, 1), (1, 2))),)),
    )
    first = plan(batch[:1], world, NOW, 1).decisions[0].cost
    assert first is not None
    assert prices[0] == first.total
    assert problem.pairs == 5


def rivals(**facts: Any) -> list[Workload]:
    return [flexible("first", created="2026-11-22T09:00:00Z", **facts), choosy("second")]


def test_an_elastic_gang_is_held_where_it_is_and_the_bound_does_not_hold() -> None:
    more = [flexible(name, replicas=2, min_replicas=1) for name in ("more", "most")]
    question = only([*rivals(), *more], fleet(a100=5))
    assert not question.exact
    assert {("uid-more",), ("uid-most",)} < set(question.crowds), "each where it is"


def test_a_gang_with_further_sets_makes_the_bound_unsure() -> None:
    helper = PodSet("helper", 1, PodShape(resources(cpu=1, pods=1)))
    question = only(rivals(others=(helper,)), fleet())
    assert not question.exact
    assert only(rivals(), fleet()).exact


def test_a_choice_that_no_node_offers_is_left_out() -> None:
    odd = Accelerator("A100", 8, "amd.com/gpu")
    world = fleet()
    there = [world.pools[0], msgspec.structs.replace(world.pools[1], accelerator=odd), pool("third", accelerator=None)]
    assert asked(rivals(), snapshot(there, world.nodes)) == []


def test_too_large_a_question_is_not_put(monkeypatch: Any) -> None:
    assert len(asked(rivals(), fleet())) == 1
    monkeypatch.setattr(module, "PAIRS_LIMIT", 3)
    assert len(asked(rivals(), fleet())) == 1
    monkeypatch.setattr(module, "PAIRS_LIMIT", 2)
    assert asked(rivals(), fleet()) == []


def test_pools_that_hang_together_through_somebody_are_asked_about_together() -> None:
    world = fleet()
    l4 = pool("third", price="60", accelerator=Accelerator("L4", 8, GPU))
    world = msgspec.structs.replace(world, pools=(*world.pools, l4), nodes=(*world.nodes, node("l-0", "third")))
    bridge = gang("bridge", accelerators=(A100, AcceleratorOption("L4", 8)), created="2026-11-22T11:00:00Z")
    apart = gang("apart", accelerators=(AcceleratorOption("L4", 1),), created="2026-11-22T12:00:00Z")
    question = only([*rivals(), bridge, apart], world)
    assert question.uids == {"uid-first", "uid-second", "uid-bridge", "uid-apart"}
    question = only([*rivals(), apart], world)
    assert question.uids == {"uid-first", "uid-second"}


def test_the_places_of_an_answer_go_to_the_first_in_the_queue_the_cheapest_first() -> None:
    problem = Problem(
        (Crowd(3, 3), Crowd(1, 1)),
        (Choice(0, 9, ()), Choice(0, 5, ()), Choice(1, 7, ())),
        (),
    )
    places = (("c", "dear", 0, False), ("c", "cheap", 0, False), ("c", "other", 1, True))
    question = Question(problem, (("a", "b", "c"), ("d",)), places, exact=True)
    advice = spread(question, Answer((1, 2, 1), (3, 1), 26))
    assert advice == Advice(
        {"a": places[1], "b": places[1], "c": places[0], "d": places[2]}, question.crowds, (3, 1), 26
    )
    assert advice.asked == {"a", "b", "c", "d"}
    loose = msgspec.structs.replace(question, exact=False)
    assert spread(loose, Answer((1, 2, 1), (3, 1), 26)) == msgspec.structs.replace(advice, bound=None)
    assert spread(question, Answer((), (3, 1), None)) is None
    assert spread(question, Answer((0, 1, 0), (1, 0), 5)) == Advice({"a": places[1]}, question.crowds, (1, 0), 5)


def test_advice_for_an_elastic_gang_keeps_its_place() -> None:
    batch = [*rivals(), flexible("more", replicas=2, min_replicas=1)]
    made = plan(batch, fleet(a100=3), NOW, 1, solver=exactly)
    assert [one.mode for one in made.decisions] == [Mode.FIT] * 3
    assert placed(made)["second"] == "cheap"
