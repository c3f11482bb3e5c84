"""From an action to its HTTP request, and from an object to whether the action is in effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from stellwerk.api.labels import PLACEMENT_ANNOTATION
from stellwerk.cluster import errors
from stellwerk.cluster.outcome import NameTaken
from stellwerk.cluster.resources import (
    AIWORKLOADS,
    COMPUTE_POOLS,
    CONFIG_MAPS,
    JOBS,
    PLACEMENT_POLICIES,
    PODS,
    TENANTS,
)
from stellwerk.cluster.resources import object_path as path_of
from stellwerk.cluster.session import FIELD_MANAGER, MERGE_PATCH, Request
from stellwerk.cluster.structs import ObjectMeta
from stellwerk.lifecycle.actions import (
    Body,
    CreateJob,
    CreateWorkload,
    DeleteJob,
    DeletePage,
    PatchConfigStatus,
    PatchJob,
    PatchStatus,
    ResetJobStart,
    SeatPod,
    WritePage,
)

Write = (
    PatchStatus
    | CreateJob
    | PatchJob
    | SeatPod
    | DeleteJob
    | ResetJobStart
    | CreateWorkload
    | PatchConfigStatus
    | WritePage
    | DeletePage
)
"""An action that writes an object; events are recorded elsewhere."""

_QUERY: Final = {"fieldManager": FIELD_MANAGER}
_CONFIG: Final = {
    "PlacementPolicy": PLACEMENT_POLICIES.path,
    "ComputePool": COMPUTE_POOLS.path,
    "Tenant": TENANTS.path,
}

_encode = msgspec.json.Encoder().encode


class Written(msgspec.Struct, frozen=True):
    """What a write left behind: the object's new version and its uid."""

    resource_version: str
    uid: str


class _Head(msgspec.Struct):
    metadata: ObjectMeta


_head = msgspec.json.Decoder(_Head)


def request_for(action: Write, version: str | None) -> Request:
    """Build the request that carries out an action.

    Args:
        action: what to do.
        version: resource version that a patch is based on; None writes over any version.

    """
    path = object_path(action)
    match action:
        case PatchStatus() | PatchConfigStatus() | ResetJobStart():
            return _patch(f"{path}/status", action.body, version)
        case PatchJob() | SeatPod():
            return _patch(path, action.body, version)
        case DeleteJob() | DeletePage():
            return _delete(path, action.uid)
        case CreateJob() | CreateWorkload():
            return _create(path.rpartition("/")[0], action.manifest)
        case WritePage():
            return (
                _create(path.rpartition("/")[0], action.manifest)
                if version is None
                else _replace(path, action, version)
            )


def object_path(action: Write) -> str:
    """Return the path of the object that an action writes, to look at it."""
    if isinstance(action, PatchConfigStatus):
        return f"{_CONFIG[action.kind]}/{action.name}"
    if isinstance(action, WritePage | DeletePage):
        return path_of(CONFIG_MAPS.path, action.namespace, action.name)
    match action:
        case PatchStatus():
            return path_of(AIWORKLOADS.path, action.key.namespace, action.key.name)
        case PatchJob() | DeleteJob() | ResetJobStart():
            return path_of(JOBS.path, action.key.namespace, action.key.name)
        case SeatPod():
            return path_of(PODS.path, action.key.namespace, action.key.name)
        case CreateJob() | CreateWorkload():
            kind = JOBS if isinstance(action, CreateJob) else AIWORKLOADS
            return path_of(kind.path, action.key.namespace, action.manifest["metadata"]["name"])


def expected_version(action: Write) -> str | None:
    """Return the version that an action is based on, or None if it says none."""
    match action:
        case PatchStatus() | PatchJob() | ResetJobStart() | PatchConfigStatus() | WritePage():
            return action.resource_version
        case _:
            return None


def written(body: bytes) -> Written:
    """Read what a successful write answered, or a GET; nothing else of it is decoded."""
    meta = _head.decode(body).metadata
    return Written(meta.resource_version, meta.uid)


