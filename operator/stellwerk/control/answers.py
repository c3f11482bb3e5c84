"""Who waits for an answer: policies and pools that people wrote, whose Accepted condition is not there yet."""

from __future__ import annotations

import time

from stellwerk.cluster import structs


class Answers:
    """What has been answered, as the status of each object says."""

    def __init__(self) -> None:
        self._unanswered: dict[str, float] = {}

    def see(self, rule: structs.PlacementPolicy | structs.ComputePool) -> None:
        """Take in an object as it is now."""
        if rule.status.get("observedGeneration") == rule.metadata.generation:
            self._unanswered.pop(rule.metadata.uid, None)
        else:
            self._unanswered.setdefault(rule.metadata.uid, time.monotonic())

    def forget(self, uid: str) -> None:
        """Take in that an object is gone."""
        self._unanswered.pop(uid, None)

    def overdue(self, seconds: float) -> bool:
        """Tell whether one has waited for longer than this."""
        now = time.monotonic()
        overdue = any(now - since > seconds for since in self._unanswered.values())
        if overdue:  # whoever asks does something about it: give that time to help
            self._unanswered = dict.fromkeys(self._unanswered, now)
        return overdue
