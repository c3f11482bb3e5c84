"""What holds for every batch that is solved together."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stellwerk.economics.cost import expected
from stellwerk.model.capacity import Accelerator
from stellwerk.model.decision import Mode, Plan
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.batch.improvement import advise
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, node, pool, resources, snapshot
from tests.properties.worlds import World, worlds

MODELS = ("H100", "A100", "L40S")
SIZES = (1, 2, 4)
some = settings(max_examples=60)


@st.composite
def contests(draw: st.DrawFn) -> World:
    """Draw three pools of a node or two and up to four workloads that could go to several of them."""
    there = [
        pool(model.lower(), price=str(draw(st.integers(5, 60))), accelerator=Accelerator(model, 4, GPU))
        for model in MODELS
    ]
    members = [
        node(f"{model.lower()}-{number}", model.lower(), allocatable=resources(cpu=64, memory="1Ti", pods=99, gpu=4))
        for model in MODELS
        for number in range(draw(st.integers(0, 2)))
    ]
    return World(snapshot(there, members), tuple(draw(rivals(number)) for number in range(draw(st.integers(1, 4)))))


@st.composite
def rivals(draw: st.DrawFn, number: int) -> Workload:
    """Draw a workload with a size and some models, fast on some of them."""
    size = draw(st.sampled_from(SIZES))
    models = draw(st.lists(st.sampled_from(MODELS), min_size=1, max_size=3, unique=True))
    return gang(
        f"w{number}",
        draw(st.integers(1, 2)),
        accelerators=tuple(
            AcceleratorOption(m, size, speed=draw(st.sampled_from([*map(Decimal, "124")]))) for m in models
        ),
        requests=resources(cpu=1, memory="1Gi", pods=1),
        expected_runtime_s=draw(st.sampled_from([600, 3600, 7200, 36_000])),
        priority=draw(st.sampled_from([0, 0, 0, 1])),
        created=f"2026-11-22T09:00:0{draw(st.integers(0, 9))}Z",
    )


def solved(world: World) -> Plan:
    return plan(world.pending, world.snapshot, NOW, 1, solver=advise)


def placed(made: Plan) -> list[bool]:
    """Tell of the workloads in queue order whether each was placed."""
    return [one.mode is Mode.FIT for one in made.decisions]


def costs(made: Plan) -> Counter[str]:
    """Add up by currency; what is not known counts as one."""
    sums: Counter[str] = Counter()
    for one in made.decisions:
        if one.chosen is not None and one.cost is not None:
            known = expected(one.cost)
            sums["unknown" if known is None else one.cost.currency] += 1 if known is None else known
    return sums


@some
@given(worlds() | contests())
def test_a_batch_solved_together_is_never_worse(world: World) -> None:
    greedy, better = plan(world.pending, world.snapshot, NOW, 1), solved(world)
    assert [one.uid for one in better.decisions] == [one.uid for one in greedy.decisions]
    assert placed(better) >= placed(greedy)  # the first in the queue who fares differently gains
    if placed(better) == placed(greedy):
        assert all(costs(better)[key] <= costs(greedy)[key] for key in costs(better) | costs(greedy))


@some
@given(contests())
def test_no_accelerator_is_given_to_two(world: World) -> None:
    free = Counter({model.lower(): 0 for model in MODELS})
    for one in world.snapshot.nodes:
        free[one.labels["pool"]] += one.allocatable.get(GPU)
    for one in solved(world).decisions:
        if one.chosen is not None and one.chosen.accelerator is not None:
            free[one.chosen.pool] -= one.chosen.replicas * one.chosen.accelerator.count
    assert min(free.values()) >= 0


@some
@given(contests(), st.randoms(use_true_random=False))
def test_the_assignment_does_not_depend_on_the_order_of_anything(world: World, random: st.randoms) -> None:  # type: ignore[valid-type]
    def shuffled(items: Sequence[object]) -> tuple[object, ...]:
        return tuple(random.sample(items, len(items)))  # type: ignore[attr-defined]

    seen = world.snapshot
    other = Snapshot(shuffled(seen.nodes), shuffled(seen.pools), seen.policies)  # type: ignore[arg-type]
    assert plan(shuffled(world.pending), other, NOW, 1, solver=advise) == solved(world)  # type: ignore[arg-type]


def fits(world: World, chosen: Sequence[tuple[Workload, str] | None]) -> bool:
    """Tell whether the pods fit, the largest first: with sizes that divide each other that is never wrong."""
    free = {model: [4] * sum(one.labels["pool"] == model.lower() for one in world.snapshot.nodes) for model in MODELS}
    pods = [
        (one.accelerators[0].count, model)
        for pair in chosen
        if pair
        for one, model in [pair]
        for _ in range(one.replicas)
    ]
    for size, model in sorted(pods, reverse=True):
        fitting = [left for left in free[model] if left >= size]
        if not fitting:
            return False
        free[model].remove(min(fitting))
        free[model].append(min(fitting) - size)
    return True


@some
@given(contests())
def test_no_other_assignment_of_the_same_workloads_costs_less(world: World) -> None:
    """Trying everything on tiny cases; what each costs alone where it goes is asked of the engine itself.

    What room is worth to those who are still to come is left out: for their sake a lone workload may pay more.
    """
    with patch.object(Offer, "_room_taken", return_value=(0, None)):
        made = solved(world)
    by_uid = {one.uid: one for one in world.pending}
    queue = [by_uid[one.uid] for one in made.decisions]
    price = {
        (one.uid, option.model): _alone(one, option, world.snapshot) for one in queue for option in one.accelerators
    }
    ways = [
        [(one, option.model) for option in one.accelerators] if there else [None]
        for one, there in zip(queue, placed(made), strict=True)
    ]
    every = [
        sum(price[pair[0].uid, pair[1]] for pair in way if pair) for way in itertools.product(*ways) if fits(world, way)
    ]
    assert costs(made)["EUR"] == min(every)
    assert made.bound is None or made.bound.lower <= min(every)


def _alone(workload: Workload, option: AcceleratorOption, seen: Snapshot) -> int:
    """Return what the workload costs with one alternative; more than anything where there are no nodes for it."""
    made = plan([replace(workload, accelerators=(option,))], seen, NOW, 1)
    return costs(made)["EUR"] if placed(made) == [True] else 10**15
