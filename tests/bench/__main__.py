"""`python -m tests.bench [NAME ...] [--json FILE]`: run benchmarks and print their figures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench import admissions, latency, planning
from tests.testbed.progress import Progress

BENCHMARKS: Mapping[str, Callable[[Progress], Mapping[str, object]]] = {
    "planning": planning.run,
    "latency": latency.run,
    "admissions": admissions.run,
    "memory": admissions.run_memory,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the named benchmarks, all by default; figures go to standard output, progress to standard error."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as JSON too")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(BENCHMARKS):
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; known: {', '.join(BENCHMARKS)}")
    figures: dict[str, Mapping[str, object]] = {}
    for name in given.names or BENCHMARKS:
        figures[name] = BENCHMARKS[name](Progress())
        sys.stdout.write(f"\n{name}\n")
        for key, value in figures[name].items():
            sys.stdout.write(f"  {key:36} {json.dumps(value)}\n")
        sys.stdout.flush()
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
