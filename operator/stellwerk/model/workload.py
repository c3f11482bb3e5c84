"""Workloads: gangs of pods that are placed as a unit."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from stellwerk.api.labels import ANY_MODEL
from stellwerk.model.capacity import Toleration
from stellwerk.model.podask import PodAsk
from stellwerk.model.podrules import Labels, PodRules
from stellwerk.model.requirements import Requirements
from stellwerk.model.resources import Resources


class WorkloadKey(msgspec.Struct, frozen=True, order=True):
    """Namespace and name of an AIWorkload, or of its Job."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Identity(msgspec.Struct, frozen=True):
    """Which object, in which version."""

    key: WorkloadKey
    uid: str
    generation: int = 0
    resource_version: str = ""
    created: str = ""
    """RFC 3339 in UTC with whole seconds, as the API server writes it: texts sort like times."""


class PodShape(msgspec.Struct, frozen=True):
    """What one pod of a gang asks of its node."""

    requests: Resources
    """Kubernetes' effective request, `pods: 1` included, accelerators excluded."""
    requirements: Requirements = Requirements()
    tolerations: tuple[Toleration, ...] = ()
    rules: PodRules | None = None
    """What it demands of its neighbours; None if nothing."""


class PodFacts(msgspec.Struct, frozen=True):
    """What others may ask about a pod: the API server, and pods that want none like it beside them."""

    labels: Labels
    ask: PodAsk
    """Accelerators of a template's `accelerators` excluded; those that a user's Job names included."""


class AcceleratorOption(msgspec.Struct, frozen=True):
    """One alternative of accelerators that will do for a pod."""

    model: str = ANY_MODEL
    count: int = 1
    """Per pod."""
    memory_bytes: int | None = None
    """At least so much per accelerator; None demands nothing."""
    speed: Decimal = Decimal(1)
    """Relative speed: the expected runtime is divided by it."""
    resource: str | None = None
    """The resource name that the pod itself asks for (a user's Job); None takes the pool's."""
    share_milli: int | None = None
    """Thousandths of one accelerator, which other pods may share; None asks for `count` whole ones."""
    share_bytes: int | None = None
    """The same said by memory: bytes of one accelerator; at most one of the two is set."""
    replicas: int | None = None
    """Pods of the gang with this alternative; None takes the workload's."""
    runtime_s: int | None = None
    """Expected runtime on it; None divides the workload's by `speed`."""

    @property
    def is_share(self) -> bool:
        """Whether a part of one accelerator is asked for, and not whole ones."""
        return self.share_milli is not None or self.share_bytes is not None


class PodSet(msgspec.Struct, frozen=True):
    """Like pods that are placed together with the main ones of a gang, all or nothing."""

    name: str
    replicas: int
    pod: PodShape
    accelerators: tuple[AcceleratorOption, ...] = ()
    """Alternatives; empty asks for CPU only."""
    facts: PodFacts | None = None
    """None: nothing but its shape is known."""

    @property
    def options(self) -> tuple[AcceleratorOption | None, ...]:
        """The alternatives; one None for pods that need no accelerator."""
        return self.accelerators or (None,)


class DataAt(msgspec.Struct, frozen=True):
    """Data that a workload reads, and where it lies."""

    size_bytes: int
    provider: str
    region: str


class Workload(msgspec.Struct, frozen=True):
    """A valid workload, as the planner sees it."""

    identity: Identity
    class_: str
    policy: str
    replicas: int
    """Pods of the main pod set; the most that an elastic gang can use."""
    pod: PodShape
    accelerators: tuple[AcceleratorOption, ...] = ()
    """Alternatives; empty asks for CPU only."""
    min_replicas: int | None = None
    """An elastic gang starts with so many pods and grows up to `replicas`; None starts with all or not at all."""
    others: tuple[PodSet, ...] = ()
    """Further pod sets of the gang."""
    priority: int = 0
    expected_runtime_s: int = 3600
    checkpoint_interval_s: int | None = None
    """None: an interruption loses all work done so far."""
    source: Literal["template", "job"] = "template"
    deadline: str | None = None
    """When it must have ended: RFC 3339 in UTC with whole seconds; None knows no such time."""
    data: DataAt | None = None
    """What it reads from elsewhere; None is nothing that is known of."""
    preemptible: bool = True
    """More important work may take its place while it runs."""
    movable: bool = True
    """It may be stopped and started elsewhere while it runs."""
    served: int = 0
    """Accelerator-seconds that it has had already, in earlier places."""
    lost: int = 0
    """Accelerator-seconds of these whose work is lost."""
    facts: PodFacts | None = None
    """Of a pod of the main pod set; None: nothing but its shape is known."""

    @property
    def key(self) -> WorkloadKey:
        """Namespace and name."""
        return self.identity.key

    @property
    def uid(self) -> str:
        """Unique for all time, other than the name."""
        return self.identity.uid

    def size(self, option: AcceleratorOption | None) -> int:
        """Return how many pods the main pod set has with this alternative."""
        return self.replicas if option is None or option.replicas is None else option.replicas

    def least(self, option: AcceleratorOption | None) -> int:
        """Return with how many pods it may start with this alternative."""
        size = self.size(option)
        return size if self.min_replicas is None else min(self.min_replicas, size)

    @property
    def options(self) -> tuple[AcceleratorOption | None, ...]:
        """The alternatives; one None for a workload that needs no accelerator."""
        return self.accelerators or (None,)


class InvalidWorkload(msgspec.Struct, frozen=True):
    """A workload that cannot be planned, and why."""

    identity: Identity
    reason: str
    """Constant of `stellwerk.api.reasons` for its Accepted condition."""
    message: str

    @property
    def key(self) -> WorkloadKey:
        """Namespace and name."""
        return self.identity.key

    @property
    def uid(self) -> str:
        """Unique for all time, other than the name."""
        return self.identity.uid
