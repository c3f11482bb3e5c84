"""Plain text for terminals: aligned columns, wrapped sentences, colour only where it is wanted."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

_CODES: Final[Mapping[str, str]] = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
#: Where nobody tells how wide the output is, such as in a file or in CI.
PLAIN_WIDTH: Final = 120
_GAP: Final = "  "


def emit(text: str) -> None:
    """Print to standard output; a reader that has seen enough and closed the pipe is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


@dataclass(frozen=True, slots=True)
class Cell:
    """Text of a table cell; `style` is the name of a colour or empty."""

    text: str
    style: str = ""
    right: bool = False


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where text goes: how wide it is, and whether it understands colour."""

    width: int = PLAIN_WIDTH
    colour: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> Terminal:
        """Look at `stream` and at NO_COLOR (https://no-color.org: set and not empty means plain)."""
        if not stream.isatty():
            return cls()
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return cls(width=shutil.get_terminal_size().columns, colour=not plain)

    def paint(self, text: str, style: str) -> str:
        """Return `text` in a style, or as it is where colour is not wanted."""
        if not self.colour or not style:
            return text
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m"

    def table(self, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
        """Return rows under a header, columns as wide as their widest text, no trailing blanks."""
        widths = [max([len(name), *(len(row[i].text) for row in rows)]) for i, name in enumerate(header)]
        rights = [bool(rows) and all(row[i].right for row in rows) for i in range(len(header))]
        head = [Cell(name, "bold", right) for name, right in zip(header, rights, strict=True)]
        return "\n".join(self._row(row, widths) for row in (head, *rows))

    def _row(self, row: Sequence[Cell], widths: Sequence[int]) -> str:
        last = len(row) - 1
        parts = []
        for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
            pad = " " * (width - len(cell.text))
            painted = self.paint(cell.text, cell.style)
            parts.append(pad + painted if cell.right else painted if i == last else painted + pad)
        return _GAP.join(parts).rstrip()

    def sentence(self, text: str, indent: str = "") -> str:
        """Return text wrapped to the width, each line after `indent`."""
        return textwrap.fill(
            text,
            width=max(self.width, len(indent) + 20),
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
