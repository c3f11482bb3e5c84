"""The plan as tables for people: `-o table`, `-o wide` and `--explain`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from stellwerk.cli import figures
from stellwerk.cli.result import Entry, Result, Totals
from stellwerk.cli.terminal import Cell, Terminal
from stellwerk.model.decision import Bound, Candidate, Change, Decision, Mode, Outcome, Verdict

_STYLES: Final = {Mode.FIT: "green", Mode.PREEMPT: "green", Mode.WAIT: "yellow", Mode.NEVER: "red"}
_VERDICTS: Final = {Verdict.CHOSEN: "green", Verdict.FEASIBLE: "", Verdict.REJECTED: "dim"}
_TOLD_GAP: Final = 0.0005
"""A smaller distance from the bound is not worth a word."""
_OUTCOMES: Final = {Outcome.RUNS: "green", Outcome.EVICTS: "green", Outcome.WAITS: "yellow"}
_HEADER: Final = ("WORKLOAD", "POOL", "COST/H", "TOTAL", "VERDICT", "REASON")
_WIDE: Final = ("CLASS", "POLICY", "ASKS FOR", "CLUSTER", "CAPACITY", "REGION", "CO2E", "FROM")


def plan(result: Result, terminal: Terminal, *, wide: bool = False) -> str:
    """Return one line per workload, then why some are not placed, then the sums."""
    header = (*_HEADER, *_WIDE) if wide else _HEADER
    rows = [_row(entry) + (_wide(entry) if wide else ()) for entry in result.entries]
    blocks = [terminal.table(header, rows)] if rows else []
    blocks += [_reasons(entry, terminal) for entry in result.entries if entry.decision.chosen is None]
    blocks.append(terminal.sentence(summary(result.totals, result.bound)))
    return "\n\n".join(blocks)


def _gap(bound: Bound | None) -> str:
    """Say how far from the cheapest plan this one may be, where that is more than nothing."""
    if bound is None or bound.gap < _TOLD_GAP:
        return ""
    return f"; no way to place the same costs less than {figures.rounded(bound.lower)} {bound.currency} in total"


def _row(entry: Entry) -> tuple[Cell, ...]:
    decision = entry.decision
    chosen, cost = decision.chosen, decision.cost
    per_hour = figures.rounded(cost.per_hour) if chosen and cost else figures.NONE
    total = figures.rounded(cost.total) if chosen and cost else figures.NONE
    return (
        Cell(_name(entry)),
        Cell(chosen.pool if chosen else figures.NONE),
        Cell(per_hour, right=True),
        Cell(total, right=True),
        Cell(decision.mode.wire, _STYLES[decision.mode]),
        Cell(decision.reason),
    )


def _wide(entry: Entry) -> tuple[Cell, ...]:
    workload, chosen, cost = entry.workload, entry.decision.chosen, entry.decision.cost
    return (
        Cell(workload.class_),
        Cell(workload.policy),
        Cell(figures.asked(workload)),
        Cell(chosen.cluster if chosen else figures.NONE),
        Cell(chosen.capacity_type.value if chosen else figures.NONE),
        Cell(chosen.region if chosen else figures.NONE),
        Cell(figures.carbon(cost.carbon) if chosen and cost else figures.NONE, right=True),
        Cell(f"{entry.file}:{entry.line}"),
    )


def _name(entry: Entry) -> str:
    """The name alone in the namespace `default`, else with its namespace."""
    key = entry.workload.key
    return key.name if key.namespace == "default" else str(key)


def _reasons(entry: Entry, terminal: Terminal) -> str:
    """Why a workload is not placed, and the smallest change that would place it."""
    decision = entry.decision
    title = terminal.paint(_name(entry), _STYLES[decision.mode])
    return "\n".join([title, *_sentences(decision, terminal)])


def _sentences(decision: Decision, terminal: Terminal) -> Iterator[str]:
    yield terminal.sentence(decision.message, indent="  ")
    if decision.unblock:
        yield terminal.sentence(f"To admit it: {decision.unblock}", indent="  ")


def summary(totals: Totals, bound: Bound | None = None) -> str:
    """Return the sums in one sentence."""
    counts = {
        "placed": totals.modes[Mode.FIT],
        "for whom others make room": totals.modes[Mode.PREEMPT],
        "waiting": totals.modes[Mode.WAIT],
        "can never fit": totals.modes[Mode.NEVER],
    }
    parts = [f"{number} {word}" for word, number in counts.items() if number]
    many = sum(counts.values())
    text = f"{many} workload{'' if many == 1 else 's'}: {', '.join(parts) or 'nothing to plan'}"
    for currency in sorted(totals.per_hour):
        hour, total = figures.rounded(totals.per_hour[currency]), figures.rounded(totals.total[currency])
        text += f"; {hour} {currency} per hour, {total} {currency} until they end"
    if totals.unpriced:
        text += f"; {totals.unpriced} of unknown cost, not in the sums"
    return text + _gap(bound) + "."


def explain(entry: Entry, terminal: Terminal) -> str:
    """Return the whole record of one workload: every candidate, its cost, and all that speaks against it."""
    workload, decision = entry.workload, entry.decision
    head = [
        terminal.paint(str(workload.key), "bold") + f"  ({entry.file}:{entry.line})",
        f"  asks for   {figures.asked(workload)}",
        f"  policy     {workload.policy}",
        f"  verdict    {terminal.paint(decision.mode.wire, _STYLES[decision.mode])}, {decision.reason}",
        *_sentences(decision, terminal),
        *_pod_sets(decision),
        *_parts(decision),
    ]
    head += _changes(decision, terminal)
    rows = [row for candidate in decision.candidates for row in _candidate(entry, candidate)]
    if not rows:
        return "\n".join(head)
    table = terminal.table(("CANDIDATE", "ACCELERATOR", "COST/H", "TOTAL", "VERDICT", "REASON"), rows)
    shown = f"{decision.considered} candidates considered"
    if len(decision.candidates) < decision.considered:
        shown += f", the best {len(decision.candidates)} of them"
    return "\n".join([*head, "", f"{shown}:", "", table])


def _pod_sets(decision: Decision) -> Iterator[str]:
    for one in decision.chosen.pod_sets if decision.chosen else ():
        yield f"  pod set    {one.name}: {one.replicas} {'pod' if one.replicas == 1 else 'pods'} on {one.pool}"


def _parts(decision: Decision) -> Iterator[str]:
    cost = decision.cost
    if decision.chosen is None or cost is None:
        return
    sums = " + ".join(f"{part.name} {figures.rounded(part.amount)}" for part in cost.parts)
    yield f"  cost       {figures.rounded(cost.per_hour)} {cost.currency} per hour while it runs"
    yield f"  total      {figures.rounded(cost.total)} {cost.currency}" + (f" = {sums}" if sums else "")
    if cost.room_taken is not None:
        yield f"  room       worth {figures.rounded(cost.room_taken)} {cost.currency} to others, which nobody pays"
    if cost.carbon:
        yield f"  emissions  {figures.carbon(cost.carbon)} of CO2e"


def _changes(decision: Decision, terminal: Terminal) -> Iterator[str]:
    """What was tried and would do, with what it would cost."""
    if decision.changes:
        header = ("CHANGE", "THEN", "POOL", "COST/H", "TOTAL")
        yield "\nchanges that would do, each tried by the same engine:\n"
        yield terminal.table(header, [_changed(change) for change in decision.changes])


def _changed(change: Change) -> tuple[Cell, ...]:
    return (
        Cell(change.asks),
        Cell(change.outcome.value, _OUTCOMES[change.outcome]),
        Cell(f"{change.pool} or another" if change.elsewhere else change.pool),
        Cell(figures.rounded(change.cost.per_hour), right=True),
        Cell(figures.rounded(change.cost.total), right=True),
    )


def _candidate(entry: Entry, candidate: Candidate) -> Iterator[tuple[Cell, ...]]:
    """One line per reason; the candidate's own figures stand in the first of them."""
    accelerator = figures.gang(entry.workload, candidate.option)
    reasons = [f"{r.reason}: {r.message}" for r in candidate.rejections] or [""]
    for index, reason in enumerate(reasons):
        first = index == 0
        yield (
            Cell(candidate.pool if first else ""),
            Cell(accelerator if first else ""),
            Cell(_cost(candidate, candidate.cost.per_hour) if first else "", right=True),
            Cell(_cost(candidate, candidate.cost.total) if first else "", right=True),
            Cell(candidate.verdict.wire if first else "", _VERDICTS[candidate.verdict]),
            Cell(reason),
        )


def _cost(candidate: Candidate, micros: int | None) -> str:
    """Write an amount; of a pool without the accelerator there is none to speak of."""
    return figures.rounded(micros) if candidate.is_priced else figures.NONE
