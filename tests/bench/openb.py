"""Packing of the openb trace by the engine: unallocated GPUs when 100 % and 130 % of the fleet have been asked for.

The experiment of Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 6: pods arrive one by one
and never leave; each gets one attempt, in order, and is placed if it fits anywhere. The engine is the
operator's: pools, their free room (`Bins`) and its price (`RoomValue`), which learns from nothing but the
pods that came. A window of more than one pod lets so many wait, known, until they are placed together, the
hardest first. With `--migrate N` a pod with GPUs that finds no room may have up to N placed pods moved.

    python -m tests.bench.openb [--data DIR] [--seeds 10] [--jobs 2] [--json FILE] default gpuspec33

`Engine` is the same as a policy for a harness that has a cluster and rules of its own:

    PYTHONPATH=.:operator python HARNESS/fgd_baselines.py --engine tests.bench.openb:Engine --all
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.bench.openb_engine import Packer
from tests.bench.openb_moving import Mover
from tests.bench.openb_trace import FULL, Host, Kind, arrivals, names_in, read_hosts, read_pods

DATA = Path(__file__).parents[3] / "shared" / "data" / "traces" / "openb"
FIRST_SEED = 42
LOAD = 1.3
PUBLISHED = {
    "default": (7.14, 6.92, 4.77, 4.61, 3.66),
    "cpu050": (6.44, 6.21, 5.00, 4.79, 3.67),
    "cpu100": (6.74, 6.56, 4.79, 4.65, 3.67),
    "cpu200": (7.85, 7.60, 5.18, 4.96, 3.67),
    "cpu250": (8.79, 8.55, 6.80, 6.59, 3.67),
    "gpushare40": (8.56, 8.31, 6.04, 5.85, 5.07),
    "gpushare60": (10.94, 10.64, 8.75, 8.60, 7.52),
    "gpushare80": (13.34, 12.99, 10.92, 10.70, 9.48),
    "gpushare100": (15.38, 14.99, 13.36, 13.10, 11.67),
    "gpuspec10": (6.90, 6.70, 5.34, 5.05, 3.15),
    "gpuspec20": (11.54, 6.70, 5.34, 5.16, 3.66),
    "gpuspec25": (14.33, 6.77, 6.09, 5.26, 3.12),
    "gpuspec33": (19.61, 6.91, 12.16, 5.45, 3.54),
    "multigpu20": (6.27, 6.07, 4.47, 4.35, 3.18),
    "multigpu30": (5.43, 5.28, 3.64, 3.54, 2.78),
    "multigpu40": (4.90, 4.77, 3.09, 3.01, 2.36),
    "multigpu50": (4.38, 4.26, 2.91, 2.82, 2.01),
}
"""BestFit at 100 % and 130 %, FGD at both, and a bound at 100 % that no scheduler without rejections can pass.

