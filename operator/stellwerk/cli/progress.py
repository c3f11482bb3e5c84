"""Progress of a long command on standard error."""

from __future__ import annotations

import sys
import time
from typing import Final

_REWRITE_SECONDS: Final = 0.2
_LINE_SECONDS: Final = 10.0


class Progress:
    """On a terminal the last line is rewritten; elsewhere, such as in CI, a line comes every ten seconds."""

    def __init__(self) -> None:
        """Look at standard error."""
        self._out = sys.stderr
        self._rewrites = self._out.isatty()
        self._last = time.monotonic()
        self._open = False

    def __call__(self, text: str) -> None:
        """Show how far it is; cheap enough to call at every event."""
        now = time.monotonic()
        if now - self._last < (_REWRITE_SECONDS if self._rewrites else _LINE_SECONDS):
            return
        self._last = now
        if self._rewrites:
            self._open = True
            print(f"\r\x1b[K{text}", end="", file=self._out, flush=True)
        else:
            print(text, file=self._out, flush=True)

    def close(self) -> None:
        """Leave no half line behind."""
        if self._open:
            print("\r\x1b[K", end="", file=self._out, flush=True)
            self._open = False
