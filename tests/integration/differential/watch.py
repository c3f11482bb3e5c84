"""All pods of a cluster as its API server shows them, kept up to date by one watch."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from urllib.parse import quote

import msgspec

from stellwerk.cluster import structs
from stellwerk.cluster.wire import Codec
from tests.testbed.api import Api


class PodWatch(threading.Thread):
    """Follows the pods until `stop`; what it holds may be read from any thread."""

    def __init__(self, api: Api) -> None:
        super().__init__(name="pod-watch", daemon=True)
        self._api = api
        self._codec = Codec(structs.Pod)
        self._pods: dict[str, dict[str, structs.Pod]] = {}
        self._version = api.get("/api/v1/pods?limit=1")["metadata"]["resourceVersion"]
        self._changed = threading.Condition()
        self._stopped = False
        self.problem: Exception | None = None

    def run(self) -> None:
        """Read events, over and over again; a stream that ends is opened anew."""
        while not self._stopped:
            try:
                self._read()
            except (TimeoutError, OSError, http.client.HTTPException):
                self._api._connection().close()
            except Exception as error:
                if self._stopped:
                    return  # the cluster went first
                self.problem = error
                raise

    def stop(self) -> None:
        """End with the next event, or when the cluster goes."""
        self._stopped = True

    def of(self, namespace: str) -> dict[str, structs.Pod]:
        """Return the pods of a namespace by name; a copy."""
        with self._changed:
            return dict(self._pods.get(namespace, {}))

    def until(self, met: Callable[[], bool], limit: float) -> bool:
        """Wait until a condition on the pods holds, at most `limit` seconds; tell whether it does."""
        end = time.monotonic() + limit
        with self._changed:
            while not (fine := met()) and time.monotonic() < end:
                self._changed.wait(0.25)
                if self.problem is not None:
                    raise self.problem
            return fine

    def _read(self) -> None:
        connection = self._api._connection()
        path = f"/api/v1/pods?watch=1&allowWatchBookmarks=true&resourceVersion={quote(self._version)}"
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        while not self._stopped and (line := answer.readline()):
            event = self._codec.event(line)
            self._version = event.object.metadata.resource_version
            if isinstance(event.object, structs.Pod) and event.type != "BOOKMARK":
                self._take(event.type, event.object)
            elif event.type == "DELETED":
                self._take(event.type, msgspec.convert(structs.plain(event.object), structs.Pod))

    def _take(self, kind: str, pod: structs.Pod) -> None:
        with self._changed:
            there = self._pods.setdefault(pod.metadata.namespace, {})
            if kind == "DELETED":
                there.pop(pod.metadata.name, None)
            else:
                there[pod.metadata.name] = pod
            self._changed.notify_all()
