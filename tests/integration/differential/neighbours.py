"""Random pods that run already, and what pods demand of each other."""

from __future__ import annotations

from random import Random
from typing import Final

from tests.integration.differential.places import APPS, GPU, HOST, KEEP_RUNNING, ZONE, Object, Place


def pod_on(node: Object, place: Place, number: int, random: Random) -> Object:
    """A pod that was bound before Stellwerk looked; now and then more than the node has room for."""
    app = random.choice(APPS)
    container: Object = {
        "name": "main",
        "image": "example.com/old:1",
        "resources": {"requests": {"cpu": random.choice(("100m", "500m", "1", "2")), "memory": "256Mi"}},
    }
    gpus = int(node["status"]["allocatable"].get(GPU, "0"))
    if gpus and random.random() < 0.4:
        container["resources"]["limits"] = {GPU: str(random.randint(1, max(1, gpus // 2)))}
    if random.random() < 0.25:
        container["ports"] = [port_of(random)]
    spec: Object = {
        "nodeName": node["metadata"]["name"],
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
    }
    if random.random() < 0.25:
        spec["affinity"] = {"podAntiAffinity": {_REQUIRED: [term(place, random)]}}
    if random.random() < 0.15:
        spec["priorityClassName"] = "differential-high"
    return {
        "metadata": {
            "name": f"old-{node['metadata']['name']}-{number}",
            "namespace": random.choice(place.namespaces),
            "labels": {"app": place.app(app), "team": random.choice(("red", "blue"))},
            "annotations": KEEP_RUNNING,
        },
        "spec": spec,
    }


_NOT_RED: Final[Object] = {"key": "team", "operator": "NotIn", "values": ["red"]}
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def term(place: Place, random: Random) -> Object:
    """A term of pod affinity or anti-affinity over the pods of this place."""
    app = place.app(random.choice(APPS))
    selector: Object = random.choice(
        (
            {"matchLabels": {"app": app}},
            {"matchLabels": {"app": app}},
            {"matchExpressions": [{"key": "app", "operator": "In", "values": [app, place.app("other")]}]},
            {"matchLabels": {"app": app}, "matchExpressions": [_NOT_RED]},
            {"matchLabels": {"app": app}, "matchExpressions": [{"key": "team", "operator": "Exists"}]},
        )
    )
    made: Object = {"labelSelector": selector, "topologyKey": random.choice((HOST, HOST, ZONE, place.rack))}
    match random.randint(0, 24):
        case 0 | 1:
            return made | {"labelSelector": {}}  # all pods of its namespace
        case 2:
            return {"topologyKey": made["topologyKey"]}  # no pod at all
    match random.randint(0, 5):
        case 0:
            made["namespaces"] = list(place.namespaces)
        case 1:
            made["namespaces"] = [place.namespaces[1]]
        case 2:
            made["namespaceSelector"] = {"matchLabels": {"place": str(place.number)}}
        case 3:
            made["namespaceSelector"] = {"matchExpressions": [{"key": "side", "operator": "In", "values": ["b"]}]}
    if "team" not in str(selector):  # Kubernetes takes a key in one place only
        match random.randint(0, 8):
            case 0:
                made["matchLabelKeys"] = ["team"]
            case 1:
                made["mismatchLabelKeys"] = ["team"]
    return made


def port_of(random: Random) -> Object:
    port: Object = {"containerPort": 80, "hostPort": random.choice((8080, 9090))}
    if random.random() < 0.3:
        port["protocol"] = "UDP"
    if random.random() < 0.3:
        port["hostIP"] = random.choice(("127.0.0.1", "10.0.0.1", "0.0.0.0"))  # noqa: S104 - what a pod asks for
    return port
