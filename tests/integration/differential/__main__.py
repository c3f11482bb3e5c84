"""python -m tests.integration.differential --rounds 5000 --seed 1."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path

import structlog

from tests.integration.differential.bed import bed
from tests.integration.differential.running import ROUNDS_PER_WORLD, Figures, Runner, estimate
from tests.integration.differential.worlds import TIGHT
from tests.testbed.cluster import Cluster
from tests.testbed.progress import Progress


def main(argv: list[str] | None = None) -> int:
    """Run and print the figures; 1 if there was a disagreement."""
    arguments = _parser().parse_args(argv)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    worlds = -(-arguments.rounds // ROUNDS_PER_WORLD)
    numbers = range(arguments.first, arguments.first + worlds)
    since, figures = time.monotonic(), Figures()
    shown = 0

    def told(now: Figures) -> None:
        nonlocal shown
        for one in now.disagreements[shown:]:
            print(one, file=sys.stderr)
            if arguments.save:
                arguments.save.mkdir(parents=True, exist_ok=True)
                name = f"seed{arguments.seed}-world{one.world}-round{one.round}-{now.disagreements.index(one)}.json"
                (arguments.save / name).write_text(f"{one}\n{one.dump()}\n", encoding="utf-8")
        shown = len(now.disagreements)
        rest = estimate(now.worlds, worlds, since)
        print(f"{now.rounds} rounds, {len(now.disagreements)} disagreements, {rest}", file=sys.stderr)

    with Cluster.start(progress=Progress()) as cluster, bed(cluster, min(arguments.places, worlds)) as ground:
        since = time.monotonic()
        runner = Runner(ground, arguments.seed, figures)
        runner.tight = arguments.tight
        runner.run(numbers, told)
    found = _summary(figures, arguments.seed, time.monotonic() - since)
    for name, value in found.items():
        print(f"{name:24} {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 1 if figures.disagreements else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.integration.differential", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help="planning cycles to compare (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="other seeds, other worlds (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first world (default: %(default)s)")
    parser.add_argument("--places", type=int, default=32, help="worlds at a time (default: %(default)s)")
    parser.add_argument("--tight", type=float, default=TIGHT, help="part of worlds where gangs compete for nodes")
    parser.add_argument("--save", type=Path, help="folder for the objects of each disagreement")
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser


def _summary(figures: Figures, seed: int, seconds: float) -> dict[str, object]:
    return {
        "seed": seed,
        "worlds": figures.worlds,
        "rounds": figures.rounds,
        "decisions": dict(sorted(figures.decisions.items())),
        "reasons": dict(figures.reasons.most_common()),
        "pods bound": figures.pods_bound,
        "attempts to refute": figures.attempts,
        "a cycle later": figures.late,
        "disagreements": len(figures.disagreements),
        "seconds": round(seconds),
    }


if __name__ == "__main__":
    sys.exit(main())
