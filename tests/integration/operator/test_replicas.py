"""Two replicas: one leads, the other is warm; whatever happens to the leader, everything is decided once."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.faults.proxy import FaultProxy
from tests.faults.rules import Fault, Hang, Match
from tests.integration.operator import objects
from tests.integration.operator.objects import Object, is_true
from tests.integration.operator.replicas import HASTY, PATIENT, UNELECTED
from tests.integration.operator.site import Site
from tests.integration.operator.watching import Watch, most_gpus_asked, pods_watched
from tests.operator_process import Operator
from tests.testbed.waiting import eventually, holds

Start = Callable[..., Operator]


def workloads_watched(site: Site) -> Watch:
    return Watch(site.kubectl, f"/apis/stellwerk.dev/v1alpha1/namespaces/{site.name}/aiworkloads")


def placements(watch: Watch) -> dict[str, set[str]]:
    """All placements that each workload ever had."""
    found: dict[str, set[str]] = {}
    for _, seen in watch.events:
        if placement := seen.get("status", {}).get("placement"):
            found.setdefault(seen["metadata"]["name"], set()).add(json.dumps(placement, sort_keys=True))
    return found


def child_uids(watch: Watch) -> dict[str, set[str]]:
    """The uid of every Job that ever existed, by name."""
    found: dict[str, set[str]] = {}
    for _, job in watch.events:
        found.setdefault(job["metadata"]["name"], set()).add(job["metadata"]["uid"])
    return found


def lease(site: Site) -> Object:
    found: Object = site.api.get("/apis/coordination.k8s.io/v1/namespaces/stellwerk-system/leases/stellwerk")["spec"]
    return found


def test_a_killed_leader_is_replaced_within_20_seconds_and_everything_is_decided_once(
    fault_site: Site, start: Start
) -> None:
    # the very times that a deployment has
    deployed = {"LEASE__DURATION_SECONDS": "10", "LEASE__RENEW_SECONDS": "7", "LEASE__RETRY_SECONDS": "1.5"}
    leader = start(**deployed)
    eventually(leader.leads)
    other = start(**deployed)
    site = fault_site
    site.pool(nodes=2)
    count = 24
    jobs = Watch(site.kubectl, f"/apis/batch/v1/namespaces/{site.name}/jobs")
    with workloads_watched(site) as watch, jobs, pods_watched(site.kubectl, site.name) as pods:
        for number in range(count):
            if number == count // 2:
                leader.kill()
                killed = datetime.now(UTC)
            site.submit(objects.workload(f"w{number}", site.name, 1, {"duration": "1s"}))
        eventually(other.leads, limit=60)
        taken = datetime.fromisoformat(lease(site)["acquireTime"])
        assert timedelta(0) < taken - killed < timedelta(seconds=20)
        eventually(lambda: sum(is_true(one, "Finished") for one in site.list("aiworkloads")) == count, every=0.5)
    assert {name: len(each) for name, each in placements(watch).items()} == {f"w{n}": 1 for n in range(count)}
    assert sorted(len(uids) for uids in child_uids(jobs).values()) == [1] * count
    assert max(most_gpus_asked(pods).values()) <= 16


def test_a_leader_that_was_frozen_writes_nothing_when_it_wakes(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Start
) -> None:
    site = fault_site
    site.pool()
    frozen = start(proxied, **HASTY)
    eventually(frozen.leads)
    other = start(**HASTY)
    site.workload("first", gpus=8, steer={"duration": "2s"})
    site.placed("first")
    frozen.signal(signal.SIGSTOP)
    eventually(other.leads)
    site.workload("second", gpus=8)
    site.running("second")
    before = len(proxy.requests(Match(write=True)))
    with workloads_watched(site) as watch:
        frozen.resume()
        eventually(lambda: not frozen.leads() and frozen.ready())
        site.workload("third", gpus=8)
        site.waits("third")
        late = proxy.requests(Match(write=True))[before:]
        landed = [one for one in late if "/leases" not in one.path and "/events" not in one.path]
    assert landed == [], "it wrote after another had taken over"
    assert other.leads()
    assert placements(watch).get("third") is None


def test_a_leader_that_is_asked_to_end_hands_over_at_once(fault_site: Site, start: Start) -> None:
    slow = {"LEASE__DURATION_SECONDS": "120", "LEASE__RENEW_SECONDS": "100", "LEASE__RETRY_SECONDS": "0.5"}
    leader = start(**slow)
    eventually(leader.leads)
    other = start(**slow)
    assert leader.stop() == 0
    eventually(other.leads, limit=60)  # long before the lease would have lapsed
    assert lease(fault_site)["holderIdentity"] == other.name
    fault_site.pool()
    fault_site.workload("train")
    fault_site.running("train")


def test_a_leader_ends_in_time_though_the_api_server_has_ceased_to_answer(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Start
) -> None:
    leader = start(proxied, **HASTY)
    eventually(leader.leads)
    fault_site.pool()
    proxy.freeze()
    hung = proxy.inject(Fault(Match(), Hang()))
    eventually(lambda: hung.hits)  # to begin with, a renewal of the lease
    assert leader.stop() == 0


def test_a_standby_writes_nothing(fault_site: Site, proxy: FaultProxy, proxied: Path, start: Start) -> None:
    leader = start(**PATIENT)
    eventually(leader.leads)
    start(proxied, **PATIENT)
    fault_site.pool()
    fault_site.workload("train", steer={"duration": "500ms"})
    fault_site.submit(objects.user_job("nightly", fault_site.name))
    fault_site.ended("train")
    fault_site.running("nightly")
    assert [one.path for one in proxy.requests(Match(write=True)) if "/leases" not in one.path] == []


def test_a_restarted_operator_leaves_everything_as_it_is(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Start
) -> None:
    site = fault_site
    pool = site.pool()
    first = start()
    site.known(pool)
    site.workload("runs", gpus=8)
    site.running("runs")
    site.workload("waits", gpus=8)
    site.waits("waits")
    eventually(lambda: site.events("AIWorkload", "waits"))
    first.stop()
    before = {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in site.list("aiworkloads")}
    second = start(proxied)
    eventually(second.leads)
    holds(second.leads, seconds=3)
    after = {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in site.list("aiworkloads")}
    assert after == before
    written = [f"{one.method} {one.path}" for one in proxy.requests(Match(write=True))]
    ours = [one for one in written if site.name in one and "/events" not in one]
    assert ours == []


def test_what_changed_while_nobody_ran_is_caught_up_with(fault_site: Site, start: Start) -> None:
    site = fault_site
    site.pool()
    first = start(**UNELECTED)
    for name in ("done", "deleted", "lost"):
        site.workload(name, gpus=2, steer={"duration": "2s"} if name == "done" else None)
    for name in ("done", "deleted", "lost"):
        site.placed(name)
    for name in ("done", "deleted", "lost"):  # it is killed between its writes elsewhere
        site.until(name, lambda seen: seen["status"].get("child", {}).get("uid"))
    job = site.child("lost")["metadata"]["name"]
    first.kill()
    eventually(lambda: is_true(site.child("done"), "Complete"))
    site.delete("aiworkloads", "deleted")
    site.delete("jobs", job)
    site.submit(objects.user_job("came", site.name, gpus=8))
    eventually(lambda: len(site.list("pods")) == 1)
    start(**UNELECTED)
    assert site.ended("done")["status"]["conditions"]
    site.ended("lost")
    reason = {one["type"]: one["reason"] for one in site.aiw("lost")["status"]["conditions"]}["Finished"]
    assert reason == "ChildDeleted"
    site.running("came")
