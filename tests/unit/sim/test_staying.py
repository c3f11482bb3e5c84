"""Who has to move when a plan from empty is taken over."""

from __future__ import annotations

from stellwerk.sim.jobs import Run, Seat
from stellwerk.sim.staying import like_nodes, staying
from tests.builders import GPU, node, resources, snapshot
from tests.unit.sim.cases import job, jobs


def seated(name: str, *places: tuple[str, int]) -> Run:
    """A run that holds so many GPUs of these nodes."""
    [one] = jobs(job(name, sum(gpus for _, gpus in places), 100))
    run = Run(one)
    run.seat = seat(*places)
    return run


def seat(*places: tuple[str, int]) -> Seat:
    return Seat(tuple((name, resources(**{GPU: gpus})) for name, gpus in places))


def places(found: list[tuple[Run, Seat]]) -> dict[str, tuple[str, ...]]:
    return {run.job.workload.key.name: tuple(name for name, _ in one.pods) for run, one in found}


FLEET = like_nodes(snapshot([], [node("a"), node("b"), node("c")]))


def test_names_of_like_nodes_are_exchanged_so_that_nobody_moves() -> None:
    one, two = seated("one", ("b", 4)), seated("two", ("a", 8))
    found = staying([(one, seat(("a", 4))), (two, seat(("b", 8)))], FLEET)
    assert places(found) == {"one": ("b",), "two": ("a",)}


def test_the_larger_one_stays_where_only_one_can() -> None:
    small, large = seated("small", ("a", 2)), seated("large", ("b", 6))
    found = staying([(small, seat(("c", 2))), (large, seat(("c", 6)))], FLEET)
    assert places(found) == {"small": ("b",), "large": ("b",)}


def test_two_nodes_never_get_one_name() -> None:
    gang = seated("gang", ("a", 8), ("b", 8))
    [new] = jobs(job("new", 8, 10))
    found = staying([(gang, seat(("b", 8), ("c", 8))), (Run(new), seat(("a", 8)))], FLEET)
    assert places(found) == {"gang": ("a", "b"), "new": ("c",)}


def test_nodes_that_differ_keep_their_names() -> None:
    kinds = like_nodes(snapshot([], [node("a"), node("b", labels={"rack": "r2"})]))
    run = seated("one", ("b", 4))
    assert places(staying([(run, seat(("a", 4)))], kinds)) == {"one": ("a",)}


def test_a_host_name_alone_makes_no_difference() -> None:
    assert len(set(FLEET.values())) == 1
