"""AIWorkload: a gang of pods that is placed as a unit."""

from __future__ import annotations

from typing import Annotated, Literal

from stellwerk.api.base import (
    LIST_ATOMIC,
    Name,
    ObjectName,
    Rule,
    Timestamp,
    WireModel,
    doc,
    frozen,
    list_map,
)
from stellwerk.api.duration import Duration
from stellwerk.api.labels import DEFAULT_POLICY
from stellwerk.api.v1alpha1.aiworkload_rules import SPEC_RULES
from stellwerk.api.v1alpha1.aiworkload_status import AIWorkloadStatus
from stellwerk.api.v1alpha1.asks import MAX_POD_SETS, AcceleratorOption, DataLocation, Disruption, GangPodSet
from stellwerk.api.v1alpha1.kind import AGE, Column, Kind, KindInfo, short_name_rule
from stellwerk.api.v1alpha1.podtemplate import PodTemplate

_CREATE_ANOTHER = "delete the object and create it anew, or create one of another name"


class WorkloadRef(WireModel):
    """An object that exists already and opted in."""

    api_version: Annotated[Literal["batch/v1"], doc("API version of the object.", "batch/v1")]
    kind: Annotated[Literal["Job"], doc("Kind of the object.", "Job")]
    name: Annotated[ObjectName, doc("Name of the object, in the workload's namespace.", "train-resnet")]


