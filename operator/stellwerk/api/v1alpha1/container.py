"""A container of a workload's pods."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stellwerk.api.base import (
    LIST_ATOMIC,
    Name,
    ObjectName,
    Rule,
    WireModel,
    doc,
    list_map,
)
from stellwerk.api.labels import ACCELERATOR_RESOURCE_PREFIXES
from stellwerk.api.quantity import Quantity, exact

Text = Annotated[str, Field(max_length=8192)]
"""An argument or value of an environment variable."""

Resources = dict[str, Quantity]
"""Amounts by resource name."""


def _names_accelerator(resources: Resources) -> bool:
    return any(name.startswith(ACCELERATOR_RESOURCE_PREFIXES) for name in resources)


def _no_accelerator(field: str) -> Rule:
    tests = " || ".join(f"k.startsWith('{prefix}')" for prefix in ACCELERATOR_RESOURCE_PREFIXES)
    return Rule(
        name=f"no-accelerator-in-{field}",
        cel=f"!has(self.{field}) || self.{field}.all(k, !({tests}))",
        message=f"{field} must not name accelerators (such as nvidia.com/gpu): ask for them in"
        " spec.accelerators, and the first container gets them",
        holds=lambda r: not _names_accelerator(getattr(r, field)),
        field=field,
    )


def _not_negative(field: str) -> Rule:
    return Rule(
        name=f"{field}-not-negative",
        cel=f"!has(self.{field}) || self.{field}.all(k, !quantity(string(self.{field}[k])).isLessThan(quantity('0')))",
        message=f"{field} must not be negative",
        holds=lambda r: all(exact(amount) >= 0 for amount in getattr(r, field).values()),
        field=field,
    )


def _within_limits(resources: ResourceRequirements) -> bool:
    limits = resources.limits
    return all(exact(amount) <= exact(limits[name]) for name, amount in resources.requests.items() if name in limits)


class ResourceRequirements(WireModel):
    """What a container needs and the most it may use, without accelerators."""

    rules = (
        _no_accelerator("requests"),
        _no_accelerator("limits"),
        _not_negative("requests"),
        _not_negative("limits"),
        Rule(
            name="requests-within-limits",
            cel="!has(self.requests) || !has(self.limits) || self.requests.all(k,"
            " !(k in self.limits) || quantity(string(self.requests[k]))"
            ".compareTo(quantity(string(self.limits[k]))) <= 0)",
            message="requests must not be above limits of the same resource",
            holds=_within_limits,
            field="requests",
        ),
    )

    requests: Annotated[
        Resources,
        doc(
            "What is reserved for the container: cpu in cores, memory in bytes.",
            {"cpu": "8", "memory": "64Gi"},
            max_length=16,
        ),
    ] = {}
    limits: Annotated[
        Resources,
        doc(
            "The most that the container may use: cpu in cores, memory in bytes.",
            {"memory": "64Gi"},
            max_length=16,
        ),
    ] = {}


class KeySelector(WireModel):
    """One key of a ConfigMap or Secret."""

    name: Annotated[ObjectName, doc("Name of the ConfigMap or Secret.", "hub-token")]
    key: Annotated[str, doc("The key in it.", "token", min_length=1, max_length=253)]
    optional: Annotated[bool, doc("Whether it may be missing.", False)] = False


class FieldSelector(WireModel):
    """A field of the pod itself."""

    field_path: Annotated[
        str,
        doc(
            "Path of the field.",
            "metadata.name",
            min_length=1,
            max_length=316,
            pattern=r"^(metadata\.(name|namespace|uid|labels\['[^']+'\]|annotations\['[^']+'\])"
            r"|spec\.(nodeName|serviceAccountName)|status\.(hostIP|podIP|podIPs|hostIPs))$",
        ),
    ]


class EnvSource(WireModel):
    """Where the value of an environment variable comes from."""

    rules = (
        Rule(
            name="one-source",
            cel="[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef)]"
            ".filter(given, given).size() == 1",
            message="valueFrom needs exactly one of configMapKeyRef, secretKeyRef and fieldRef",
            holds=lambda s: sum(x is not None for x in (s.config_map_key_ref, s.secret_key_ref, s.field_ref)) == 1,
        ),
    )

    config_map_key_ref: Annotated[
        KeySelector | None, doc("A key of a ConfigMap.", {"name": "train-config", "key": "epochs"})
    ] = None
    secret_key_ref: Annotated[KeySelector | None, doc("A key of a Secret.", {"name": "hub-token", "key": "token"})] = (
        None
    )
    field_ref: Annotated[FieldSelector | None, doc("A field of the pod.", {"fieldPath": "metadata.name"})] = None


class EnvVar(WireModel):
    """An environment variable."""

    rules = (
        Rule(
            name="value-or-source",
            cel="!has(self.valueFrom) || !has(self.value) || self.value == ''",
            message="at most one of value and valueFrom may be set",
            holds=lambda e: e.value_from is None or not e.value,
        ),
    )

    name: Annotated[
        str,
        doc("Name of the variable.", "EPOCHS", min_length=1, max_length=253, pattern=r"^[ -<>-~]+$"),
    ]
    value: Annotated[Text | None, doc("Its value.", "90")] = None
    value_from: Annotated[
        EnvSource | None,
        doc(
            "Takes the value from elsewhere.",
            {"secretKeyRef": {"name": "hub-token", "key": "token"}},
        ),
    ] = None


class EnvFromReference(WireModel):
    """A ConfigMap or Secret as a whole."""

    name: Annotated[ObjectName, doc("Name of the ConfigMap or Secret.", "train-config")]
    optional: Annotated[bool, doc("Whether it may be missing.", False)] = False


class EnvFromSource(WireModel):
    """All keys of a ConfigMap or Secret as environment variables."""

    rules = (
        Rule(
            name="one-source",
            cel="has(self.configMapRef) != has(self.secretRef)",
            message="envFrom needs exactly one of configMapRef and secretRef",
            holds=lambda e: (e.config_map_ref is None) != (e.secret_ref is None),
        ),
    )

    prefix: Annotated[
        str | None,
        doc(
            "Put before every name.",
            "TRAIN_",
            min_length=1,
            max_length=63,
            pattern=r"^[ -<>-~]+$",
        ),
    ] = None
    config_map_ref: Annotated[EnvFromReference | None, doc("A ConfigMap.", {"name": "train-config"})] = None
    secret_ref: Annotated[EnvFromReference | None, doc("A Secret.", {"name": "hub-login"})] = None


class VolumeMount(WireModel):
    """A volume at a path."""

    name: Annotated[Name, doc("Name of the volume in `volumes`.", "data")]
    mount_path: Annotated[
        str,
        doc("Where the container sees it.", "/data", min_length=1, max_length=512, pattern=r"^[^:]+$"),
    ]
    sub_path: Annotated[
        str | None,
        doc("Folder of the volume to mount; absent for its root.", "imagenet", max_length=512),
    ] = None
    read_only: Annotated[bool, doc("Whether the container may only read.", True)] = False


class ContainerPort(WireModel):
    """A port that the container listens on."""

    container_port: Annotated[int, doc("Number of the port.", 29500, ge=1, le=65_535)]
    name: Annotated[
        str | None,
        doc(
            "Name of the port.",
            "rendezvous",
            min_length=1,
            max_length=15,
            pattern=r"^([a-z0-9]+-)*[a-z0-9]*[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        ),
    ] = None
    protocol: Annotated[Literal["TCP", "UDP", "SCTP"], doc("Protocol.", "TCP")] = "TCP"


class Capabilities(WireModel):
    """Linux capabilities to take away."""

    drop: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Z_]+$")], ...],
        doc("Capabilities to drop.", ["ALL"], max_length=64, json_schema_extra=LIST_ATOMIC),
    ] = ()


class SecurityContext(WireModel):
    """Rights of the container; nothing that would raise them."""

    run_as_user: Annotated[int | None, doc("User id.", 1000, ge=0, le=2**31 - 1)] = None
    run_as_group: Annotated[int | None, doc("Group id.", 1000, ge=0, le=2**31 - 1)] = None
    run_as_non_root: Annotated[bool | None, doc("Whether to refuse to start as root.", True)] = None
    read_only_root_filesystem: Annotated[bool | None, doc("Whether the root file system is read-only.", True)] = None
    allow_privilege_escalation: Annotated[Literal[False] | None, doc("Only `false` is allowed.", False)] = None
    capabilities: Annotated[Capabilities | None, doc("Rights to drop.", {"drop": ["ALL"]})] = None


class Container(WireModel):
    """One container."""

    name: Annotated[Name, doc("Name, unique in the pod.", "train")]
    image: Annotated[
        str,
        doc(
            "Image to run.",
            "registry.example.com/train:1.4",
            min_length=1,
            max_length=1024,
            pattern=r"^[^\s]+$",
        ),
    ]
    image_pull_policy: Annotated[
        Literal["Always", "IfNotPresent", "Never"] | None,
        doc("When to pull the image; absent as Kubernetes does by its tag.", "IfNotPresent"),
    ] = None
    command: Annotated[
        tuple[Text, ...],
        doc(
            "Program instead of the image's entry point.",
            ["python", "train.py"],
            max_length=64,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()
    args: Annotated[
        tuple[Text, ...],
        doc(
            "Arguments of the program.",
            ["--epochs", "90"],
            max_length=256,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()
    working_dir: Annotated[str | None, doc("Folder in which the program starts.", "/workspace", max_length=512)] = None
    env: Annotated[
        tuple[EnvVar, ...],
        doc(
            "Environment variables.",
            [{"name": "EPOCHS", "value": "90"}],
            max_length=128,
            json_schema_extra=list_map("name"),
        ),
    ] = ()
    env_from: Annotated[
        tuple[EnvFromSource, ...],
        doc(
            "Whole ConfigMaps or Secrets as environment variables.",
            [{"configMapRef": {"name": "train-config"}}],
            max_length=16,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()
    resources: Annotated[
        ResourceRequirements,
        doc(
            "What it needs, without accelerators.",
            {"requests": {"cpu": "8", "memory": "64Gi"}},
        ),
    ] = ResourceRequirements()
    volume_mounts: Annotated[
        tuple[VolumeMount, ...],
        doc(
            "Volumes and their paths.",
            [{"name": "data", "mountPath": "/data"}],
            max_length=16,
            json_schema_extra=list_map("mountPath"),
        ),
    ] = ()
    ports: Annotated[
        tuple[ContainerPort, ...],
        doc(
            "Ports that it listens on.",
            [{"containerPort": 29500}],
            max_length=16,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()
    restart_policy: Annotated[
        Literal["Always"] | None,
        doc("Only in initContainers: Always makes it a sidecar.", "Always"),
    ] = None
    security_context: Annotated[SecurityContext | None, doc("Rights of the container.", {"runAsNonRoot": True})] = None
