"""Random gangs: AIWorkloads with a template, and users' Jobs with everything that a pod spec may demand."""

from __future__ import annotations

from random import Random
from typing import Any

from stellwerk.api.labels import POLICY_LABEL
from tests.integration.differential.neighbours import port_of, term
from tests.integration.differential.places import APPS, GPU, HOST, KEEP_RUNNING, ZONE, Object, Place
from tests.integration.differential.worlds import World

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def template_of(world: World, name: str, random: Random) -> Object:
    """An AIWorkload whose pods say only what its schema allows."""
    place = world.place
    pod = _pod_spec(world, random)
    spec: Object = {
        "class": "Batch",
        "policy": "default",
        "replicas": random.choice((1, 2, 2, 3, 4, 5)),
        "template": {"metadata": _metadata(place, random), "spec": pod},
    }
    models = sorted({pool["spec"]["accelerator"]["model"] for pool in world.pools if "accelerator" in pool["spec"]})
    if models and random.random() < 0.6:
        spec["accelerators"] = [{"model": random.choice((*models, "any")), "count": random.choice((1, 1, 2, 4))}]
    return _object("AIWorkload", "stellwerk.dev/v1alpha1", place, name) | {"spec": spec}


def tight_of(world: World, name: str, random: Random) -> Object:
    """An AIWorkload of plain pods, of which only the size matters."""
    requests = {"cpu": random.choice(("500m", "1", "2", "3", "5")), "memory": random.choice(("256Mi", "1Gi", "3Gi"))}
    container = {"name": "main", "image": "example.com/new:1", "resources": {"requests": requests}}
    spec: Object = {
        "class": "Batch",
        "policy": "default",
        "replicas": random.choice((1, 1, 2, 3, 4, 6)),
        "template": {
            "metadata": _metadata(world.place, random),
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
        },
    }
    if "accelerator" in world.pools[0]["spec"] and random.random() < 0.6:
        spec["accelerators"] = [{"model": "H100", "count": random.choice((1, 1, 2, 4))}]
    return _object("AIWorkload", "stellwerk.dev/v1alpha1", world.place, name) | {"spec": spec}


def job_of(world: World, name: str, random: Random) -> Object:
    """A suspended Job of a user."""
    place = world.place
    pod = _pod_spec(world, random)
    pod["restartPolicy"] = "Never"
    if any("accelerator" in pool["spec"] for pool in world.pools) and random.random() < 0.4:
        resources = pod["containers"][0]["resources"]
        resources["limits"] = {**resources.get("limits", {}), GPU: str(random.choice((1, 1, 2)))}
    metadata = _metadata(place, random)
    for feature in random.sample(_FEATURES, random.choice((0, 1, 1, 2))):
        feature(pod, world, random)
    replicas = random.choice((1, 2, 2, 3, 4, 5))
    made = _object("Job", "batch/v1", place, name)
    made["metadata"]["labels"] = {POLICY_LABEL: "default"}
    made["spec"] = {
        "suspend": True,
        "managedBy": "example.com/differential",  # else the Job controller adopts the pods, and deletes them
        "parallelism": replicas,
        "completions": replicas,
        "completionMode": random.choice(("Indexed", "NonIndexed")),
        "backoffLimit": 0,
        "template": {"metadata": metadata, "spec": pod},
    }
    return made


def _object(kind: str, version: str, place: Place, name: str) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": place.namespaces[0]}}


def _metadata(place: Place, random: Random) -> Object:
    labels = {"app": place.app(random.choice(APPS)), "team": random.choice(("red", "blue"))}
    return {"labels": labels, "annotations": dict(KEEP_RUNNING)}


def _pod_spec(world: World, random: Random) -> Object:
    spec: Object = {"containers": [_container("main", random)], "terminationGracePeriodSeconds": 0}
    if random.random() < 0.2:
        spec["containers"].append(_container("second", random))
    if random.random() < 0.25:
        first = _container("init", random)
        if random.random() < 0.5:
            first["restartPolicy"] = "Always"
        spec["initContainers"] = [first, *([_container("init2", random)] if random.random() < 0.4 else [])]
    if random.random() < 0.15:
        key, values = random.choice((("disk", ("ssd", "hdd", "tape")), (ZONE, _zones(world))))
        spec["nodeSelector"] = {key: random.choice(values)}
    if random.random() < 0.3:
        spec["tolerations"] = [random.choice(_TOLERATIONS)]
    if random.random() < 0.2:
        spec["priorityClassName"] = "differential-high"
    return spec


_TOLERATIONS: tuple[Object, ...] = (
    {"key": "dedicated", "operator": "Exists"},
    {"key": "dedicated", "operator": "Equal", "value": "ml", "effect": "NoSchedule"},
    {"key": "batch", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "batch", "operator": "Equal", "value": "", "effect": "NoExecute"},
)


def _zones(world: World) -> tuple[str, ...]:
    return tuple(f"d{world.place.number}-z{index}" for index in range(3))