The first four as published with the paper (hkust-adsl/kubernetes-scheduler-simulator, Apache-2.0,
experiments/analysis/expected_results); the bound from a linear programme that knows all pods.
"""


class Job(NamedTuple):
    """One run."""

    data: Path
    trace: str
    seed: int
    window: int = 1
    migrate: int = 0
    """Placed pods that may be moved for each that finds no room."""


class Run(NamedTuple):
    """What came of it: unallocated GPU per cent at 100 % and at the end, pods refused by what they asked for."""

    trace: str
    seed: int
    window: int
    at_100: float
    at_end: float
    refused: int
    ms_per_pod: float
    migrate: int = 0
    moved: float = 0.0
    """Moves for each pod that was placed."""

    def row(self) -> dict[str, Any]:
        """Return it by name, without the moves where none are allowed."""
        row = self._asdict()
        return row if self.migrate else {name: row[name] for name in row if name not in {"migrate", "moved"}}


def run(job: Job) -> Run:
    """Fill the fleet once."""
    hosts, trace = read_hosts(job.data), read_pods(job.data, job.trace)
    random = np.random.default_rng(job.seed)
    ranks = np.empty(len(hosts), np.int64)
    ranks[random.permutation(len(hosts))] = np.arange(len(hosts))
    capacity = FULL * sum(host.gpus for host in hosts)
    order = [trace.kinds[pod] for pod in arrivals(trace, capacity, LOAD, random)]
    mover = Mover(hosts, ranks.tolist(), job.migrate) if job.migrate else None
    packer = mover or Packer(hosts, ranks.tolist())
    started = time.perf_counter()
    curve: dict[int, list[float]] = {}
    arrived = used = refused = 0
    admitted = admit(packer, order, job.window)
    for kind, placed in admitted:
        arrived += kind.total
        used += kind.total if placed else 0
        refused += not placed
        curve.setdefault(round(arrived / capacity * 100), []).append(round(used / capacity * 100, 2))
    seconds = time.perf_counter() - started
    free = {load: 100 - statistics.fmean(values) for load, values in curve.items()}
    full = free.get(100, free[max(free)])
    moved = mover.moved / max(1, len(order) - refused) if mover else 0.0
    ms = 1000 * seconds / len(order)
    return Run(job.trace, job.seed, job.window, full, free[max(free)], refused, ms, job.migrate, moved)


def admit(packer: Packer, order: Sequence[Kind], window: int) -> Iterator[tuple[Kind, bool]]:
    """Place pods as they come, window by window; yield each in order of arrival and whether it was placed."""
    for first in range(0, len(order), window):
        waiting = order[first : first + window]
        placed = [False] * len(waiting)
        if window > 1:
            for kind in waiting:
                packer.learn(kind)
        for at in sorted(range(len(waiting)), key=lambda at: _hardest_first(waiting[at])):
            place = packer.choose(waiting[at]) if window == 1 else packer.place(waiting[at])
            placed[at] = place is not None
        yield from zip(waiting, placed, strict=True)


def _hardest_first(kind: Kind) -> tuple[int, bool, int]:
    return -kind.total, not kind.models, -kind.cpu


def main(argv: Sequence[str] | None = None) -> int:
    """Run all traces and seeds, and print the table; 0 when done, 2 without data."""
    parser = _parser()
    asked = parser.parse_args(argv)
    if asked.migrate < 0:
        parser.error("--migrate: no fewer than 0 moves")
    data = Path(asked.data)
    if not data.is_dir() or not names_in(data):
        print(f"no openb pod lists in {data}: give --data DIR", file=sys.stderr)
        return 2
    names = asked.traces or names_in(data)
    seeds = range(FIRST_SEED, FIRST_SEED + asked.seeds)
    jobs = [
        Job(data, name, seed, window, asked.migrate) for name in names for window in asked.windows for seed in seeds
    ]
    done: dict[tuple[str, int], list[Run]] = {}
    started = time.monotonic()
    for number, result in enumerate(_results(jobs, asked.jobs), 1):
        done.setdefault((result.trace, result.window), []).append(result)
        spent = time.monotonic() - started
        print(f"openb: run {number} of {len(jobs)} in {spent:.0f} s: {_short(result)}", file=sys.stderr, flush=True)
        if asked.json:  # after each, so that a run that is cut short leaves what it has
            rows = [run.row() for runs in done.values() for run in runs]
            Path(asked.json).write_text(json.dumps(rows, indent=1) + "\n")
    print(table(done))
    return 0


def table(done: dict[tuple[str, int], list[Run]]) -> str:
    """Return the means as a table, next to what is published."""
    head = "| list | window | at 100 %, sd | BestFit | FGD | limit | ours / FGD | at 130 % | BestFit | FGD | ms/pod |"
    lines = [head, "|" + "---|" * 11]
    ratios: dict[int, list[float]] = {}
    for (name, window), runs in done.items():
        at_100, spread = _mean([run.at_100 for run in runs])
        at_end, _ = _mean([run.at_end for run in runs])
        best, best_end, fgd, fgd_end, limit = PUBLISHED.get(name, (None,) * 5)
        ratio = at_100 / fgd if fgd else None
        if ratio is not None:
            ratios.setdefault(window, []).append(ratio)
        ms = statistics.median(run.ms_per_pod for run in runs)
        cells = [name, str(window), f"{at_100:.2f} ± {spread:.2f}", _or_not(best), _or_not(fgd), _or_not(limit)]
        cells += [_or_not(ratio, 3), f"{at_end:.2f}", _or_not(best_end), _or_not(fgd_end), f"{ms:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    moving = [run for runs in done.values() for run in runs if run.migrate]
    if moving:
        means = ((name, statistics.fmean(run.moved for run in runs)) for (name, _), runs in done.items())
        moved = ", ".join(f"{name} {mean:.4f}" for name, mean in means)
        lines.append(f"moves per placed pod, at most {moving[0].migrate} for each that found no room: {moved}")
    for window, found in sorted(ratios.items()):
        lines.append(f"mean of {len(found)} lists relative to FGD, window {window}: {statistics.fmean(found):.3f}")
    return "\n".join(lines)


class Engine:
    """The engine as a policy of a harness: `choose(spec, nodes)` returns a node and a GPU.

    The harness hands over its cluster (`cpu`, `mem`, `gpu`, `gpu_num`, `model`, `model_names`) when it is
    empty, and the order in which ties are broken; its trace is not looked at.
    """

    name = "stellwerk"

    def __init__(self, cluster: Any, _trace: object, rank: Sequence[int], _random: object) -> None:
        """Start on an empty cluster."""
        self._cluster = cluster
        hosts = [
            Host(
                str(at),
                int(cluster.cpu[at]),
                int(cluster.mem[at]),
                int(cluster.gpu_num[at]),
                cluster.model_names[model],
            )
            for at, model in enumerate(cluster.model)
        ]
        self._packer = Packer(hosts, [int(one) for one in rank])
        self._at = {int(one): at for at, one in enumerate(rank)}

    def choose(self, spec: Any, _nodes: object) -> tuple[int, int | None]:
        """Return where one pod goes."""
        kind = Kind(int(spec.cpu), int(spec.mem), int(spec.num), int(spec.milli), tuple(spec.models))
        place = self._packer.choose(kind)
        if place is None:
            raise RuntimeError("the harness knows of room that the engine does not see")
        node = self._at[place.rank]
        if not place.hole:
            return node, None
        return node, int(np.flatnonzero(self._cluster.gpu[node] == place.hole)[0])


def _results(jobs: Sequence[Job], processes: int) -> Iterator[Run]:
    if processes == 1:
        yield from map(run, jobs)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(run, jobs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("traces", nargs="*", help="pod lists; all of the folder if none is named")
    parser.add_argument("--data", default=str(DATA), help="folder with openb_*.csv[.gz]")
    parser.add_argument("--seeds", type=int, default=10, help="seeds from 42 on")
    parser.add_argument("--windows", type=int, nargs="+", default=[1], help="pods that wait and are placed together")
    parser.add_argument("--migrate", type=int, default=0, help="placed pods to move for each that finds no room")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--json", help="write every run here")
    return parser


def _mean(values: Sequence[float]) -> tuple[float, float]:
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def _or_not(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _short(run: Run) -> str:
    moved = f", {run.moved:.4f} moves per placed pod" if run.migrate else ""
    return f"{run.trace} seed {run.seed} window {run.window}: {run.at_100:.2f} % at 100 %{moved}"


if __name__ == "__main__":
    sys.exit(main())
