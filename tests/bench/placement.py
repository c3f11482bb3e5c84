"""The placement benchmarks: packing, completion times, cost of fleets, and speed.

    python -m tests.bench.placement [openb muri fleetcost speed] [--data DIR] [--quick] [--json DIR]
    python -m tests.bench.placement muri --data DIR -- trace9 trace9_pr

What follows `--` goes to the benchmark itself: trace names, and the options that `python -m
tests.bench.NAME --help` lists. Traces and prices stay outside the repository; docs/performance.md says
where they come from. Tables go to standard output, progress to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench import fleetcost, muri, openb, planning_grid

ROOT = Path(__file__).resolve().parents[3] / "shared" / "data"


class Benchmark(NamedTuple):
    """A benchmark and how to call it."""

    main: Callable[[Sequence[str]], int]
    folder: str | None
    """Where its data lies below the folder of all data; None if it makes its own."""
    quick: tuple[str, ...]
    """Arguments of a run of about a minute."""


BENCHMARKS = {
    "openb": Benchmark(openb.main, "traces/openb", ("default", "--seeds", "1")),
    "muri": Benchmark(muri.main, "traces/muri-philly", ("trace3",)),
    "fleetcost": Benchmark(fleetcost.main, "", ("--seeds", "3", "--sizes", "50")),
    "speed": Benchmark(planning_grid.main, None, ("--nodes", "500", "5000", "--pending", "100", "10000")),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the named benchmarks one after the other, all by default; the worst of their exit codes is returned."""
    given, own = _split(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="python -m tests.bench.placement", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT,
        metavar="DIR",
        help="folder with all data, or with that of the one benchmark named",
    )
    parser.add_argument("--quick", action="store_true", help="a small part of each, in a few minutes")
    parser.add_argument("--json", type=Path, metavar="DIR", help="write the figures of each to DIR/NAME.json")
    asked = parser.parse_args(given)
    names = asked.names or list(BENCHMARKS)
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        parser.error(f"unknown benchmark {', '.join(unknown)}; known: {', '.join(BENCHMARKS)}")
    if own and len(names) > 1:
        parser.error("what follows -- is for one benchmark: name just one")
    if asked.json:
        asked.json.mkdir(parents=True, exist_ok=True)
    worst = 0
    for name in names:
        sys.stdout.write(f"\n== {name}\n")
        sys.stdout.flush()
        worst = max(worst, BENCHMARKS[name].main(_arguments(name, asked, own)))
    return worst


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell our arguments from those of a benchmark."""
    given = list(argv)
    at = given.index("--") if "--" in given else len(given)
    return given[:at], given[at + 1 :]


def _arguments(name: str, asked: argparse.Namespace, own: Sequence[str]) -> list[str]:
    benchmark = BENCHMARKS[name]
    arguments = list(own) or (list(benchmark.quick) if asked.quick else [])
    if benchmark.folder is not None:
        below = asked.data / benchmark.folder
        arguments += ["--data", str(below if below.is_dir() else asked.data)]
    if asked.json:
        arguments += ["--json", str(asked.json / f"{name}.json")]
    return arguments


if __name__ == "__main__":
    sys.exit(main())
