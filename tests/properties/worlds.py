"""Random small worlds: fleets, policies and workloads that get in each other's way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from stellwerk.model.capacity import Accelerator, CapacityType, Node, Pool
from stellwerk.model.policy import Policy
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, Workload
from tests.builders import GPU, gang, node, policy, pool, resources, taint

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
def worlds(draw: st.DrawFn, most: int = 6) -> World:
    """Draw a whole world of at most three pools and `most` workloads."""
    there = [draw(pools(name)) for name in ("a", "b", "c")[: draw(st.integers(0, 3))]]
    nodes = [one for place in there for one in draw(members(place))]
    usage = {one.name: resources(gpu=draw(st.integers(0, 3)), cpu=draw(st.integers(0, 16)), pods=1) for one in nodes}
    asked = tuple(draw(workloads(number)) for number in range(draw(st.integers(1, most))))
    return World(Snapshot(tuple(nodes), tuple(there), policies(), usage), asked)
