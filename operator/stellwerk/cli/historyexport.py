"""`stellwerk history export`: what a live cluster has run, as a trace for `stellwerk simulate`.

The conditions in the status of AIWorkloads have the times; a workload that was deleted is gone from here, too.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from stellwerk import logs
from stellwerk.api import duration
from stellwerk.api.conditions import ConditionType
from stellwerk.cli.result import EXIT_BAD_INPUT
from stellwerk.cli.terminal import emit
from stellwerk.cluster import errors, kubeconfig, resources, structs
from stellwerk.cluster.listing import listed
from stellwerk.cluster.session import Session
from stellwerk.lifecycle.intake import workload_from
from stellwerk.model.resources import CPU, MEMORY
from stellwerk.model.workload import Identity, Workload, WorkloadKey

_LIMIT_SECONDS: Final = 30.0


def run(config: Path | None, context: str | None) -> int:
    """Write the history of a cluster to standard output; return the exit code."""
    logs.configure("console", "warning")  # standard output is for the history alone
    try:
        found = asyncio.run(_fetch(kubeconfig.discover(config, context)))
    except (errors.ApiError, kubeconfig.ConfigError) as error:
        print(f"stellwerk: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    rows = list(lines(found))
    if left := len(found) - len(rows):
        print(f"note: {left} AIWorkloads are left out: they were never placed", file=sys.stderr)
    emit("\n".join(rows))
    return 0


def lines(found: list[structs.AIWorkload]) -> Iterator[str]:
    """Return a JSON line for each workload that was placed, in the order of submission."""
    for one in sorted(found, key=lambda one: (one.metadata.creation_timestamp or "", one.metadata.uid)):
        row = row_of(one)
        if row is not None:
            yield json.dumps(row, ensure_ascii=False)


def row_of(one: structs.AIWorkload) -> dict[str, Any] | None:
    """Return what a trace needs to know of a workload, None if it was never placed.

    `started` is when it was given its place last; a workload that was evicted in between has run before, too, and
    that is not told. What has not ended has no `finished`.
    """
    meta, status, spec = one.metadata, one.status, one.spec
    placed, ended = status.condition(ConditionType.PLACED), status.condition(ConditionType.FINISHED)
    place = status.placement
    if place is None or placed is None or meta.creation_timestamp is None:
        return None
    finished = ended is not None and ended.status == "True"
    # A workload that has ended no longer holds its place: the time of Placed is then that of the end.
    began = status.decision.decided_at if status.decision is not None else None
    row: dict[str, Any] = {
        "namespace": meta.namespace,
        "name": meta.name,
        "submitted": meta.creation_timestamp,
        "started": placed.last_transition_time if placed.status == "True" else began,
        "finished": ended.last_transition_time if finished and ended is not None else None,
        "class": spec.get("class"),
        "policy": spec.get("policy"),
        "priority": spec.get("priority"),
        "replicas": place.replicas,
        "accelerators": place.accelerator.count if place.accelerator else 0,
        "model": place.accelerator.model if place.accelerator else None,
    }
    workload = workload_from(Identity(WorkloadKey(meta.namespace, meta.name), meta.uid), spec, None)
    if isinstance(workload, Workload):  # of an adopted Job the AIWorkload does not say what its pods ask for
        requests = workload.pod.requests
        row |= {"cpuMilli": requests.get(CPU), "memoryBytes": requests.get(MEMORY)}
    if "expectedRuntime" in spec:
        row["expectedRuntime"] = duration.seconds(spec["expectedRuntime"])
    return {key: value for key, value in row.items() if value is not None}


async def _fetch(target: kubeconfig.Target) -> list[structs.AIWorkload]:
    async with Session(target, timeout=_LIMIT_SECONDS) as session:
        return [one async for one in listed(session, resources.AIWORKLOADS)]
