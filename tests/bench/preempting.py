"""How long a planning cycle takes in which more important work finds all nodes full; no cluster.

    python -m tests.bench.preempting [--nodes 5000] [--preemptors 100] [--repeats 3]

Each node runs one workload of 8 GPUs, with one of seven priorities, 50 run times and 600 ages, so that hardly two lose
the same. Three queues: all alike, all of shapes of their own, and gangs of 1 to 40 pods with three priorities.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from random import Random
from typing import Final

import msgspec

from stellwerk.model.decision import Mode
from stellwerk.model.placement import Placement
from stellwerk.model.resources import Resources
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.planner import plan
from tests.bench.planning import POOLS
from tests.builders import GPU, NOW, gang, nodes, policy, pool, resources

RULES: Final = "preempting"
_TAKEN: Final = resources(cpu="8", memory="64Gi", pods=1, gpu=8)


def world(count: int) -> Snapshot:
    """Build five pools of nodes that are all full."""
    declared = tuple(pool(name, price=str(20 + 3 * index)) for index, name in enumerate(POOLS))
    members = tuple(one for name in POOLS for one in nodes(count // len(POOLS), name))
    running = tuple(_running(number, one.name, one.labels["pool"]) for number, one in enumerate(members))
    rules = policy(RULES, preempts=True, minimum_runtime_s=0)
    usage: dict[str, Resources] = {one.name: _TAKEN for one in members}
    return Snapshot(members, declared, {RULES: rules}, usage, running=running)


def _running(number: int, node: str, where: str) -> Running:
    workload = gang(f"r{number:05d}", priority=number % 7, policy=RULES, expected_runtime_s=3600 * (1 + number % 50))
    told = {
        "cluster": "local",
        "pool": where,
        "capacityType": "Owned",
        "replicas": 1,
        "accelerator": {"model": "H100", "count": 8, "resource": GPU},
    }
    since = f"2026-11-22T{number % 10:02d}:{number % 60:02d}:00Z"
    return Running(workload, msgspec.convert(told, Placement), ((node, 1),), ((node, _TAKEN),), since=since)


def queues(count: int) -> dict[str, list[Workload]]:
    """Build the three queues."""
    random = Random(1)
    own = [resources(cpu=str(1 + number), memory="64Gi", pods=1) for number in range(count)]
    sizes = [(random.choice((1, 2, 8, 40)), random.choice((2, 4, 8))) for _ in range(count)]
    return {
        "alike": [_urgent(number, 1, 8, 10) for number in range(count)],
        "shapes of their own": [
            _urgent(number, 1 + number % 4, 8, 10 + number % 3, requests=one) for number, one in enumerate(own)
        ],
        "gangs": [_urgent(number, *size, random.choice((3, 5, 10))) for number, size in enumerate(sizes)],
    }


def _urgent(number: int, replicas: int, gpus: int, priority: int, **facts: Resources) -> Workload:
    return gang(f"w{number:05d}", replicas, gpus, priority=priority, policy=RULES, **facts)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure each queue and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--preemptors", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args(argv)
    seen = world(arguments.nodes)
    print("| queue | preemptors | with room made | moves | least CPU s |\n|---|---:|---:|---:|---:|")
    for name, queue in queues(arguments.preemptors).items():
        spent = []
        for number in range(arguments.repeats):
            print(f"{name}: cycle {number + 1} of {arguments.repeats}", file=sys.stderr)
            started = time.process_time()
            made = plan(queue, seen, NOW, 1)
            spent.append(time.process_time() - started)
        room = sum(decision.mode is Mode.PREEMPT for decision in made.decisions)
        print(f"| {name} | {len(queue)} | {room} | {len(made.moves)} | {min(spent):.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
