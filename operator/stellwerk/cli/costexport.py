"""`stellwerk cost export`: lines of the ledger as CSV, Parquet, or CSV of FOCUS columns."""

from __future__ import annotations

import csv
import importlib
import sys
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Final

import msgspec

from stellwerk.cli.costcommand import PROBLEMS, When, question_of, read_quietly
from stellwerk.cli.ledgersource import Source
from stellwerk.cli.result import EXIT_BAD_INPUT
from stellwerk.cli.terminal import emit
from stellwerk.economics.ledger.lines import COLUMNS, FOCUS_COLUMNS, Row, booked, focus, own
from stellwerk.economics.ledger.report import Question

_MOMENTS: Final = ("start", "end")
_NUMBERS: Final = ("cost", "lost", "accelerator_hours", "hours")
_STDOUT: Final = Path("-")
_TEXT_ONLY: Final = "parquet is no text: name a file"
_NO_PYARROW: Final = "parquet needs pyarrow: install stellwerk[parquet]"


def run(source: Source, when: When, form: str, out: Path) -> int:
    """Write the file; return the exit code."""
    try:
        if form == "parquet" and out == _STDOUT:
            raise ValueError(_TEXT_ONLY)
        question = question_of(when, ())
        account = read_quietly(source)
        last = max((entry.end for entry in account.entries), default=question.start)
        found = booked(account.entries, account.losses, _until(question, last))
        rows = [focus(row) if form == "focus" else own(row) for row in found]
        _write(rows, form, out)
    except (*PROBLEMS, OSError) as error:
        print(f"stellwerk: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    print(f"{len(rows)} rows", file=sys.stderr)
    return 0


def _write(rows: Sequence[Row], form: str, out: Path) -> None:
    if form == "parquet":
        _write_parquet(rows, out)
    elif out == _STDOUT:
        emit(_csv(rows, form).rstrip("\n"))
    else:
        out.write_text(_csv(rows, form))


def _csv(rows: Sequence[Row], form: str) -> str:
    columns = COLUMNS if form == "csv" else FOCUS_COLUMNS
    text = StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _write_parquet(rows: Sequence[Row], out: Path) -> None:
    """Write columns of text, moments and exact decimals; what is not known is null."""
    try:
        arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ValueError(_NO_PYARROW) from error
    columns = {}
    for name in COLUMNS:
        texts = [row[name] for row in rows]
        if name in _MOMENTS:
            columns[name] = arrow.array(
                [datetime.fromisoformat(text) for text in texts], arrow.timestamp("s", tz="UTC")
            )
        elif name in _NUMBERS:
            columns[name] = arrow.array([Decimal(text) if text else None for text in texts], arrow.decimal128(28, 6))
        else:
            columns[name] = arrow.array(texts, arrow.string())
    parquet.write_table(arrow.table(columns), out)


def _until(question: Question, last: int) -> Question:
    """Ask up to the last entry: nothing after it is booked, and a period that runs ends there."""
    return msgspec.structs.replace(question, end=max(question.start, min(question.end, last)))
