"""How long one planning cycle takes: up to 5,000 nodes of 8 GPUs, 10,000 pending workloads of 20 shapes, no cluster."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping

from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.planner import plan
from tests.builders import NOW, gang, nodes, pool, resources
from tests.testbed.progress import Progress

REPEATS = 5
PENDING = 10_000
POOLS = ("a", "b", "c", "d", "e")


def fleet(count: int, distinct: int) -> Snapshot:
    """Build five pools; node number i uses a little CPU and memory of its own, in `distinct` steps."""
    declared = tuple(pool(name, price=str(20 + 3 * index)) for index, name in enumerate(POOLS))
    members = tuple(one for name in POOLS for one in nodes(count // len(POOLS), name))
    usage = {
        one.name: Resources.of(
            {"cpu": 100 + 10 * (number % distinct), "memory": 2**20 * (number % distinct), "pods": 3}
        )
        for number, one in enumerate(members)
    }
    return Snapshot(members, declared, {}, usage)


def queue(count: int) -> list[Workload]:
    """Build pending workloads of 20 shapes: 1 to 16 pods of 1 to 8 GPUs."""
    sizes = [(1, 1), (1, 2), (1, 4), (1, 8), (2, 8), (4, 8), (8, 8), (16, 8), (2, 4), (3, 2)]
    shapes = [(replicas, gpus, cpu) for replicas, gpus in sizes for cpu in ("4", "8")]
    return [
        gang(f"w{number:05d}", shapes[number % 20][0], shapes[number % 20][1], requests=_pod(shapes[number % 20][2]))
        for number in range(count)
    ]


def _pod(cpu: str) -> Resources:
    return resources(cpu=cpu, memory="32Gi", pods=1)


def run(progress: Progress) -> Mapping[str, object]:
    """Measure at two sizes and with nodes that are all different: the cost should grow no faster than the fleet."""
    small = _median(1_000, 1, progress)
    large = _median(5_000, 1, progress)
    varied = _median(5_000, 1_000, progress)
    return {
        "pending": PENDING,
        "median_s_5000_nodes": round(large, 3),
        "ratio_5000_to_1000_nodes": round(large / small, 2),
        "ratio_1000_free_vectors_to_1": round(varied / large, 2),
    }


def _median(count: int, distinct: int, progress: Progress) -> float:
    """Return the median seconds of one cycle."""
    seen, asked = fleet(count, distinct), queue(PENDING)
    seconds = []
    for number in range(REPEATS):
        progress.update(f"planning: {count} nodes, {distinct} distinct free vectors, cycle {number + 1} of {REPEATS}")
        started = time.perf_counter()
        plan(asked, seen, NOW, 1)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
