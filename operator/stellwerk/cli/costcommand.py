"""`stellwerk cost show` and `cost lost`: sums of the ledger as tables and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from stellwerk import logs
from stellwerk.api import money
from stellwerk.cli.ledgersource import Account, Source, read
from stellwerk.cli.result import EXIT_BAD_INPUT
from stellwerk.cli.terminal import Cell, Terminal, emit
from stellwerk.cluster import errors, kubeconfig
from stellwerk.economics.ledger.facts import HOUR, Loss
from stellwerk.economics.ledger.pages import PageError
from stellwerk.economics.ledger.periods import Period, bounds, told, zone
from stellwerk.economics.ledger.report import KEYS, Group, Kind, Question, Sum, node_bill, rounded, sums
from stellwerk.model.decision import MICROS

CENT: Final = MICROS // 100
_FAR: Final = 2**40


@dataclass(frozen=True, slots=True)
class When:
    """Over which time, as people wrote it."""

    since: str | None
    until: str | None
    zone: str
    period: str | None


def show(source: Source, when: When, by: Sequence[str], output: str) -> int:
    """Print sums; return the exit code."""
    try:
        if unknown := [key for key in by if key not in KEYS]:
            raise ValueError(f"--by knows no {unknown[0]!r}: choose from {', '.join(sorted(KEYS))}")
        question = question_of(when, tuple(by))
        account = read_quietly(source)
    except PROBLEMS as error:
        print(f"stellwerk: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    found = sums(account.entries, account.losses, question)
    rows = [_row(group, one, question) for group, one in sorted(found.items())]
    if output == "json":
        emit(json.dumps({"rows": rows, "nodeBill": _bill(account, question)}, indent=2, ensure_ascii=False))
    else:
        emit(_table(list(found.items()), question, account))
    return 0


PROBLEMS: Final = (ValueError, errors.ApiError, kubeconfig.ConfigError, PageError)
"""What is wrong with the input, or with the way to it."""


def read_quietly(source: Source) -> Account:
    """Read the ledger; standard output is for the answer alone."""
    logs.configure("console", "warning")
    return read(source)


def question_of(when: When, by: tuple[str, ...]) -> Question:
    """Return what is asked for.

    Raises:
        ValueError: A moment, or the time zone, is not understood.
    """
    where = zone(when.zone)
    now = int(datetime.now(UTC).timestamp())
    start = bounds(now, Period.MONTH, where)[0] if when.since is None else _moment(when.since, where, last=False)
    end = _FAR if when.until is None else _moment(when.until, where, last=True)
    return Question(start, end, by, Period(when.period) if when.period else None, where)


def _moment(text: str, where: tzinfo, *, last: bool) -> int:
    try:
        if len(text) == len("2026-11-22"):
            day = date.fromisoformat(text)
            begin = int(datetime(day.year, day.month, day.day, tzinfo=where).timestamp())
            return bounds(begin, Period.DAY, where)[1] if last else begin
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no moment: write 2026-11-22 or 2026-11-22T19:00:00Z") from None
    return int((found if found.tzinfo else found.replace(tzinfo=where)).timestamp())


def _row(group: Group, one: Sum, question: Question) -> dict[str, Any]:
    period, keys, currency, kind = group
    return {
        **({"period": told(period, question.zone)} if question.period else {}),
        **dict(zip(question.by, keys, strict=True)),
        "kind": kind.value,
        "currency": currency or None,
        "cost": exact(one.amount) if currency else None,
        "lost": exact(one.lost) if currency else None,
        "acceleratorHours": hours(one.device_seconds),
        "unpricedHours": money.text(Decimal(one.unpriced_seconds) / HOUR),
    }


def _bill(account: Account, question: Question) -> dict[str, str]:
    bill = node_bill(account.entries, question.start, question.end)
    return {currency: exact(amount) for currency, amount in sorted(bill.items())}


def _table(found: list[tuple[Group, Sum]], question: Question, account: Account) -> str:
    terminal = Terminal.of(sys.stdout)
    if not found:
        return "Nothing is booked for this time."
    cents: dict[Group, int] = {}
    for currency in {group[2] for group, _ in found}:
        same = [(group, one) for group, one in sorted(found) if group[2] == currency]
        cents |= dict(zip((group for group, _ in same), rounded([one.amount for _, one in same], CENT), strict=True))
    period = ("SINCE",) if question.period else ()
    header = (
        *period,
        *(key.upper() for key in question.by),
        "KIND",
        "COST",
        "CURRENCY",
        "LOST",
        "ACCEL-H",
        "UNPRICED-H",
    )
    ordered = sorted(found, key=lambda pair: (pair[0][0], pair[0][3] is not Kind.WORK, -pair[1].amount, pair[0]))
    rows = [_cells(group, one, cents[group], question) for group, one in ordered]
    bill = node_bill(account.entries, question.start, question.end)
    told_bill = ", ".join(
        f"{_cents(rounded([amount], CENT)[0])} {currency}" for currency, amount in sorted(bill.items())
    )
    return f"{terminal.table(header, rows)}\n\nThe nodes cost {told_bill or 'nothing that is known'}."


def _cells(group: Group, one: Sum, cents: int, question: Question) -> tuple[Cell, ...]:
    period, keys, currency, kind = group
    lost = (one.lost + HOUR * CENT // 2) // (HOUR * CENT)
    return (
        *((Cell(told(period, question.zone)),) if question.period else ()),
        *(Cell(key or "-") for key in keys),
        Cell(kind.value, "" if kind is Kind.WORK else "yellow"),
        Cell(_cents(cents) if currency else money.UNKNOWN, right=True),
        Cell(currency or "-"),
        Cell(_cents(lost) if one.lost else "-", right=True),
        Cell(f"{one.device_seconds / 1000 / HOUR:.2f}", right=True),
        Cell(f"{one.unpriced_seconds / HOUR:.2f}" if one.unpriced_seconds else "-", right=True),
    )


def show_lost(source: Source, when: When, output: str) -> int:
    """Print what was lost; return the exit code."""
    try:
        question = question_of(when, ())
        account = read_quietly(source)
    except PROBLEMS as error:
        print(f"stellwerk: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    rows = [_lost_row(account, loss, question) for loss in sorted(account.losses, key=lambda one: (one.end, one.uid))]
    found = [row for row in rows if row is not None]
    if output == "json":
        emit(json.dumps(found, indent=2, ensure_ascii=False))
        return 0
    header = ("WHEN", "WORKLOAD", "CAUSE", "LOST", "CURRENCY", "WHY")
    cells = [
        tuple(
            Cell(str(row[key]), right=key == "lost") for key in ("when", "workload", "cause", "lost", "currency", "why")
        )
        for row in found
    ]
    emit(Terminal.of(sys.stdout).table(header, cells) if cells else "Nothing was lost in this time.")
    return 0


def _lost_row(account: Account, loss: Loss, question: Question) -> dict[str, Any] | None:
    if not question.start <= loss.end < question.end:
        return None
    mine = [one for one in account.entries if any(line.party.uid == loss.uid for line in one.lines)]
    found = sums(mine, [loss], Question(loss.start, loss.end, ("workload",)))
    parts = {(keys[0], currency): one.lost for (_, keys, currency, _), one in found.items() if one.lost}
    (name, currency), amount = next(iter(parts.items()), (("", ""), 0))
    return {
        "when": told(loss.end, question.zone),
        "workload": name or loss.uid,
        "cause": loss.cause,
        "lost": exact(amount) if currency else money.UNKNOWN,
        "currency": currency or "-",
        "why": loss.why,
    }


def exact(amount: int) -> str:
    """Write an amount as in `Sum.amount` with six decimals at most."""
    return money.text(Decimal(amount) / (HOUR * MICROS))


def hours(device_seconds: int) -> str:
    """Write thousandths of devices times seconds as hours of whole devices."""
    return money.text(Decimal(device_seconds) / (1000 * HOUR))


def _cents(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
