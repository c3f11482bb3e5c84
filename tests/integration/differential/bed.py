"""One control plane that many worlds share side by side: nodes are made once and changed for each world."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from tests.integration.differential.places import LABELS, NODES, RESOURCES, Object, Place
from tests.integration.differential.watch import PodWatch
from tests.integration.differential.worlds import World
from tests.testbed.api import Api, ApiError
from tests.testbed.cluster import Cluster
from tests.testbed.waiting import eventually

MERGE: Final = "application/merge-patch+json"
THREADS: Final = 12
REFUSED: Final = (403, 422)
"""Forbidden by a quota or a limit, or made invalid by a default."""
CLEARED: Final = 60.0
"""Seconds in which deleted pods must be gone."""

T = TypeVar("T")
R = TypeVar("R")

RUNTIME_CLASSES: Final[tuple[Object, ...]] = (
    {
        "metadata": {"name": "differential-heavy"},
        "handler": "heavy",
        "overhead": {"podFixed": {"cpu": "700m", "memory": "512Mi"}},
    },
    {
        "metadata": {"name": "differential-pinned"},
        "handler": "pinned",
        "scheduling": {"nodeSelector": {"runtime": "sandbox"}, "tolerations": [{"key": "batch", "operator": "Exists"}]},
    },
)
PRIORITY_CLASS: Final[Object] = {
    "metadata": {"name": "differential-high"},
    "value": 1000,
    "preemptionPolicy": "Never",
}


class Bed:
    """A cluster with room for `places` worlds at a time."""

    def __init__(self, api: Api, places: int) -> None:
        self.api = api
        self.places = [Place(number) for number in range(places)]
        self.watch = PodWatch(api)
        self.runtime_classes: list[Object] = []
        self.namespaces: dict[str, Object] = {}
        self._pool = ThreadPoolExecutor(THREADS)

    def open(self) -> None:
        """Make what all worlds share."""
        self.runtime_classes = [self._post("/apis/node.k8s.io/v1/runtimeclasses", one) for one in RUNTIME_CLASSES]
        self._post("/apis/scheduling.k8s.io/v1/priorityclasses", PRIORITY_CLASS)
        self.each(self._prepare, self.places)
        self.watch.start()

    def close(self) -> None:
        """End the threads; the cluster is somebody else's."""
        self.watch.stop()
        self._pool.shutdown()

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Do the same for all items, several at a time; the first error is raised."""
        return list(self._pool.map(work, items))

    def build(self, world: World) -> None:
        """Bring a world about; afterwards it holds the objects as the API server keeps them."""
        place = world.place
        there = {node["metadata"]["name"] for node in world.nodes}
        world.nodes = [self._node(node) for node in world.nodes]
        for index in range(NODES):
            if place.node(index) not in there:
                self._node(_parked(place.node(index)))
        namespace = place.namespaces[0]
        made = [self.try_pod(pod) for pod in world.pods]
        world.pods = [pod for pod in made if pod is not None]
        world.limits = [self._post(f"/api/v1/namespaces/{namespace}/limitranges", one) for one in world.limits]
        world.quotas = [self._post(f"/api/v1/namespaces/{namespace}/resourcequotas", one) for one in world.quotas]

    def clear(self, place: Place) -> None:
        """Remove what a world left, nodes apart."""
        namespace = place.namespaces[0]
        for path in (
            f"/api/v1/namespaces/{namespace}/limitranges",
            f"/api/v1/namespaces/{namespace}/resourcequotas",
            f"/apis/batch/v1/namespaces/{namespace}/jobs",
        ):
            self.api.call("DELETE", path)
        for name in place.namespaces:
            self.remove(name)

    def remove(self, namespace: str, selector: str = "") -> None:
        """Delete pods at once, without waiting until they are gone."""
        query = f"?labelSelector={selector}" if selector else ""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}
        self.api.call("DELETE", f"/api/v1/namespaces/{namespace}/pods{query}", body)

    def gone(self, namespace: str, names: Iterable[str] | None = None) -> Callable[[], bool]:
        """Return what tells whether pods of a namespace are gone, by name or all of them."""
        wanted = None if names is None else set(names)

        def check() -> bool:
            there = self.watch.of(namespace)
            return not (there if wanted is None else wanted & there.keys())

        return check

    def try_pod(self, pod: Object) -> Object | None:
        """Create a pod; None if the API server refuses it."""
        try:
            return self.post_pod(pod)
        except ApiError as error:
            if error.code in REFUSED:
                return None
            raise

    def post_pod(self, pod: Object) -> Object:
        """Create a pod; ApiError with a code of `REFUSED` if the API server refuses it."""
        return self._post(f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods", pod)

    def quotas(self, world: World) -> list[Object]:
        """Return the quotas of a world once their status has caught up with the pods that are there."""
        if not world.quotas:
            return []
        namespace = world.place.namespaces[0]
        path = f"/api/v1/namespaces/{namespace}/resourcequotas"
        last: list[list[Object]] = []

        def settled() -> list[Object]:
            found: list[Object] = self.api.get(path)["items"]
            assert all(one.get("status", {}).get("hard") == one["spec"]["hard"] for one in found)
            used = [one["status"]["used"] for one in found]
            last.append(used)
            assert len(last) > 2
            assert last[-1] == last[-2] == last[-3]
            return found

        return eventually(settled, limit=30, every=0.12)

    def _post(self, path: str, body: Object) -> Object:
        made: Object = self.api.call("POST", path, body)
        return made

    def _prepare(self, place: Place) -> None:
        for name, side in zip(place.namespaces, "ab", strict=True):
            labels = {"place": str(place.number), "side": side}
            self.namespaces[name] = self._post("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
            eventually(lambda name=name: self.api.get(f"/api/v1/namespaces/{name}/serviceaccounts/default"))  # type: ignore[misc]
        for index in range(NODES):
            self._post("/api/v1/nodes", _parked(place.node(index)))
        for index in range(NODES):
            eventually(lambda index=index: self._ready(place.node(index)), every=0.2)  # type: ignore[misc]

    def _ready(self, name: str) -> bool:
        node = self.api.get(f"/api/v1/nodes/{name}")
        fresh = any(taint["key"] == "node.kubernetes.io/not-ready" for taint in node["spec"].get("taints", ()))
        conditions = node["status"].get("conditions", ())
        return not fresh and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def _node(self, node: Object) -> Object:
        path = f"/api/v1/nodes/{node['metadata']['name']}"
        labels: dict[str, Any] = dict.fromkeys(LABELS)
        rack = f"rack{node['metadata']['name'].split('-')[0][1:]}.example.com/name"
        labels |= {rack: None} | node["metadata"]["labels"]
        self.api.call("PATCH", path, {"metadata": {"labels": labels}, "spec": node["spec"]}, MERGE)
        offer = dict.fromkeys(RESOURCES) | node["status"]["allocatable"]
        body = {"status": {"capacity": offer, "allocatable": offer}}
        changed: Object = self.api.call("PATCH", f"{path}/status", body, MERGE)
        return changed


def _parked(name: str) -> Object:
    offer = {"cpu": "1", "memory": "1Gi", "pods": "1"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name},
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        },
        "spec": {"taints": [{"key": "parked", "effect": "NoSchedule"}], "unschedulable": False},
        "status": {"capacity": offer, "allocatable": offer},
    }


@contextmanager
def bed(cluster: Cluster, places: int) -> Iterator[Bed]:
    """Prepare a cluster; the nodes and namespaces stay, the cluster goes with its owner."""
    made = Bed(cluster.api, places)
    made.open()
    try:
        yield made
    finally:
        made.close()
