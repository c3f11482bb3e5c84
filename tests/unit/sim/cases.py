"""Small clusters and jobs for the tests of the simulator."""

from __future__ import annotations

from typing import Any

from stellwerk.model.capacity import Accelerator, CapacityType
from stellwerk.model.policy import Policy, QueueOrder
from stellwerk.model.snapshot import Snapshot
from stellwerk.sim.jobs import Job
from stellwerk.sim.traces import Entry, jobs_of
from tests.builders import GPU, nodes, pool, snapshot

V100 = Accelerator("V100", 8, GPU)


def cluster(count: int = 2, order: QueueOrder = QueueOrder.PRIORITY, price: str | None = "8") -> Snapshot:
    """Build nodes of 8 GPUs under one policy."""
    owned = pool("gpus", price=price, accelerator=V100, capacity_type=CapacityType.OWNED)
    return snapshot([owned], nodes(count, "gpus"), policies=[Policy(queue_order=order)])


def job(name: str, accelerators: int, work: float, submitted: float = 0.0, **facts: Any) -> Entry:
    """Build a row of a trace."""
    return Entry(name=name, accelerators=accelerators, work=work, submitted=submitted, **facts)


def jobs(*entries: Entry) -> list[Job]:
    """Lay rows out for nodes of 8 GPUs."""
    return jobs_of(entries, 8)
