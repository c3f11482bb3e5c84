"""Random small worlds: fleets, policies and workloads that get in each other's way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from stellwerk.model.capacity import Accelerator, CapacityType, Growth, Node, Pool, Toleration
from stellwerk.model.policy import Policy
from stellwerk.model.requirements import Operator, Requirement, Requirements
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, DataAt, PodSet, PodShape, Workload
from tests.builders import GIB, GPU, gang, node, policy, pool, resources, taint

MODELS = ("H100", "A100")


class World(msgspec.Struct, frozen=True):
    """What one planning cycle gets."""

    snapshot: Snapshot
    pending: tuple[Workload, ...]


def decimals(low: str, high: str) -> st.SearchStrategy[Decimal]:
    """Draw amounts with at most three decimals."""
    return st.decimals(low, high, places=3)


@st.composite
def pools(draw: st.DrawFn, name: str) -> Pool:
    """Draw a pool: any accelerator, any capacity type, priced or not, with carbon data or not."""
    capacity = draw(st.sampled_from(CapacityType))
    model = draw(st.sampled_from([*MODELS, None]))
    known = draw(st.booleans())
    facts: dict[str, Any] = {
        "capacity_type": capacity,
        "accelerator": Accelerator(model, 4, GPU) if model else None,
        "provider": draw(st.sampled_from(["onprem", "aws"])),
        "taints": draw(st.sampled_from([(), (taint(),)])),
    }
    if capacity is CapacityType.SPOT:
        facts["interruption_rate_per_hour"] = draw(decimals("0", "0.5"))
    if known:
        facts |= {"pue": Decimal("1.3"), "grid_carbon": Decimal(350), "node_power_watts": Decimal(5000)}
    price = draw(st.none() | decimals("0.001", "60"))
    return pool(
        name,
        price=None if price is None else str(price),
        currency=draw(st.sampled_from(["EUR"] * 9 + ["USD"])),
        **facts,
    )


@st.composite
def members(draw: st.DrawFn, there: Pool) -> list[Node]:
    """Draw up to five nodes of a pool; some are tainted, some take no pods."""
    count = draw(st.integers(0, 5))
    gpus = 4 if there.accelerator else 0
    made = []
    for number in range(count):
        ready = draw(st.sampled_from([True] * 5 + [False]))
        taints = draw(st.sampled_from([(), (taint(),)]))
        offer = resources(cpu=draw(st.sampled_from([16, 32])), memory="256Gi", pods=20, gpu=gpus)
        made.append(node(f"{there.name}-{number}", there.name, allocatable=offer, ready=ready, taints=taints))
    return made


@st.composite
def workloads(draw: st.DrawFn, number: int) -> Workload:
    """Draw a workload: GPUs or none, one or two alternatives, checkpoints or none."""
    options = tuple(
        AcceleratorOption(model, draw(st.integers(1, 5)), speed=draw(st.sampled_from([Decimal(1), Decimal("2.5")])))
        for model in draw(st.lists(st.sampled_from([*MODELS, "any"]), max_size=2, unique=True))
    )
    return gang(
        f"w{number}",
        draw(st.integers(1, 6)),
        accelerators=options,
        requests=resources(cpu=draw(st.integers(1, 20)), memory="8Gi", pods=1),
        policy=draw(st.sampled_from(["default", "strict", "frugal", "absent"])),
        priority=draw(st.integers(0, 2)),
        expected_runtime_s=draw(st.sampled_from([60, 3600, 7200, 100_000])),
        checkpoint_interval_s=draw(st.sampled_from([None, 600])),
    )


def policies() -> dict[str, Policy]:
    """Return the three policies of every world: lax and green, strict, and frugal."""
    rules = [
        policy(carbon_price_per_tonne=Decimal(100)),
        policy("strict", providers=("onprem",), capacity_types=("Owned", "Reserved")),
        policy("frugal", max_cost_per_hour=Decimal(20)),
    ]
    return {rule.name: rule for rule in rules}


@st.composite
def rich_pools(draw: st.DrawFn, name: str) -> Pool:
    """Draw a pool with more that can be wrong with it: place, law, memory, slices, nodes yet to come."""
    there = draw(pools(name))
    has = there.accelerator
    facts: dict[str, Any] = {
        "jurisdiction": draw(st.sampled_from(["DE", "DE", "DE", "US", None])),
        "region": draw(st.sampled_from(["de-fra", "de-fra", "us-east"])),
        "certifications": draw(st.sampled_from([(), ("BSI-C5",), ("BSI-C5",)])),
        "labels": draw(st.sampled_from([{}, {"tier": "gold"}, {"tier": "gold"}])),
    }
    if has is not None:
        memory, slices = draw(st.sampled_from([None, 40 * GIB, 80 * GIB])), draw(st.sampled_from([1, 1, 1, 2, 4]))
        facts["accelerator"] = msgspec.structs.replace(has, memory_bytes=memory, slices=slices)
    if draw(st.integers(0, 4)) == 0:
        offer = resources(cpu=32, memory="256Gi", pods=20, gpu=offered(facts.get("accelerator")))
        facts["growth"] = Growth(draw(st.integers(1, 6)), 600, offer, {})
    return msgspec.structs.replace(there, **facts)


def offered(has: Accelerator | None) -> int:
    """How many units of its resource a node with four accelerators offers."""
    return 4 * has.slices if has else 0


@st.composite
def rich_members(draw: st.DrawFn, there: Pool) -> list[Node]:
    """Draw nodes whose devices may be handed out in slices; some carry a label that some pods want."""
    made = draw(members(there))
    marks = draw(st.lists(st.booleans(), min_size=len(made), max_size=len(made)))
    units = offered(there.accelerator)
    return [
        msgspec.structs.replace(
            one,
            labels={**one.labels, **({"disk": "fast"} if mark else {})},
            allocatable=Resources.of({**dict(one.allocatable.amounts), GPU: units}),
        )
        for one, mark in zip(made, marks, strict=True)
    ]


@st.composite
def options(draw: st.DrawFn) -> tuple[AcceleratorOption, ...]:
    """Draw alternatives: of model, of shape, of memory, or shares of one accelerator."""
    made = []
    for model in draw(st.lists(st.sampled_from([*MODELS, "any"]), max_size=2, unique=True)):
        facts: dict[str, Any] = {"speed": draw(st.sampled_from([Decimal(1), Decimal("2.5")]))}
        if draw(st.integers(0, 3)) == 0:
            facts["share_milli"] = draw(st.sampled_from([250, 500, 1000]))
        elif draw(st.integers(0, 3)) == 0:
            facts["replicas"] = draw(st.integers(1, 6))
        if draw(st.integers(0, 3)) == 0:
            facts["memory_bytes"] = 80 * GIB
        count = 1 if "share_milli" in facts else draw(st.integers(1, 5))
        made.append(AcceleratorOption(model, count, **facts))
    return tuple(made)


@st.composite
def rich_workloads(draw: st.DrawFn, number: int) -> Workload:
    """Draw a workload that may be elastic, have further pod sets, a deadline, data elsewhere, or picky pods."""
    rarely = st.integers(0, 3).map(lambda n: n == 0)
    facts: dict[str, Any] = {"accelerators": draw(options())}
    replicas = draw(st.integers(1, 6))
    if draw(rarely):
        facts["requirements"] = Requirements((Requirement("disk", Operator.IN, ("fast",)),))
    if draw(rarely):
        facts["tolerations"] = (Toleration(GPU, "Exists"),)
    if draw(rarely) and not any(one.replicas for one in facts["accelerators"]):
        facts["min_replicas"] = draw(st.integers(1, replicas))
    if draw(rarely) and "min_replicas" not in facts:
        pod = PodShape(resources(cpu=draw(st.integers(1, 8)), memory="4Gi", pods=1), Requirements(), ())
        facts["others"] = (PodSet("helpers", draw(st.integers(1, 3)), pod, draw(options())),)
    if draw(rarely):
        facts["deadline"] = draw(st.sampled_from(["2026-11-22T13:30:00Z", "2026-11-23T12:00:00Z"]))
    if draw(rarely):
        facts["data"] = DataAt(draw(st.sampled_from([GIB, 5000 * GIB])), "aws", "us-east")
    asked = draw(workloads(number))
    kept = {name: getattr(asked, name) for name in ("priority", "expected_runtime_s", "checkpoint_interval_s")}
    kept["policy"] = draw(st.sampled_from(["default", "default", "lawful", "golden", asked.policy]))
    return gang(f"w{number}", replicas, requests=asked.pod.requests, **kept, **facts)


def rich_policies() -> dict[str, Policy]:
    """Return the policies of rich worlds: those of all worlds, and ones about law, place and labels."""
    rules = [
        policy("lawful", jurisdictions=("DE",), certifications=("BSI-C5",), waiting_price_per_hour=Decimal(2)),
        policy("golden", regions=("de-fra",), pool_labels={"tier": "gold"}, preempts=True),
    ]
    return {**policies(), **{rule.name: rule for rule in rules}}


@st.composite
def rich_worlds(draw: st.DrawFn, most: int = 6) -> World:
    """Draw a world in which everything may be asked for; slower than `worlds`."""
    there = [draw(rich_pools(name)) for name in ("a", "b", "c")[: draw(st.integers(1, 3))]]
    nodes = [one for place in there for one in draw(rich_members(place))]
    usage = {one.name: resources(gpu=draw(st.integers(0, 3)), cpu=draw(st.integers(0, 16)), pods=1) for one in nodes}
    asked = tuple(draw(rich_workloads(number)) for number in range(draw(st.integers(1, most))))
    return World(Snapshot(tuple(nodes), tuple(there), rich_policies(), usage), asked)


@st.composite
def worlds(draw: st.DrawFn, most: int = 6) -> World:
    """Draw a whole world of at most three pools and `most` workloads."""
    there = [draw(pools(name)) for name in ("a", "b", "c")[: draw(st.integers(0, 3))]]
    nodes = [one for place in there for one in draw(members(place))]
    usage = {one.name: resources(gpu=draw(st.integers(0, 3)), cpu=draw(st.integers(0, 16)), pods=1) for one in nodes}
    asked = tuple(draw(workloads(number)) for number in range(draw(st.integers(1, most))))
    return World(Snapshot(tuple(nodes), tuple(there), policies(), usage), asked)
