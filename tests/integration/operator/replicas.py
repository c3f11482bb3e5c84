"""Replicas of the operator that share a folder for their logs, whichever process started them."""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENT = {
    "LEASE__DURATION_SECONDS": "60",
    "LEASE__RENEW_SECONDS": "40",
    "LEASE__RETRY_SECONDS": "1",
}
"""Lease times for tests that are not about leases: a machine that stands still for seconds changes no leader."""

HURRIED = {
    "BATCH__TICK_SECONDS": "1",
    "SUPPLY__FIXED_PATIENCE_SECONDS": "3",
    "SUPPLY__BACKOFF_SECONDS": "600",
}
"""For tests of what happens when nodes do not come: looked at each second, and remembered for longer than a test."""

HASTY = {
    "LEASE__DURATION_SECONDS": "10",
    "LEASE__RENEW_SECONDS": "7",
    "LEASE__RETRY_SECONDS": "1",
}
"""Lease times for tests that wait for a lease to lapse; whoever is killed and comes back under its name need not."""

UNELECTED = {"LEASE__ENABLED": "false"}
"""For tests that kill the only replica and start another one: it need not wait for the lease of the first."""

ALONE = {"BATCH__IMPROVE_SECONDS": "0"}
"""For tests that start an operator many times and place one workload after the other: nothing is placed together."""

BRISK = {
    "WRITES__TIMEOUT_SECONDS": "2",
    "BATCH__TICK_SECONDS": "5",
}
"""Times for tests of faults: what is lost is looked for soon."""


@dataclass(frozen=True)
class Replicas:
    """All replicas on one control plane, read from outside."""

    folder: Path

    def lines(self) -> list[dict[str, Any]]:
        """All log lines of all replicas that are JSON."""
        found: list[dict[str, Any]] = []
        for path in sorted(self.folder.glob("*.log")):
            for line in path.read_text(errors="replace").splitlines():
                with contextlib.suppress(ValueError):
                    found.append(json.loads(line))
        return found

    def leader(self) -> str:
        """Base URL of the replica that leads; LookupError if none answers."""
        for line in reversed([one for one in self.lines() if one.get("event") == "listening"]):
            url = f"http://127.0.0.1:{line['port']}"
            if value(scrape(url), "stellwerk_leader") == 1:
                return url
        raise LookupError("no replica leads")

    def allocated(self, pool: str) -> float:
        """Accelerators of a pool that bound pods use, as the replica that leads has seen it."""
        held = series(scrape(self.leader()), "stellwerk_pool_accelerators")
        return sum(count for labels, count in held.items() if f'pool="{pool}",state="allocated"' in labels)


def scrape(url: str, accept: str = "text/plain") -> str:
    """Return /metrics of a replica; empty if it does not answer."""
    request = urllib.request.Request(f"{url}/metrics", headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text: str = answer.read().decode()
            return text
    except (OSError, http.client.HTTPException):  # it may end in the middle of its answer
        return ""


def series(text: str, name: str) -> dict[str, float]:
    """All series of a metric: labels as they are written, and the value."""
    found = {}
    for line in text.splitlines():
        head, _, number = line.rpartition(" ")
        if head == name or head.startswith(name + "{"):
            found[head.removeprefix(name)] = float(number)
    return found


def value(text: str, name: str) -> float | None:
    """The value of a series without labels."""
    return series(text, name).get("")


def writes(url: str) -> float:
    """How many writes a replica has sent so far, whatever became of them."""
    return sum(series(scrape(url), "stellwerk_writes_total").values())
