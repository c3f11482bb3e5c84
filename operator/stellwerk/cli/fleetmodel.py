"""The fleet file: pools with the number and the shape of their nodes, as `--fleet` reads it.

The pydantic models are its only definition; docs/reference/fleet.schema.json is generated from them.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictInt, StrictStr

from stellwerk.api import moment
from stellwerk.api.base import DATE_TIME, Labels, Name, QualifiedName
from stellwerk.api.v1alpha1 import Taint
from stellwerk.api.v1alpha1.growth import PoolSupply
from stellwerk.cli.fleetparts import FleetPart, Quantities
from stellwerk.cli.fleetrules import FleetNamespace, FleetRuntimeClass


def _in_utc(text: str) -> str:
    if re.fullmatch(DATE_TIME, text):
        with suppress(ValueError):  # a day that does not exist
            return moment.utc(text)
    raise ValueError("must be a time with its offset, such as 2026-11-22T09:00:00Z")


class NodeGroup(FleetPart):
    """So many nodes of one shape, with one load."""

    count: Annotated[int, Field(ge=0, le=100_000, description="How many such nodes there are. Example: `4`.")] = 1
    allocatable: Annotated[
        Quantities,
        Field(
            min_length=1,
            description="What the pods of one node may use in total; `pods` is 110 where it is not said."
            ' Example: `{"cpu": "192", "memory": "2Ti", "nvidia.com/gpu": "8"}`.',
        ),
    ]
    used: Annotated[
        Quantities,
        Field(
            description="What is taken of each of these nodes, as the sum of its pods' requests."
            ' Example: `{"nvidia.com/gpu": "3"}`.'
        ),
    ] = {}
    schedulable: Annotated[
        bool,
        Field(description="Whether new pods may be bound to them now; false where cordoned or not ready."),
    ] = True
    labels: Annotated[
        Labels,
        Field(description='Labels of the nodes besides their pool\'s nodeSelector. Example: `{"rack": "r7"}`.'),
    ] = {}
    annotations: Annotated[
        dict[QualifiedName, StrictStr],
        Field(
            description="Annotations of the nodes that tell their price; others count for nothing."
            ' Example: `{"stellwerk.dev/price-per-hour": "31.5", "stellwerk.dev/price-currency": "EUR"}`.'
        ),
    ] = {}
    taints: Annotated[
        tuple[Taint, ...],
        Field(description="Taints of the nodes besides those that their pool declares."),
    ] = ()


class FleetMeta(FleetPart):
    """Names a pool or a policy of the file."""

    name: Annotated[Name, Field(description="Name of the object. Example: `onprem-h100`.")]


class FleetPool(FleetPart):
    """A ComputePool and its nodes."""

    metadata: FleetMeta
    spec: Annotated[
        dict[str, Any] | None,
        Field(
            description="The spec of the ComputePool, checked like the object itself. It may be left out where the"
            " ComputePool of this name is among the manifests, and a manifest wins over what stands here."
        ),
    ] = None
    nodes: Annotated[tuple[NodeGroup, ...], Field(description="The pool's nodes; none if it is empty now.")] = ()
    supply: Annotated[
        PoolSupply | None,
        Field(
            description="What was learned of the pool, as `status.supply` of the ComputePool says it: stock-outs of one"
            " that grows, interruptions of a Spot one. Nothing was where it is not said."
        ),
    ] = None


class FleetPolicy(FleetPart):
    """A PlacementPolicy of the fleet, for workloads whose manifests come without one."""

    metadata: FleetMeta
    spec: Annotated[dict[str, Any], Field(description="The spec of the PlacementPolicy, checked like the object.")]


class FleetRunning(FleetPart):
    """A workload that has a place already: it is not planned again, and more important work may take its room."""

    workload: Annotated[
        StrictStr,
        Field(
            min_length=1,
            description="Name of an AIWorkload or a Job among the manifests, or namespace/name. Example: `sweep-long`.",
        ),
    ]
    pool: Annotated[
        Name,
        Field(description="The pool that it runs in; the engine packs its pods on what `used` leaves of the nodes."),
    ]
    since: Annotated[
        StrictStr,
        AfterValidator(_in_utc),
        Field(description="When it got its place, RFC 3339. Example: `2026-11-22T09:00:00Z`."),
    ]
    replicas: Annotated[
        StrictInt | None,
        Field(ge=1, description="How many pods an elastic gang runs with; all of them where it is not said."),
    ] = None


class Fleet(FleetPart):
    """A fleet: what there is to run on. A file, not a cluster object."""

    api_version: Annotated[Literal["stellwerk.dev/v1alpha1"], Field(description="Version of this format.")]
    kind: Annotated[Literal["Fleet"], Field(description="Always `Fleet`.")]
    pools: Annotated[tuple[FleetPool, ...], Field(description="Declared pools with their nodes.")] = ()
    nodes: Annotated[
        tuple[NodeGroup, ...],
        Field(description="Nodes of no declared pool; pools are discovered from their labels as in a cluster."),
    ] = ()
    policies: Annotated[
        tuple[FleetPolicy, ...],
        Field(description="Policies of the fleet; a manifest of the same name wins."),
    ] = ()
    running: Annotated[
        tuple[FleetRunning, ...],
        Field(description="Workloads among the manifests that run already; their room comes on top of `used`."),
    ] = ()
    namespaces: Annotated[
        tuple[FleetNamespace, ...],
        Field(description="What namespaces allow their pods: LimitRanges, ResourceQuotas, and their labels."),
    ] = ()
    runtime_classes: Annotated[
        tuple[FleetRuntimeClass, ...],
        Field(description="What RuntimeClasses add to the pods that name them."),
    ] = ()
