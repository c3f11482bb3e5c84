"""Packing of the openb trace by the engine: unallocated GPUs when 100 % and 130 % of the fleet have been asked for.

The experiment of Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 6: pods arrive one by one
and never leave; each gets one attempt, in order, and is placed if it fits anywhere. The engine is the
operator's: pools, their free room (`Bins`) and its price (`RoomValue`), which learns from nothing but the
pods that came. A window of more than one pod lets so many wait, known, until they are placed together, the
hardest first. With `--migrate N` a pod with GPUs that finds no room may have up to N placed pods moved.

    python -m tests.bench.openb [--data DIR] [--seeds 10] [--jobs 2] [--json FILE] default gpuspec33
    python -m tests.bench.openb --policies stellwerk kube-default kube-most kube-ratio kai -- default

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

from tests.bench.openb_baselines import RULES, Baseline
from tests.bench.openb_engine import Packer
from tests.bench.openb_moving import Mover
from tests.bench.openb_table import OURS, Run, compared, table
from tests.bench.openb_trace import FULL, Host, Kind, arrivals, names_in, read_hosts, read_pods

DATA = Path(__file__).parents[3] / "shared" / "data" / "traces" / "openb"
FIRST_SEED = 42
LOAD = 1.3


class Job(NamedTuple):
    """One run."""

    data: Path
    trace: str
    seed: int
    window: int = 1
    migrate: int = 0
    """Placed pods that may be moved for each that finds no room."""
    policy: str = OURS
    """The engine, or one of `openb_baselines.RULES`."""


def run(job: Job) -> Run:
    """Fill the fleet once."""
    hosts, trace = read_hosts(job.data), read_pods(job.data, job.trace)
    random = np.random.default_rng(job.seed)
    ranks = np.empty(len(hosts), np.int64)
    ranks[random.permutation(len(hosts))] = np.arange(len(hosts))
    capacity = FULL * sum(host.gpus for host in hosts)
    order = [trace.kinds[pod] for pod in arrivals(trace, capacity, LOAD, random)]
    mover = Mover(hosts, ranks.tolist(), job.migrate) if job.migrate else None
    packer = mover or _packer(job.policy, hosts, ranks.tolist())
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
    return Run(job.trace, job.seed, job.window, full, free[max(free)], refused, ms, job.migrate, moved, job.policy)


def _packer(policy: str, hosts: Sequence[Host], ranks: Sequence[int]) -> Packer | Baseline:
    return Packer(hosts, ranks) if policy == OURS else Baseline(hosts, ranks, policy)


def admit(packer: Packer | Baseline, order: Sequence[Kind], window: int) -> Iterator[tuple[Kind, bool]]:
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
    if asked.migrate and asked.policies != [OURS]:
        parser.error(f"--migrate: only {OURS} moves pods")
    data = Path(asked.data)
    if not data.is_dir() or not names_in(data):
        print(f"no openb pod lists in {data}: give --data DIR", file=sys.stderr)
        return 2
    names = asked.traces or names_in(data)
    seeds = range(FIRST_SEED, FIRST_SEED + asked.seeds)
    jobs = [
        Job(data, name, seed, window, asked.migrate, policy)
        for name in names
        for window in asked.windows
        for seed in seeds
        for policy in asked.policies
    ]
    done: list[Run] = []
    started = time.monotonic()
    for number, result in enumerate(_results(jobs, asked.jobs), 1):
        done.append(result)
        spent = time.monotonic() - started
        print(f"openb: run {number} of {len(jobs)} in {spent:.0f} s: {_short(result)}", file=sys.stderr, flush=True)
        if asked.json:  # after each, so that a run that is cut short leaves what it has
            Path(asked.json).write_text(json.dumps([run.row() for run in done], indent=1) + "\n")
    for part in (table([run for run in done if run.policy == OURS]), compared(done)):
        print(*part, sep="\n")
    return 0


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
    parser.add_argument(
        "--policies", nargs="+", default=[OURS], choices=[OURS, *RULES], help="the engine, and scores of others"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--json", help="write every run here")
    return parser


def _short(run: Run) -> str:
    moved = f", {run.moved:.4f} moves per placed pod" if run.migrate else ""
    return f"{run.policy} {run.trace} seed {run.seed} window {run.window}: {run.at_100:.2f} % at 100 %{moved}"


if __name__ == "__main__":
    sys.exit(main())
