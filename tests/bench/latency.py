"""apply -> pod bound, for an AIWorkload next to a plain Job of the same shape, in one stream on one bed."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Mapping

from tests.bench import bed as beds
from tests.bench.watching import until, watching
from tests.testbed.progress import Progress

PAIRS = 100
PER_SECOND = 10  # objects of both kinds together
JOBS = f"/apis/batch/v1/namespaces/{beds.NAMESPACE}/jobs"
WORKLOADS = f"/apis/stellwerk.dev/v1alpha1/namespaces/{beds.NAMESPACE}/aiworkloads"


def run(progress: Progress) -> Mapping[str, object]:
    """Measure; the two kinds alternate, so that a slow moment of the machine meets both."""
    with beds.bed(30, progress) as bed:
        beds.lead(bed.operator)
        return asyncio.run(_measure(bed))


async def _measure(bed: beds.Bed) -> Mapping[str, object]:
    async with watching(bed.cluster.kubeconfig) as watch:
        tasks: dict[str, asyncio.Task[float]] = {}
        for number in range(PAIRS):
            for name, path, make in (
                (f"job-{number:03}", JOBS, beds.job),
                (f"aiw-{number:03}", WORKLOADS, beds.workload),
            ):
                tasks[name] = asyncio.create_task(watch.create(path, make(name, "never")))
                await asyncio.sleep(1 / PER_SECOND)
            bed.progress.update(f"apply to bound: {number + 1} of {PAIRS} pairs created")
        began = {name: await task for name, task in tasks.items()}
        await until(2 * PAIRS, watch.bound, "apply to bound: pods bound", bed.progress)
    took = {name: watch.bound[name] - began[name] for name in began}
    jobs = sorted(took[name] for name in took if name.startswith("job"))
    workloads = sorted(took[name] for name in took if name.startswith("aiw"))
    placed = sorted(watch.placed[name] - began[name] for name in began if name in watch.placed)
    pairs = [took[f"aiw-{n:03}"] / took[f"job-{n:03}"] for n in range(PAIRS)]
    return {
        "pairs": PAIRS,
        "per_second": PER_SECOND,
        "ratio_of_medians": round(statistics.median(workloads) / statistics.median(jobs), 2),
        "ratio_of_minima": round(workloads[0] / jobs[0], 2),
        "median_of_pair_ratios": round(statistics.median(pairs), 2),
        "ratio_of_90th_percentiles": round(workloads[int(0.9 * PAIRS)] / jobs[int(0.9 * PAIRS)], 2),
        "plain_job_median_ms": round(statistics.median(jobs) * 1000),
        "aiworkload_placed_median_ms": round(statistics.median(placed) * 1000),
        "aiworkload_median_ms": round(statistics.median(workloads) * 1000),
    }
