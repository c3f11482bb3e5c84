"""`stellwerk plan`: the operator's own engine over files, without a cluster and without a network."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from stellwerk.cli import document, tables
from stellwerk.cli.inputs import Defaults, Inputs, load
from stellwerk.cli.pricing import PriceInputs
from stellwerk.cli.problems import BadInputError, Problem
from stellwerk.cli.result import EXIT_BAD_INPUT, Entry, Result, exit_code
from stellwerk.cli.terminal import Terminal, emit
from stellwerk.placement import planner
from stellwerk.placement.batch.contest import Advice, Question

ALL_CANDIDATES: Final = 1_000_000
"""A file has room for every candidate; the status of an object has not."""

LOOKS: Final = 20_000
"""Candidates that are judged to find out what would admit those who wait: a few seconds at most."""


@dataclass(frozen=True, slots=True)
class Request:
    """The flags of one call."""

    files: tuple[str, ...]
    fleet: Path | None = None
    policies: tuple[str, ...] = ()
    output: str = "table"
    explain: str | None = None
    namespace: str = "default"
    now: str | None = None
    prices: Path | None = None
    currencies: Path | None = None


def run(request: Request) -> int:
    """Plan, print, and return the exit code; every problem of the input goes to standard error."""
    try:
        result = decide(request)
        entries = result.entries if request.explain is None else _named(result, request.explain)
        text = render(request, result, entries)
    except BadInputError as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_INPUT
    for note in result.notes:
        print(f"note: {note}", file=sys.stderr)
    emit(text)
    return exit_code(entries)


def decide(request: Request) -> Result:
    """Read everything and plan it.

    Raises:
        BadInputError: something of the input is wrong; nothing is planned then.
    """
    now = moment(request.now)
    defaults = Defaults(request.namespace, now, PriceInputs(now, request.prices, request.currencies))
    return plan(load(request.files, request.fleet, request.policies, defaults), now)


def plan(inputs: Inputs, now: datetime) -> Result:
    """Run the engine over what was read."""
    workloads = [item.workload for item in inputs.asked]
    planned = planner.plan(workloads, inputs.snapshot, now, 0, kept=ALL_CANDIDATES, looks=LOOKS, solver=_advise)
    by_uid = {item.workload.uid: item for item in inputs.asked}
    entries = tuple(Entry(by_uid[d.uid].workload, by_uid[d.uid].file, by_uid[d.uid].line, d) for d in planned.decisions)
    return Result(entries, now, inputs.notes, planned.bound, inputs.prices)


def _advise(question: Question) -> Advice | None:
    from stellwerk.placement.batch.improvement import advise

    return advise(question)


def moment(text: str | None) -> datetime:
    """Return the moment of the decision, to the second, in UTC.

    Raises:
        BadInputError: `text` is no RFC 3339 time with an offset.
    """
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return _utc(datetime.fromisoformat(text))
    except ValueError as error:
        example = "2026-11-22T12:00:00Z"
        raise BadInputError([Problem("--now", 0, "", f"must be a time with its offset, such as {example}")]) from error


def _utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError("no offset")
    return time.astimezone(UTC).replace(microsecond=0)


def render(request: Request, result: Result, entries: tuple[Entry, ...]) -> str:
    """Return the plan, or the `entries` that are to be explained, in the format that was asked for."""
    if request.output in {"json", "yaml"}:
        shown = document.build(result) if request.explain is None else document.explain(result, entries)
        return document.as_json(shown) if request.output == "json" else document.as_yaml(shown)
    terminal = Terminal.of(sys.stdout)
    if request.explain is not None:
        return "\n\n".join(tables.explain(entry, terminal) for entry in entries)
    return tables.plan(result, terminal, wide=request.output == "wide")


def _named(result: Result, name: str) -> tuple[Entry, ...]:
    """Return the workloads of this name; BadInputError lists the names if there is none."""
    found = result.named(name)
    if not found:
        known = ", ".join(sorted(str(entry.workload.key) for entry in result.entries)) or "none"
        raise BadInputError([Problem("--explain", 0, "", f"no workload is called {name}; there are: {known}")])
    return found
