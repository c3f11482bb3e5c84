"""The pods of a workload: the safe part of a Kubernetes pod template, typed and bounded.

What is not here is refused: host namespaces and paths, privileged containers, and everything that
would take the choice of node away from the decision (affinity, nodeName, schedulerName).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stellwerk.api.base import (
    LIST_ATOMIC,
    Labels,
    LabelValue,
    ObjectName,
    QualifiedName,
    Rule,
    WireModel,
    doc,
    key_rule,
    list_map,
)
from stellwerk.api.v1alpha1.container import Container, InitContainer
from stellwerk.api.v1alpha1.volumes import Volume

UserId = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A numeric user or group id of Linux."""


class Toleration(WireModel):
    """A taint that the pods bear."""

    rules = (
        Rule(
            name="exists-has-no-value",
            cel="!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''",
            message="value must be empty when operator is Exists",
            holds=lambda t: t.operator != "Exists" or not t.value,
            field="value",
        ),
        Rule(
            name="no-key-means-exists",
            cel="(has(self.key) && self.key != '') || (has(self.operator) && self.operator == 'Exists')",
            message="operator must be Exists when key is empty, which tolerates every taint",
            holds=lambda t: bool(t.key) or t.operator == "Exists",
            field="operator",
        ),
        Rule(
            name="seconds-need-no-execute",
            cel="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            message="tolerationSeconds is only allowed when effect is NoExecute",
            holds=lambda t: t.toleration_seconds is None or t.effect == "NoExecute",
            field="tolerationSeconds",
        ),
    )

    key: Annotated[QualifiedName | None, doc("Key of the taint; absent for all taints.", "nvidia.com/gpu")] = None
    operator: Annotated[
        Literal["Equal", "Exists"],
        doc("Equal compares the taint's value, Exists bears any.", "Exists"),
    ] = "Equal"
    value: Annotated[LabelValue | None, doc("Value of the taint.", "present")] = None
    effect: Annotated[
        Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None,
        doc("Effect of the taint; absent for all effects.", "NoSchedule"),
    ] = None
    toleration_seconds: Annotated[
        int | None,
        doc("How long to stay on a node with a NoExecute taint, in seconds.", 300, ge=0, le=2**31),
    ] = None


class SeccompProfile(WireModel):
    """The system calls that the containers may make."""

    type: Annotated[Literal["RuntimeDefault"], doc("The profile.", "RuntimeDefault")]


class PodSecurityContext(WireModel):
    """Users and groups of all containers; nothing that would raise rights."""

    run_as_user: Annotated[UserId | None, doc("User id.", 1000)] = None
    run_as_group: Annotated[UserId | None, doc("Group id.", 1000)] = None
    run_as_non_root: Annotated[bool | None, doc("Whether to refuse to start as root.", True)] = None
    fs_group: Annotated[UserId | None, doc("Group id that owns the volumes.", 1000)] = None
    supplemental_groups: Annotated[
        tuple[UserId, ...],
        doc("Further group ids.", [2000], max_length=32, json_schema_extra=LIST_ATOMIC),
    ] = ()
    seccomp_profile: Annotated[SeccompProfile | None, doc("System call filter.", {"type": "RuntimeDefault"})] = None


class LocalReference(WireModel):
    """An object in the same namespace, by name."""

    name: Annotated[ObjectName, doc("Name of the object.", "registry-login")]


class TemplateMetadata(WireModel):
    """Labels and annotations of the pods."""

    rules = (key_rule("labels", "labels"), key_rule("annotations", "annotations"))

    labels: Annotated[Labels, doc("Labels of the pods.", {"team": "vision"}, max_length=64)] = {}
    annotations: Annotated[
        dict[str, Annotated[str, Field(max_length=4096)]],
        doc("Annotations of the pods.", {"example.com/run": "42"}, max_length=64),
    ] = {}


