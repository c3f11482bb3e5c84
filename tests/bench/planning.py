"""How long one planning cycle takes: 5,000 nodes of 8 GPUs, 10,000 pending workloads of 20 shapes.

    python -m tests.bench.planning [NODES] [PENDING] [DISTINCT]

DISTINCT free vectors spread over the nodes make packing harder; by default the nodes are alike. It prints
the minimum and the median of several cycles and asserts nothing.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter

import msgspec

from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.planner import plan
from tests.builders import NOW, gang, nodes, pool, resources

REPEATS = 5
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


def main() -> None:
    """Measure and print."""
    count, pending, distinct = (int(word) for word in (sys.argv[1:] + ["5000", "10000", "1"][len(sys.argv) - 1 :]))
    seen, asked = fleet(count, distinct), queue(pending)
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        made = plan(asked, seen, NOW, 1)
        seconds.append(time.perf_counter() - started)
    modes = Counter(decision.mode.wire for decision in made.decisions)
    size = len(msgspec.json.encode(made)) / 2**20
    print(f"{count} nodes x 8 GPUs, {pending} pending of 20 shapes, {distinct} distinct vectors per pool")
    print(
        f"one cycle: min {min(seconds):.3f} s, median {statistics.median(seconds):.3f} s; {dict(modes)}; {size:.1f} MiB"
    )


if __name__ == "__main__":
    main()
