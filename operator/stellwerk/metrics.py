"""Every metric of the operator: names, labels, buckets (base units; no workload's name is ever a label)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REGISTRY: Final = CollectorRegistry()
"""The operator's own registry: the process-wide default would add series that no reader of ours asked for."""

_POOL = ("cluster", "pool")
_FAST: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_PATIENT: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)

POOL_NODES: Final = Gauge("stellwerk_pool_nodes", "Ready, schedulable nodes of a pool.", _POOL, registry=REGISTRY)
POOL_ACCELERATORS: Final = Gauge(
    "stellwerk_pool_accelerators",
    "Accelerators by state: total (ready nodes), allocated (asked by bound pods), reserved (placed, not bound).",
    (*_POOL, "model", "capacity_type", "state"),
    registry=REGISTRY,
)
POOL_UTILIZATION: Final = Gauge(
    "stellwerk_pool_allocation_ratio",
    "Share of a pool's accelerators that is allocated or reserved, 0 to 1.",
    _POOL,
    registry=REGISTRY,
)
POOL_COST: Final = Gauge(
    "stellwerk_pool_cost_per_hour",
    "What the ready nodes of a pool cost per hour; absent for a pool without a price.",
    (*_POOL, "capacity_type", "currency"),
    registry=REGISTRY,
)
PRICE_AGE: Final = Gauge(
    "stellwerk_price_age_seconds",
    "Age of the price in force of a pool: since it holds, or since its table was written; absent where nobody says.",
    (*_POOL, "origin"),
    registry=REGISTRY,
)
PRICE_FRESH: Final = Gauge(
    "stellwerk_price_fresh",
    "1 while the price in force of a pool is what its source names today, and not outdated; else 0, also without any.",
    _POOL,
    registry=REGISTRY,
)
PRICE_TABLE_AGE: Final = Gauge(
    "stellwerk_price_table_age_seconds",
    "Age of a table of prices or exchange rates: catalogue, currencies, built-in.",
    ("table",),
    registry=REGISTRY,
)
PRICE_TABLE_READABLE: Final = Gauge(
    "stellwerk_price_table_readable",
    "1 while a table of prices or exchange rates can be read, else 0: what was read last holds.",
    ("table",),
    registry=REGISTRY,
)
POOL_STOCKED_OUT: Final = Gauge(
    "stellwerk_pool_stocked_out",
    "1 while nothing is placed on nodes that a growing pool has yet to get, because they did not come; else 0.",
    _POOL,
    registry=REGISTRY,
)
POOL_INTERRUPTIONS: Final = Gauge(
    "stellwerk_pool_interruption_rate_per_hour",
    "Interruptions per node and hour that decisions count with; of declared Spot pools.",
    _POOL,
    registry=REGISTRY,
)
PLACED_COST: Final = Gauge(
    "stellwerk_namespace_cost_per_hour",
    "Cost per hour of what is placed; what has no price is counted in stellwerk_workloads_unpriced instead.",
    ("namespace", "class", "pool", "currency"),
    registry=REGISTRY,
)
UNPRICED: Final = Gauge(
    "stellwerk_workloads_unpriced",
    "Workloads placed on pools whose price is unknown.",
    ("namespace",),
    registry=REGISTRY,
)
PLACED: Final = Gauge(
    "stellwerk_workloads_placed", "Workloads that hold capacity now.", ("namespace", "class", "pool"), registry=REGISTRY
)
PENDING: Final = Gauge(
    "stellwerk_workloads_pending",
    "Workloads that wait, by the reason of their last decision.",
    ("reason",),
    registry=REGISTRY,
)
DECISIONS: Final = Counter(
    "stellwerk_decisions", "Decisions taken, by mode and reason.", ("mode", "reason"), registry=REGISTRY
)
MOVES: Final = Counter(
    "stellwerk_moves", "Changes asked of workloads that have a place, by kind of move.", ("kind",), registry=REGISTRY
)
CYCLE: Final = Histogram(
    "stellwerk_cycle_seconds",
    "Duration of one cycle from snapshot to submitted writes.",
    buckets=_FAST,
    registry=REGISTRY,
)
PLAN_GAP: Final = Gauge(
    "stellwerk_plan_gap_ratio",
    "How much more the last cycle's placements may cost than the cheapest way to place the same: 0.02 is 2 per cent.",
    registry=REGISTRY,
)
IMPROVEMENTS: Final = Counter(
    "stellwerk_improvements",
    "Batches in competition that the solver was asked about, by result: answered, late, failed.",
    ("result",),
    registry=REGISTRY,
)
DECISION: Final = Histogram(
    "stellwerk_decision_seconds",
    "Time from the first sight of a workload to its first decision.",
    buckets=_PATIENT,
    registry=REGISTRY,
)
ADMISSION: Final = Histogram(
    "stellwerk_admission_seconds",
    "Time from the creation of a workload to the decision that placed it.",
    ("class",),
    buckets=_PATIENT,
    registry=REGISTRY,
)
WRITES: Final = Counter(
    "stellwerk_writes",
    "Writes to the API server, by kind of action and result.",
    ("action", "result"),
    registry=REGISTRY,
)
STREAM_AGE: Final = Gauge(
    "stellwerk_stream_age_seconds",
    "Seconds since a watch stream last showed life.",
    ("kind", "cluster"),
    registry=REGISTRY,
)
STREAM_LISTS: Final = Gauge(
    "stellwerk_stream_lists", "LIST requests of a stream since the start.", ("kind", "cluster"), registry=REGISTRY
)
STREAM_ERRORS: Final = Gauge(
    "stellwerk_stream_errors", "Errors of a stream since the start.", ("kind", "cluster"), registry=REGISTRY
)
STREAM_UNDECODABLE: Final = Gauge(
    "stellwerk_stream_undecodable",
    "Objects of a stream that were left out because they do not fit what we know of their kind.",
    ("kind", "cluster"),
    registry=REGISTRY,
)
OBJECTS: Final = Gauge(
    "stellwerk_cached_objects", "Objects in the cache of a stream.", ("kind", "cluster"), registry=REGISTRY
)
LEADER: Final = Gauge("stellwerk_leader", "1 while this replica leads, else 0.", registry=REGISTRY)
LEDGER_BOOKED: Final = Gauge(
    "stellwerk_ledger_booked_timestamp_seconds",
    "Up to when the ledger is written, by this replica while it leads.",
    registry=REGISTRY,
)
LEDGER_FAILURES: Final = Counter(
    "stellwerk_ledger_failures_total",
    "Pages of the ledger that could not be read or written at once; nothing is lost by that.",
    registry=REGISTRY,
)
LOOP_LAG: Final = Gauge(
    "stellwerk_loop_lag_seconds", "Longest delay of the main loop since the last second.", registry=REGISTRY
)
INFO: Final = Gauge("stellwerk_build_info", "1; the version is the label.", ("version",), registry=REGISTRY)


def replace(gauge: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
    """Set a labelled gauge to exactly `values`: series of what is gone must not linger with their last value."""
    for labels in _stale(gauge, values):
        gauge.remove(*labels)
    for labels, value in values.items():
        gauge.labels(*labels).set(value)


def _stale(gauge: Gauge, values: Mapping[tuple[str, ...], float]) -> Iterable[tuple[str, ...]]:
    known = getattr(gauge, "_metrics")  # noqa: B009 - the library has no public way to list a gauge's children
    return [labels for labels in list(known) if labels not in values]
