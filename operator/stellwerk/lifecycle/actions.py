"""What must be written, as data; `cluster.writer` is the only one that carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from stellwerk.model.placement import Placement
from stellwerk.model.workload import WorkloadKey

Body = Mapping[str, Any]


class PatchStatus(msgspec.Struct, frozen=True, tag_field="action", tag=True):
    """Merge-patch `/status` of an AIWorkload; fields that must go are null in the body."""

    key: WorkloadKey
    uid: str
    resource_version: str | None
    """Refused with a conflict if the object has another one by now."""
    body: Body
    """`{"status": {...}}`."""


class CreateJob(msgspec.Struct, frozen=True, tag_field="action", tag=True):
    """Create the child Job; that it exists with our owner uid is success."""

    key: WorkloadKey
    owner_uid: str
    manifest: Body


class PatchJob(msgspec.Struct, frozen=True, tag_field="action", tag=True):
    """Merge-patch a user's Job."""

    key: WorkloadKey
    resource_version: str
    body: Body


class DeleteJob(msgspec.Struct, frozen=True, tag_field="action", tag=True):
    """Delete the child Job of this uid, its pods first; that it is gone or going already is success."""

    key: WorkloadKey
    uid: str


class ResetJobStart(msgspec.Struct, frozen=True, tag_field="action", tag=True):
    """Take the start time out of the status of a suspended Job without pods, so that its template may be changed."""

    key: WorkloadKey
    resource_version: str
    body: Body = msgspec.field(default_factory=lambda: {"status": {"startTime": None}})


class SeatPod(msgspec.Struct, frozen=True, tag_field="action", tag=True):
    """Merge-patch a pod that is held back; one that is gone, or free already, is left alone."""

    key: WorkloadKey
    """Of the pod."""
    uid: str
    body: Body


class CreateWorkload(msgspec.Struct, frozen=True, tag_field="action", tag=True):
    """Create the AIWorkload of a user's Job."""

    key: WorkloadKey
    owner_uid: str
    """Of the Job."""
    manifest: Body


class ObjectRef(msgspec.Struct, frozen=True, rename="camel"):
    """The object that an event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


class EmitEvent(msgspec.Struct, frozen=True, tag_field="action", tag=True):
    """Tell people what happened; repeated ones are aggregated by the writer."""

    involved: ObjectRef
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


class PatchConfigStatus(msgspec.Struct, frozen=True, tag_field="action", tag=True):
    """Merge-patch `/status` of a PlacementPolicy, ComputePool or Tenant."""

    kind: Literal["PlacementPolicy", "ComputePool", "Tenant"]
    name: str
    body: Body
    resource_version: str | None = None
    """Refused with a conflict if the object has another one by now; None where nobody else writes these fields."""


class WritePage(msgspec.Struct, frozen=True, tag_field="action", tag=True):
    """Create a page of the ledger, or replace it as it was at `resource_version`; it is written by nobody else then."""

    namespace: str
    manifest: Body
    """The ConfigMap as a whole."""
    resource_version: str | None
    """None: it does not exist yet."""

    @property
    def name(self) -> str:
        """Of the ConfigMap."""
        return str(self.manifest["metadata"]["name"])


class DeletePage(msgspec.Struct, frozen=True, tag_field="action", tag=True):
    """Delete the page of the ledger of this uid; that it is gone is success."""

    namespace: str
    name: str
    uid: str


Job = CreateJob | PatchJob | DeleteJob | ResetJobStart
Action = PatchStatus | Job | SeatPod | CreateWorkload | EmitEvent | PatchConfigStatus | WritePage | DeletePage


class Transaction(msgspec.Struct, frozen=True):
    """Actions on one workload, in order: each only after the one before it has succeeded."""

    key: WorkloadKey
    uid: str
    actions: tuple[Action, ...]
    assumes: Placement | None = None
    """The placement whose room is taken from now on; given back if the first action fails."""
