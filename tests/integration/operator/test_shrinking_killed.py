"""The operator is killed at every single write of a gang's shrinking and of a move to another pool.

Each life begins with what runs, and the process ends at its n-th write after that; all must end as if it had not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.proxy import FaultProxy
from tests.faults.rules import Call, Fault
from tests.integration.operator.objects import Object, is_true
from tests.integration.operator.replicas import ALONE
from tests.integration.operator.site import Site
from tests.integration.operator.test_moves_killed import Lives, most_at_once
from tests.integration.operator.watching import pods_watched
from tests.operator_process import Operator
from tests.testbed.waiting import eventually

pytestmark = pytest.mark.timeout(1800)

LONG = {"expectedRuntime": "10d", "checkpointInterval": "10m"}


class Moves(Lives):
    """Lives of a workload that is moved once."""

    def shrink(self, number: int, kill_at: int) -> Object:
        """Let an elastic gang make room for a more important workload; returns what both ended with."""
        elastic, urgent = f"elastic-{number}", f"urgent-{number}"
        self.site.workload(elastic, gpus=2, replicas=4, minReplicas=1)
        self._until(lambda: self._ready(elastic) == 4)
        before = self._uids(elastic)
        fault = self._kill_at(kill_at)
        self.site.workload(urgent, gpus=4, priority=100, policy=self.rules)
        self._until(lambda: is_true(self.site.aiw(urgent), "Ready") and self._ready(elastic) == 2)
        self._end(fault)
        left = self._uids(elastic)
        assert left < before, "no pod that stays is made anew"
        ended = {"elastic": self._sizes(elastic), "urgent": self._sizes(urgent), "left": len(left)}
        self._forget(elastic, urgent)
        return ended

    def migrate(self, number: int, kill_at: int, rules: str, cheap: str) -> Object:
        """Let a workload move to the cheap pool, where room appears; returns where it ended."""
        filler, train = f"filler-{number}", f"train-{number}"
        self.site.workload(filler, gpus=8)
        self._until(lambda: is_true(self.site.aiw(filler), "Ready"))
        self.site.workload(train, gpus=8, policy=rules, **LONG)
        self._until(lambda: is_true(self.site.aiw(train), "Ready"))
        assert self.site.aiw(train)["status"]["placement"]["pool"] != cheap
        fault = self._kill_at(kill_at)
        self.site.delete("aiworkloads", filler)
        self._until(lambda: self._runs_on(train, cheap))
        self._end(fault)
        seen = self.site.running(train)
        ended = {"sizes": self._sizes(train), "pool": seen["status"]["placement"]["pool"]}
        self._forget(train)
        return ended

    def _kill_at(self, number: int) -> Fault:
        return self.proxy.inject(
            Fault(self.life, Call(lambda _: self.operator.kill(), "committed"), times=1, skip=number)
        )

    def _end(self, fault: Fault) -> None:
        self.proxy.heal()
        if fault.hits:
            self._revive()

    def _forget(self, *names: str) -> None:
        for name in names:
            self.site.delete("aiworkloads", name)
        eventually(lambda: not self.site.list("pods") and not self.site.list("aiworkloads"))

    def _ready(self, name: str) -> int:
        seen = self.site.aiw(name)
        there = is_true(seen, "Ready") and seen["status"]["placement"]["replicas"] == self._pods_ready(name)
        return self._pods_ready(name) if there else 0

    def _pods_ready(self, name: str) -> int:
        return int(self.site.child(name)["status"].get("ready", 0))

    def _runs_on(self, name: str, pool: str) -> bool:
        seen = self.site.aiw(name)
        return is_true(seen, "Ready") and seen["status"]["placement"]["pool"] == pool

    def _uids(self, name: str) -> set[str]:
        pods = [pod for pod in self.site.pods(name) if "deletionTimestamp" not in pod["metadata"]]
        return {pod["metadata"]["uid"] for pod in pods}

    def _sizes(self, name: str) -> tuple[int, int, int]:
        """Pods on record, and those that the Job is to run and to complete."""
        job = self.site.child(name)["spec"]
        recorded: int = self.site.aiw(name)["status"]["placement"]["replicas"]
        return recorded, job["parallelism"], job["completions"]


def test_a_kill_at_any_write_of_shrinking_leaves_status_and_job_alike(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Callable[..., Operator]
) -> None:
    fault_site.pool()
    lives = Moves(fault_site, proxy, start(proxied, **ALONE))
    with pods_watched(fault_site.kubectl, fault_site.name) as watch:
        for write in range(1_000):
            expected = {"elastic": (2, 2, 2), "urgent": (1, 1, 1), "left": 2}
            assert lives.shrink(write, write) == expected, f"killed at write {write}"
            if lives.kills == write:  # this life had no such write
                break
    for number in range(write + 1):
        assert most_at_once(watch, f"elastic-{number}-") == 4, "no pod beside those of the gang"
        assert most_at_once(watch, f"urgent-{number}-") == 1
    assert lives.kills >= 4, "each step is a write of its own"


def test_a_kill_at_any_write_of_a_move_to_another_pool_never_makes_two_copies(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Callable[..., Operator]
) -> None:
    cheap = fault_site.pool("cheap", price={"perNodeHour": "16", "currency": "EUR"})
    fault_site.pool("dear", price={"perNodeHour": "32", "currency": "EUR"})
    rules = fault_site.policy(f"{fault_site.name}-moving", migration={"enabled": True, "maxMovesPerHour": 100})
    lives = Moves(fault_site, proxy, start(proxied, **ALONE))
    fault_site.known(cheap)
    with pods_watched(fault_site.kubectl, fault_site.name) as watch:
        for write in range(1_000):
            ended = lives.migrate(write, write, rules, cheap)
            assert ended == {"sizes": (1, 1, 1), "pool": cheap}, f"killed at write {write}"
            if lives.kills == write:  # this life had no such write
                break
    for number in range(write + 1):
        assert most_at_once(watch, f"train-{number}-") == 1, "one copy at any time"
    assert lives.kills >= 4, "each step is a write of its own"
