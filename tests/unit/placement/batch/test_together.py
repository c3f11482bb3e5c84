"""The batch solved together: who goes where when several want the same room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from stellwerk.model.capacity import Accelerator
from stellwerk.model.decision import Mode, Plan
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.batch.contest import Advice, Question, spread
from stellwerk.placement.batch.improvement import solve
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, node, policy, pool, snapshot

H100 = AcceleratorOption("H100", 8)
A100 = AcceleratorOption("A100", 8)


def exactly(question: Question) -> Advice | None:
    return spread(question, solve(question.problem))


def fleet(h100: int = 1, a100: int = 1, **prices: str) -> Snapshot:
    """Build a cheap pool of H100 and a dear one of A100."""
    there = [
        pool("cheap", price=prices.get("cheap", "10")),
        pool("dear", price=prices.get("dear", "40"), accelerator=Accelerator("A100", 8, GPU)),
    ]
    members = [node(f"h-{n}", "cheap") for n in range(h100)] + [node(f"a-{n}", "dear") for n in range(a100)]
    return snapshot(there, members)


def flexible(name: str, **facts: Any) -> Workload:
    return gang(name, accelerators=(H100, A100), **facts)


def choosy(name: str, **facts: Any) -> Workload:
    return gang(name, accelerators=(H100,), **facts)


def placed(made: Plan) -> dict[str, str | None]:
    return {one.key.name: one.chosen.pool if one.chosen else None for one in made.decisions}


def cost(made: Plan) -> int:
    return sum(one.cost.total or 0 for one in made.decisions if one.cost)


@pytest.mark.parametrize("solver", [None, exactly])
def test_who_can_go_elsewhere_makes_room_for_who_cannot(solver: Any) -> None:
    batch = [flexible("first", created="2026-11-22T09:00:00Z"), choosy("second")]
    assert placed(plan(batch, fleet(), NOW, 1, solver=solver)) == {"first": "dear", "second": "cheap"}


@pytest.mark.parametrize("solver", [None, exactly])
def test_the_cheap_room_goes_to_whoever_loses_most_without_it(solver: Any) -> None:
    short = flexible("short", expected_runtime_s=600, created="2026-11-22T09:00:00Z")
    long = flexible("long", expected_runtime_s=36_000)
    made = plan([short, long], fleet(), NOW, 1, solver=solver)
    assert placed(made) == {"short": "dear", "long": "cheap"}
    told = next(one for one in made.decisions if one.key.name == "short")
    assert told.reason == "CheapestTogether"
    assert "makes the whole batch cheapest, though cheap would cost this workload" in told.message


def test_a_lower_priority_never_takes_the_place_of_a_higher_one() -> None:
    high = choosy("high", priority=5, expected_runtime_s=60)
    low = choosy("low", expected_runtime_s=360_000, created="2026-11-22T09:00:00Z")
    assert placed(plan([low, high], fleet(a100=0), NOW, 1, solver=exactly)) == {"high": "cheap", "low": None}


def test_an_earlier_one_keeps_its_place_even_if_two_later_ones_would_pay_more() -> None:
    """FIFO decides who; only where is solved together."""
    first = choosy("first", gpus=8, created="2026-11-22T08:00:00Z")
    half = AcceleratorOption("H100", 4)
    later = [gang(f"later-{n}", accelerators=(half,), expected_runtime_s=360_000) for n in range(2)]
    made = plan([first, *later], fleet(a100=0), NOW, 1, solver=exactly)
    assert placed(made) == {"first": "cheap", "later-0": None, "later-1": None}


def test_the_bound_is_the_cost_where_everybody_got_the_first_choice() -> None:
    made = plan([flexible("one")], fleet(), NOW, 1)
    assert made.bound is not None
    assert (made.bound.cost, made.bound.gap) == (cost(made), 0)


def test_the_solver_s_bound_is_closer_than_everybody_s_first_choice() -> None:
    batch = [flexible(f"w{n}", expected_runtime_s=3600 * (n + 1)) for n in range(3)]
    world = fleet(h100=1, a100=2)
    without = plan(batch, world, NOW, 1).bound
    solved = plan(batch, world, NOW, 1, solver=exactly).bound
    assert without is not None
    assert solved is not None
    assert without.lower < solved.lower <= solved.cost
    assert solved.gap < 0.0001


def test_the_bound_is_unknown_where_costs_are_in_several_currencies() -> None:
    there = [pool("e", price="10"), pool("d", price="10", currency="USD", accelerator=Accelerator("A100", 8, GPU))]
    rules = [policy(), policy("dollars", currency="USD")]
    world = snapshot(there, [node("e-0", "e"), node("d-0", "d")], policies=rules)
    batch = [choosy("euro"), gang("dollar", accelerators=(A100,), policy="dollars")]
    made = plan(batch, world, NOW, 1)
    assert all(one.mode is Mode.FIT for one in made.decisions)
    assert made.bound is None


def asked(batch: Sequence[Workload], world: Snapshot) -> list[Question]:
    """Return what a solver would be asked."""
    questions: list[Question] = []

    def listen(question: Question) -> None:
        questions.append(question)

    plan(batch, world, NOW, 1, solver=listen)
    return questions


def test_nobody_is_asked_where_everybody_gets_the_first_choice() -> None:
    assert asked([flexible("one"), flexible("two")], fleet(h100=2)) == []


def test_nobody_is_asked_where_nobody_could_go_elsewhere() -> None:
    assert asked([choosy("one"), gang("two", accelerators=(H100,), expected_runtime_s=60)], fleet()) == []


def test_like_workloads_have_nothing_to_exchange() -> None:
    assert asked([flexible(f"w{n}") for n in range(3)], fleet(a100=2)) == []


def test_only_those_who_compete_are_asked_about() -> None:
    world = snapshot(
        [*fleet().pools, pool("apart", price="5", accelerator=Accelerator("L4", 8, GPU))],
        [*fleet().nodes, node("l-0", "apart")],
    )
    alone = gang("alone", accelerators=(AcceleratorOption("L4", 8),))
    found = asked([flexible("one", expected_runtime_s=60), choosy("two"), alone], world)
    assert [sorted(question.uids) for question in found] == [["uid-one", "uid-two"]]


def test_advice_that_fits_no_more_is_not_taken() -> None:
    batch = [flexible("first", created="2026-11-22T09:00:00Z"), choosy("second")]

    def wrong(question: Question) -> Advice:
        places = dict.fromkeys(question.uids, ("local", "cheap", 0, False))
        return Advice(places, question.crowds, (1, 1), None)

    assert placed(plan(batch, fleet(), NOW, 1, solver=wrong)) == {"first": "dear", "second": "cheap"}


def test_a_solver_without_an_answer_leaves_the_batch_as_it_was() -> None:
    batch = [flexible(f"w{n}", expected_runtime_s=3600 * (n + 1)) for n in range(3)]
    world = fleet(h100=1, a100=2)
    assert plan(batch, world, NOW, 1, solver=lambda _: None) == plan(batch, world, NOW, 1)
