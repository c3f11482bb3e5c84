"""More important work takes the room of less important work on a real control plane: gangs whole, once, no more."""

from __future__ import annotations

import pytest

from tests.integration.operator import objects
from tests.integration.operator.objects import Object, condition, is_true
from tests.integration.operator.site import Site
from tests.integration.operator.watching import pods_watched
from tests.testbed.waiting import eventually

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def rules(site: Site) -> str:
    """A policy under which higher priority takes the room of lower priority."""
    return site.policy(f"{site.name}-urgent", preemption={"mode": "LowerPriority"})


def evicted(site: Site, name: str, reason: str = "Preempted") -> Object:
    """Wait until a workload has lost its place, and return it."""
    return site.until(name, lambda seen: is_true(seen, "Evicted") and condition(seen, "Evicted")["reason"] == reason)


def pods_of(events: list[tuple[str, Object]], name: str) -> list[str]:
    """Uids of the pods that belong to a workload, each once, in the order in which they came."""
    label = "stellwerk.dev/workload"
    found = (one["metadata"] for _, one in events if one["metadata"].get("labels", {}).get(label) == name)
    return list(dict.fromkeys(meta["uid"] for meta in found))


def test_a_template_gives_its_place_to_higher_priority_and_gets_it_back_later(site: Site, rules: str) -> None:
    site.pool()
    site.workload("low", gpus=8, checkpointInterval="30m")
    site.running("low")
    site.workload("urgent", gpus=8, priority=100, policy=rules)
    victim = evicted(site, "low")
    assert f"{site.name}/urgent (priority 100, over 0)" in condition(victim, "Evicted")["message"]
    assert "placement" not in victim["status"]
    urgent = site.running("urgent")
    assert urgent["status"]["decision"]["mode"] == "Fit"
    assert not is_true(site.aiw("low"), "Placed")
    site.delete("aiworkloads", "urgent")
    again = site.running("low")
    assert condition(again, "Evicted")["status"] == "False"
    assert "placed again after Preempted" in condition(again, "Evicted")["message"]


def test_a_users_job_is_suspended_and_goes_on_later(site: Site, rules: str) -> None:
    site.pool()
    site.submit(objects.user_job("low", site.name, 8))
    site.running("low")
    uid = site.get("jobs", "low")["metadata"]["uid"]
    site.workload("urgent", gpus=8, priority=100, policy=rules)
    evicted(site, "low")
    site.running("urgent")
    job = site.get("jobs", "low")
    assert (job["metadata"]["uid"], job["spec"]["suspend"]) == (uid, True)
    site.delete("aiworkloads", "urgent")
    site.running("low")
    assert site.get("jobs", "low")["metadata"]["uid"] == uid


def test_the_decision_says_whose_room_is_taken_and_what_that_costs(site: Site, rules: str) -> None:
    site.pool()
    site.workload("low", gpus=8)
    site.running("low")
    site.workload("urgent", gpus=8, priority=100, policy=rules)
    site.running("urgent")
    site.told("urgent", "Waiting", "Preempting", f"{site.name}/low")
    site.told("low", "Preempted")


def test_no_more_is_evicted_than_is_needed_and_gangs_stay_whole(site: Site, rules: str) -> None:
    site.pool(nodes=3)
    for name in ("one", "two", "three"):
        site.workload(name, gpus=4, replicas=2)
        site.running(name)
    with pods_watched(site.kubectl, site.name) as watch:
        site.workload("urgent", gpus=8, priority=100, policy=rules)
        site.running("urgent")
        states = {name: is_true(site.aiw(name), "Placed") for name in ("one", "two", "three")}
        assert sum(states.values()) == 2, states
        (gone,) = (name for name, placed in states.items() if not placed)
        eventually(lambda: not_there(site, gone))
    kept = [name for name, placed in states.items() if placed]
    assert all(len(pods_of(watch.events, name)) <= 2 for name in kept), "pods of those that stayed were never replaced"


def not_there(site: Site, name: str) -> bool:
    """Tell whether no pod of a workload is left."""
    return site.list("pods", f"stellwerk.dev/workload={name}") == []


def test_nobody_of_equal_priority_or_with_a_no_is_evicted(site: Site, rules: str) -> None:
    site.pool(nodes=2)
    site.workload("equal", gpus=8, priority=100)
    site.workload("firm", gpus=8, disruption={"preemptible": False})
    site.running("equal")
    site.running("firm")
    site.workload("urgent", gpus=8, priority=100, policy=rules)
    site.waits("urgent", "CapacityFull")
    assert all(is_true(site.aiw(name), "Ready") for name in ("equal", "firm"))


def test_without_a_policy_that_says_so_nobody_is_evicted(site: Site) -> None:
    site.pool()
    site.workload("low", gpus=8)
    site.running("low")
    site.workload("urgent", gpus=8, priority=100)
    site.waits("urgent", "CapacityFull")
    assert is_true(site.aiw("low"), "Ready")


def test_who_was_evicted_keeps_its_place_in_the_queue(site: Site, rules: str) -> None:
    site.pool()
    site.workload("first", gpus=8)
    site.running("first")
    site.workload("second", gpus=8)
    site.waits("second", "CapacityFull")
    site.workload("urgent", gpus=8, priority=100, policy=rules)
    site.running("urgent")
    evicted(site, "first")
    site.delete("aiworkloads", "urgent")
    site.running("first")
    assert not is_true(site.aiw("second"), "Placed")


def test_nobody_younger_takes_the_room_that_was_made(site: Site, rules: str) -> None:
    site.pool()
    for name in ("one", "two"):
        site.workload(name, gpus=4)
        site.running(name)
    site.workload("waiting", gpus=4)
    site.waits("waiting", "CapacityFull")
    site.workload("urgent", gpus=8, priority=100, policy=rules)
    site.running("urgent")
    assert not any(is_true(site.aiw(name), "Placed") for name in ("one", "two", "waiting"))
