"""From what a trace says of a job to a workload that the engine can place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from stellwerk.api.labels import ANY_MODEL, DEFAULT_POLICY
from stellwerk.model.resources import CPU, MEMORY, PODS, Resources
from stellwerk.model.workload import AcceleratorOption, Identity, PodShape, Workload, WorkloadKey
from stellwerk.sim.jobs import Job

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Second 0 of traces that do not say when they were taken."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One job of a trace, in the units of the engine."""

    name: str
    submitted: float
    """Seconds from second 0 of the trace."""
    work: float
    """Seconds that it ran."""
    accelerators: int
    """In all, or of each pod if `pods` is given; 0 for CPU only."""
    pods: int | None = None
    """None: as few as nodes of the fleet allow."""
    start_overhead: float = 0.0
    """Seconds that each start takes."""
    namespace: str = "trace"
    class_: str = "Training"
    policy: str = DEFAULT_POLICY
    priority: int = 0
    models: tuple[str, ...] = ()
    """Any of these; empty takes any."""
    share_milli: int | None = None
    """Thousandths of one accelerator."""
    cpu_milli: int = 0
    """Of each pod."""
    memory_bytes: int = 0
    """Of each pod."""
    expected_s: int | None = None
    """What a planner believed; None: it knows."""


def jobs_of(entries: Iterable[Entry], per_node: int, start: datetime = EPOCH) -> list[Job]:
    """Return jobs; gangs whose pods the trace does not tell are laid out for nodes of `per_node` accelerators."""
    return [_job(entry, number, per_node, start) for number, entry in enumerate(entries)]


def layout(accelerators: int, per_node: int) -> tuple[int, int]:
    """Return pods and accelerators of each: the fewest equal pods of which each fits on one node."""
    pods = max(1, math.ceil(accelerators / max(1, per_node)))
    while accelerators % pods:
        pods += 1
    return pods, accelerators // pods


def _job(entry: Entry, number: int, per_node: int, start: datetime) -> Job:
    pods, count = layout(entry.accelerators, per_node) if entry.pods is None else (entry.pods, entry.accelerators)
    created = start + timedelta(seconds=entry.submitted)
    identity = Identity(
        WorkloadKey(entry.namespace, entry.name),
        f"{number:09d}/{entry.namespace}/{entry.name}",
        created=created.isoformat(timespec="seconds").replace("+00:00", "Z"),
    )
    requests = Resources.of({PODS: 1, CPU: entry.cpu_milli, MEMORY: entry.memory_bytes})
    expected = math.ceil(entry.work) if entry.expected_s is None else entry.expected_s
    workload = Workload(
        identity=identity,
        class_=entry.class_,
        policy=entry.policy,
        replicas=pods,
        pod=PodShape(requests),
        accelerators=_options(entry, count),
        priority=entry.priority,
        expected_runtime_s=max(1, expected),
    )
    return Job(workload, entry.submitted, entry.work, entry.start_overhead)


def _options(entry: Entry, count: int) -> tuple[AcceleratorOption, ...]:
    if not count:
        return ()
    models: Sequence[str] = entry.models or (ANY_MODEL,)
    return tuple(AcceleratorOption(model, count, speed=Decimal(1), share_milli=entry.share_milli) for model in models)
