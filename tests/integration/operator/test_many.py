"""Many workloads at once: no GPU is booked twice, and kube-scheduler never has to refuse what was placed."""

from __future__ import annotations

from tests.integration.operator import objects
from tests.integration.operator.objects import is_true
from tests.integration.operator.site import Site
from tests.integration.operator.watching import most_gpus_asked, pods_watched, refused_by_scheduler
from tests.testbed.waiting import eventually

SHAPES = ((1, 1), (2, 1), (4, 2), (1, 4), (8, 1), (8, 2), (3, 1), (5, 1))
"""GPUs per pod and pods; together more than the pools have."""


def test_many_workloads_in_parallel_never_overbook_a_pool(site: Site) -> None:
    capacity = {site.pool("one", nodes=2): 16, site.pool("two", nodes=1): 8}
    steer = {"duration": "1s"}
    made: list[objects.Object] = []
    for round_ in range(4):
        for index, (gpus, pods) in enumerate(SHAPES):
            name = f"w{round_}-{index}"
            if index % 3 == 0:
                shape = {"parallelism": pods, "completions": pods}
                made.append(objects.user_job(name, site.name, gpus, steer, **shape))
            else:
                made.append(objects.workload(name, site.name, gpus, steer, replicas=pods))
    with pods_watched(site.kubectl, site.name) as watch:
        site.submit(*made)

        def all_done() -> bool:
            seen = site.list("aiworkloads")
            left = [one["metadata"]["name"] for one in seen if not is_true(one, "Finished")]
            assert len(seen) == len(made), f"{len(seen)} of {len(made)} are there"
            assert not left, f"{len(left)} of {len(made)} are not finished, first {left[:3]}"
            return True

        eventually(all_done, every=0.5)
    most = most_gpus_asked(watch)
    assert set(most) == set(capacity), "both pools were used, and no other"
    assert {pool: asked for pool, asked in most.items() if asked > capacity[pool]} == {}
    # Nodes are packed as they look in the plan; the scheduler may choose otherwise and then waits for
    # pods to end. Single pods that fit any free GPU must never be refused.
    assert [said for said in refused_by_scheduler(watch) if "w0-0" in said] == []
    jobs = site.list("jobs")
    assert len(jobs) == len(made)
    assert all(job["status"].get("succeeded") == job["spec"]["completions"] for job in jobs)


def test_a_storm_of_one_pod_workloads_is_placed_pod_for_pod(site: Site) -> None:
    pool = site.pool(nodes=4)
    count = 60
    with pods_watched(site.kubectl, site.name) as watch:
        site.submit(*(objects.workload(f"w{n}", site.name, 1, {"duration": "1s"}) for n in range(count)))
        eventually(lambda: sum(is_true(one, "Finished") for one in site.list("aiworkloads")) == count, every=0.5)
    assert most_gpus_asked(watch)[pool] <= 32
    assert refused_by_scheduler(watch) == []
    assert len(set(watch.names())) == count, "one pod each, none twice"
