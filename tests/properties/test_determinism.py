"""The same plan in another process, with another seed of Python's hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import hashlib, msgspec
from stellwerk.model.discovery import discover_pools
from stellwerk.model.snapshot import Snapshot
from stellwerk.placement.planner import plan
from tests.builders import NOW, gang, node, nodes, pool, taint
members = (*nodes(5, "a"), *nodes(3, "b", taints=(taint(), taint("x"))),
           *(node(f"n{i}", f"rack-{i % 2}", labels={"nvidia.com/gpu.product": "NVIDIA-L4"}) for i in range(4)))
declared = (pool("a"), pool("b"))
pools = (*declared, *discover_pools(members, declared))
work = [gang(f"w{i}", 1 + i % 4, 1 + i % 8, uid=f"u{i}") for i in range(40)]
print(hashlib.sha256(msgspec.json.encode(plan(work, Snapshot(members, pools), NOW, 1))).hexdigest())
"""


def digest(seed: str) -> str:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{root}:{root / 'operator'}"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, cwd=root
    )
    return run.stdout.strip()


def test_the_seed_of_hashes_does_not_matter() -> None:
    assert len({digest(seed) for seed in ("0", "1", "4242")}) == 1
