"""The same plan in another process, with another seed of Python's hashes and the input in another order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import hashlib, msgspec, random
from stellwerk.model.capacity import Accelerator
from stellwerk.model.demand import Learner
from stellwerk.model.workload import AcceleratorOption
from stellwerk.model.discovery import discover_pools
from stellwerk.model.snapshot import Snapshot
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, node, nodes, pool, resources, taint
members = (*nodes(5, "a"), *nodes(3, "b", taints=(taint(), taint("x"))),
           *(node(f"n{i}", f"rack-{i % 2}", labels={"nvidia.com/gpu.product": "NVIDIA-L4"}) for i in range(4)))
shared = [node(f"s{i}", "s", allocatable=resources(cpu=64, memory="1Ti", pods=99, gpu=16)) for i in range(3)]
declared = (pool("a"), pool("b"), pool("s", price="9", accelerator=Accelerator("H100", 2, GPU, slices=8)))
members = (*members, *shared)
pools = [*declared, *discover_pools(members, declared)]
work = [gang(f"w{i}", 1 + i % 4, 1 + i % 8, uid=f"u{i}") for i in range(40)]
shares = [AcceleratorOption("H100", share_milli=100 * i) for i in range(1, 9)]
work += [gang(f"x{i}", accelerators=(share,), uid=f"x{i}") for i, share in enumerate(shares)]
learner = Learner()
for one in work[:17]:
    learner.learn(one)
order = random.Random(ORDER)
members = list(members)
for part in (members, pools, work):
    order.shuffle(part)
usage = {one.name: resources(gpu=i % 3, cpu=i) for i, one in enumerate(sorted(members, key=lambda node: node.name))}
for demand in (None, learner.demand):
    seen = Snapshot(tuple(members), tuple(pools), usage=usage, demand=demand)
    print(hashlib.sha256(msgspec.json.encode(plan(work, seen, NOW, 1))).hexdigest())
"""


def digest(seed: str, order: int = 0) -> str:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{root}:{root / 'operator'}"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("ORDER", str(order))],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
    )
    return run.stdout.strip()


def test_the_seed_of_hashes_does_not_matter() -> None:
    assert len({digest(seed) for seed in ("0", "1", "4242")}) == 1


def test_neither_does_the_order_of_the_input() -> None:
    assert len({digest(str(order), order) for order in (1, 2, 3)}) == 1
