"""How long to wait before the next try: longer each time, never in step with others."""

from __future__ import annotations

import random


class Backoff:
    """Doubling delays with jitter."""

    def __init__(self, first: float = 0.2, longest: float = 15.0) -> None:
        """Start at `first` seconds and stop growing at `longest`."""
        self._first = first
        self._longest = longest
        self._delay = first

    def next(self, floor: float = 0.0) -> float:
        """Return seconds to wait: at least `floor`, as a server may have asked, and grow."""
        delay, self._delay = self._delay, min(self._delay * 2, self._longest)
        jittered = delay * random.uniform(0.5, 1.0)  # noqa: S311 - no secret depends on it
        return max(jittered, floor * random.uniform(1.0, 1.2))  # noqa: S311

    def reset(self) -> None:
        """Start over: something worked."""
        self._delay = self._first
