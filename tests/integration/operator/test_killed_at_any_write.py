"""The operator is killed at every single write of a workload's life; after a restart all ends as if it were not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.proxy import FaultProxy
from tests.faults.rules import Call, Fault, Match, Seen, Stage
from tests.integration.operator import objects
from tests.integration.operator.objects import Object
from tests.integration.operator.replicas import ALONE
from tests.integration.operator.site import Site
from tests.integration.operator.watching import Watch
from tests.operator_process import Operator
from tests.testbed.waiting import eventually

pytestmark = pytest.mark.timeout(1500)

STEER = {"duration": "500ms"}


def essence(seen: Object) -> Object:
    """What must be equal, whoever was killed in between."""
    status = seen["status"]
    decision = {key: status["decision"].get(key) for key in ("mode", "reason", "message")}
    return {
        "conditions": {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]},
        "placement": {key: value for key, value in status["placement"].items() if key != "preferredNodes"},
        "cost": {
            key: value for key, value in status["cost"].items() if key != "roomTaken"
        },  # learned from lives before
        "decision": decision,
        "child": status["child"]["kind"],
        "observedGeneration": status["observedGeneration"],
    }


def live(site: Site, kind: str, name: str) -> None:
    """Begin a life by one of the two ways in; a gang has a second pod set."""
    if kind == "template":
        site.submit(objects.workload(name, site.name, 2, STEER, replicas=2))
    elif kind == "gang":
        further = [{"name": "loader", "template": objects.pod_template(STEER)}]
        site.submit(objects.workload(name, site.name, 2, STEER, podSets=further))
    else:
        site.submit(objects.user_job(name, site.name, 2, STEER, parallelism=2, completions=2))


class Lives:
    """Lives that end with a kill at their n-th write, on one site with one operator that is restarted."""

    def __init__(self, site: Site, proxy: FaultProxy, operator: Operator) -> None:
        self.site, self.proxy, self.operator = site, proxy, operator
        self.kills = 0

    def run(self, kind: str, name: str, kill_at: int, stage: Stage) -> Object:
        """Live one life, in which the process ends at write `kill_at`; returns how it ended."""

        def kill(_: Seen) -> None:
            self.operator.kill()

        # All writes but those to the Lease and to what people declare. Events, which come at any time, once is enough.
        kinds = "" if stage == "committed" else "(aiworkloads|jobs|pods)"
        life = Match(write=True, path=f"/namespaces/{self.site.name}/{kinds}")
        fault = self.proxy.inject(Fault(life, Call(kill, stage), times=1, skip=kill_at))
        live(self.site, kind, name)
        self._until_ended_or_killed(name, fault)
        self.proxy.heal()
        if fault.hits:  # perhaps just now, at an event that tells of the end
            eventually(lambda: not self.operator.alive())
            self.kills += 1
            self.operator.start()
        ended = self.site.ended(name)
        return essence(ended)

    def _until_ended_or_killed(self, name: str, fault: Fault) -> None:
        def over() -> bool:
            if fault.hits:
                return not self.operator.alive()
            found = [one for one in self.site.list("aiworkloads") if one["metadata"]["name"] == name]
            return any(objects.is_true(one, "Finished") for one in found)

        eventually(over)


@pytest.fixture
def lives(fault_site: Site, proxy: FaultProxy, proxied: Path, start: Callable[..., Operator]) -> Lives:
    """A site with one pool and an operator behind the proxy."""
    fault_site.pool()
    return Lives(fault_site, proxy, start(proxied, **ALONE))


@pytest.mark.parametrize("stage", ["before", "committed", "after"])
@pytest.mark.parametrize("kind", ["template", "job", "gang"])
def test_a_kill_at_any_write_changes_nothing_in_the_end(lives: Lives, kind: str, stage: Stage) -> None:
    site = lives.site
    jobs = Watch(site.kubectl, f"/apis/batch/v1/namespaces/{site.name}/jobs")
    workloads = Watch(site.kubectl, f"/apis/stellwerk.dev/v1alpha1/namespaces/{site.name}/aiworkloads")
    with jobs, workloads:
        undisturbed = lives.run(kind, "undisturbed", 1_000, stage)
        assert lives.kills == 0
        for write in range(1_000):
            ended = lives.run(kind, f"killed-{write}", write, stage)
            assert ended == undisturbed, f"killed {stage} write {write}"
            if lives.kills == write:  # this life had no such write
                break
        jobs.catch_up()
        workloads.catch_up()
        made = set(jobs.names())
        sets = 2 if kind == "gang" else 1
        assert len(jobs.names()) == len(made) == sets * (write + 2), "one Job per life and pod set"
        assert len(workloads.names()) == write + 2, "one AIWorkload per life"
    assert lives.kills >= 4, "decision, child and the end are writes of their own"
