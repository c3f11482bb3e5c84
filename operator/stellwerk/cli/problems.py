"""Bad input, told in the one form that editors and CI can jump to: file, line, field, sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with the input.

    `line` counts from 1; 0 means that the file as a whole is meant. `field` is the path of the
    field as it is written on the wire, empty where no single field is to blame.
    """

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        """`file:line: field: what is allowed`, leaving out what is not known."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.field, self.message) if part)


class BadInputError(Exception):
    """The input cannot be planned; carries every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
