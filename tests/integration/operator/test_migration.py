"""Running workloads move to cheaper pools on a real control plane where that pays: stopped here, then started there."""

from __future__ import annotations

import pytest

from tests.integration.operator import objects
from tests.integration.operator.objects import condition, finished, is_true
from tests.integration.operator.site import Site
from tests.integration.operator.watching import Watch, pods_watched
from tests.testbed.waiting import eventually

pytestmark = pytest.mark.timeout(900)

LONG = {"expectedRuntime": "10d", "checkpointInterval": "10m"}


@pytest.fixture
def rules(site: Site) -> str:
    """A policy that moves workloads, at most three in an hour."""
    return site.policy(f"{site.name}-moving", migration={"enabled": True, "maxMovesPerHour": 3})


def two_pools(site: Site) -> tuple[str, str]:
    """A dear pool, and a cheap one that is full."""
    cheap = site.pool("cheap", price={"perNodeHour": "16", "currency": "EUR"})
    site.workload("filler", gpus=8)
    site.running("filler")
    return cheap, site.pool("dear", price={"perNodeHour": "32", "currency": "EUR"})


def most_at_once(watch: Watch, workload: str) -> int:
    """The most pods of a workload that lived at the same time, whatever Job they were of."""
    live: set[str] = set()
    most = 0
    for type_, pod in list(watch.events):
        if not pod["metadata"]["name"].startswith(workload):
            continue
        (live.discard if type_ == "DELETED" or finished(pod) else live.add)(pod["metadata"]["uid"])
        most = max(most, len(live))
    return most


@pytest.mark.parametrize("kind", ["template", "job"])
def test_a_workload_moves_when_a_cheaper_pool_has_room_and_runs_once_at_a_time(
    site: Site, rules: str, kind: str
) -> None:
    cheap, dear = two_pools(site)
    if kind == "template":
        site.workload("train", gpus=8, policy=rules, **LONG)
    else:
        job = objects.user_job("train", rules, 8)
        job["metadata"]["annotations"] |= {
            "stellwerk.dev/expected-runtime": "10d",
            "stellwerk.dev/checkpoint-interval": "10m",
        }
        site.submit(job)
    assert site.running("train")["status"]["placement"]["pool"] == dear
    with pods_watched(site.kubectl, site.name) as watch:
        site.delete("aiworkloads", "filler")
        site.until("train", lambda seen: seen["status"].get("placement", {}).get("pool") == cheap)
        moved = site.running("train")
    assert most_at_once(watch, "train") == 1
    evicted = condition(moved, "Evicted")
    assert evicted["status"] == "False"
    assert "placed again after Migrated: moved from" in evicted["message"]
    site.told("train", "Migrated")
    eventually(lambda: all(pod["spec"]["nodeName"].startswith(cheap) for pod in live(site, "train")))


def live(site: Site, workload: str) -> list[objects.Object]:
    """The pods of a workload that have not ended."""
    return [pod for pod in site.list("pods") if pod["metadata"]["name"].startswith(workload) and not finished(pod)]


def test_a_workload_stays_where_moving_would_not_pay_or_is_forbidden(site: Site, rules: str) -> None:
    cheap, dear = two_pools(site)
    site.workload("short", gpus=2, policy=rules, expectedRuntime="5m")
    site.workload("firm", gpus=2, policy=rules, disruption={"migratable": False}, **LONG)
    site.workload("elsewhere", gpus=2, **LONG)
    for name in ("short", "firm", "elsewhere"):
        assert site.running(name)["status"]["placement"]["pool"] == dear
    site.delete("aiworkloads", "filler")
    site.workload("mover", gpus=2, policy=rules, **LONG)
    site.until("mover", lambda seen: seen["status"].get("placement", {}).get("pool") == cheap)
    site.running("mover")
    for name in ("short", "firm", "elsewhere"):
        seen = site.aiw(name)
        assert is_true(seen, "Placed")
        assert (seen["status"]["placement"]["pool"], condition(seen, "Evicted")["reason"]) == (dear, "NotEvicted")


def test_workloads_move_together_where_a_gang_waits_for_the_room(site: Site, rules: str) -> None:
    pool = site.pool(nodes=2)
    for name in ("one", "two", "three"):
        site.workload(name, gpus=4, policy=rules, **LONG)
        site.running(name)
    site.delete("aiworkloads", partner(site))
    eventually(lambda: len(site.list("pods")) == 2)
    assert len(nodes_of(site)) == 2, "half of each node is free"
    with pods_watched(site.kubectl, site.name) as watch:
        site.workload("big", gpus=8, policy=rules)
        site.running("big")
        (moved,) = eventually(lambda: [one for one in ("one", "two", "three") if has_moved(site, one)])
        site.running(moved)
    assert most_at_once(watch, moved) == 1
    assert site.aiw("big")["status"]["placement"]["pool"] == pool
    site.told("big", "Waiting", f"MakingRoom: {pool} has room after moving {site.name}/{moved} elsewhere")


def nodes_of(site: Site) -> set[str]:
    """Nodes with pods."""
    return {pod["spec"]["nodeName"] for pod in site.list("pods")}


def partner(site: Site) -> str:
    """One of two workloads on the same node."""
    homes: dict[str, str] = {}
    for pod in site.list("pods"):
        node, name = pod["spec"]["nodeName"], pod["metadata"]["labels"]["stellwerk.dev/workload"]
        if node in homes:
            return name  # type: ignore[no-any-return]
        homes[node] = name
    raise LookupError("each has a node of its own")


def has_moved(site: Site, name: str) -> bool:
    """Tell whether a workload that is there was moved."""
    found = [one for one in site.list("aiworkloads") if one["metadata"]["name"] == name]
    return any(one["reason"] == "Migrated" for one in site.events("AIWorkload", name)) if found else False
