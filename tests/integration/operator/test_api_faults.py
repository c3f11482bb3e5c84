"""The API server refuses, forgets, restarts and goes silent; in the end all is as if it had not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.faults.proxy import FaultProxy
from tests.faults.rules import Answer, DropReply, Effect, Fault, Match, error_event
from tests.integration.operator import objects
from tests.integration.operator.objects import is_true
from tests.integration.operator.site import Site
from tests.integration.operator.watching import Watch, most_gpus_asked, pods_watched
from tests.operator_process import Operator
from tests.testbed.waiting import eventually

Start = Callable[..., Operator]
STEER = {"duration": "500ms"}


def all_finished(site: Site, count: int) -> None:
    def met() -> bool:
        seen = site.list("aiworkloads")
        left = [f"{one['metadata']['name']}: {one.get('status')}" for one in seen if not is_true(one, "Finished")]
        assert len(seen) == count
        assert not left, f"{len(left)} left, first {left[0]}"
        return True

    eventually(met, every=0.3)


PHASES: dict[str, Effect] = {
    "429": Answer(429, "TooManyRequests", retry_after=1),
    "409": Answer(409, "Conflict"),
    "500": Answer(500, "InternalError"),
    "503": Answer(503, "ServiceUnavailable"),
    "lost replies": DropReply(),
}


def test_phases_of_refusals_delay_and_change_nothing(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Start
) -> None:
    site = fault_site
    site.pool(nodes=2)
    operator = start(proxied)
    eventually(operator.leads)
    jobs = Watch(site.kubectl, f"/apis/batch/v1/namespaces/{site.name}/jobs")
    count = 0
    with jobs, pods_watched(site.kubectl, site.name) as pods:
        for effect in PHASES.values():
            fault = proxy.inject(Fault(Match(write=True, path=r"/(aiworkloads|jobs)"), effect, times=6))
            for number in range(count, count + 4):
                site.submit(objects.workload(f"w{number}", site.name, 2, STEER))
            site.submit(objects.user_job(f"j{count}", site.name, 2, STEER))
            count += 5
            eventually(lambda: fault.hits == 6)  # noqa: B023 - used in this round only
            proxy.heal()
            all_finished(site, count)
    assert len(jobs.names()) == len(set(jobs.names())) == count
    assert max(most_gpus_asked(pods).values()) <= 16
    assert operator.alive()


def test_what_was_deleted_while_all_streams_were_cut_frees_its_room(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Start
) -> None:
    site = fault_site
    site.pool()
    operator = start(proxied)
    eventually(operator.leads)
    site.workload("big", gpus=8)
    site.running("big")
    site.workload("next", gpus=8)
    site.waits("next", "CapacityFull")
    gone = proxy.inject(Fault(Match(method="GET", watch=True), Answer(410, "Expired")))
    listing = proxy.inject(Fault(Match(method="GET", watch=False, path=r"(pods|jobs|aiworkloads)$"), Answer(503)))
    proxy.send(error_event(410, "Expired"))
    proxy.cut()
    eventually(lambda: listing.hits > 3)
    site.delete("aiworkloads", "big")
    eventually(lambda: not site.list("pods") and len(site.list("aiworkloads")) == 1)
    proxy.heal()
    site.running("next")
    assert gone.hits > 0


def test_a_policy_deleted_while_all_streams_were_cut_rules_no_longer(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Start
) -> None:
    site = fault_site
    site.pool()
    policy = site.policy(f"{site.name}-gone")
    operator = start(proxied)
    eventually(operator.leads)
    site.workload("before", policy=policy)
    site.running("before")
    listing = proxy.inject(Fault(Match(method="GET", watch=False, path="placementpolicies$"), Answer(503)))
    proxy.inject(Fault(Match(method="GET", watch=True, path="placementpolicies$"), Answer(410, "Expired")))
    proxy.cut("placementpolicies$")
    eventually(lambda: listing.hits > 2)
    site.kubectl("delete", "pp", policy)
    proxy.heal()
    cached = 'stellwerk_cached_objects{cluster="local",kind="placementpolicies"}'
    eventually(lambda: operator.metric(cached) == len(site.all_of("placementpolicies")))
    site.workload("after", policy=policy)
    site.until("after", lambda seen: {one["reason"] for one in seen["status"]["conditions"]} & {"PolicyNotFound"})


def test_a_silent_stream_is_opened_anew_and_decisions_go_on(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Start
) -> None:
    site = fault_site
    site.pool()
    operator = start(proxied, STREAMS__SILENCE_SECONDS="4")
    eventually(operator.leads)
    proxy.freeze()
    site.workload("unseen")
    opened = len(proxy.requests(Match(watch=True)))
    eventually(lambda: len(proxy.requests(Match(watch=True))) > opened + 5)
    proxy.thaw()
    site.running("unseen")
    assert operator.alive()
