"""What offline validation reports: a field, and what is allowed there."""

from __future__ import annotations

from typing import NamedTuple

Keys = tuple[str | int, ...]
"""The way to a value from the root: names of fields and indexes of lists."""


class FieldError(NamedTuple):
    """A field that the API server would refuse."""

    keys: Keys
    """Where it is; empty for the whole object."""
    message: str
    """What is allowed, such as `must be at least 1`."""

    @property
    def path(self) -> str:
        """The way in one word, such as `spec.accelerators[0].count`."""
        return dotted(self.keys)

    def __str__(self) -> str:
        """Return path and message in one line."""
        return f"{self.path}: {self.message}" if self.keys else self.message


def dotted(keys: Keys) -> str:
    """Write `keys` as Kubernetes does: names joined by dots, indexes in brackets."""
    text = ""
    for key in keys:
        if isinstance(key, int) or "." in key or "/" in key:
            text += f"[{key}]"
        else:
            text += f".{key}" if text else key
    return text
