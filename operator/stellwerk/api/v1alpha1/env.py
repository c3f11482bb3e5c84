"""Environment variables of a container."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stellwerk.api.base import ObjectName, Rule, WireModel, doc

Text = Annotated[str, Field(max_length=8192)]
"""An argument or value of an environment variable."""


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