class AIWorkloadSpec(WireModel):
    """What is to run, and what it needs; where it runs is Stellwerk's decision."""

    rules = SPEC_RULES
    frozen_fields = (
        frozen("class", _CREATE_ANOTHER),
        frozen("replicas", _CREATE_ANOTHER),
        frozen("accelerators", _CREATE_ANOTHER, is_list=True),
        frozen("expectedRuntime", _CREATE_ANOTHER),
        frozen("checkpointInterval", _CREATE_ANOTHER),
        frozen("backoffLimit", _CREATE_ANOTHER),
        frozen("template", _CREATE_ANOTHER),
        frozen("workloadRef", _CREATE_ANOTHER),
        frozen("minReplicas", _CREATE_ANOTHER),
        frozen("podSets", _CREATE_ANOTHER, is_list=True),
        frozen("data", _CREATE_ANOTHER),
    )

    class_: Annotated[
        Literal["Training", "Batch"],
        doc(
            "What sort of work it is: Training for long gangs that may checkpoint, Batch for work"
            " that ends soon. Figures are summed up by it; it decides nothing. Cannot be changed.",
            "Training",
            alias="class",
        ),
    ]
    policy: Annotated[
        Name,
        doc(
            "Name of the PlacementPolicy to obey; `default` is built in where none is declared.",
            "eu-only",
        ),
    ] = DEFAULT_POLICY
    priority: Annotated[
        int,
        doc("Workloads with a higher number are placed first, then older ones.", 100, ge=0, le=1000),
    ] = 0
    replicas: Annotated[
        int,
        doc(
            "Pods of the gang; all are placed or none, unless minReplicas says otherwise. With a workloadRef the"
            " Job's parallelism counts. Cannot be changed.",
            4,
            ge=1,
            le=10_000,
        ),
    ] = 1
    min_replicas: Annotated[
        int | None,
        doc(
            "Pods with which an elastic gang may start: as many as fit, at least so many, at most replicas. The"
            " work is taken to run so much longer on fewer pods. Absent places all or none. Cannot be changed.",
            2,
            ge=1,
            le=10_000,
        ),
    ] = None
    accelerators: Annotated[
        tuple[AcceleratorOption, ...],
        doc(
            "Alternatives, any of which will do; none for CPU only. Cannot be changed.",
            [{"model": "H100", "count": 8}, {"model": "A100", "count": 8, "speed": "0.5"}],
            max_length=8,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()
    expected_runtime: Annotated[
        Duration,
        doc(
            "How long it runs on an accelerator of speed 1, in days, hours, minutes and seconds; the"
            " expected cost follows from it. Cannot be changed.",
            "6h",
        ),
    ] = "1h"
    deadline: Annotated[
        Timestamp | None,
        doc(
            "When it must have ended (RFC 3339): where it cannot end in time it is not placed.",
            "2026-11-23T06:00:00Z",
        ),
    ] = None
    checkpoint_interval: Annotated[
        Duration | None,
        doc(
            "How often it saves its state, in days, hours, minutes and seconds; absent means that an"
            " interruption loses all work. Cannot be changed.",
            "30m",
        ),
    ] = None
    data: Annotated[
        DataLocation | None,
        doc(
            "Where its data lies, so that moving it counts in the expected cost. Cannot be changed.",
            {"size": "2Ti", "provider": "aws", "region": "eu-central-1"},
        ),
    ] = None
    disruption: Annotated[
        Disruption,
        doc(
            "What may be done to it while it runs; absent allows all that its policy allows.",
            {"preemptible": True, "migratable": False},
        ),
    ] = Disruption()
    backoff_limit: Annotated[
        int,
        doc(
            "Failed pods after which a Job of a template fails; one of a workloadRef keeps its own. Cannot be changed.",
            3,
            ge=0,
            le=100,
        ),
    ] = 3
    template: Annotated[
        PodTemplate | None,
        doc(
            "The pods, for which Stellwerk creates a Job. Cannot be changed.",
            {"spec": {"containers": [{"name": "train", "image": "registry.example.com/train:1.4"}]}},
        ),
    ] = None
    pod_sets: Annotated[
        tuple[GangPodSet, ...],
        doc(
            "Further pod sets, placed together with the main one: all of them or none. Each becomes a Job of its own;"
            " the workload is complete when all of them are, and fails with the first. Cannot be changed.",
            [
                {
                    "name": "loader",
                    "replicas": 2,
                    "template": {"spec": {"containers": [{"name": "load", "image": "registry.example.com/load:1"}]}},
                }
            ],
            max_length=MAX_POD_SETS,
            json_schema_extra=list_map("name"),
        ),
    ] = ()
    workload_ref: Annotated[
        WorkloadRef | None,
        doc(
            "A suspended Job to place, instead of a template. Cannot be changed.",
            {"apiVersion": "batch/v1", "kind": "Job", "name": "train-resnet"},
        ),
    ] = None


class AIWorkload(Kind):
    """A gang of pods that is placed as a unit, at the lowest expected cost its policy allows."""

    rules = (
        short_name_rule("it becomes a label of the pods"),
        Rule(
            name="name-without-dots",
            cel="!has(self.metadata.name) || !self.metadata.name.contains('.')",
            message="metadata.name must not contain dots, because the pods' host names begin with it",
            holds=lambda w: "." not in (w.metadata.name or w.metadata.generate_name),
        ),
    )
    info = KindInfo(
        kind="AIWorkload",
        plural="aiworkloads",
        singular="aiworkload",
        short_names=("aiw",),
        scope="Namespaced",
        description="A gang of pods that is placed as a unit, at the lowest expected cost that its policy allows.",
        columns=(
            Column("CLASS", ".spec.class", "What sort of work it is."),
            Column("POOL", ".status.placement.pool", "The pool where it was placed."),
            Column("COST/H", ".status.cost.perHour", "Expected cost per hour."),
            Column("WHY", ".status.decision.reason", "Reason of the decision in one word."),
            Column("CLUSTER", ".status.placement.cluster", "The pool's cluster.", wide=True),
            Column(
                "CAPACITY",
                ".status.placement.capacityType",
                "How the pool's nodes are paid for.",
                wide=True,
            ),
            Column("TOTAL", ".status.cost.total", "Expected cost until it ends.", wide=True),
            Column("POLICY", ".spec.policy", "The policy that it obeys.", wide=True),
            Column("MESSAGE", ".status.decision.message", "The decision in words.", wide=True),
            Column("UNBLOCK", ".status.decision.unblock", "The smallest change that would admit it.", wide=True),
            AGE,
        ),
        selectable_fields=(
            ".spec.class",
            ".spec.policy",
            ".status.placement.pool",
            ".status.placement.cluster",
            ".status.decision.mode",
            ".status.decision.reason",
        ),
    )

    kind: Literal["AIWorkload"] = "AIWorkload"
    spec: Annotated[
        AIWorkloadSpec,
        doc(
            "What is to run, and what it needs.",
            {
                "class": "Batch",
                "workloadRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "train-resnet"},
            },
        ),
    ]
    status: Annotated[
        AIWorkloadStatus | None,
        doc("What was decided and observed.", {"observedGeneration": 1}),
    ] = None
