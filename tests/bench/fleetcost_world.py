"""Random fleets at real prices, and random jobs for them: the instances of the fleet-cost benchmark."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from stellwerk.model.capacity import Accelerator, CapacityType, Node, Pool
from stellwerk.model.policy import Policy
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, DataAt, Workload
from tests.bench.fleetcost_prices import Offering
from tests.builders import GIB, GPU, NOW, gang, node, pool, resources

SPEEDS = {"T4": 0.2, "A10G": 0.4, "L4": 0.35, "L40S": 0.75, "A100": 1.0, "H100": 2.1, "H200": 2.6}
"""Training speed relative to an A100; each job has its own, up to a third off."""
SCARCE = {CapacityType.OWNED: 0.30, CapacityType.RESERVED: 0.15, CapacityType.SPOT: 0.30}
"""Expected share of the demand that capacity of each type could hold; the rest is on demand."""
SMALL, LARGE = (1, 2, 4), 8
POLICY = Policy(currency="USD")


class World(NamedTuple):
    """One instance."""

    seed: int
    snapshot: Snapshot
    jobs: tuple[Workload, ...]
    used: dict[str, int]
    """Accelerators that are taken already, by node."""


class Draw:
    """Jobs and fleets from one seed.

    Args:
        offers: What there is to be had.
        seed: Of all that is random.
        count: Jobs.

    """

    def __init__(self, offers: Sequence[Offering], seed: int, count: int) -> None:
        self._random = random.Random(seed)
        self._seed = seed
        self._offers = self._some(offers)
        self._jobs = tuple(self._job(number) for number in range(count))
        self._demand = sum(one.accelerators[0].count * one.replicas for one in self._jobs)
        self._used: dict[str, int] = {}
        self._pools = {offer.name: self._sized(offer) for offer in self._offers}

    def world(self) -> World:
        """Return the instance as it is now."""
        members = tuple(one for offer in self._offers for one in self._nodes(offer))
        pools = tuple(_pool(offer) for offer in self._offers)
        usage = {one.name: _usage(self._taken(one.name, one)) for one in members}
        snapshot = Snapshot(members, pools, {"default": POLICY}, usage)
        return World(self._seed, snapshot, self._jobs, {one.name: self._taken(one.name, one) for one in members})

    def grow(self) -> None:
        """Add nodes on demand: not everything fitted."""
        for offer in self._offers:
            if offer.capacity is CapacityType.ON_DEMAND:
                self._pools[offer.name] += 1 + self._pools[offer.name] // 4

    def _some(self, offers: Sequence[Offering]) -> list[Offering]:
        """Choose pools: of each model something on demand, and of the rest two in five."""
        chosen = [one for one in offers if self._random.random() < 0.4]
        for model in SPEEDS:
            rest = [one for one in offers if one.model == model and one.capacity is CapacityType.ON_DEMAND]
            if not any(one in chosen for one in rest):
                chosen.append(self._random.choice(rest))
        return sorted(chosen)

    def _sized(self, offer: Offering) -> int:
        """Draw how many nodes a pool has."""
        alike = sum(one.capacity is offer.capacity for one in self._offers)
        share = SCARCE.get(offer.capacity, 0.45)
        mean = share * self._demand / alike / offer.gpus
        return max(1, round(mean * self._random.uniform(0.3, 1.7)))

    def _nodes(self, offer: Offering) -> list[Node]:
        offer_of = Resources.of(
            {"cpu": offer.cpu_milli, "memory": offer.memory_gib * GIB, "pods": 110, GPU: offer.gpus}
        )
        count = self._pools[offer.name]
        return [node(f"{offer.name}-{number:04d}", offer.name, allocatable=offer_of) for number in range(count)]

    def _taken(self, name: str, one: Node) -> int:
        if name not in self._used:
            busy = self._random.random() < 0.2
            self._used[name] = self._random.randint(1, one.allocatable.get(GPU) - 1) if busy else 0
        return self._used[name]

    def _job(self, number: int) -> Workload:
        draw = self._random
        count = LARGE if draw.random() < 0.3 else draw.choice(SMALL)
        models = sorted({one.model for one in self._offers if one.gpus >= count})
        wanted = draw.sample(models, min(len(models), draw.randint(1, 5)))
        options = tuple(self._option(model, count) for model in wanted)
        hours = round(min(72.0, max(0.3, draw.lognormvariate(1.5, 1.0))), 2)
        best = max(float(one.speed) for one in options)
        deadline = None
        if draw.random() < 0.4:
            end = NOW + timedelta(hours=hours / best * draw.uniform(1.1, 4))
            deadline = end.strftime("%Y-%m-%dT%H:%M:%SZ")
        return gang(
            f"job-{number:04d}",
            draw.choice((1, 1, 1, 2, 4)) if count == LARGE else draw.choice((1, 1, 2, 3)),
            accelerators=options,
            requests=resources(cpu=count * draw.choice((2, 4)), memory=f"{count * draw.choice((8, 16))}Gi", pods=1),
            created=f"2026-11-22T{10 + number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z",
            expected_runtime_s=int(hours * 3600),
            checkpoint_interval_s=draw.choice((None, 1800)),
            deadline=deadline,
            data=self._data(),
        )

    def _option(self, model: str, count: int) -> AcceleratorOption:
        speed = SPEEDS[model] * self._random.uniform(2 / 3, 4 / 3)
        return AcceleratorOption(model, count, speed=Decimal(f"{speed:.2f}"))

    def _data(self) -> DataAt | None:
        if self._random.random() < 0.5:
            return None
        there = self._random.choice(self._offers)
        return DataAt(int(self._random.choice((10, 100, 500, 2000)) * GIB), there.provider, there.region)


def ends_in_time(job: Workload, hours: float, now: datetime = NOW) -> bool:
    """Tell whether a run of so many hours that begins now ends by the job's deadline."""
    return job.deadline is None or now + timedelta(hours=hours) <= datetime.fromisoformat(job.deadline)


def _usage(gpus: int) -> Resources:
    """Return what so many accelerators in use take of a node."""
    if not gpus:
        return Resources()
    return Resources.of({"cpu": 4000 * gpus, "memory": 16 * GIB * gpus, "pods": 1, GPU: gpus})


def _pool(offer: Offering) -> Pool:
    return pool(
        offer.name,
        price=str(offer.price),
        currency="USD",
        capacity_type=offer.capacity,
        provider=offer.provider,
        region=offer.region,
        accelerator=Accelerator(offer.model, offer.gpus, GPU),
        interruption_rate_per_hour=offer.rate,
    )
