"""An observer that misses nothing: every event of a collection, in the order of the API server."""

from __future__ import annotations

import json
import subprocess
import threading
from types import TracebackType
from typing import Any, Self

from tests.integration.operator.objects import Object, finished, gpus_of
from tests.testbed.kubectl import Kubectl
from tests.testbed.pools import POOL_LABEL
from tests.testbed.waiting import eventually


class Watch:
    """Watches a path from now on, past all proxies, as admin."""

    def __init__(self, kubectl: Kubectl, path: str) -> None:
        self.events: list[tuple[str, Object]] = []
        self._list = lambda: json.loads(kubectl("get", "--raw", path))
        listed = self._list()
        self._before = {one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in listed["items"]}
        version = listed["metadata"]["resourceVersion"]
        command = [str(kubectl.binary), "--kubeconfig", str(kubectl.kubeconfig), "get", "--raw"]
        self._process = subprocess.Popen(
            [*command, f"{path}?watch=1&resourceVersion={version}&timeoutSeconds=3600"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event: dict[str, Any] = json.loads(line)
            self.events.append((event["type"], event["object"]))

    def close(self) -> None:
        """Stop watching; what came so far stays."""
        self._process.terminate()
        self._thread.join(30)
        self._process.wait(30)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def catch_up(self) -> None:
        """Wait until the watch has shown all that has happened by now."""
        now = {one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in self._list()["items"]}

        def shown() -> bool:
            last = dict(self._before)
            gone = set()
            for type_, one in list(self.events):
                last[one["metadata"]["uid"]] = one["metadata"]["resourceVersion"]
                if type_ == "DELETED":
                    gone.add(one["metadata"]["uid"])
            late = [uid for uid, version in now.items() if int(last.get(uid, 0)) < int(version)]
            assert not late, f"{len(late)} objects are shown as they were"
            return self._before.keys() - now.keys() <= gone

        eventually(shown)

    def names(self, kind: str = "ADDED") -> list[str]:
        """Names of the objects that events of this type were about, in order."""
        return [one["metadata"]["name"] for type_, one in list(self.events) if type_ == kind]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.catch_up()
        finally:
            self.close()


def pods_watched(kubectl: Kubectl, namespace: str) -> Watch:
    """Watch the pods of a namespace."""
    return Watch(kubectl, f"/api/v1/namespaces/{namespace}/pods")


def most_gpus_asked(watch: Watch) -> dict[str, int]:
    """For each pool the most GPUs that live pods, bound or not, asked for at the same time."""
    most: dict[str, int] = {}
    live: dict[str, Object] = {}
    for type_, pod in list(watch.events):
        live[pod["metadata"]["uid"]] = pod
        if type_ == "DELETED" or finished(pod):
            del live[pod["metadata"]["uid"]]
        now: dict[str, int] = {}
        for one in live.values():
            pool = one["spec"].get("nodeSelector", {}).get(POOL_LABEL, "")
            now[pool] = now.get(pool, 0) + gpus_of(one)
        most |= {pool: max(asked, most.get(pool, 0)) for pool, asked in now.items()}
    return most


def refused_by_scheduler(watch: Watch) -> list[str]:
    """Pods that kube-scheduler ever called unschedulable, with what it said."""
    return [
        f"{pod['metadata']['name']}: {one.get('message')}"
        for _, pod in list(watch.events)
        for one in pod["status"].get("conditions", [])
        if one["type"] == "PodScheduled" and one.get("reason") == "Unschedulable"
    ]
