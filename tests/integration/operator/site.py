"""What one test has to itself on a control plane that others use too."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from tests.integration.operator import objects
from tests.integration.operator.objects import Object, condition, is_true
from tests.testbed import pools
from tests.testbed.api import Api, ApiError
from tests.testbed.kubectl import Kubectl
from tests.testbed.waiting import eventually

MERGE = "application/merge-patch+json"
_OURS = "/apis/stellwerk.dev/v1alpha1"


class Site:
    """A namespace, nodes, pools of just these nodes, and a policy that lets workloads see only these pools.

    Args:
        kubectl: as admin.
        api: as admin.
        ruled: an operator runs all the time, so that workloads are submitted only when decisions follow the policies
            and pools that were declared before them: each kind comes by a stream of its own, and a first decision on a
            fleet seen in part is a right one, too.

    Attributes:
        name: unique; the policy's name, the label that the policy requires of pools, and the namespace.

    """

    def __init__(self, kubectl: Kubectl, api: Api, *, ruled: bool = False) -> None:
        self.name = f"s-{uuid.uuid4().hex[:8]}"
        self._ruled = ruled
        self._unanswered: list[tuple[str, str]] = []
        self.kubectl = kubectl.within(self.name)
        self.api = api
        self._cluster_objects: list[tuple[str, str]] = []
        self._node_pools: dict[str, int] = {}
        api.call("POST", "/api/v1/namespaces", {"metadata": {"name": self.name}})
        self.policy(self.name)

    def close(self) -> None:
        """Delete everything, without waiting for it."""
        self._forget("/api/v1/namespaces", self.name)
        for plural, name in self._cluster_objects:
            self._forget(f"{_OURS}/{plural}", name)
        for name in self._node_pools:
            pools.remove(self.api, name)

    # ------------------------------------------------------------------------------ making

    def policy(self, name: str, **spec: Any) -> str:
        """Create a policy that allows this test's pools only; returns its name."""
        require = {"poolLabels": {"test": self.name}} | spec.pop("require", {})
        self._create("placementpolicies", objects.policy(name, require=require, **spec))
        return name

    def nodes(self, name: str = "h100", count: int = 1, gpus: int = 8, **more: Any) -> str:
        """Add nodes and wait until they are ready; returns the name that their label has."""
        unique = f"{name}-{self.name}"
        self._node_pools[unique] = count
        pools.add(self.api, [pools.Pool(name=unique, count=count, gpus=gpus, **more)])
        return unique

    def pool(self, name: str = "h100", nodes: int = 1, gpus: int = 8, **spec: Any) -> str:
        """Add nodes and declare them as a pool; returns its name."""
        unique = self.nodes(name, nodes, gpus)
        self.declare(unique, gpus=gpus, **spec)
        return unique

    def declare(self, name: str, **spec: Any) -> None:
        """Declare nodes that exist as a pool of the same name."""
        spec.setdefault("labels", {"test": self.name})
        self._create("computepools", objects.pool(name, {pools.POOL_LABEL: name}, **spec))

    def growing(self, name: str, most: int = 4, provision: str = "5m", **spec: Any) -> str:
        """Declare a pool that has no nodes yet and can grow to `most` of 8 GPUs; returns its name."""
        unique = f"{name}-{self.name}"
        self._node_pools[unique] = 0
        node = {"cpu": "192", "memory": "2Ti", "nvidia.com/gpu": "8"}
        self.declare(unique, growth={"maxNodes": most, "provisionTime": provision, "node": node}, **spec)
        return unique

    def submit(self, *made: Object) -> None:
        """Create AIWorkloads and Jobs in the namespace."""
        while self._ruled and self._unanswered:
            self.accepted(*self._unanswered.pop())
        for one in made:
            plural = "jobs" if one["kind"] == "Job" else "aiworkloads"
            self.api.call("POST", self._path(plural), one)

    def workload(self, name: str, gpus: int = 1, **spec: Any) -> None:
        """Create an AIWorkload with this test's policy; see `objects.workload`."""
        self.submit(objects.workload(name, spec.pop("policy", self.name), gpus, **spec))

    def patch(self, plural: str, name: str, body: Object) -> None:
        """Merge-patch an object."""
        cluster = plural in ("placementpolicies", "computepools")
        path = f"{_OURS}/{plural}/{name}" if cluster else self._path(plural, name)
        self.api.call("PATCH", path, body, MERGE)

    def finish(self, name: str) -> None:
        """Let the pods of an AIWorkload end well now, whatever its `steer` says."""
        for pod in self.pods(name):
            self.patch("pods", f"{pod['metadata']['name']}/status", {"status": {"phase": "Succeeded"}})

    def delete(self, plural: str, name: str) -> None:
        """Delete an object as `kubectl delete` does: its dependents go in the background."""
        self.api.call("DELETE", f"{self._path(plural, name)}?propagationPolicy=Background")

    # ------------------------------------------------------------------------------ looking

    def get(self, plural: str, name: str) -> Object:
        """Return an object; LookupError if there is none."""
        try:
            found: Object = self.api.get(self._path(plural, name))
        except ApiError as error:
            if error.code == 404:
                raise LookupError(str(error)) from error
            raise
        return found

    def list(self, plural: str, selector: str = "") -> list[Object]:
        """Return the objects of a collection in this namespace."""
        items: list[Object] = self.api.get(f"{self._path(plural)}?labelSelector={quote(selector)}")["items"]
        return items

    def aiw(self, name: str) -> Object:
        """Return an AIWorkload."""
        return self.get("aiworkloads", name)

    def config(self, plural: str, name: str) -> Object:
        """Return a PlacementPolicy or ComputePool."""
        found: Object = self.api.get(f"{_OURS}/{plural}/{name}")
        return found

    def all_of(self, plural: str) -> list[Object]:
        """Return all PlacementPolicies or ComputePools, also those of others."""
        items: list[Object] = self.api.get(f"{_OURS}/{plural}")["items"]
        return items

    def child(self, name: str) -> Object:
        """Return the Job of an AIWorkload; LookupError while there is none."""
        found = [job for job in self.list("jobs") if job["metadata"]["name"] == self._child_name(name)]
        if not found:
            raise LookupError(f"{name} has no Job")
        return found[0]

    def pods(self, name: str) -> list[Object]:
        """Return the pods of an AIWorkload's Job."""
        return self.list("pods", f"job-name={self._child_name(name)}")

    def events(self, kind: str, name: str) -> list[Object]:
        """Return the events on an object."""
        found = (one for one in self.list("events") if one["involvedObject"]["kind"] == kind)
        return [one for one in found if one["involvedObject"]["name"] == name]

    # ------------------------------------------------------------------------------ waiting

    def told(self, name: str, reason: str, *words: str, kind: str = "AIWorkload") -> Object:
        """Wait until an event with this reason and these words stands on an object, and return it.

        Events are written after what they tell of, and by nobody's leave: never look for one at once.
        """

        def there() -> Object:
            found = [one for one in self.events(kind, name) if one["source"].get("component") == "stellwerk"]
            said = [one for one in found if one["reason"] == reason and all(word in one["message"] for word in words)]
            assert said, f"{name}: {[(one['reason'], one['message']) for one in found]}"
            return said[0]

        return eventually(there)

    def accepted(self, plural: str, name: str) -> Object:
        """Wait until the operator has answered the present generation of a policy or pool, and return that.

        Decisions follow it from then on.
        """

        def judged() -> Object:
            seen = self.config(plural, name)
            found, generation = condition(seen, "Accepted"), seen["metadata"]["generation"]
            assert found["observedGeneration"] == seen["status"]["observedGeneration"] == generation, seen["status"]
            return seen

        return eventually(judged)

    def known(self, *names: str) -> None:
        """Wait until decisions follow this test's policy and these pools, with all their nodes.

        The API server tells of each kind by a stream of its own, so that a workload may be seen before the pool that
        was declared before it. A test of what is decided with the whole fleet in view begins with this.
        """
        self.accepted("placementpolicies", self.name)
        for name in names:
            self.accepted("computepools", name)
            eventually(lambda: self.config("computepools", name)["status"]["nodes"] == self._node_pools[name])  # noqa: B023

    def until(self, name: str, what: Callable[[Object], object]) -> Object:
        """Wait until something holds for an AIWorkload, and return that."""

        def met() -> Object:
            seen = self.aiw(name)
            assert what(seen), f"{name}: {seen.get('status')}"
            return seen

        return eventually(met)

    def placed(self, name: str) -> Object:
        """Wait until an AIWorkload is placed, and return it; a short one may have ended since."""
        return self.until(
            name, lambda seen: is_true(seen, "Placed") or condition(seen, "Placed")["reason"] == "Released"
        )

    def running(self, name: str) -> Object:
        """Wait until all pods of an AIWorkload run, and return it."""
        return self.until(name, lambda seen: is_true(seen, "Ready"))

    def ended(self, name: str) -> Object:
        """Wait until an AIWorkload is finished, well or badly, and return it."""
        return self.until(name, lambda seen: is_true(seen, "Finished"))

    def waits(self, name: str, reason: str | None = None) -> Object:
        """Wait until it is decided that an AIWorkload has no place now, and return it."""
        return self.until(
            name,
            lambda seen: (
                condition(seen, "Placed")["status"] == "False"
                and seen["status"]["decision"]["mode"] in ("Wait", "Never")
                and reason in (None, seen["status"]["decision"]["reason"])
            ),
        )

    # ------------------------------------------------------------------------------ insides

    def _path(self, plural: str, name: str = "") -> str:
        group = {"jobs": "/apis/batch/v1", "aiworkloads": _OURS}.get(plural, "/api/v1")
        return f"{group}/namespaces/{self.name}/{plural}" + (f"/{name}" if name else "")

    def _child_name(self, name: str) -> str:
        child = self.aiw(name).get("status", {}).get("child")
        if not child:
            raise LookupError(f"{name} has no child yet")
        found: str = child["name"]
        return found

    def _create(self, plural: str, made: Object) -> None:
        self._cluster_objects.append((plural, made["metadata"]["name"]))
        self.api.call("POST", f"{_OURS}/{plural}", made)
        self._unanswered.append((plural, made["metadata"]["name"]))

    def _forget(self, collection: str, name: str) -> None:
        try:
            self.api.call("DELETE", f"{collection}/{name}")
        except ApiError as error:
            if error.code != 404:
                raise
