"""Gang scheduling over time on the Muri traces: mean and 99th percentile of job completion times, and the makespan.

First the rules of the published simulator (Zhao et al., "Multi-Resource Interleaving for Deep Learning
Training", SIGCOMM 2022; Rivendile/Muri, simulator/, Apache-2.0), reproduced to the second: 8 nodes of 8 GPUs,
filled again from empty at every event, a start overhead lost in every interval. By these rules SRTF, SRSF and
Tiresias. Then the operator's `plan()` in the same loop, ordered by `queueing.order`, once blind to durations
(LeastService) and once aware of them (ShortestFirst): whoever goes on keeps his nodes, so that only starts
and moves cost time. `strict` charges the engine as the published rules do, too.

    python -m tests.bench.muri [--data DIR] [--strict] [--json FILE] trace3 trace1
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from stellwerk.cli.problems import BadInputError
from stellwerk.cli.traceformats import read
from stellwerk.model.capacity import Accelerator, CapacityType, Node, Pool, Price
from stellwerk.model.policy import Policy, QueueOrder
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.sim.engine import Loss, Moment, Scheduler, simulate
from stellwerk.sim.jobs import Job
from stellwerk.sim.planned import Planned
from stellwerk.sim.refill import TIRESIAS_LIMITS, Refill, srsf, srtf, tiresias
from stellwerk.sim.summary import summarize
from stellwerk.sim.traces import EPOCH, jobs_of
from tests.testbed.progress import Progress

DATA: Final = Path(__file__).parents[3] / "shared" / "data" / "traces" / "muri-philly"
NODES, PER_NODE = 8, 8
GPU: Final = "nvidia.com/gpu"
PUBLISHED: Final[Mapping[str, Mapping[str, tuple[int, int | None, int | None]]]] = {
    "trace1": {"SRTF": (1370603, 16647148, 26045466), "SRSF": (980141, 15529913, 26065759)},
    "trace1_pr": {"SRTF": (2303544, 19871388, 24513544), "SRSF": (1801860, 18267308, 24272529)},
    "trace2": {"SRTF": (2665607, 33128484, 48847005), "SRSF": (2213950, 31241251, 49026465)},
    "trace3": {"SRTF": (193082, 4538891, 8174135), "SRSF": (185022, 4189699, 8174135)},
    "trace3_pr": {"SRTF": (844395, 6363100, 7261796), "SRSF": (798058, 6228161, 6907790)},
    "trace4": {"SRTF": (581983, 7768533, 14787991), "SRSF": (487167, 7372568, 14887909)},
    "trace4_pr": {"SRTF": (1430856, 9443500, 14272665), "SRSF": (1218502, 9227908, 14426755)},
}
"""Mean, 99th percentile and makespan in seconds: simulator/draw_fig9-10.py of Rivendile/Muri."""
TIRESIAS_PUBLISHED: Final = {
    "trace1": 3330371,
    "trace1_pr": 6921683,
    "trace2": 7396369,
    "trace3": 347213,
    "trace3_pr": 2213110,
    "trace4": 1319383,
    "trace4_pr": 2674023,
}
"""Mean in seconds, from the same file."""


class Contender(NamedTuple):
    """A scheduler and the line of the table that it gets."""

    name: str
    make: Callable[[], Scheduler]
    knows_durations: bool


class StrictlyPlanned(Planned):
    """The engine, charged a start overhead in every interval as the published rules do."""

    loss = Loss.EACH_INTERVAL


def fleet(order: QueueOrder) -> Snapshot:
    """Build the cluster of the published runs, with a policy of this order."""
    nodes = tuple(
        Node(f"node-{number}", {"pool": "muri"}, Resources.of({GPU: PER_NODE, "pods": 110})) for number in range(NODES)
    )
    pool = Pool(
        "muri",
        {"pool": "muri"},
        capacity_type=CapacityType.OWNED,
        accelerator=Accelerator("V100", PER_NODE, GPU),
        price=Price(Decimal(PER_NODE), "EUR"),
    )
    return Snapshot(nodes, (pool,), {"default": Policy(queue_order=order)})


def contenders(*, strict: bool) -> list[Contender]:
    """Return who takes part, in the order of the table."""
    blind, aware = fleet(QueueOrder.LEAST_SERVICE), fleet(QueueOrder.SHORTEST_FIRST)
    found = [
        Contender("SRTF", lambda: Refill(srtf, NODES, PER_NODE), knows_durations=True),
        Contender("SRSF", lambda: Refill(srsf, NODES, PER_NODE), knows_durations=True),
        Contender("Tiresias", lambda: Refill(tiresias, NODES, PER_NODE, TIRESIAS_LIMITS), knows_durations=False),
        Contender("LeastService", lambda: Planned(blind, EPOCH, preempt=True), knows_durations=False),
        Contender("ShortestFirst", lambda: Planned(aware, EPOCH, preempt=True), knows_durations=True),
    ]
    if strict:
        found += [
            Contender(
                "LeastService, strict", lambda: StrictlyPlanned(blind, EPOCH, preempt=True), knows_durations=False
            ),
            Contender(
                "ShortestFirst, strict", lambda: StrictlyPlanned(aware, EPOCH, preempt=True), knows_durations=True
            ),
        ]
    return found


def load(path: Path) -> list[Job]:
    """Read a trace of this format, laid out for the published cluster."""
    return jobs_of(read(path, "muri").entries, PER_NODE)


def blinded(job: Job) -> Job:
    """Hide how long a job runs."""
    return replace(job, workload=replace(job.workload, expected_runtime_s=3600))


def measure(jobs: Sequence[Job], contender: Contender, say: Callable[[str], None]) -> dict[str, Any]:
    """Run one contender on one trace; seconds, as the traces have them."""
    shown = jobs if contender.knows_durations else [blinded(job) for job in jobs]

    def tell(moment: Moment, done: int) -> None:
        say(f"{contender.name}: {done} of {len(jobs)} jobs done, {moment.running} run, {moment.waiting} wait")

    started = time.perf_counter()
    timeline = simulate(shown, contender.make(), tell)
    took = time.perf_counter() - started
    found = summarize(timeline, NODES * PER_NODE)
    return {
        "policy": contender.name,
        "knowsDurations": contender.knows_durations,
        "meanCompletion": found.completion.mean,
        "p99Completion": found.completion.p99,
        "makespan": found.makespan,
        "utilization": found.utilization,
        "restarts": found.restarts,
        "events": timeline.events,
        "finished": found.finished,
        "jobs": found.jobs,
        "took": round(took, 1),
    }


def published(trace: str, policy: str) -> int | None:
    """Return the published mean, if there is one."""
    if policy == "Tiresias":
        return TIRESIAS_PUBLISHED.get(trace)
    row = PUBLISHED.get(trace, {}).get(policy)
    return row[0] if row else None


def lines(trace: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table of one trace."""
    base = next(row["meanCompletion"] for row in rows if row["policy"] == "SRSF")
    head = f"{'policy':<22}{'durations':>10}{'mean JCT s':>12}{'published':>11}{'of SRSF':>9}{'p99 JCT s':>12}"
    out = [f"{trace}: {rows[0]['jobs']} jobs", head + f"{'makespan s':>12}{'restarts':>10}{'took s':>8}"]
    for row in rows:
        known = published(trace, row["policy"])
        out.append(
            f"{row['policy']:<22}{'known' if row['knowsDurations'] else 'unknown':>10}{row['meanCompletion']:>12.0f}"
            f"{'-' if known is None else known:>11}{row['meanCompletion'] / base:>9.3f}{row['p99Completion']:>12.0f}"
            f"{row['makespan']:>12.0f}{row['restarts']:>10}{row['took']:>8.1f}"
        )
    return out


