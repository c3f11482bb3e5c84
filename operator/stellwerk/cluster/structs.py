"""The parts of Kubernetes objects that we cache, as structs that decode straight from JSON.

Only needed fields exist here: everything else is skipped by the decoder and costs no memory. The
structs hold no cycles, so the garbage collector need not visit them (``gc=False``). JSON ``null``,
which Go writes for an empty list or time, is read as None; use ``x or ()``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stellwerk.lifecycle.wire import WorkloadStatus


class _Wire(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Read-only, camelCase on the wire, invisible to the garbage collector."""


class OwnerReference(_Wire, frozen=True):
    """An owner of an object."""

    kind: str
    name: str
    uid: str
    api_version: str = ""
    controller: bool | None = None


class ObjectMeta(_Wire, frozen=True):
    """``metadata`` of any object; times are RFC 3339 strings."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None


class KubeObject(_Wire, frozen=True):
    """Any object."""

    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)


class Condition(_Wire, frozen=True):
    """One condition, of the old kinds (Node, Pod, Job) and of the new ones alike."""

    type: str
    status: str
    reason: str | None = None
    message: str | None = None
    last_transition_time: str | None = None


# ------------------------------------------------------------------------------------------- Node


class Taint(_Wire, frozen=True):
    """A taint of a node."""

    key: str
    effect: str
    value: str = ""


class NodeSpec(_Wire, frozen=True):
    """What an administrator set on a node."""

    taints: tuple[Taint, ...] | None = None
    unschedulable: bool = False


class NodeStatus(_Wire, frozen=True):
    """What a node offers; quantities are strings such as ``"64Gi"``."""

    allocatable: dict[str, str] | None = None
    conditions: tuple[Condition, ...] | None = None


class Node(KubeObject, frozen=True):
    """A node."""

    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)

    @property
    def ready(self) -> bool:
        """Whether the condition Ready is True; a node without one is not ready."""
        return any(c.type == "Ready" and c.status == "True" for c in self.status.conditions or ())


# -------------------------------------------------------------------------------------------- Pod


class ResourceRequirements(_Wire, frozen=True):
    """Requests and limits of a container, as quantity strings."""

    requests: dict[str, str] | None = None
    limits: dict[str, str] | None = None


class ContainerPort(_Wire, frozen=True):
    """A port of a container; ``host_port`` is one of its node."""

    container_port: int = 0
    host_port: int | None = None
    # Kubernetes writes it in capitals, other than the rule makes of it.
    host_ip: str | None = msgspec.field(name="hostIP", default=None)
    protocol: str | None = None


class Container(_Wire, frozen=True):
    """A container's share of its pod's request; ``restart_policy`` Always marks a sidecar."""

    name: str = ""
    resources: ResourceRequirements = msgspec.field(default_factory=ResourceRequirements)
    restart_policy: str | None = None
    ports: tuple[ContainerPort, ...] | None = None


class Affinity(_Wire, frozen=True):
    """What keeps other pods away from a pod, as plain values; few pods have it."""

    pod_anti_affinity: dict[str, Any] | None = None


class SchedulingGate(_Wire, frozen=True):
    """What keeps kube-scheduler from looking at a pod."""

    name: str


class PodSpec(_Wire, frozen=True):
    """Where a pod runs and what it asks for."""

    node_name: str = ""
    node_selector: dict[str, str] | None = None
    scheduling_gates: tuple[SchedulingGate, ...] | None = None
    containers: tuple[Container, ...] | None = None
    init_containers: tuple[Container, ...] | None = None
    overhead: dict[str, str] | None = None
    resources: ResourceRequirements | None = None
    affinity: Affinity | None = None
    host_network: bool = False


class PodStatus(_Wire, frozen=True):
    """How far a pod is."""

    phase: str = ""
    conditions: tuple[Condition, ...] | None = None


class Pod(KubeObject, frozen=True):
    """A pod."""

    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)

    @property
    def terminal(self) -> bool:
        """Whether the pod has ended and holds no resources any more."""
        return self.status.phase in ("Succeeded", "Failed")

    @property
    def job(self) -> str:
        """Which Job made this pod, as `job_id` says it, or "". Anybody may write the label, but only in a namespace."""
        uid = (self.metadata.labels or {}).get("batch.kubernetes.io/controller-uid", "")
        return job_id(self.metadata.namespace, uid) if uid else ""

    @property
    def index(self) -> int | None:
        """Its completion index, None for a pod that is not of an Indexed Job."""
        text = (self.metadata.annotations or {}).get("batch.kubernetes.io/job-completion-index", "")
        return int(text) if text.isdecimal() else None

    @property
    def unschedulable(self) -> str | None:
        """The scheduler's words on why the pod is not bound, or None if it did not say so."""
        for condition in self.status.conditions or ():
            if condition.type == "PodScheduled" and condition.status == "False":
                return condition.message or condition.reason or "not scheduled"
        return None


# -------------------------------------------------------------------------------------------- Job


class PodTemplate(_Wire, frozen=True):
    """A pod template; its spec is kept as plain values because we hand it on."""

    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    spec: dict[str, Any] = msgspec.field(default_factory=dict)


class JobSpec(_Wire, frozen=True):
    """What a Job shall do."""

    suspend: bool | None = None
    parallelism: int | None = None
    completions: int | None = None
    completion_mode: str | None = None
    backoff_limit: int | None = None
    template: PodTemplate = msgspec.field(default_factory=PodTemplate)


class JobStatus(_Wire, frozen=True):
    """How far a Job is; absent counters are 0."""

    start_time: str | None = None
    completion_time: str | None = None
    active: int = 0
    ready: int | None = None
    terminating: int | None = None
    succeeded: int = 0
    failed: int = 0
    conditions: tuple[Condition, ...] | None = None


class Job(KubeObject, frozen=True):
    """A ``batch/v1`` Job."""

    spec: JobSpec = msgspec.field(default_factory=JobSpec)
    status: JobStatus = msgspec.field(default_factory=JobStatus)


# ------------------------------------------------------------------------- what namespaces allow


class Namespace(KubeObject, frozen=True):
    """A namespace; only its labels count."""


class LimitRange(KubeObject, frozen=True):
    """A LimitRange; its spec as plain values."""

    spec: dict[str, Any] = msgspec.field(default_factory=dict)


class ResourceQuota(KubeObject, frozen=True):
    """A ResourceQuota; spec and status as plain values."""

    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)


class RuntimeClass(KubeObject, frozen=True):
    """A RuntimeClass: what its pods need besides, and where they may run."""

    overhead: dict[str, Any] | None = None
    scheduling: dict[str, Any] | None = None


# -------------------------------------------------------------------------------------- our kinds


class AIWorkload(KubeObject, frozen=True):
    """An AIWorkload; its spec as plain values, checked by the API server's schema."""

    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: WorkloadStatus = WorkloadStatus()


class PlacementPolicy(KubeObject, frozen=True):
    """A PlacementPolicy; parsed by the pydantic model of its kind."""

    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)


class ComputePool(KubeObject, frozen=True):
    """A ComputePool; parsed by the pydantic model of its kind."""

    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)


def job_id(namespace: str, uid: str) -> str:
    """Return what tells a Job from all others, in a form that no pod of another namespace can claim."""
    return f"{namespace}/{uid}"


def plain(value: KubeObject) -> Mapping[str, Any]:
    """Return an object as the plain values that it would have on the wire (fields we keep only)."""
    built: Mapping[str, Any] = msgspec.to_builtins(value)
    return built
