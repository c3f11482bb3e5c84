"""What a simulation found: a table for people, a document and a list of jobs for machines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Final

from stellwerk.api.labels import API_VERSION
from stellwerk.cli import figures
from stellwerk.cli.simulation import Comparison, Result
from stellwerk.cli.terminal import Cell, Terminal
from stellwerk.sim.jobs import Outcome
from stellwerk.sim.summary import Spread, series

KIND: Final = "SimulationReport"
POINTS: Final = 200
"""Intervals of the series over time."""
NEVER_RAN_SHOWN: Final = 10
Json = dict[str, Any]

_HEADER: Final = (
    *("POLICY", "ENDED", "JCT MEAN", "P50", "P99", "WAIT MEAN", "P50", "P99"),
    *("MAKESPAN", "UTIL", "RESTARTS", "COST"),
)
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def table(found: Comparison, terminal: Terminal) -> str:
    """Return one line per scenario, and why some jobs never ran."""
    rows = [_row(result) for result in found.results]
    blocks = [_title(found), terminal.table(_HEADER, rows)]
    for result in found.results:
        never = [one for one in result.timeline.outcomes if one.finished is None]
        if never:
            first = never[0]
            text = f"{result.scenario.name}: {len(never)} never ran; {first.job.workload.key}: {first.why}"
            blocks.append(terminal.sentence(text))
    return "\n\n".join(blocks)


def _title(found: Comparison) -> str:
    jobs = len(found.trace.entries)
    nodes = len(found.results[0].scenario.snapshot.nodes)
    mode = "running jobs may be stopped for others" if found.request.preempt else "what runs is left alone"
    kind = found.trace.format.name
    return f"{jobs} jobs ({kind}) on {nodes} nodes with {found.accelerators} accelerators; {mode}"


def _row(result: Result) -> tuple[Cell, ...]:
    told = result.summary
    times = [
        *(told.completion.mean, told.completion.p50, told.completion.p99),
        *(told.waiting.mean, told.waiting.p50, told.waiting.p99),
        told.makespan if told.finished else None,
    ]
    used = figures.NONE if told.utilization is None else f"{told.utilization:.1%}"
    cells = [f"{told.finished}/{told.jobs}", *map(span, times), used, str(told.restarts), money(result)]
    return Cell(result.scenario.name, "bold"), *(Cell(text, right=True) for text in cells)


def span(seconds: float | None) -> str:
    """Write seconds for people: `42s`, `5m07s`, `3h05m`, `12d04h`; a dash for None."""
    if seconds is None:
        return figures.NONE
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02d}h"


def money(result: Result) -> str:
    """Write what the jobs cost; `unknown` where no price is known, with a plus where some have none."""
    told = result.summary
    if not told.cost:
        return figures.rounded(None) if told.unpriced else figures.NONE
    amounts = " + ".join(f"{figures.rounded(amount)} {currency}" for currency, amount in told.cost.items())
    return f"{amounts} + {told.unpriced} unpriced" if told.unpriced else amounts


def document(found: Comparison) -> Json:
    """Return the whole comparison as plain values: seconds as numbers, amounts as decimal strings."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "trace": {
            "file": found.request.trace.name,
            "format": found.trace.format.name,
            "start": found.trace.start.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "jobs": len(found.trace.entries),
            "leftOut": found.trace.left_out,
        },
        "fleet": {"nodes": len(found.results[0].scenario.snapshot.nodes), "accelerators": found.accelerators},
        "preempt": found.request.preempt,
        "scenarios": [_scenario(result, found.accelerators) for result in found.results],
        "notes": list(found.notes),
    }


def as_json(found: Comparison) -> str:
    """Write the document."""
    return json.dumps(document(found), indent=2, ensure_ascii=False)


def _scenario(result: Result, accelerators: int) -> Json:
    told = result.summary
    never = [one for one in result.timeline.outcomes if one.finished is None]
    return {
        "name": result.scenario.name,
        "orders": dict(result.scenario.orders),
        "jobs": told.jobs,
        "finished": told.finished,
        "neverRan": [{"name": str(one.job.workload.key), "why": one.why} for one in never[:NEVER_RAN_SHOWN]],
        "completionSeconds": _spread(told.completion),
        "waitingSeconds": _spread(told.waiting),
        "makespanSeconds": round(told.makespan, 3),
        "utilization": None if told.utilization is None else round(told.utilization, 6),
        "restarts": told.restarts,
        "costs": [{"currency": key, "total": figures.exact(value)} for key, value in told.cost.items()],
        "unpriced": told.unpriced,
        "overTime": [
            {
                "atSeconds": round(point.at, 3),
                "utilization": round(point.accelerators / accelerators, 6) if accelerators else None,
                "running": round(point.running, 3),
                "waiting": round(point.waiting, 3),
            }
            for point in series(result.timeline.moments, told.makespan, POINTS)
        ],
    }


def _spread(told: Spread) -> Mapping[str, float | None]:
    return {
        name: None if value is None else round(value, 3)
        for name, value in (("mean", told.mean), ("p50", told.p50), ("p99", told.p99))
    }


_COLUMNS: Final = ("policy", "namespace", "name", "submitted", "started", "finished", "starts", "heldSeconds")


def jobs_csv(found: Comparison) -> str:
    """Return every job of every scenario as CSV; times in seconds from the start of the trace."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for result in found.results:
        for one in sorted(result.timeline.outcomes, key=lambda one: (one.job.submitted, one.job.workload.uid)):
            writer.writerow([result.scenario.name, *_cells(one)])
    return out.getvalue()


def _cells(one: Outcome) -> list[object]:
    key = one.job.workload.key
    times = (one.job.submitted, one.started, one.finished)
    shown = ["" if time is None else round(time, 3) for time in times]
    return [key.namespace, key.name, *shown, one.starts, round(one.held, 3)]
