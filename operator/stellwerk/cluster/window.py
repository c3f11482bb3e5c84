"""How many writes may be in flight: as many as the server bears, found by trying."""

from __future__ import annotations

from collections.abc import Callable

_GROW_AFTER = 100
_HALVE_AT_MOST_EVERY = 1.0


class Window:
    """Additive increase, multiplicative decrease; pauses as long as the server asks."""

    def __init__(self, largest: int, clock: Callable[[], float]) -> None:
        """Start wide open.

        Args:
            largest: requests in flight at most.
            clock: monotonic seconds.

        """
        self.size = largest
        self.paused_until = 0.0
        self._largest = largest
        self._clock = clock
        self._successes = 0
        self._halved_at = float("-inf")

    def pause(self) -> float:
        """Return seconds until the next request may go out; 0 is now."""
        return max(0.0, self.paused_until - self._clock())

    def admits(self, in_flight: int) -> bool:
        """Tell whether one more request may go out now."""
        return in_flight < self.size and self.paused_until <= self._clock()

    def succeeded(self) -> None:
        """Count a success; open by one after a hundred."""
        if self.size == self._largest:
            return
        self._successes += 1
        if self._successes >= _GROW_AFTER:
            self._successes = 0
            self.size += 1

    def throttled(self, retry_after: float) -> None:
        """Obey a 429: wait as asked, and halve, but only once for all requests of one burst."""
        now = self._clock()
        self.paused_until = max(self.paused_until, now + retry_after)
        self._successes = 0
        if now - self._halved_at >= _HALVE_AT_MOST_EVERY:
            self._halved_at = now
            self.size = max(1, self.size // 2)
