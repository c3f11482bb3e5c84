"""Policies and pools get an answer; and where nothing changes, nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.faults.proxy import FaultProxy
from tests.faults.rules import Match
from tests.integration.operator import objects
from tests.integration.operator.objects import condition
from tests.integration.operator.site import Site
from tests.operator_process import Operator
from tests.testbed.waiting import eventually, holds


def accepted(site: Site, plural: str, name: str, generation: int) -> objects.Object:
    def judged() -> objects.Object:
        seen = site.config(plural, name)
        assert seen.get("status", {}).get("observedGeneration") == generation, seen.get("status")
        assert condition(seen, "Accepted")["observedGeneration"] == generation
        return seen

    return eventually(judged)


def test_a_policy_is_accepted_and_so_is_each_change_of_it(site: Site) -> None:
    seen = accepted(site, "placementpolicies", site.name, 1)
    assert condition(seen, "Accepted") | {"lastTransitionTime": "", "message": ""} == {
        "type": "Accepted",
        "status": "True",
        "reason": "Valid",
        "message": "",
        "lastTransitionTime": "",
        "observedGeneration": 1,
    }
    since = condition(seen, "Accepted")["lastTransitionTime"]
    site.patch("placementpolicies", site.name, {"spec": {"carbonPricePerTonne": "80"}})
    seen = accepted(site, "placementpolicies", site.name, 2)
    assert condition(seen, "Accepted")["lastTransitionTime"] == since, "the status did not change"


def test_a_pool_is_accepted(site: Site) -> None:
    pool = site.pool()
    seen = accepted(site, "computepools", pool, 1)
    assert condition(seen, "Accepted")["status"] == "True"
    assert site.kubectl("get", "cp", pool, "-o", "jsonpath={.status.conditions[0].reason}") == "Valid"


def test_a_pool_says_how_many_nodes_it_has(site: Site) -> None:
    pool = site.pool(nodes=2)
    eventually(lambda: site.config("computepools", pool).get("status", {}).get("nodes") == 2)
    assert site.config("computepools", pool)["status"]["accelerators"] == 16
    site.api.call("DELETE", f"/api/v1/nodes/{pool}-1")
    eventually(lambda: site.config("computepools", pool)["status"]["nodes"] == 1)


def test_a_workload_that_is_deleted_and_made_anew_is_another_workload(site: Site) -> None:
    site.pool()
    site.workload("train")
    first = site.running("train")["status"]["child"]
    site.kubectl("delete", "aiw", "train")
    site.workload("train")
    assert site.running("train")["status"]["child"]["name"] != first["name"]


def test_nothing_is_written_where_nothing_changes(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Callable[..., Operator]
) -> None:
    site = fault_site
    operator = start(proxied)
    eventually(operator.leads)
    pool = site.pool()
    site.known(pool)
    site.workload("runs", gpus=8)
    site.running("runs")
    site.workload("waits", gpus=8)
    site.submit(objects.user_job("waits-too", site.name, gpus=8))
    site.waits("waits")
    site.waits("waits-too")
    for kind, name in (("AIWorkload", "waits"), ("AIWorkload", "waits-too"), ("Job", "waits-too")):
        eventually(lambda: any(one["reason"] == "Waiting" for one in site.events(kind, name)))  # noqa: B023

    def written() -> list[str]:
        found = proxy.requests(Match(write=True))
        return [f"{one.method} {one.path}" for one in found if site.name in one.path]

    def quiet() -> bool:
        before = written()
        holds(lambda: written() == before, seconds=3)
        return True

    eventually(quiet)  # events and node counts come after what they tell of
    before, told = written(), counts(site)
    heartbeat = {"status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": moment()}]}}
    path = f"/api/v1/nodes/{pool}-0/status"
    site.api.call("PATCH", path, heartbeat, "application/strategic-merge-patch+json")
    for plural, name in (("placementpolicies", site.name), ("computepools", pool)):
        site.patch(plural, name, {"metadata": {"annotations": {"looked": "at"}}})

    def nothing_new() -> bool:
        assert written()[len(before) :] == []
        return True

    holds(nothing_new, seconds=7)  # longer than the tick that looks at everything
    assert counts(site) == told
    (event,) = site.events("AIWorkload", "waits")
    assert event["count"] == 1


def counts(site: Site) -> dict[str, int]:
    """How often each event happened, by its name."""
    return {one["metadata"]["name"]: one["count"] for one in site.list("events") if "stellwerk" in str(one["source"])}


def moment() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