def find(folder: Path, name: str) -> Path:
    """Return the file of a trace, gzipped or not.

    Raises:
        FileNotFoundError: there is none, and the message says what there is.
    """
    for path in (folder / f"{name}.csv.gz", folder / f"{name}.csv"):
        if path.is_file():
            return path
    there = ", ".join(names_in(folder)) or "nothing"
    raise FileNotFoundError(f"no {name}.csv.gz and no {name}.csv in {folder}; there is {there}")


def names_in(folder: Path) -> list[str]:
    """Return the traces of a folder."""
    return sorted(path.name.split(".")[0] for path in folder.glob("*.csv*"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; progress goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.muri", description=__doc__.split("\n", 1)[0])
    parser.add_argument("traces", nargs="*", help="names without .csv.gz; default: all of the folder")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="folder of the traces")
    parser.add_argument("--strict", action="store_true", help="also charge the engine as the published rules do")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    given = parser.parse_args(argv)
    names = given.traces or names_in(given.data)
    if not names:
        sys.stderr.write(f"no traces in {given.data}; name their folder by --data\n")
        return 1
    progress, figures = Progress(), {}
    try:
        for name in names:
            jobs = load(find(given.data, name))
            figures[name] = rows = [
                measure(jobs, contender, lambda text, name=name: progress.update(f"{name}, {text}"))
                for contender in contenders(strict=given.strict)
            ]
            print("\n".join(lines(name, rows)), end="\n\n", flush=True)
    except (FileNotFoundError, BadInputError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
