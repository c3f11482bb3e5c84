"""Pods whose node must be exact: held back, told their node, bound there."""

from __future__ import annotations

from tests.integration.operator import objects
from tests.integration.operator.site import Site
from tests.testbed.waiting import eventually

HOST = "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def corners(site: Site) -> str:
    """A pool of three nodes: two in one row, two at one end of their rows."""
    label = f"seats-{site.name}"
    for name, row, end in (("nw", "north", "west"), ("ne", "north", "east"), ("se", "south", "east")):
        site.nodes(name, labels={label: "yes", "row": row, "end": end})
    pool = f"corners-{site.name}"
    site.declare(pool, nodeSelector={label: "yes"})
    return pool


def apart(name: str, site: Site, replicas: int) -> objects.Object:
    """A Job whose pods share neither a row nor an end."""
    job = objects.user_job(name, site.name, 1, parallelism=replicas, completions=replicas)
    job["spec"]["template"]["metadata"]["labels"] = {"app": name}
    terms = [{"topologyKey": key, "labelSelector": {"matchLabels": {"app": name}}} for key in ("row", "end")]
    job["spec"]["template"]["spec"]["affinity"] = {"podAntiAffinity": {REQUIRED: terms}}
    return job


def test_pods_that_keep_apart_in_two_ways_are_each_told_the_node_that_leaves_one_for_the_other(site: Site) -> None:
    corners(site)
    site.submit(apart("apart", site, 2))
    site.running("apart")
    pods = site.list("pods", "job-name=apart")
    assert len(pods) == 2
    for pod in pods:
        assert not pod["spec"].get("schedulingGates")
        assert pod["spec"]["nodeSelector"][HOST] == pod["spec"]["nodeName"]
    assert {pod["spec"]["nodeName"].split("-")[0] for pod in pods} == {"nw", "se"}
    placement = site.aiw("apart")["status"]["placement"]
    assert placement["nodesRequired"] is True
    assert placement["podsPerNode"] == [1, 1]


def test_a_pod_that_is_made_anew_is_told_its_node_again(site: Site) -> None:
    corners(site)
    job = apart("again", site, 2)
    job["spec"] |= {"completionMode": "Indexed", "backoffLimit": 3}
    site.submit(job)
    site.running("again")
    first = site.list("pods", "job-name=again")[0]
    site.delete("pods", first["metadata"]["name"])

    def anew() -> bool:
        found = {pod["metadata"]["uid"]: pod for pod in site.list("pods", "job-name=again")}
        assert first["metadata"]["uid"] not in found
        assert len(found) == 2
        assert all(pod["spec"].get("nodeName") for pod in found.values())
        return first["spec"]["nodeName"] in {pod["spec"]["nodeName"] for pod in found.values()}

    assert eventually(anew)
