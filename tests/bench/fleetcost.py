"""What a plan costs, over what the same jobs cost at best: random fleets at real prices.

Each instance is a batch of 50 to 500 jobs with alternatives of accelerators, deadlines and data somewhere, and a fleet
of owned, reserved, spot and on-demand nodes in five cloud regions and one's own room. Beside `plan()` with the solver
stand what it costs without (greedy, bettered by what can be guessed), what each job's own cheapest choice costs when it
goes to the next where there is no room (SkyPilot with failover), and what it would cost if room had no end (SkyPilot's
figure; nobody can have it). The optimum is a programme of its own (fleetcost_optimum.py); `gap` is what its solver left
open.

In the family `fits` all jobs fit, if only just: nodes on demand were added until they did. In `scarce` they were not,
so some jobs must wait. Whoever leaves a job out pays twice what its dearest candidate costs. The optimum may choose
whom to leave out; the engine may not: it serves who came first.

With `--solver-seconds S` the plan is the operator's: its solver is a child process that gets S seconds of the clock
(`batch.improve_seconds`; fleetcost_operator.py), or with `--cpu-clock` of CPU time. Without, it stops by counted work
alone, as in `stellwerk plan`.

    python -m tests.bench.fleetcost [--data DIR] [--seeds N] [--solver-seconds S] [--cpu-clock] fits scarce
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from stellwerk.economics.cost import expected
from stellwerk.model.decision import Plan
from stellwerk.placement.batch.improvement import advise
from stellwerk.placement.planner import plan
from tests.bench.fleetcost_operator import Desk, cpu_of_children
from tests.bench.fleetcost_optimum import Optimum, optimum, picks_of, spilled, without_capacity
from tests.bench.fleetcost_prices import offerings
from tests.bench.fleetcost_world import Draw, World
from tests.builders import NOW
from tests.testbed.progress import Progress

DATA = Path(__file__).parents[3] / "shared" / "data"
SIZES = (50, 75, 100, 150, 200, 75, 100, 50, 150, 350)
FAMILIES = ("fits", "scarce")
COLUMNS = (
    "seed",
    "jobs",
    "nodes",
    "optimum_usd",
    "gap",
    "plan",
    "at_most",
    "greedy",
    "failover",
    "no_capacity",
    "plan_s",
)


class Result(NamedTuple):
    """One instance; costs but the optimum's are ratios to it."""

    family: str
    seed: int
    jobs: int
    nodes: int
    optimum_usd: float
    gap: float
    plan: float
    at_most: float
    """The same over the bound on the optimum: no less than the true ratio."""
    greedy: float
    failover: float
    no_capacity: float
    plan_s: float
    told_gap: float | None
    """What the plan itself says it may be above the best."""
    waiting: tuple[int, int, int, int]
    """Jobs left out: by the optimum, the plan, greedy, and failover."""


class Instance(NamedTuple):
    """A fleet, its jobs, and what they cost at best."""

    family: str
    seed: int
    world: World
    best: Optimum
    penalty: list[float]
    """What leaving each job out costs."""

    @classmethod
    def of(cls, draw: Draw, family: str, seconds: float) -> Self:
        """Make one, and look for its optimum for so many seconds."""
        world = draw.world()
        while (found := optimum(world, _penalties(world) if family == "scarce" else None, seconds)) is None:
            draw.grow()
            world = draw.world()
        return cls(family, world.seed, world, found, _penalties(world))


Decider = Callable[[World], Plan]
"""Makes a plan for an instance."""


def main(argv: Sequence[str]) -> int:
    """Run, print the table, write the JSON; 1 without data."""
    asked = _parser().parse_args(argv)
    if not (asked.data / "aws_accelerator_instances.csv").exists():
        sys.stderr.write(f"no price files in {asked.data}: name their folder with --data DIR\n")
        return 1
    if asked.solver_seconds is None:
        results = _results(asked, lambda world: plan(world.jobs, world.snapshot, NOW, 1, kept=1, solver=advise))
        print(table(results))
    else:
        results = _in_time(asked)
    if asked.json:
        asked.json.write_text(json.dumps(report(results), indent=1) + "\n", encoding="utf-8")
    return 0


def _in_time(asked: argparse.Namespace) -> list[Result]:
    """Measure what the operator gets, and say how often its solver was late and what it used."""
    waits = Counter[str]()

    def decide(world: World) -> Plan:
        heard = desk.decide(world)
        waits["answered" if heard.answered else "late" if heard.asked else "not asked"] += 1
        return heard.plan

    before = cpu_of_children()
    with Desk.opened(asked.solver_seconds, of_cpu=asked.cpu_clock) as desk:
        results = _results(asked, decide)
    used = cpu_of_children() - before
    print(table(results))
    print(f"solver: {dict(waits)}, {used / max(1, len(results)):.2f} CPU seconds per instance, its start included")
    return results


