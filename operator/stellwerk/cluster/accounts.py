"""The parts of tenants, of pages of the ledger and of pods that have ended that we read."""

from __future__ import annotations

from typing import Any

import msgspec

from stellwerk.cluster.structs import KubeObject, Pod, PodStatus


class ConfigMap(KubeObject, frozen=True):
    """A ConfigMap that holds a page of the ledger."""

    binary_data: dict[str, str] | None = None
    immutable: bool | None = None
    """True once the page is full; the API server never takes it back."""


class Tenant(KubeObject, frozen=True):
    """A Tenant; parsed by the pydantic model of its kind."""

    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)


class Terminated(msgspec.Struct, frozen=True, rename="camel"):
    """How a container ended."""

    finished_at: str | None = None


class ContainerState(msgspec.Struct, frozen=True):
    """What a container does."""

    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, frozen=True):
    """A container of a pod."""

    state: ContainerState | None = None


class EndedPodStatus(PodStatus, frozen=True):
    """How a pod ended."""

    container_statuses: tuple[ContainerStatus, ...] | None = None


class EndedPod(Pod, frozen=True):
    """A pod that has ended."""

    status: EndedPodStatus = msgspec.field(default_factory=EndedPodStatus)

    @property
    def ended_at(self) -> str | None:
        """When its last container ended (RFC 3339); None if the kubelet does not say."""
        states = [one.state.terminated for one in self.status.container_statuses or () if one.state is not None]
        moments = [state.finished_at for state in states if state is not None and state.finished_at]
        return max(moments, default=None)
