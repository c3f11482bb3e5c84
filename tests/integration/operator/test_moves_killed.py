"""The operator is killed at every single write of an eviction; after a restart all ends as if it were not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.proxy import FaultProxy
from tests.faults.rules import Call, Fault, Match, Seen
from tests.integration.operator import objects
from tests.integration.operator.objects import Object, condition, finished, is_true
from tests.integration.operator.replicas import ALONE
from tests.integration.operator.site import Site
from tests.integration.operator.test_asks import pod_set
from tests.integration.operator.watching import Watch, pods_watched
from tests.operator_process import Operator
from tests.testbed.waiting import eventually

pytestmark = pytest.mark.timeout(1800)


class Lives:
    """Lives of a workload that is evicted once, each with a kill at its n-th write."""

    def __init__(self, site: Site, proxy: FaultProxy, operator: Operator) -> None:
        self.site, self.proxy, self.operator = site, proxy, operator
        self.rules = site.policy(f"{site.name}-urgent", preemption={"mode": "LowerPriority"})
        # Events apart: they come from elsewhere, at any time, and test_killed_at_any_write.py has kills at those, too.
        self.life = Match(write=True, path=f"/namespaces/{site.name}/(aiworkloads|jobs|pods)")
        self.kills = 0

    def run(self, kind: str, number: int, kill_at: int) -> Object:
        """Let one workload be evicted by another and go on when that has ended.

        The process ends at write `kill_at` after the first one runs: test_killed_at_any_write.py is about those before.
        """

        def kill(_: Seen) -> None:
            self.operator.kill()

        low, urgent = f"low-{number}", f"urgent-{number}"
        if kind == "template":
            self.site.workload(low, gpus=8)
        elif kind == "gang":
            self.site.workload(low, gpus=8, podSets=[pod_set("loader", 2)])
        else:
            self.site.submit(objects.user_job(low, self.site.name, 8))
        self.site.running(low)
        fault = self.proxy.inject(Fault(self.life, Call(kill, "committed"), times=1, skip=kill_at))
        kills = self.kills
        self.site.workload(urgent, gpus=8, priority=100, policy=self.rules, steer={"duration": "500ms"})
        self._until(lambda: is_true(self.site.aiw(urgent), "Finished"))
        self._until(lambda: is_true(self.site.aiw(low), "Ready") and self._came_back(low))
        self.proxy.heal()
        self._see_off(fault, kills)
        ended = {name: essence(self.site.until(name, settled)) for name in (low, urgent)}
        self.site.delete("jobs" if kind == "job" else "aiworkloads", low)
        self.site.delete("aiworkloads", urgent)
        eventually(lambda: not self.site.list("pods") and not self.site.list("aiworkloads"))
        return {name.rpartition("-")[0]: found for name, found in ended.items()}

    def grow(self, number: int, kill_at: int) -> tuple[int, int]:
        """Let an elastic gang grow when another workload goes; returns the size on record and that of its Job.

        The process ends at write `kill_at` after the gang runs.
        """

        def kill(_: Seen) -> None:
            self.operator.kill()

        other, elastic = f"other-{number}", f"elastic-{number}"
        self.site.workload(other, gpus=6)
        self.site.running(other)
        self.site.workload(elastic, gpus=2, replicas=4, minReplicas=1)
        self.site.running(elastic)
        fault = self.proxy.inject(Fault(self.life, Call(kill, "committed"), times=1, skip=kill_at))
        kills = self.kills
        self.site.delete("aiworkloads", other)
        self._until(lambda: self.site.child(elastic)["status"].get("ready") == 4)
        self.proxy.heal()
        self._see_off(fault, kills)
        seen, job = self.site.running(elastic), self.site.child(elastic)
        self.site.delete("aiworkloads", elastic)
        eventually(lambda: not self.site.list("pods") and not self.site.list("aiworkloads"))
        return seen["status"]["placement"]["replicas"], job["spec"]["completions"]

    def _came_back(self, name: str) -> bool:
        return "placed again after Preempted" in condition(self.site.aiw(name), "Evicted")["message"]

    def _until(self, met: Callable[[], bool]) -> None:
        """Wait for something, with a new process if it ends meanwhile."""

        def so() -> bool:
            if not self.operator.alive():
                self._revive()
            return met()

        eventually(so)

    def _see_off(self, fault: Fault, kills: int) -> None:
        """Start the process anew if it was hit, perhaps by a write that is under way just now."""
        if fault.hits:
            eventually(lambda: self.kills > kills or not self.operator.alive())
            self._revive()

    def _revive(self) -> None:
        if not self.operator.alive():
            self.kills += 1
            self.operator.start()


def settled(seen: Object) -> bool:
    """Tell whether a workload runs or has ended."""
    return is_true(seen, "Ready") or is_true(seen, "Finished")


def essence(seen: Object) -> Object:
    """What must be equal, whoever was killed in between."""
    status = seen["status"]
    return {
        "conditions": {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]},
        "placement": {key: value for key, value in status["placement"].items() if key != "preferredNodes"},
        "cost": {key: value for key, value in status["cost"].items() if key != "roomTaken"},  # learned meanwhile
        "mode": status["decision"]["mode"],
    }


def most_at_once(watch: Watch, start: str) -> int:
    """The most pods with names that begin so which lived at the same time."""
    live: set[str] = set()
    most = 0
    for type_, pod in list(watch.events):
        if pod["metadata"]["name"].startswith(start):
            (live.discard if type_ == "DELETED" or finished(pod) else live.add)(pod["metadata"]["uid"])
            most = max(most, len(live))
    return most


@pytest.mark.parametrize("kind", ["template", "job", "gang"])
def test_a_kill_at_any_write_of_an_eviction_changes_nothing_in_the_end(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Callable[..., Operator], kind: str
) -> None:
    fault_site.pool()
    lives = Lives(fault_site, proxy, start(proxied, **ALONE))
    with pods_watched(fault_site.kubectl, fault_site.name) as watch:
        undisturbed = lives.run(kind, 1_000, 1_000)
        assert lives.kills == 0
        for write in range(1_000):
            assert lives.run(kind, write, write) == undisturbed, f"killed at write {write}"
            if lives.kills == write:  # this life had no such write
                break
    for number in (1_000, *range(write + 1)):
        assert most_at_once(watch, f"low-{number}-") == (3 if kind == "gang" else 1), "one copy at any time"
    assert lives.kills >= 8, "each step is a write of its own"


def test_a_kill_at_any_write_of_growth_leaves_status_and_job_alike(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Callable[..., Operator]
) -> None:
    fault_site.pool()
    lives = Lives(fault_site, proxy, start(proxied, **ALONE))
    with pods_watched(fault_site.kubectl, fault_site.name) as watch:
        for write in range(1_000):
            assert lives.grow(write, write) == (4, 4), f"killed at write {write}"
            if lives.kills == write:  # this life had no such write
                break
    for number in range(write + 1):
        assert most_at_once(watch, f"elastic-{number}-") == 4, "no pod beside those of the gang"
    assert lives.kills >= 2, "each step is a write of its own"
