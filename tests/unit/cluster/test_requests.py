"""Actions become requests, and lost answers are judged."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stellwerk.cluster import errors, requests
from stellwerk.cluster.outcome import NameTaken
from stellwerk.lifecycle.actions import CreateJob, CreateWorkload, PatchConfigStatus, PatchJob, PatchStatus
from stellwerk.model.workload import WorkloadKey

KEY = WorkloadKey("ns", "w")
STATUS = PatchStatus(KEY, "u1", "7", {"status": {"a": 1, "gone": None}})
JOB = CreateJob(KEY, "u1", {"metadata": {"name": "w-1"}})


def live(**meta: Any) -> bytes:
    status = meta.pop("status", {})
    return msgspec.json.encode({"metadata": {"name": "w", "namespace": "ns", **meta}, "status": status})


def test_each_action_has_its_request() -> None:
    sent = {
        requests.request_for(action, requests.expected_version(action)).method
        + " "
        + requests.request_for(action, requests.expected_version(action)).path: requests.object_path(action)
        for action in (
            STATUS,
            PatchJob(KEY, "8", {"spec": {"suspend": False}}),
            PatchConfigStatus("ComputePool", "p", {"status": {}}),
            JOB,
            CreateWorkload(KEY, "u2", {"metadata": {"name": "w"}}),
        )
    }
    ours = "/apis/stellwerk.dev/v1alpha1"
    assert sent == {
        f"PATCH {ours}/namespaces/ns/aiworkloads/w/status": f"{ours}/namespaces/ns/aiworkloads/w",
        "PATCH /apis/batch/v1/namespaces/ns/jobs/w": "/apis/batch/v1/namespaces/ns/jobs/w",
        f"PATCH {ours}/computepools/p/status": f"{ours}/computepools/p",
        "POST /apis/batch/v1/namespaces/ns/jobs": "/apis/batch/v1/namespaces/ns/jobs/w-1",
        f"POST {ours}/namespaces/ns/aiworkloads": f"{ours}/namespaces/ns/aiworkloads/w",
    }


def test_a_patch_carries_the_version_that_it_is_based_on_beside_other_metadata() -> None:
    action = PatchJob(KEY, "8", {"metadata": {"labels": {"a": "b"}}, "spec": {"suspend": False}})
    body = msgspec.json.decode(requests.request_for(action, "8").body or b"")
    assert body == {"metadata": {"labels": {"a": "b"}, "resourceVersion": "8"}, "spec": {"suspend": False}}
    assert "resourceVersion" not in action.body["metadata"], "the action itself is a value"


def test_a_patch_is_in_effect_when_all_it_sets_is_there_and_all_it_removes_is_not() -> None:
    found = requests.check_in_effect(STATUS, live(uid="u1", resourceVersion="9", status={"a": 1, "other": 2}), "7")
    assert found == requests.Written("9", "u1")


@pytest.mark.parametrize("status", [{"a": 2}, {}, {"a": 1, "gone": "still here"}])
def test_a_patch_without_effect_on_an_unchanged_object_may_be_sent_again(status: dict[str, object]) -> None:
    assert requests.check_in_effect(STATUS, live(uid="u1", resourceVersion="7", status=status), "7") is None
    with pytest.raises(errors.Conflict):
        requests.check_in_effect(STATUS, live(uid="u1", resourceVersion="8", status=status), "7")


def test_another_object_of_that_name_is_not_ours_to_write() -> None:
    with pytest.raises(errors.NotFound):
        requests.check_in_effect(STATUS, live(uid="u2", resourceVersion="9", status={"a": 1}), "7")


def test_a_child_is_ours_by_its_owner() -> None:
    owner = {"kind": "AIWorkload", "name": "w", "uid": "u1"}
    found = requests.check_in_effect(JOB, live(uid="j", resourceVersion="3", ownerReferences=[owner]), None)
    assert found == requests.Written("3", "j")
    with pytest.raises(NameTaken, match="belongs to AIWorkload w"):
        requests.check_in_effect(JOB, live(uid="j", ownerReferences=[{**owner, "uid": "old"}]), None)
    with pytest.raises(NameTaken, match="belongs to nobody"):
        requests.check_in_effect(JOB, live(uid="j"), None)
    with pytest.raises(errors.Conflict, match="still being deleted"):
        requests.check_in_effect(
            JOB, live(uid="j", ownerReferences=[owner], deletionTimestamp="2026-01-01T00:00:00Z"), None
        )


@pytest.mark.parametrize(
    ("have", "want", "holds"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, True),
        ({"a": [1, {"x": 1, "default": 2}]}, {"a": [1, {"x": 1}]}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": "x"}, {"a": {"b": None}}, False),
        ({}, {"a": None}, True),
        ({"a": 1}, {"a": (1,)}, False),
        ({"a": True}, {"a": False}, False),
    ],
)
def test_a_merge_patch_holds_when_it_would_change_nothing(have: object, want: object, holds: bool) -> None:  # noqa: FBT001
    assert requests.holds(have, want) is holds