def _container(name: str, random: Random) -> Object:
    requests: Object = {}
    limits: Object = {}
    if random.random() < 0.85:
        requests["cpu"] = random.choice(("100m", "250m", "500m", "1", "1", "1500m", "2", "3"))
    if random.random() < 0.6:
        requests["memory"] = random.choice(("128Mi", "1Gi", "3Gi"))
    if random.random() < 0.15:
        limits["cpu"] = random.choice(("3", "4"))
    if random.random() < 0.1:
        limits["memory"] = "3Gi"
    if random.random() < 0.08:
        requests["ephemeral-storage"] = random.choice(("1Gi", "10Gi"))
    if random.random() < 0.05:
        limits["example.com/license"] = "1"
    if random.random() < 0.05:
        requests["hugepages-2Mi"] = limits["hugepages-2Mi"] = "256Mi"
        requests.setdefault("memory", "128Mi")
    resources = {key: value for key, value in (("requests", requests), ("limits", limits)) if value}
    return {"name": name, "image": "example.com/new:1", "resources": resources}


# ------------------------------------------------------------------------------- what only a Job may demand


def _node_affinity(pod: Object, world: World, random: Random) -> None:
    expressions: tuple[Object, ...] = (
        {"key": "disk", "operator": "In", "values": ["ssd"]},
        {"key": "disk", "operator": "NotIn", "values": ["hdd"]},
        {"key": "disk", "operator": "DoesNotExist"},
        {"key": "rank", "operator": "Gt", "values": ["8"]},
        {"key": "rank", "operator": "Lt", "values": ["12"]},
        {"key": world.place.rack, "operator": "Exists"},
    )
    terms: list[Object] = [
        {"matchExpressions": random.sample(expressions, random.randint(1, 2))} for _ in range(random.randint(1, 2))
    ]
    if random.random() < 0.2:
        named = world.place.node(random.randint(0, 3))
        terms.append({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [named]}]})
    _affinity(pod)["nodeAffinity"] = {_REQUIRED: {"nodeSelectorTerms": terms}}
    if random.random() < 0.3:
        preferred = {"weight": 100, "preference": {"matchExpressions": [expressions[0]]}}
        _affinity(pod)["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] = [preferred]


def _pod_affinity(pod: Object, world: World, random: Random) -> None:
    _affinity(pod)["podAffinity"] = {_REQUIRED: [term(world.place, random) for _ in range(random.choice((1, 1, 2)))]}


def _pod_anti_affinity(pod: Object, world: World, random: Random) -> None:
    terms = [term(world.place, random) for _ in range(random.choice((1, 1, 2)))]
    _affinity(pod)["podAntiAffinity"] = {_REQUIRED: terms}


def _ports(pod: Object, _: World, random: Random) -> None:
    pod["containers"][0]["ports"] = [port_of(random)]


def _sidecar_port(pod: Object, _: World, random: Random) -> None:
    sidecar = {"name": "proxy", "image": "example.com/new:1", "restartPolicy": "Always", "ports": [port_of(random)]}
    pod.setdefault("initContainers", []).append(sidecar)


def _host_network(pod: Object, _: World, random: Random) -> None:
    port = random.choice((8080, 9090))
    pod["hostNetwork"] = True
    pod["containers"][0]["ports"] = [{"containerPort": port, "hostPort": port}]


def _two_spreads(pod: Object, world: World, random: Random) -> None:
    """Over nodes and over zones or racks at the same time."""
    _spread(pod, world, random)
    (first,) = pod["topologySpreadConstraints"]
    _spread(pod, world, random)
    if (first["topologyKey"], first["whenUnsatisfiable"]) != tuple(
        pod["topologySpreadConstraints"][0][key] for key in ("topologyKey", "whenUnsatisfiable")
    ):
        pod["topologySpreadConstraints"].insert(0, first)


def _spread(pod: Object, world: World, random: Random) -> None:
    constraint: Object = {
        "maxSkew": random.choice((1, 1, 2)),
        "topologyKey": random.choice((HOST, ZONE, world.place.rack)),
        "whenUnsatisfiable": random.choice(("DoNotSchedule", "DoNotSchedule", "ScheduleAnyway")),
        "labelSelector": {"matchLabels": {"app": world.place.app(random.choice(APPS))}},
    }
    if random.random() < 0.2 and constraint["whenUnsatisfiable"] == "DoNotSchedule":
        constraint["minDomains"] = random.choice((2, 3))
    if random.random() < 0.2:
        constraint["nodeTaintsPolicy"] = "Honor"
    if random.random() < 0.15 and constraint["topologyKey"] == world.place.rack:
        constraint["nodeAffinityPolicy"] = "Ignore"
    if random.random() < 0.15:
        constraint["matchLabelKeys"] = ["team"]
    pod["topologySpreadConstraints"] = [constraint]


def _runtime_class(pod: Object, _: World, random: Random) -> None:
    pod["runtimeClassName"] = random.choice(("differential-heavy", "differential-pinned"))


def _pod_level(pod: Object, _: World, random: Random) -> None:
    pod["resources"] = {"requests": {"cpu": "6", "memory": random.choice(("7Gi", "9Gi"))}}


def _affinity(pod: Object) -> Object:
    found: Object = pod.setdefault("affinity", {})
    return found


_FEATURES: tuple[Any, ...] = (
    _node_affinity,
    _pod_affinity,
    _pod_anti_affinity,
    _pod_affinity,
    _pod_anti_affinity,
    _ports,
    _sidecar_port,
    _host_network,
    _two_spreads,
    _spread,
    _spread,
    _spread,
    _runtime_class,
    _pod_level,
)
