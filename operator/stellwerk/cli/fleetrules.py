"""What a fleet file says of namespaces and runtime classes: what the API server will make of pods, and refuse."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stellwerk.api.base import Labels, ObjectName
from stellwerk.cli.fleetparts import FleetPart, Quantities
from stellwerk.model.requirements import Operator

KNOWN_NAME = "kubernetes.io/metadata.name"
"""The label that the API server gives every namespace; a file need not repeat it."""


class FleetLimit(FleetPart):
    """One item of a LimitRange, in the API server's own words."""

    type: Annotated[Literal["Container", "Pod"], Field(description="Whether it is about each container or the pod.")]
    min: Annotated[Quantities, Field(description='The least that may be asked for. Example: `{"cpu": "100m"}`.')] = {}
    max: Annotated[Quantities, Field(description='The most that may be asked for. Example: `{"memory": "64Gi"}`.')] = {}
    default: Annotated[
        Quantities, Field(description='Limits of containers that state none. Example: `{"memory": "2Gi"}`.')
    ] = {}
    default_request: Annotated[
        Quantities, Field(description='Requests of containers that state none. Example: `{"cpu": "500m"}`.')
    ] = {}
    max_limit_request_ratio: Annotated[
        Quantities, Field(description='How many times its request a limit may be. Example: `{"cpu": "4"}`.')
    ] = {}


class FleetLimitRange(FleetPart):
    """A LimitRange of a namespace."""

    name: Annotated[ObjectName, Field(description="Name of the LimitRange. Example: `defaults`.")]
    limits: Annotated[tuple[FleetLimit, ...], Field(description="Its items for containers and pods.")]


class FleetScope(FleetPart):
    """Which pods a quota counts."""

    scope_name: Annotated[
        Literal[
            "Terminating",
            "NotTerminating",
            "BestEffort",
            "NotBestEffort",
            "PriorityClass",
            "CrossNamespacePodAffinity",
            "VolumeAttributesClass",
        ],
        Field(description="The scope, as the ResourceQuota names it. Example: `PriorityClass`."),
    ]
    operator: Annotated[
        Literal["In", "NotIn", "Exists", "DoesNotExist"],
        Field(description="How the values are meant; Exists for scopes without values. Example: `In`."),
    ] = "Exists"
    values: Annotated[tuple[str, ...], Field(description='Values of the scope. Example: `["high"]`.')] = ()

    @property
    def meaning(self) -> Operator:
        """The operator as requirements have it."""
        return Operator(self.operator)


class FleetQuota(FleetPart):
    """A ResourceQuota of a namespace, and what is used of it."""

    name: Annotated[ObjectName, Field(description="Name of the ResourceQuota. Example: `gpus`.")]
    hard: Annotated[
        Quantities,
        Field(min_length=1, description='What all pods may use. Example: `{"requests.nvidia.com/gpu": "16"}`.'),
    ]
    used: Annotated[
        Quantities,
        Field(
            description="What is used of it, by what stands under `running`, too."
            ' Example: `{"requests.nvidia.com/gpu": "12"}`.'
        ),
    ] = {}
    scopes: Annotated[tuple[FleetScope, ...], Field(description="Which pods it counts; all if none is named.")] = ()


class NamespaceMeta(FleetPart):
    """Names a namespace."""

    name: Annotated[ObjectName, Field(description="Name of the namespace. Example: `team-vision`.")]
    labels: Annotated[
        Labels,
        Field(description=f"Its labels, for affinity to pods of some namespaces; `{KNOWN_NAME}` goes without saying."),
    ] = {}


class FleetNamespace(FleetPart):
    """What a namespace allows its pods. Of one that is not listed nothing is known to be forbidden."""

    metadata: NamespaceMeta
    limit_ranges: Annotated[
        tuple[FleetLimitRange, ...], Field(description="Limits and defaults of single pods, by LimitRange.")
    ] = ()
    resource_quotas: Annotated[
        tuple[FleetQuota, ...], Field(description="What all pods of the namespace may use together.")
    ] = ()


class RuntimeClassMeta(FleetPart):
    """Names a RuntimeClass."""

    name: Annotated[ObjectName, Field(description="Name of the RuntimeClass. Example: `gvisor`.")]


class FleetOverhead(FleetPart):
    """What the runtime takes itself."""

    pod_fixed: Annotated[
        Quantities, Field(description='What each pod takes besides its containers. Example: `{"memory": "160Mi"}`.')
    ] = {}


class FleetToleration(FleetPart):
    """A taint that pods bear."""

    key: Annotated[str, Field(description="Key of the taint; none bears every key. Example: `sandbox`.")] = ""
    operator: Annotated[Literal["Equal", "Exists"], Field(description="Whether the value counts.")] = "Equal"
    value: Annotated[str, Field(description="Value of the taint. Example: `gvisor`.")] = ""
    effect: Annotated[
        Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"],
        Field(description="Effect of the taint; none bears every effect. Example: `NoSchedule`."),
    ] = ""


class FleetScheduling(FleetPart):
    """Where pods of a RuntimeClass may run."""

    node_selector: Annotated[Labels, Field(description='Labels of the nodes. Example: `{"sandbox": "gvisor"}`.')] = {}
    tolerations: Annotated[tuple[FleetToleration, ...], Field(description="Taints that its pods bear.")] = ()


class FleetRuntimeClass(FleetPart):
    """A RuntimeClass: what pods that name it take besides, and where they may run."""

    metadata: RuntimeClassMeta
    overhead: Annotated[FleetOverhead, Field(description="What the runtime takes itself.")] = FleetOverhead()
    scheduling: Annotated[FleetScheduling, Field(description="Where its pods may run.")] = FleetScheduling()
