"""Which workloads are to be looked at again after a failed write, when, and what the API server said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 300.0


@dataclass(slots=True)
class _Trouble:
    tries: int = 0
    until: float = 0.0
    refusal: str | None = None


class Retries:
    """Pauses that double with each failure of one workload, from a second to five minutes.

    Args:
        later: calls back after so many seconds with a workload's uid.
        clock: the loop's clock, in seconds.

    """

    def __init__(self, later: Callable[[float, str], None], clock: Callable[[], float]) -> None:
        self._later, self._clock = later, clock
        self._troubles: dict[str, _Trouble] = {}

    def failed(self, uid: str, refusal: str | None) -> None:
        """Note a failed write and look again after a pause.

        Args:
            uid: of the workload.
            refusal: what the server said if it refused the write as it stands; the workload is then looked at at once
                as well, so that its owner is told.

        """
        trouble = self._troubles.setdefault(uid, _Trouble())
        pause = min(FIRST_PAUSE_SECONDS * 2**trouble.tries, LONGEST_PAUSE_SECONDS)
        trouble.tries += 1
        trouble.until = self._clock() + pause
        trouble.refusal = refusal
        if refusal is not None:
            self._later(0.0, uid)
        self._later(pause, uid)

    def succeeded(self, uid: str) -> None:
        """Forget the failures of a workload, unless it is still to be told of a refusal."""
        trouble = self._troubles.get(uid)
        if trouble is not None and trouble.refusal is None:
            del self._troubles[uid]

    def refusal(self, uid: str) -> str | None:
        """Return what the server said, for as long as the same write is not tried again."""
        trouble = self._troubles.get(uid)
        if trouble is None:
            return None
        if self._clock() >= trouble.until:
            trouble.refusal = None
        return trouble.refusal

    def forget(self, uid: str) -> None:
        """Forget a workload that is gone."""
        self._troubles.pop(uid, None)
