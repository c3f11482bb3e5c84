"""The parts of tenants and of pages of the ledger that we read."""

from __future__ import annotations

from typing import Any

import msgspec

from stellwerk.cluster.structs import KubeObject


class ConfigMap(KubeObject, frozen=True):
    """A ConfigMap that holds a page of the ledger."""

    binary_data: dict[str, str] | None = None
    immutable: bool | None = None
    """True once the page is full; the API server never takes it back."""


class Tenant(KubeObject, frozen=True):
    """A Tenant; parsed by the pydantic model of its kind."""

    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)