def _mounts_name_volumes(field: str, attribute: str) -> Rule:
    return Rule(
        name=f"{field}-mount-volumes",
        cel=f"!has(self.{field}) || self.{field}.all(c, !has(c.volumeMounts) || c.volumeMounts.all("
        "m, has(self.volumes) && self.volumes.exists(v, v.name == m.name)))",
        message=f"{field}: every name in volumeMounts must be the name of one of volumes",
        holds=lambda p: {m.name for c in getattr(p, attribute) for m in c.volume_mounts} <= {v.name for v in p.volumes},
        field=field,
    )


class PodSpec(WireModel):
    """What the pods run; where they run is decided by Stellwerk."""

    rules = (
        key_rule("nodeSelector", "node_selector"),
        _mounts_name_volumes("containers", "containers"),
        _mounts_name_volumes("initContainers", "init_containers"),
        Rule(
            name="names-differ",
            cel="!has(self.initContainers) || self.initContainers.all(i, self.containers.all(c, c.name != i.name))",
            message="no two of containers and initContainers may have the same name",
            holds=lambda p: not ({c.name for c in p.containers} & {c.name for c in p.init_containers}),
        ),
    )

    containers: Annotated[
        tuple[Container, ...],
        doc(
            "What runs; the first one gets the accelerators.",
            [{"name": "train", "image": "registry.example.com/train:1.4"}],
            min_length=1,
            max_length=8,
            json_schema_extra=list_map("name"),
        ),
    ]
    init_containers: Annotated[
        tuple[InitContainer, ...],
        doc(
            "What runs before, in order; with restartPolicy Always it runs alongside, as a sidecar.",
            [{"name": "fetch", "image": "registry.example.com/fetch:2.0"}],
            max_length=8,
            json_schema_extra=list_map("name"),
        ),
    ] = ()
    volumes: Annotated[
        tuple[Volume, ...],
        doc(
            "Volumes to mount.",
            [{"name": "scratch", "emptyDir": {}}],
            max_length=16,
            json_schema_extra=list_map("name"),
        ),
    ] = ()
    node_selector: Annotated[
        Labels,
        doc(
            "Labels that the nodes must have; a pool without such nodes is not a candidate.",
            {"kubernetes.io/arch": "amd64"},
            max_length=16,
        ),
    ] = {}
    tolerations: Annotated[
        tuple[Toleration, ...],
        doc(
            "Taints that the pods bear, besides those of the chosen pool.",
            [{"key": "dedicated", "value": "ml", "effect": "NoSchedule"}],
            max_length=16,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()
    service_account_name: Annotated[
        ObjectName | None, doc("ServiceAccount of the pods; absent for `default`.", "trainer")
    ] = None
    restart_policy: Annotated[
        Literal["Never", "OnFailure"],
        doc("Whether a failed container starts again in the same pod.", "OnFailure"),
    ] = "Never"
    termination_grace_period_seconds: Annotated[
        int | None,
        doc("Seconds between the polite and the hard stop of a pod.", 120, ge=0, le=86_400),
    ] = None
    priority_class_name: Annotated[
        ObjectName | None,
        doc("PriorityClass by which kube-scheduler and kubelet treat the pods.", "batch-low"),
    ] = None
    image_pull_secrets: Annotated[
        tuple[LocalReference, ...],
        doc(
            "Secrets with logins to image registries.",
            [{"name": "registry-login"}],
            max_length=8,
            json_schema_extra=list_map("name"),
        ),
    ] = ()
    security_context: Annotated[
        PodSecurityContext | None,
        doc("Users and groups of all containers.", {"runAsNonRoot": True, "runAsUser": 1000}),
    ] = None


class PodTemplate(WireModel):
    """The pods of the gang, all alike."""

    metadata: Annotated[
        TemplateMetadata, doc("Labels and annotations of the pods.", {"labels": {"team": "vision"}})
    ] = TemplateMetadata()
    spec: Annotated[
        PodSpec,
        doc(
            "What the pods run.",
            {"containers": [{"name": "train", "image": "registry.example.com/train:1.4"}]},
        ),
    ]
