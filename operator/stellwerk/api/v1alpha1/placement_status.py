"""Status of an AIWorkload: where its pod sets were placed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stellwerk.api.base import (
    DNS_LABEL,
    LIST_ATOMIC,
    Labels,
    ObjectName,
    QualifiedName,
    Token,
    WireModel,
    doc,
    list_map,
)
from stellwerk.api.v1alpha1.asks import MAX_POD_SETS
from stellwerk.api.v1alpha1.computepool import CapacityType
from stellwerk.api.v1alpha1.podtemplate import Toleration

PodCount = Annotated[int, Field(ge=1, le=10_000)]
"""Pods on one node."""

PodsPerNode = Annotated[
    tuple[PodCount, ...],
    doc("Pods that the packing put on each of them.", [2], max_length=100, json_schema_extra=LIST_ATOMIC),
]
"""Beside the list of preferred nodes."""

NewNodes = Annotated[
    int,
    doc("Nodes that the pool lacked for it at the time of the decision, and was to get.", 2, ge=0, le=10_000),
]
"""Of the main pod set or of a further one, each in its own pool."""


class AcceleratorStatus(WireModel):
    """The accelerators that one pod gets."""

    model: Annotated[Token, doc("Model.", "H100")]
    count: Annotated[int, doc("Accelerators per pod.", 8, ge=1, le=64)]
    resource: Annotated[QualifiedName, doc("Resource that the pods ask for.", "nvidia.com/gpu")]
    units: Annotated[
        int | None,
        doc(
            "Units of the resource that each of the pods asks for, where nodes offer slices of accelerators.",
            2,
            ge=1,
            le=65_536,
        ),
    ] = None


class PlacedSetStatus(WireModel):
    """Where a further pod set was placed, in the cluster of the main one."""

    name: Annotated[str, doc("Name of the pod set.", "loader", min_length=1, max_length=20, pattern=DNS_LABEL)]
    pool: Annotated[ObjectName, doc("The pool.", "onprem-cpu")]
    capacity_type: Annotated[CapacityType, doc("How the pool's nodes are paid for.", "Owned")]
    replicas: Annotated[int, doc("Pods of this set that were placed.", 2, ge=1, le=10_000)]
    accelerator: Annotated[
        AcceleratorStatus | None,
        doc(
            "The alternative that was chosen; absent for CPU only.",
            {"model": "L4", "count": 1, "resource": "nvidia.com/gpu"},
        ),
    ] = None
    node_selector: Annotated[
        Labels, doc("Node selector that the pods get.", {"node-pool": "onprem-cpu"}, max_length=32)
    ] = {}
    preferred_nodes: Annotated[
        tuple[ObjectName, ...],
        doc(
            "Nodes for which the packing found room, preferred by the pods; the first hundred.",
            ["cpu-node-1"],
            max_length=100,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()
    pods_per_node: PodsPerNode = ()
    nodes_required: Annotated[
        bool, doc("Whether the pods are kept to `preferredNodes`, and do not just prefer them.", False)
    ] = False
    new_nodes: NewNodes = 0
    tolerations: Annotated[
        tuple[Toleration, ...],
        doc(
            "Tolerations that the pods get for the pool's taints.",
            [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
            max_length=32,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()


class PlacementStatus(WireModel):
    """Where the workload was placed."""

    cluster: Annotated[ObjectName, doc("Cluster of the pool.", "local")]
    pool: Annotated[ObjectName, doc("The pool.", "onprem-h100")]
    capacity_type: Annotated[CapacityType, doc("How the pool's nodes are paid for.", "Owned")]
    provider: Annotated[str, doc("Provider of the pool.", "onprem", max_length=63)] = ""
    region: Annotated[str, doc("Region of the pool.", "de-fra", max_length=63)] = ""
    zone: Annotated[str | None, doc("Zone of the pool.", "de-fra-1", max_length=63)] = None
    accelerator: Annotated[
        AcceleratorStatus | None,
        doc(
            "The alternative that was chosen; absent for CPU only.",
            {"model": "H100", "count": 8, "resource": "nvidia.com/gpu"},
        ),
    ] = None
    node_selector: Annotated[
        Labels,
        doc(
            "Node selector that the pods get.",
            {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
            max_length=32,
        ),
    ] = {}
    preferred_nodes: Annotated[
        tuple[ObjectName, ...],
        doc(
            "Nodes for which the packing found room, preferred by the pods; the first hundred.",
            ["gpu-node-1"],
            max_length=100,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()
    pods_per_node: PodsPerNode = ()
    nodes_required: Annotated[
        bool,
        doc(
            "Whether the pods are kept to `preferredNodes`, as many on each as `podsPerNode` says, and do not just"
            " prefer them: elsewhere in the pool they could take room that others were given.",
            False,
        ),
    ] = False
    new_nodes: NewNodes = 0
    tolerations: Annotated[
        tuple[Toleration, ...],
        doc(
            "Tolerations that the pods get for the pool's taints.",
            [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
            max_length=32,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()
    replicas: Annotated[int, doc("Pods that were placed.", 4, ge=1, le=10_000)]
    pod_sets: Annotated[
        tuple[PlacedSetStatus, ...],
        doc(
            "Where the further pod sets were placed.",
            [{"name": "loader", "pool": "onprem-cpu", "capacityType": "Owned", "replicas": 2}],
            max_length=MAX_POD_SETS,
            json_schema_extra=list_map("name"),
        ),
    ] = ()
