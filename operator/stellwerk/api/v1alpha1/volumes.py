"""Volumes of a workload's pods: scratch space, files from the namespace, and claims; no host paths."""

from __future__ import annotations

from typing import Annotated, Literal

from stellwerk.api.base import LIST_ATOMIC, Name, ObjectName, Rule, WireModel, doc
from stellwerk.api.quantity import MAX_LENGTH, PATTERN


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
            max_length=MAX_LENGTH,
            pattern=PATTERN,
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
