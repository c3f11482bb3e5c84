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
    Name,
    ObjectName,
    QualifiedName,
    Rule,
    WireModel,
    doc,
    list_map,
)
from stellwerk.api.v1alpha1.container import Container

UserId = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A numeric user or group id of Linux."""


class KeyToPath(WireModel):
    """One key of a ConfigMap or Secret as a file."""

    key: Annotated[str, doc("The key.", "train.yaml", min_length=1, max_length=253)]
    path: Annotated[str, doc("Path of the file below the mount.", "conf/train.yaml", min_length=1, max_length=512)]
    mode: Annotated[int | None, doc("Permission bits, as a decimal number.", 420, ge=0, le=511)] = None


class EmptyDir(WireModel):
    """A folder that lives and dies with its pod."""

    medium: Annotated[Literal["", "Memory"], doc("`Memory` for a RAM disk; empty for the node's disk.", "Memory")] = ""
    size_limit: Annotated[
        str | None,
        doc(
            "The most it may hold, in bytes, with an optional suffix.",
            "16Gi",
            min_length=1,
            max_length=32,
            pattern=r"^[0-9]{1,15}(\.[0-9]{0,9})?([numkMGTPE]|Ki|Mi|Gi|Ti|Pi|Ei)?$",
        ),
    ] = None


class ConfigMapVolume(WireModel):
    """Files from a ConfigMap."""

    name: Annotated[ObjectName, doc("Name of the ConfigMap.", "train-config")]
    optional: Annotated[bool, doc("Whether pods start although the ConfigMap is missing.", False)] = False
    default_mode: Annotated[int, doc("Permission bits of the files, as a decimal number.", 420, ge=0, le=511)] = 420
    items: Annotated[
        tuple[KeyToPath, ...],
        doc(
            "The keys wanted; all if none is given.",
            [{"key": "train.yaml", "path": "train.yaml"}],
            max_length=64,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()


class SecretVolume(WireModel):
    """Files from a Secret."""

    secret_name: Annotated[ObjectName, doc("Name of the Secret.", "hub-token")]
    optional: Annotated[bool, doc("Whether pods start although the Secret is missing.", False)] = False
    default_mode: Annotated[int, doc("Permission bits of the files, as a decimal number.", 420, ge=0, le=511)] = 420
    items: Annotated[
        tuple[KeyToPath, ...],
        doc(
            "The keys wanted; all if none is given.",
            [{"key": "token", "path": "token"}],
            max_length=64,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()


class ClaimVolume(WireModel):
    """Storage that outlives the pod."""

    claim_name: Annotated[ObjectName, doc("Name of the PersistentVolumeClaim.", "datasets")]
    read_only: Annotated[bool, doc("Whether pods may only read it.", True)] = False


_SOURCES = ("emptyDir", "configMap", "secret", "persistentVolumeClaim")


class Volume(WireModel):
    """A volume that containers of the pod may mount."""

    rules = (
        Rule(
            name="one-source",
            cel=f"[{', '.join(f'has(self.{source})' for source in _SOURCES)}].filter(given, given).size() == 1",
            message="a volume needs exactly one of emptyDir, configMap, secret and persistentVolumeClaim",
            holds=lambda v: (
                sum(source is not None for source in (v.empty_dir, v.config_map, v.secret, v.persistent_volume_claim))
                == 1
            ),
        ),
    )

    name: Annotated[Name, doc("Name by which containers mount it.", "data")]
    empty_dir: Annotated[EmptyDir | None, doc("A scratch folder.", {"medium": "Memory"})] = None
    config_map: Annotated[ConfigMapVolume | None, doc("Files from a ConfigMap.", {"name": "train-config"})] = None
    secret: Annotated[SecretVolume | None, doc("Files from a Secret.", {"secretName": "hub-token"})] = None
    persistent_volume_claim: Annotated[
        ClaimVolume | None, doc("A PersistentVolumeClaim.", {"claimName": "datasets"})
    ] = None


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
        _mounts_name_volumes("containers", "containers"),
        _mounts_name_volumes("initContainers", "init_containers"),
        Rule(
            name="names-differ",
            cel="!has(self.initContainers) || self.initContainers.all(i, self.containers.all(c, c.name != i.name))",
            message="no two of containers and initContainers may have the same name",
            holds=lambda p: not ({c.name for c in p.containers} & {c.name for c in p.init_containers}),
        ),
        Rule(
            name="only-init-containers-restart",
            cel="self.containers.all(c, !has(c.restartPolicy))",
            message="containers: restartPolicy of a container is only allowed in initContainers,"
            " where Always makes a sidecar",
            holds=lambda p: all(c.restart_policy is None for c in p.containers),
            field="containers",
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
        tuple[Container, ...],
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
