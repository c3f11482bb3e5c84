"""How the time of a planning cycle grows with nodes and pending workloads, where it goes, and its peak memory.

    python -m tests.bench.planning_grid [--nodes 500 5000 20000] [--pending 100 10000 50000] [--json FILE]

Every cell runs in a process of its own: the fleet of planning.py, each node with free room of its own in
`--distinct` steps, and the least and median of a few cycles. CPU seconds are what a busy machine changes least.
No cluster, and no data but what it makes.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from stellwerk.placement import planner
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.offers.prospect import Prospect
from stellwerk.placement.planner import plan
from tests.bench.planning import fleet, queue
from tests.builders import NOW

ROOT: Final = Path(__file__).resolve().parents[2]
STAGES: Final[tuple[tuple[str, Any, str], ...]] = (
    ("fleet", planner, "Fleet"),
    ("prices", planner, "Opportunity"),
    ("offers", planner, "offers_for"),
    ("ranking", Prospect, "best"),
    ("packing", Offer, "place"),
    ("records", planner, "fit"),
    ("together", planner, "improved"),
)
"""Stage, and the function whose time it is; what is called within another stage counts there."""
MIB: Final = 1024


class Stopwatch:
    """Adds up the time of some functions; a stage within a stage is not counted twice."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        self.seconds: Counter[str] = Counter()
        self._within = False

    def around(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with a watch around it."""

        def watched(*args: Any, **kwargs: Any) -> Any:
            if self._within:
                return function(*args, **kwargs)
            self._within, started = True, time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self._within = False
                self.seconds[stage] += time.process_time() - started

        return watched


def measure(nodes: int, pending: int, distinct: int, repeats: int) -> dict[str, Any]:
    """Return the seconds of a cycle, by stage too, and the memory of this process in MiB."""
    seen, asked = fleet(nodes, distinct), queue(pending)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, busy, placed = [], [], 0
    for _ in range(repeats):
        started, worked = time.perf_counter(), time.process_time()
        found = plan(asked, seen, NOW, 1)
        seconds.append(time.perf_counter() - started)
        busy.append(time.process_time() - worked)
        placed = sum(decision.chosen is not None for decision in found.decisions)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "nodes": nodes,
        "pending": pending,
        "distinct": distinct,
        "placed": placed,
        "least_s": round(min(seconds), 3),
        "least_cpu_s": round(min(busy), 3),
        "median_s": round(statistics.median(seconds), 3),
        "peak_mib": peak // MIB,
        "cycle_mib": (peak - before) // MIB,
        "stages": stages(nodes, pending, distinct),
    }


def stages(nodes: int, pending: int, distinct: int) -> dict[str, float]:
    """Return the CPU seconds of one more cycle by stage."""
    seen, asked = fleet(nodes, distinct), queue(pending)
    watch = Stopwatch()
    kept = [(owner, name, getattr(owner, name)) for _, owner, name in STAGES]
    for stage, owner, name in STAGES:
        setattr(owner, name, watch.around(stage, getattr(owner, name)))
    try:
        started = time.process_time()
        plan(asked, seen, NOW, 1)
        whole = time.process_time() - started
    finally:
        for owner, name, function in kept:
            setattr(owner, name, function)
    found = {stage: round(watch.seconds[stage], 3) for stage, _, _ in STAGES}
    return {**found, "rest": round(whole - sum(watch.seconds.values()), 3)}


def table(cells: Sequence[dict[str, Any]]) -> str:
    """Return all cells, and how the time grows per tenfold nodes and pending."""
    head = [
        "nodes",
        "pending",
        "placed",
        "least s",
        "median s",
        "CPU s",
        "peak MiB",
        *(stage for stage, _, _ in STAGES),
        "rest",
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + "---:|" * len(head)]
    for cell in cells:
        values = [cell[key] for key in ("nodes", "pending", "placed", "least_s", "median_s", "least_cpu_s", "peak_mib")]
        values += cell["stages"].values()
        lines.append("| " + " | ".join(map(str, values)) + " |")
    return "\n".join([*lines, *growth(cells, "nodes", "pending"), *growth(cells, "pending", "nodes")])


def growth(cells: Sequence[dict[str, Any]], along: str, fixed: str) -> list[str]:
    """Return how many times the CPU seconds grow where `along` grows tenfold, for each value of `fixed`."""
    lines = []
    for value in sorted({cell[fixed] for cell in cells}):
        row = sorted((cell for cell in cells if cell[fixed] == value), key=lambda cell: cell[along])
        for less, more in pairwise(row):
            steps = more[along] / less[along]
            factor = (more["least_cpu_s"] / max(less["least_cpu_s"], 0.001)) ** (1 / math.log10(steps))
            text = f"{less[along]} -> {more[along]} {along}, {value} {fixed}: x {factor:.2f} per tenfold"
            lines.append(text)
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all cells one after the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[500, 5_000, 20_000])
    parser.add_argument("--pending", type=int, nargs="+", default=[100, 10_000, 50_000])
    parser.add_argument("--distinct", type=int, default=100, help="free vectors among the nodes of a pool")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--cell", action="store_true", help="measure one cell in this process and print it as JSON")
    asked = parser.parse_args(argv)
    if asked.cell:
        print(json.dumps(measure(asked.nodes[0], asked.pending[0], asked.distinct, asked.repeats)))
        return 0
    cells = []
    for nodes in asked.nodes:
        for pending in asked.pending:
            print(f"planning: {nodes} nodes, {pending} pending", file=sys.stderr, flush=True)
            cells.append(_in_child(nodes, pending, asked))
    print(table(cells))
    if asked.json:
        asked.json.write_text(json.dumps(cells, indent=1) + "\n")
    return 0


def _in_child(nodes: int, pending: int, asked: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.planning_grid", "--cell", "--nodes", str(nodes)]
    command += ["--pending", str(pending), "--distinct", str(asked.distinct), "--repeats", str(asked.repeats)]
    run = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
