"""The cheapest assignment of an instance, as a mixed-integer programme of its own, and what simpler choices cost.

One binary variable per job and candidate; how pods share nodes is exact: for nodes with f accelerators free, one
integer variable per way to cut f into pieces of the sizes that jobs ask for. CPU and memory never bind in these
instances. The engine's own improvement knows nothing of this programme, nor it of the engine's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import highspy
import numpy as np

from stellwerk.economics.cost import Site, expected_cost, interruption_hours, run_hours
from stellwerk.model.capacity import Pool
from stellwerk.model.workload import AcceleratorOption, Workload
from tests.bench.fleetcost_world import POLICY, World, ends_in_time
from tests.builders import GPU

SIZES = (8, 4, 2, 1)


class Pick(NamedTuple):
    """One job on one candidate."""

    job: int
    pool: str
    size: int
    """Accelerators per pod."""
    pods: int
    cost: float
    """In dollars."""


class Optimum(NamedTuple):
    """The best assignment found."""

    cost: float
    bound: float
    """No assignment costs less."""
    placed: int


def picks_of(world: World) -> list[Pick]:
    """Return every candidate of every job that meets the rules, ignoring room."""
    typical = {pool.name: Site(pool, _offer(world, pool)) for pool in world.snapshot.pools}
    return [
        pick
        for number, job in enumerate(world.jobs)
        for option in job.accelerators
        for site in typical.values()
        if (pick := _pick(number, job, option, site)) is not None
    ]


def _offer(world: World, pool: Pool) -> object:
    return next(one.allocatable for one in world.snapshot.nodes if pool.selects(one))


def _pick(number: int, job: Workload, option: AcceleratorOption, site: Site) -> Pick | None:
    has = site.pool.accelerator
    if has is None or has.model != option.model or has.count < option.count:
        return None
    lost = interruption_hours(job, option, site.pool, POLICY)
    cost = expected_cost(job, option, site, POLICY)
    if lost is None or cost.total is None or not ends_in_time(job, float(run_hours(job, option) + lost)):
        return None
    return Pick(number, site.pool.name, option.count, job.replicas, cost.total / 1e6)


def buckets(world: World) -> dict[str, Counter[int]]:
    """Return how many nodes of each pool have how many accelerators free."""
    found: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for one in world.snapshot.nodes:
        found[one.labels["pool"]][one.allocatable.get(GPU) - world.used[one.name]] += 1
    return found


@cache
def cuts(free: int, sizes: tuple[int, ...] = SIZES) -> tuple[tuple[int, ...], ...]:
    """Return all ways to cut `free` into pieces, as counts by size; the last size is 1, so nothing is left over."""
    if len(sizes) == 1:
        return ((free,),)
    first, rest = sizes[0], sizes[1:]
    return tuple((n, *more) for n in range(free // first + 1) for more in cuts(free - n * first, rest))


def optimum(world: World, penalty: Sequence[float] | None = None, seconds: float = 120.0) -> Optimum | None:
    """Solve an instance; None if not all jobs fit and there is no `penalty` for leaving one out.

    Args:
        world: The instance.
        penalty: What leaving each job out costs, in dollars; None places all of them.
        seconds: How long to look for something better; the bound says what may be missing.
    """
    picks = picks_of(world)
    solver = highspy.Highs()
    for name, value in {"output_flag": False, "threads": 1, "time_limit": seconds, "mip_rel_gap": 2e-4}.items():
        solver.setOptionValue(name, value)
    solver.passModel(_model(world, picks, penalty))
    solver.run()
    info = solver.getInfo()
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return None
    values = solver.getSolution().col_value
    placed = sum(round(values[at]) for at in range(len(picks)))
    return Optimum(info.objective_function_value, info.mip_dual_bound, placed)


Row = tuple[float, float, dict[int, float]]


def _model(world: World, picks: Sequence[Pick], penalty: Sequence[float] | None) -> highspy.HighsLp:
    costs, upper = [pick.cost for pick in picks], [1.0] * len(picks)
    rows: list[Row] = []
    jobs: list[dict[int, float]] = [{} for _ in world.jobs]
    for at, pick in enumerate(picks):
        jobs[pick.job][at] = 1.0
    for number, mine in enumerate(jobs):
        if penalty is not None:
            mine[len(costs)] = 1.0
            costs.append(penalty[number])
            upper.append(1.0)
        rows.append((1.0, 1.0, mine))
    for pool, nodes in buckets(world).items():
        asked = _asked(picks, pool)
        for free, count in nodes.items():
            ways = {}
            for cut in cuts(free):
                ways[len(costs)] = 1.0
                for row, pieces in zip(asked, cut, strict=True):
                    if pieces:
                        row[len(costs)] = -float(pieces)
                costs.append(0.0)
                upper.append(float(count))
            rows.append((0.0, float(count), ways))
        rows += [(-np.inf, 0.0, row) for row in asked]
    return _laid_out(costs, upper, rows)


def _asked(picks: Sequence[Pick], pool: str) -> list[dict[int, float]]:
    """Return how many pieces of each size the candidates on a pool take, by column."""
    asked: list[dict[int, float]] = [{} for _ in SIZES]
    for at, pick in enumerate(picks):
        if pick.pool == pool:
            asked[SIZES.index(pick.size)][at] = float(pick.pods)
    return asked


def _laid_out(costs: Sequence[float], upper: Sequence[float], rows: Sequence[Row]) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(costs), len(rows)
    model.col_cost_, model.col_lower_ = np.array(costs), np.zeros(len(costs))
    model.col_upper_ = np.array(upper)
    model.row_lower_ = np.array([row[0] for row in rows])
    model.row_upper_ = np.array([row[1] for row in rows])
    model.integrality_ = [highspy.HighsVarType.kInteger] * len(costs)
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.start_ = np.cumsum([0, *(len(row[2]) for row in rows)]).astype(np.int32)
    matrix.index_ = np.array([at for row in rows for at in row[2]], np.int32)
    matrix.value_ = np.array([value for row in rows for value in row[2].values()], float)
    return model


def without_capacity(world: World, picks: Sequence[Pick]) -> float:
    """Return what the jobs cost if each takes its cheapest candidate, as if room had no end: SkyPilot's choice."""
    return sum(min(mine, key=lambda pick: pick.cost).cost for mine in _by_job(world, picks) if mine)


def spilled(world: World, picks: Sequence[Pick]) -> tuple[float, list[int]]:
    """Return the same with failover, the next cheapest candidate where there is no room; and who found none at all."""
    free = {pool: Counter(nodes) for pool, nodes in buckets(world).items()}
    cost, left = 0.0, []
    for number, mine in enumerate(_by_job(world, picks)):
        ranked = sorted(mine, key=lambda one: (one.cost, one.pool))
        taken = next((pick for pick in ranked if _take(free[pick.pool], pick)), None)
        if taken is None:
            left.append(number)
        else:
            cost += taken.cost
    return cost, left


def _by_job(world: World, picks: Sequence[Pick]) -> Iterator[list[Pick]]:
    found: Mapping[int, list[Pick]] = defaultdict(list)
    for pick in picks:
        found[pick.job].append(pick)
    return (found[number] for number in range(len(world.jobs)))


def _take(nodes: Counter[int], pick: Pick) -> bool:
    """Take the tightest nodes for all pods of a job, or none."""
    left = nodes.copy()
    for _ in range(pick.pods):
        fitting = [free for free, count in left.items() if count and free >= pick.size]
        if not fitting:
            return False
        tight = min(fitting)
        left[tight] -= 1
        left[tight - pick.size] += 1
    nodes.clear()
    nodes.update(left)
    return True