def check_in_effect(action: Write, body: bytes, version: str | None) -> Written | None:
    """Judge an object that was looked up because the answer to a write was lost.

    Args:
        action: what was sent.
        body: the object as it is now.
        version: the version that the write was based on, or None.

    Returns:
        The object's version and uid if the action is in effect; None if it surely is not and may be
        sent again.

    Raises:
        Conflict: the object changed otherwise; decide again.
        NotFound: it is another object of that name.
        NameTaken: a child of that name is not ours.

    """
    if isinstance(action, DeleteJob | DeletePage):
        return None  # asking for it twice does no harm
    meta = _head.decode(body).metadata
    if isinstance(action, CreateJob | CreateWorkload):
        _check_ours(action, meta)
        return Written(meta.resource_version, meta.uid)
    if isinstance(action, WritePage):
        return _check_page(action, body, meta)
    if isinstance(action, PatchStatus) and meta.uid != action.uid:
        raise errors.NotFound(f"{action.key} is another object by now", status=404)
    if holds(msgspec.json.decode(body), action.body):
        return Written(meta.resource_version, meta.uid)
    if version is not None and meta.resource_version != version:
        raise errors.Conflict(f"changed since version {version}", status=409)
    return None


def _check_ours(action: CreateJob | CreateWorkload, meta: ObjectMeta) -> None:
    name = f"{meta.namespace}/{meta.name}"
    owners = meta.owner_references or ()
    if all(owner.uid != action.owner_uid for owner in owners):
        whose = ", ".join(f"{owner.kind} {owner.name}" for owner in owners) or "nobody we know"
        raise NameTaken(f"{name} exists already and belongs to {whose}")
    if meta.deletion_timestamp:
        raise errors.Conflict(f"{name} of an earlier attempt is still being deleted")
    wanted = _mark(action.manifest["metadata"].get("annotations"))
    if isinstance(action, CreateJob) and wanted is not None and _mark(meta.annotations) != wanted:
        raise errors.Conflict(f"{name} is there with another placement")


def _check_page(action: WritePage, body: bytes, meta: ObjectMeta) -> Written | None:
    """A page is in effect if it holds what we wrote; at the version that we know it is surely not, else it changed."""
    if msgspec.json.decode(body).get("binaryData") == action.manifest["binaryData"]:
        return Written(meta.resource_version, meta.uid)
    if meta.resource_version != action.resource_version:
        raise errors.Conflict(f"{meta.name} was written since version {action.resource_version}", status=409)
    return None


def _mark(annotations: Mapping[str, str] | None) -> str | None:
    return (annotations or {}).get(PLACEMENT_ANNOTATION)


def holds(live: Any, patch: Any) -> bool:  # noqa: ANN401 - JSON
    """Tell whether a merge patch would change nothing: all it sets is there, all it nulls is not."""
    if isinstance(patch, dict):
        return isinstance(live, dict) and all(holds(live.get(key), value) for key, value in patch.items())
    if isinstance(patch, list | tuple):
        return (
            isinstance(live, list)
            and len(live) == len(patch)
            and all(holds(have, want) for have, want in zip(live, patch, strict=True))
        )
    return bool(live == patch)


def _patch(path: str, body: Body, version: str | None) -> Request:
    if version is not None:
        body = {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": version}}
    return Request("PATCH", path, _encode(body), MERGE_PATCH, _QUERY)


def _replace(path: str, action: WritePage, version: str) -> Request:
    manifest = {**action.manifest, "metadata": {**action.manifest["metadata"], "resourceVersion": version}}
    return Request("PUT", path, _encode(manifest), query=_QUERY)


def _create(path: str, manifest: Body) -> Request:
    return Request("POST", path, _encode(manifest), query=_QUERY)


def _delete(path: str, uid: str) -> Request:
    """Delete the object of this uid only, its dependents first: who waits for it to go waits for its pods, too."""
    options = {"propagationPolicy": "Foreground", "preconditions": {"uid": uid}}
    return Request("DELETE", path, _encode(options))
