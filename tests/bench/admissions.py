"""Admissions per second of one-pod AIWorkloads, and what one costs in CPU and writes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.bench import bed as beds
from tests.bench.latency import WORKLOADS
from tests.bench.watching import Watch, until, watching
from tests.testbed.progress import Progress

CONFIG_MAPS = f"/api/v1/namespaces/{beds.NAMESPACE}/configmaps"
CLIENTS = 32


@dataclass(frozen=True)
class Size:
    """How much of it."""

    workloads: int
    nodes: int


ADMISSIONS = Size(workloads=2_000, nodes=250)
MEMORY = Size(workloads=10_000, nodes=1_000)


def run(progress: Progress) -> Mapping[str, object]:
    """All workloads wait when the operator begins to lead: the rate is the operator's, not the creator's."""
    return _run(ADMISSIONS, progress)


def run_memory(progress: Progress) -> Mapping[str, object]:
    """The same with many objects; more workloads than GPUs, so that some have to wait."""
    return _run(MEMORY, progress)


def _run(size: Size, progress: Progress) -> Mapping[str, object]:
    with beds.bed(size.nodes, progress) as bed:
        return asyncio.run(_measure(bed, size))


async def _measure(bed: beds.Bed, size: Size) -> Mapping[str, object]:
    async with watching(bed.cluster.kubeconfig) as watch:
        created = await _create_all(watch, size.workloads, bed)
        plain = await _plain_writes(watch, min(size.workloads, 2_000))
        await asyncio.to_thread(beds.lead, bed.operator)
        cpu = beds.cpu_seconds(bed.operator.pid)
        room = min(size.workloads, 8 * size.nodes)
        await until(room, watch.placed, "workloads placed", bed.progress)
        used = beds.cpu_seconds(bed.operator.pid) - cpu
        placed = sorted(watch.placed.values())
        await until(room, watch.bound, "pods bound", bed.progress)
    counted = await asyncio.to_thread(beds.writes, bed.operator)
    rate = (len(placed) - 1) / (placed[-1] - placed[0])
    return {
        "workloads": size.workloads,
        "nodes": size.nodes,
        "admissions_per_s": round(rate, 1),
        "admissions_per_plain_write": round(rate / plain, 2),
        "plain_writes_per_s_of_one_client": round(plain, 1),
        "created_per_s": round(created, 1),
        "operator_cpu_ms_per_admission": round(1000 * used / room, 2),
        "writes_per_workload_until_bound": round(_until_bound(counted) / room, 2),
        "all_writes": {key: int(value) for key, value in sorted(counted.items())},
        "operator_memory_mib": round(beds.memory_mib(bed.operator.pid)),
        "decision_cycles": bed.operator.metric("stellwerk_cycle_seconds_count"),
        "cycle_seconds_total": bed.operator.metric("stellwerk_cycle_seconds_sum"),
    }


def _until_bound(counted: Mapping[str, float]) -> float:
    """Writes that succeeded; the later ones, when pods run and when they end, are in `all_writes`."""
    return sum(value for labels, value in counted.items() if 'result="Applied"' in labels)


async def _create_all(watch: Watch, count: int, bed: beds.Bed) -> float:
    began = time.monotonic()
    await _many(count, lambda number: watch.create(WORKLOADS, beds.workload(f"aiw-{number:05}", "never")), bed.progress)
    return count / (time.monotonic() - began)


async def _plain_writes(watch: Watch, count: int) -> float:
    """Writes per second of a bare client on the same server: what the machine gives today."""
    began = time.monotonic()
    body = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"filler": "x" * 600}}
    await _many(count, lambda number: watch.create(CONFIG_MAPS, body | {"metadata": {"name": f"cm-{number:05}"}}), None)
    return count / (time.monotonic() - began)


async def _many(count: int, make: object, progress: Progress | None) -> None:
    gate = asyncio.Semaphore(CLIENTS)
    done = 0

    async def one(number: int) -> None:
        nonlocal done
        async with gate:
            await make(number)  # type: ignore[operator] - a coroutine function of one number
        done += 1
        if progress is not None:
            progress.update(f"creating workloads: {done} of {count}")

    await asyncio.gather(*(one(number) for number in range(count)))
