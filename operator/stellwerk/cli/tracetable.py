"""Traces as tables: CSV or JSON lines, gzipped or not; every cell knows the line that it stands in."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from stellwerk.cli.problems import BadInputError, Problem

MOST_PROBLEMS: Final = 20
"""More wrong cells of one file are not worth reading."""
_JSON_LINES: Final = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Row:
    """One line; what a cell must be is said where it is read, and what is wrong is noted in `problems`."""

    file: str
    line: int
    cells: Mapping[str, Any]
    problems: list[Problem]

    def has(self, column: str) -> bool:
        """Tell whether the cell is there and not empty."""
        return self.cells.get(column) not in (None, "")

    def text(self, column: str, default: str = "") -> str:
        """Return the cell as text."""
        return str(self.cells[column]).strip() if self.has(column) else default

    def number(self, column: str, *, least: float = 0.0, default: float | None = None) -> float:
        """Return a number, noting a problem (and returning `least`) where it is none or below `least`."""
        if default is not None and not self.has(column):
            return default
        try:
            value = float(self.cells.get(column, ""))
        except (TypeError, ValueError):
            value = math.nan
        if not math.isfinite(value) or value < least:
            return self._wrong(column, f"must be a number of at least {least:g}", least)
        return value

    def whole(self, column: str, *, least: int = 0, default: int | None = None) -> int:
        """Return a whole number, noting a problem (and returning `least`) where it is none or below `least`."""
        value = self.number(column, least=least, default=default)
        if value != int(value):
            return int(self._wrong(column, f"must be a whole number of at least {least}", least))
        return int(value)

    def time(self, column: str) -> float:
        """Return a moment in seconds since 1970: ISO 8601; a time without an offset counts as UTC."""
        try:
            moment = datetime.fromisoformat(self.text(column))
        except ValueError:
            return self._wrong(column, "must be a time such as 2026-11-22T12:00:00Z", 0.0)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def fail(self, column: str, message: str) -> None:
        """Note what is wrong with a cell."""
        self._wrong(column, message, 0.0)

    def _wrong(self, column: str, message: str, instead: float) -> float:
        found = f", not {self.text(column)}" if self.has(column) else "; it is empty"
        self.problems.append(Problem(self.file, self.line, column, message + found))
        return instead


@dataclass(slots=True)
class Table:
    """A file that was read: its columns and rows."""

    file: str
    columns: Sequence[str]
    rows: Sequence[Row]
    problems: list[Problem] = field(default_factory=list)

    def check(self) -> None:
        """Raise if something was wrong.

        Raises:
            BadInputError: with the first problems of the file, and how many more there are.
        """
        if not self.problems:
            return
        shown = self.problems[:MOST_PROBLEMS]
        if more := len(self.problems) - len(shown):
            shown.append(Problem(self.file, shown[-1].line + 1, "", f"and {more} more problems from here on"))
        raise BadInputError(shown)


def read(path: Path) -> Table:
    """Read a file.

    Raises:
        BadInputError: it cannot be read, holds no rows, or a line has too few or too many cells.
    """
    name = str(path)
    try:
        packed = path.read_bytes()
        text = (gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadInputError([Problem(name, 0, "", f"cannot be read: {error}")]) from error
    lined = path.name.removesuffix(".gz").endswith(_JSON_LINES) or text.lstrip().startswith("{")
    table = _json_lines(name, text) if lined else _csv(name, text)
    table.check()
    if not table.rows:
        raise BadInputError(
            [Problem(name, 0, "", "holds no jobs: needs a line of column names and a line for each job")]
        )
    return table


def _csv(name: str, text: str) -> Table:
    table = Table(name, (), [])
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        lines = list(_lines(reader))
    except csv.Error as error:
        raise BadInputError([Problem(name, reader.line_num, "", f"is no CSV: {error}")]) from error
    if not lines:
        return table
    columns = [column.strip() for column in lines[0][1]]
    rows = []
    for line, cells in lines[1:]:
        if len(cells) != len(columns):
            message = f"must have {len(columns)} cells, one for each column, not {len(cells)}"
            table.problems.append(Problem(name, line, "", message))
        else:
            rows.append(Row(name, line, dict(zip(columns, cells, strict=True)), table.problems))
    table.columns, table.rows = columns, rows
    return table


def _lines(reader: Any) -> Iterator[tuple[int, list[str]]]:  # noqa: ANN401 - the type of csv.reader has no public name
    for cells in reader:
        if cells:
            yield reader.line_num, cells


def _json_lines(name: str, text: str) -> Table:
    table = Table(name, (), [])
    rows = []
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            continue
        try:
            value = json.loads(content)
        except json.JSONDecodeError as error:
            table.problems.append(Problem(name, line, "", f"is no JSON: {error.msg} at column {error.colno}"))
            continue
        if isinstance(value, dict):
            rows.append(Row(name, line, value, table.problems))
        else:
            table.problems.append(Problem(name, line, "", "must be a JSON object, one for each job"))
    table.rows = rows
    table.columns = list(dict.fromkeys(column for row in rows for column in row.cells))
    return table