def _results(asked: argparse.Namespace, decide: Decider) -> list[Result]:
    progress, offers, results = Progress(), offerings(asked.data), list[Result]()
    for family in asked.family:
        for seed in range(asked.first, asked.first + asked.seeds):
            count = asked.sizes[seed % len(asked.sizes)]
            progress.say(f"{family}: seed {seed}, {count} jobs ({seed - asked.first + 1} of {asked.seeds})")
            draw = Draw(offers, seed, count)
            results.append(measure(Instance.of(draw, family, asked.optimum_seconds), decide))
            progress.say(f"  plan {results[-1].plan:.4f} of the optimum, greedy {results[-1].greedy:.4f}")
    return results


def measure(instance: Instance, decide: Decider) -> Result:
    """Judge every way to place an instance."""
    family, seed, world, best, penalty = instance
    count = len(world.jobs)
    began = time.perf_counter()
    solved = decide(world)
    took = time.perf_counter() - began
    greedy = plan(world.jobs, world.snapshot, NOW, 1, kept=1)
    picks = picks_of(world)
    spill, left = spilled(world, picks)
    missed = sum(penalty[number] for number in left)
    waits = (count - best.placed, _waiting(solved), _waiting(greedy), len(left))
    return Result(
        family,
        seed,
        count,
        len(world.snapshot.nodes),
        best.cost,
        (best.cost - best.bound) / best.cost,
        _cost(solved, world, penalty) / best.cost,
        _cost(solved, world, penalty) / best.bound,
        _cost(greedy, world, penalty) / best.cost,
        (spill + missed) / best.cost,
        without_capacity(world, picks) / best.cost,
        took,
        solved.bound.gap if solved.bound else None,
        waits,
    )


def _penalties(world: World) -> list[float]:
    dearest = dict.fromkeys(range(len(world.jobs)), 0.0)
    for pick in picks_of(world):
        dearest[pick.job] = max(dearest[pick.job], 2 * pick.cost)
    return list(dearest.values())


def _cost(made: Plan, world: World, penalty: Sequence[float]) -> float:
    """Return what a plan is expected to cost in dollars, and what it leaves out by the penalty."""
    number = {job.uid: at for at, job in enumerate(world.jobs)}
    cost = 0.0
    for one in made.decisions:
        paid = expected(one.cost) if one.cost is not None and one.chosen is not None else None
        cost += penalty[number[one.uid]] if paid is None else paid / 1e6
    return cost


def _waiting(made: Plan) -> int:
    return sum(one.chosen is None for one in made.decisions)


def table(results: Sequence[Result]) -> str:
    """Return a line per instance, and mean and worst of each family."""
    lines = []
    for family in dict.fromkeys(one.family for one in results):
        mine = [one for one in results if one.family == family]
        lines += [
            f"family {family}",
            "  ".join(f"{name:>11}" for name in COLUMNS) + "  left out: best/plan/greedy/failover",
        ]
        lines += [_line(one._asdict(), one.waiting) for one in mine]
        for name, fold in (("mean", statistics.fmean), ("worst", max)):
            sums = {column: fold([getattr(one, column) for one in mine]) for column in COLUMNS[1:]}
            lines.append(_line({"seed": name, **sums}, None))
    return "\n".join(lines)


def _line(values: Mapping[str, Any], waiting: tuple[int, ...] | None) -> str:
    cells = []
    for name in COLUMNS:
        value = values[name]
        text = f"{value:.0f}" if name in {"jobs", "nodes", "optimum_usd"} else str(value)
        cells.append(f"{value:.4f}" if isinstance(value, float) and text == str(value) else text)
    left = "" if waiting is None else "  " + "/".join(map(str, waiting))
    return "  ".join(f"{cell:>11}" for cell in cells) + left


def report(results: Sequence[Result]) -> dict[str, Any]:
    """Return everything for machines."""
    families = {}
    for family in dict.fromkeys(one.family for one in results):
        mine = [one.plan for one in results if one.family == family]
        families[family] = {"instances": len(mine), "mean": statistics.fmean(mine), "worst": max(mine)}
    return {"families": families, "instances": [one._asdict() for one in results]}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fleetcost", description=__doc__.split("\n")[0])
    parser.add_argument("family", nargs="*", default=["fits"], help=f"of {', '.join(FAMILIES)}")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the price files")
    parser.add_argument("--seeds", type=int, default=30, help="instances per family")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="jobs, by turns")
    parser.add_argument("--solver-seconds", type=float, help="plan as the operator does, with so much time to improve")
    parser.add_argument("--cpu-clock", action="store_true", help="count these in CPU time: the machine is shared")
    parser.add_argument("--optimum-seconds", type=float, default=120.0, help="for the search for each optimum")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
