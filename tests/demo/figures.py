"""The ten most telling figures: as a query for Prometheus, and read straight off /metrics without one."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Series = list[tuple[dict[str, str], float]]
"""Labels and value of each series."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A question, and the query that answers it. `by` names the labels that tell the series apart."""

    question: str
    query: str
    by: tuple[str, ...]
    show: str
    metric: str
    where: tuple[tuple[str, str], ...] = ()
    positive: bool = False  # leave out series that are zero


FIGURES = (
    Figure(
        "How full is each pool?",
        "sum by (pool) (stellwerk_pool_allocation_ratio)",
        ("pool",),
        "{:.0%}",
        "stellwerk_pool_allocation_ratio",
    ),
    Figure(
        "Accelerators that work now",
        'sum by (model) (stellwerk_pool_accelerators{state="allocated"})',
        ("model",),
        "{:g}",
        "stellwerk_pool_accelerators",
        (("state", "allocated"),),
    ),
    Figure(
        "Accelerators in all",
        'sum by (model) (stellwerk_pool_accelerators{state="total"})',
        ("model",),
        "{:.0f}",
        "stellwerk_pool_accelerators",
        (("state", "total"),),
    ),
    Figure(
        "What the fleet costs per hour, by how it is paid",
        "sum by (capacity_type, currency) (stellwerk_pool_cost_per_hour)",
        ("capacity_type", "currency"),
        "{:,.2f}",
        "stellwerk_pool_cost_per_hour",
    ),
    Figure(
        "What the work costs per hour, by class",
        "sum by (class, currency) (stellwerk_namespace_cost_per_hour)",
        ("class", "currency"),
        "{:,.2f}",
        "stellwerk_namespace_cost_per_hour",
    ),
    Figure(
        "What the work costs per hour, by pool",
        "sum by (pool, currency) (stellwerk_namespace_cost_per_hour)",
        ("pool", "currency"),
        "{:,.2f}",
        "stellwerk_namespace_cost_per_hour",
    ),
    Figure(
        "Workloads that wait, by reason",
        "sum by (reason) (stellwerk_workloads_pending) > 0",
        ("reason",),
        "{:.0f}",
        "stellwerk_workloads_pending",
        positive=True,
    ),
    Figure(
        "Seconds per decision cycle, on average",
        "sum(stellwerk_cycle_seconds_sum) / sum(stellwerk_cycle_seconds_count)",
        (),
        "{:.4f}",
        "stellwerk_cycle_seconds",
    ),
    Figure(
        "Writes to the API server, by result",
        "sum by (result) (stellwerk_writes_total)",
        ("result",),
        "{:.0f}",
        "stellwerk_writes_total",
    ),
    Figure(
        "Oldest sign of life of a watch stream, in seconds",
        "max(stellwerk_stream_age_seconds)",
        (),
        "{:.1f}",
        "stellwerk_stream_age_seconds",
    ),
)


def at_work(ask: Callable[[Figure], Series]) -> float:
    """Accelerators that work by now: figures are published every other second, and scraped after that."""
    figure = next(one for one in FIGURES if one.question == "Accelerators that work now")
    return round(sum(value for _, value in ask(figure)), 2)


def report(ask: Callable[[Figure], Series]) -> str:
    """All figures as text; one that has no data says so, it is not zero."""
    lines = []
    for number, figure in enumerate(FIGURES, start=1):
        lines.append(f"{number:2}. {figure.question}")
        lines.append(f"      {_answer(figure, ask(figure))}")
    return "\n".join(lines)


def _answer(figure: Figure, series: Series) -> str:
    if not series:
        return "no data"
    parts = []
    for labels, value in sorted(series, key=lambda one: [one[0].get(key, "") for key in figure.by]):
        name = " ".join(labels.get(key, "") for key in figure.by)
        parts.append(f"{name} {figure.show.format(value)}".strip())
    return ", ".join(parts)


def from_text(exposition: str) -> Callable[[Figure], Series]:
    """Answer figures from the text of /metrics, where no Prometheus is at hand."""
    from prometheus_client.parser import text_string_to_metric_families

    samples = [
        (sample.name, dict(sample.labels), float(sample.value))
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    ]

    def ask(figure: Figure) -> Series:
        if figure.query.startswith("sum(") and "/" in figure.query:
            total = sum(value for name, _, value in samples if name == f"{figure.metric}_sum")
            count = sum(value for name, _, value in samples if name == f"{figure.metric}_count")
            return [({}, total / count)] if count else []
        found = [(labels, value) for name, labels, value in samples if name == figure.metric and _is(figure, labels)]
        if figure.query.startswith("max("):
            return [({}, max(value for _, value in found))] if found else []
        return [(labels, value) for labels, value in _sums(figure, found) if value > 0 or not figure.positive]

    return ask


def _is(figure: Figure, labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in figure.where)


def _sums(figure: Figure, found: Iterable[tuple[dict[str, str], float]]) -> Series:
    sums: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for labels, value in found:
        sums[tuple(labels.get(key, "") for key in figure.by)] += value
    return [(dict(zip(figure.by, key, strict=True)), value) for key, value in sums.items()]
