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
from stellwerk.placement.batch.improvement import advise
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, node, nodes, policy, pool, resources, taint
from tests.unit.placement.fleet.test_podrules import affinity, asking, spread
from tests.unit.placement.moves.test_preemption import running
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

# What runs and may give room, move and grow, pods that mind their neighbours, and a batch solved together.
low = [running(f"low{i}", {f"pool-{i:04d}": 1}, gpus=2 + i, replicas=3, min_replicas=1) for i in range(4)]
usage = {place: used for one in low for place, used in one.uses}
racks = [node(f"pool-{i:04d}", "pool", labels={"rack": f"r{i % 2}"}) for i in range(5)]
cheap = [pool(), pool("second", price="20", accelerator=Accelerator("A100", 8, GPU))]
either = (AcceleratorOption("H100", 4), AcceleratorOption("A100", 4))
asked = [gang(f"g{i}", 1 + i % 2, priority=i % 3 * 50, accelerators=either, uid=f"g{i}") for i in range(8)]
asked += [asking(f"shy{i}", 2, **affinity("podAntiAffinity", "rack")) for i in range(2)]
asked += [asking(f"even{i}", 2, app="web", **spread("rack")) for i in range(2)]
parts = [racks, cheap, low, asked, list(nodes(2, "second"))]
for part in parts:
    order.shuffle(part)
rules = {"default": policy(preempts=True, migrates=True)}
seen = Snapshot((*parts[0], *parts[4]), tuple(cheap), rules, usage, running=tuple(low))
made = plan(asked, seen, NOW, 1, solver=advise, settle=True)
assert made.moves and any(one.chosen for one in made.decisions)
print(hashlib.sha256(msgspec.json.encode(made)).hexdigest())
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
