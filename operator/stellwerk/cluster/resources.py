"""Which objects are listed and watched: their path, what is decoded of them, and which of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from stellwerk.api import labels
from stellwerk.cluster import accounts, structs

T = TypeVar("T", bound=structs.KubeObject)

OUR_API: Final = f"/apis/{labels.GROUP}/{labels.VERSION}"


@dataclass(frozen=True)
class Resource(Generic[T]):
    """A collection of like objects on an API server.

    Attributes:
        name: lower-case plural, for logs and metrics.
        path: absolute path of the collection, over all namespaces where there are any.
        kind: struct that an object is decoded into.
        label_selector: only objects with these labels; "" is all.
        field_selector: only objects with these fields; "" is all. An object that changes so that it
            no longer matches is reported as deleted.

    """

    name: str
    path: str
    kind: type[T]
    label_selector: str = ""
    field_selector: str = ""

    @property
    def query(self) -> Mapping[str, str]:
        """The selectors as query parameters; empty values are not sent."""
        return {"labelSelector": self.label_selector, "fieldSelector": self.field_selector}

    def within(self, namespace: str) -> Resource[T]:
        """Return the part of the collection that is in one namespace."""
        return replace(self, path=object_path(self.path, namespace, ""))


NODES: Final = Resource("nodes", "/api/v1/nodes", structs.Node)
PODS: Final = Resource("pods", "/api/v1/pods", structs.Pod)
LIVE_PODS: Final = replace(PODS, field_selector="status.phase!=Succeeded,status.phase!=Failed")
"""Pods that hold resources, or will: those that ended leave the stream as deleted."""
SUCCEEDED_PODS: Final = Resource("pods", PODS.path, accounts.EndedPod, field_selector="status.phase=Succeeded")
FAILED_PODS: Final = replace(SUCCEEDED_PODS, field_selector="status.phase=Failed")
"""Pods that have ended: listed by who begins to lead after nobody had watched."""
JOBS: Final = Resource("jobs", "/apis/batch/v1/jobs", structs.Job, label_selector=labels.POLICY_LABEL)
"""Jobs that opted in, and those that we created: both carry the label."""
AIWORKLOADS: Final = Resource("aiworkloads", f"{OUR_API}/aiworkloads", structs.AIWorkload)
PLACEMENT_POLICIES: Final = Resource("placementpolicies", f"{OUR_API}/placementpolicies", structs.PlacementPolicy)
COMPUTE_POOLS: Final = Resource("computepools", f"{OUR_API}/computepools", structs.ComputePool)
TENANTS: Final = Resource("tenants", f"{OUR_API}/tenants", accounts.Tenant)
NAMESPACES: Final = Resource("namespaces", "/api/v1/namespaces", structs.Namespace)
LIMIT_RANGES: Final = Resource("limitranges", "/api/v1/limitranges", structs.LimitRange)
RESOURCE_QUOTAS: Final = Resource("resourcequotas", "/api/v1/resourcequotas", structs.ResourceQuota)
CONFIG_MAPS: Final = Resource(
    "configmaps", "/api/v1/configmaps", accounts.ConfigMap, label_selector=labels.LEDGER_LABEL
)
"""Pages of ledgers: read when a replica begins to lead, never watched."""
RUNTIME_CLASSES: Final = Resource("runtimeclasses", "/apis/node.k8s.io/v1/runtimeclasses", structs.RuntimeClass)


def object_path(collection: str, namespace: str, name: str) -> str:
    """Return the path of one object.

    Args:
        collection: path of the collection over all namespaces, such as ``/apis/batch/v1/jobs``.
        namespace: the object's namespace, "" for a cluster-scoped kind.
        name: the object's name; "" gives the collection itself.

    """
    group, _, plural = collection.rpartition("/")
    scoped = f"{group}/namespaces/{namespace}/{plural}" if namespace else collection
    return f"{scoped}/{name}" if name else scoped
