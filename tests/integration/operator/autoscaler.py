"""Plays the cluster autoscaler: adds nodes of a pool while pods that select it cannot be bound."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from tests.integration.operator.objects import Object, gpus_of
from tests.integration.operator.site import Site
from tests.testbed import pools


class Autoscaler:
    """Adds one node after the other, of 8 GPUs each, for as long as it is entered.

    Args:
        site: whose pods it looks at.
        pool: name of the pool, as the nodes' label has it.
        most: how many nodes it adds at most.

    """

    def __init__(self, site: Site, pool: str, most: int) -> None:
        self._site, self._most = site, most
        self._pool = pools.Pool(name=pool, count=most, gpus=8)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.added: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            pods = self._site.list("pods")
            if any(self._pends(pod) for pod in pods) and len(self.added) < min(self._most, self._nodes_for(pods)):
                node = pools.node(self._pool, len(self.added))
                self._site.api.call("POST", "/api/v1/nodes", node)
                self.added.append(node["metadata"]["name"])
        self._site.api.close()  # of this thread

    def _nodes_for(self, pods: list[Object]) -> int:
        return -(-sum(gpus_of(pod) for pod in pods if self._selects(pod)) // 8)

    def _pends(self, pod: Object) -> bool:
        said = pod["status"].get("conditions", [])
        return self._selects(pod) and any(one.get("reason") == "Unschedulable" for one in said)

    def _selects(self, pod: Object) -> bool:
        selector = pod["spec"].get("nodeSelector", {})
        return bool(selector.get(pools.POOL_LABEL) == self._pool.name)
