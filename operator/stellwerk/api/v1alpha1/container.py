"""A container of a workload's pods."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stellwerk.api.base import LIST_ATOMIC, Name, WireModel, doc, list_map
from stellwerk.api.v1alpha1.env import EnvFromSource, EnvVar, Text
from stellwerk.api.v1alpha1.resources import ResourceRequirements


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
    security_context: Annotated[SecurityContext | None, doc("Rights of the container.", {"runAsNonRoot": True})] = None


class InitContainer(Container):
    """A container that runs before the others, or, as a sidecar, beside them."""

    restart_policy: Annotated[
        Literal["Always"] | None,
        doc("Always makes it a sidecar: it keeps running beside the others.", "Always"),
    ] = None
