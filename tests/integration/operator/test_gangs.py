"""Gangs of several pod sets on a real control plane: they wait for nodes, change size, give room and move as one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.operator.autoscaler import Autoscaler
from tests.integration.operator.objects import Object, condition, finished, is_true
from tests.integration.operator.replicas import HURRIED, PATIENT
from tests.integration.operator.site import Site
from tests.integration.operator.supplying import pool_of, price, supply
from tests.integration.operator.test_asks import nodes_of, pod_set, set_pods
from tests.integration.operator.test_elastic import has
from tests.integration.operator.watching import Watch, pods_watched
from tests.operator_process import Operator
from tests.testbed.waiting import eventually

pytestmark = pytest.mark.timeout(900)

RENDER = [{"model": "L40S", "count": 8}]


@pytest.fixture
def hurried(start: Callable[..., Operator]) -> Operator:
    """An operator that loses patience quickly, on the control plane for faults."""
    operator = start(**PATIENT, **HURRIED)
    eventually(operator.leads)
    return operator


@pytest.fixture
def rules(site: Site) -> str:
    """A policy under which higher priority takes the room of lower priority."""
    return site.policy(f"{site.name}-urgent", preemption={"mode": "LowerPriority"})


def sets_of(seen: Object) -> dict[str, Object]:
    """Where the further pod sets are placed, by name."""
    return {one["name"]: one for one in seen["status"]["placement"]["podSets"]}


def live(site: Site, name: str) -> list[Object]:
    """The pods of all pod sets of a workload that have not ended."""
    return [pod for pod in site.list("pods", f"stellwerk.dev/workload={name}") if not finished(pod)]


# ------------------------------------------------------------------------------- nodes that are yet to come


def test_all_pod_sets_are_bound_on_nodes_that_a_pool_grew_by(site: Site) -> None:
    pool = site.growing("zero", most=3)
    site.known(pool)
    site.workload("train", gpus=8, podSets=[pod_set("render", accelerators=[{"model": "H100", "count": 8}])])
    seen = site.placed("train")
    assert seen["status"]["placement"]["newNodes"] == 1
    assert (sets_of(seen)["render"]["pool"], sets_of(seen)["render"]["newNodes"]) == (pool, 1)
    with Autoscaler(site, pool, most=3) as autoscaler:
        site.running("train")
    assert len(autoscaler.added) == 2
    assert nodes_of([*site.pods("train"), *set_pods(site, "render")]) == sorted(autoscaler.added)


def test_a_further_pod_set_whose_nodes_do_not_come_sends_the_whole_gang_to_others(
    hurried: Operator, fault_site: Site
) -> None:
    site, l40s = fault_site, {"model": "L40S", "count": 8}
    main = site.pool("main")
    dry = site.growing("dry", provision="2s", accelerator=l40s, price=price("8"))
    ready = site.pool("ready", accelerator=l40s)
    site.known(main, dry, ready)
    site.workload("train", gpus=8, podSets=[pod_set("render", accelerators=RENDER)])
    seen = site.until("train", lambda one: condition(one, "Ready")["status"] == "True")
    assert (pool_of(seen), sets_of(seen)["render"]["pool"]) == (main, ready)
    assert "StockOut: pods of pod set render found no node in pool" in condition(seen, "Evicted")["message"]
    eventually(lambda: supply(site, dry)["stockOuts"] == 1)
    assert nodes_of(set_pods(site, "render")) == [f"{ready}-0"]
    assert hurried.alive()


# ----------------------------------------------------------------------------------------------- growing


def test_the_main_set_grows_and_shrinks_beside_a_further_one_that_goes_on(site: Site, rules: str) -> None:
    pool = site.pool()
    site.known(pool)
    site.workload("other", gpus=6)
    site.running("other")
    site.workload("train", gpus=2, replicas=4, minReplicas=1, podSets=[pod_set("loader")])
    has(site, "train", 1)
    site.running("train")
    (loader,) = (pod["metadata"]["uid"] for pod in set_pods(site, "loader"))
    site.delete("aiworkloads", "other")
    grown = has(site, "train", 4)
    assert sets_of(grown)["loader"]["replicas"] == 1
    site.running("train")
    site.workload("urgent", gpus=4, priority=100, policy=rules)
    site.running("urgent")
    shrunk = has(site, "train", 2)
    assert is_true(shrunk, "Placed")
    assert [pod["metadata"]["uid"] for pod in set_pods(site, "loader")] == [loader]
    site.told("train", "Grown")
    site.told("train", "Shrunk")


# ------------------------------------------------------------------------------------------- giving room


def test_a_gang_gives_its_place_with_all_its_sets_and_gets_one_for_all_later(site: Site, rules: str) -> None:
    gpus, cpus = site.pool(), site.pool("cpu", gpus=0, price=price("2"))
    site.known(gpus, cpus)
    far = pod_set("far")
    far["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "191"
    site.workload("low", gpus=8, podSets=[pod_set("loader", 2), far])
    assert {one["pool"] for one in sets_of(site.running("low")).values()} == {gpus, cpus}
    site.workload("urgent", gpus=8, priority=100, policy=rules)
    site.running("urgent")
    eventually(lambda: not live(site, "low"))
    assert not is_true(site.aiw("low"), "Placed")
    site.told("low", "Preempted")
    site.delete("aiworkloads", "urgent")
    again = site.running("low")
    assert "placed again after Preempted" in condition(again, "Evicted")["message"]
    assert nodes_of(live(site, "low")) == [f"{cpus}-0", *[f"{gpus}-0"] * 3]


# ------------------------------------------------------------------------------------------------ moving


def most_at_once(watch: Watch) -> dict[str, int]:
    """The most Jobs of each pod set of `train` that had living pods at the same time; the main set is ``."""
    alive: dict[str, tuple[str, str]] = {}
    most: dict[str, int] = {}
    for type_, pod in list(watch.events):
        labels, uid = pod["metadata"]["labels"], pod["metadata"]["uid"]
        if labels.get("stellwerk.dev/workload") != "train":
            continue
        name = labels.get("stellwerk.dev/pod-set", "")
        if type_ == "DELETED" or finished(pod):
            alive.pop(uid, None)
        else:
            alive[uid] = (name, pod["metadata"]["ownerReferences"][0]["uid"])
        jobs = {owner for of, owner in alive.values() if of == name}
        most[name] = max(len(jobs), most.get(name, 0))
    return most


def test_a_gang_moves_with_all_its_sets_when_a_cheaper_pool_has_room_and_runs_once_at_a_time(site: Site) -> None:
    moving = site.policy(f"{site.name}-moving", migration={"enabled": True, "maxMovesPerHour": 3})
    cheap = site.pool("cheap", price=price("16"))
    site.known(cheap)
    site.workload("filler", gpus=8)
    site.running("filler")
    dear = site.pool("dear", price=price("32"))
    site.known(cheap, dear)
    site.workload(
        "train",
        gpus=8,
        policy=moving,
        podSets=[pod_set("loader", 2)],
        expectedRuntime="10d",
        checkpointInterval="10m",
    )
    assert pool_of(site.running("train")) == dear
    with pods_watched(site.kubectl, site.name) as watch:
        site.delete("aiworkloads", "filler")
        site.until("train", lambda seen: seen["status"].get("placement", {}).get("pool") == cheap)
        moved = site.running("train")
    assert most_at_once(watch) == {"": 1, "loader": 1}
    assert sets_of(moved)["loader"]["pool"] == cheap
    assert "placed again after Migrated: moved from" in condition(moved, "Evicted")["message"]
    eventually(lambda: all(pod["spec"].get("nodeName", "").startswith(cheap) for pod in live(site, "train")))
    assert len(live(site, "train")) == 3
