"""AIWorkloads and Jobs find each other in whatever order their events come."""

import msgspec
import pytest

from stellwerk.cluster import structs
from stellwerk.control.capacity import JobPods
from stellwerk.control.workloads import Workloads
from stellwerk.lifecycle.job import child_name
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.wire import ServiceStatus, WorkloadStatus
from stellwerk.model.workload import Workload, WorkloadKey

CHILD = child_name("w", "uid-w")
ORDERS = [["workload", "job"], ["job", "workload"]]
TEMPLATE = {"spec": {"containers": [{"name": "main", "image": "x", "resources": {"requests": {"cpu": "1"}}}]}}


def workload(version: str = "1", *, generation: int = 1, **spec: object) -> structs.AIWorkload:
    """An AIWorkload with a template, or with what `spec` says instead."""
    whole = {"class": "Batch", **(spec or {"template": TEMPLATE})}
    meta = structs.ObjectMeta(
        name="w",
        namespace="ns",
        uid="uid-w",
        resource_version=version,
        generation=generation,
        creation_timestamp="2026-11-22T19:00:00Z",
    )
    return structs.AIWorkload(metadata=meta, spec=whole)


def job(name: str = CHILD, uid: str = "uid-j", owner: str | None = "uid-w") -> structs.Job:
    """A Job with our label."""
    owners = (structs.OwnerReference("AIWorkload", "w", owner),) if owner else ()
    meta = structs.ObjectMeta(
        name=name,
        namespace="ns",
        uid=uid,
        resource_version="5",
        labels={"stellwerk.dev/policy": "default"},
        owner_references=owners,
    )
    pod_spec = {"containers": [{"name": "main", "image": "x", "resources": {"requests": {"cpu": "2"}}}]}
    return structs.Job(metadata=meta, spec=structs.JobSpec(template=structs.PodTemplate(spec=pod_spec)))


def state(workloads: Workloads) -> WorkloadState:
    """The state of the one workload."""
    found = workloads.state("uid-w", JobPods())
    assert found is not None, "the workload is gone"
    return found


def refers_to(name: str) -> structs.AIWorkload:
    """An AIWorkload that stands for a user's Job."""
    return workload(workloadRef={"apiVersion": "batch/v1", "kind": "Job", "name": name})


@pytest.mark.parametrize("order", ORDERS)
def test_a_child_is_found_by_its_owner_whichever_comes_first(order: list[str]) -> None:
    """After a restart the lists come in any order."""
    workloads = Workloads()
    for kind in order:
        if kind == "workload":
            workloads.set_workload(workload(), None)
        else:
            workloads.set_job(job(), None)

    assert getattr(state(workloads).job, "uid", None) == "uid-j"
    assert workloads.orphan(WorkloadKey("ns", CHILD)) is None


@pytest.mark.parametrize("order", ORDERS)
def test_a_users_job_is_found_by_its_name_whichever_comes_first(order: list[str]) -> None:
    """The reference names it."""
    workloads = Workloads()
    for kind in order:
        if kind == "workload":
            workloads.set_workload(refers_to("mine"), None)
        else:
            workloads.set_job(job("mine", owner=None), None)

    assert isinstance(state(workloads).workload, Workload)
    assert workloads.touch_job("ns/uid-j") == "uid-w"


def test_a_labelled_job_that_nobody_stands_for_is_an_orphan() -> None:
    """It may get an AIWorkload."""
    workloads = Workloads()

    workloads.set_job(job("mine", owner=None), None)

    assert workloads.orphans == {WorkloadKey("ns", "mine")}


def test_a_child_that_vanishes_is_known_to_be_lost() -> None:
    """So that it can be explained, and is not made again."""
    workloads = Workloads()
    workloads.set_workload(workload(), None)
    workloads.set_job(job(), None)

    workloads.set_job(None, job())

    assert state(workloads).job is None
    assert state(workloads).job_lost


def test_a_job_made_anew_under_its_old_name_is_not_lost_when_the_old_one_goes() -> None:
    """The deletion of the old one comes late."""
    workloads = Workloads()
    workloads.set_workload(refers_to("mine"), None)
    workloads.set_job(job("mine", uid="old", owner=None), None)
    workloads.set_job(job("mine", uid="new", owner=None), None)

    workloads.set_job(None, job("mine", uid="old", owner=None))

    assert getattr(state(workloads).job, "uid", None) == "new"
    assert not state(workloads).job_lost


def test_a_status_write_brings_a_new_version_and_no_new_parse() -> None:
    """The version in the state is the one to compare and swap with."""
    workloads = Workloads()
    workloads.set_workload(workload("1"), None)
    before = state(workloads).workload

    workloads.set_workload(workload("2"), workload("1"))

    after = state(workloads).workload
    assert after.identity.resource_version == "2"
    assert isinstance(before, Workload)
    assert isinstance(after, Workload)
    assert after.pod is before.pod


def test_a_deleted_workload_leaves_nothing() -> None:
    """Neither in the caches nor among what is to be looked at."""
    workloads = Workloads()
    workloads.set_workload(workload(), None)

    workloads.set_workload(None, workload())

    assert workloads.state("uid-w", JobPods()) is None
    assert not workloads.dirty
    assert not workloads.taken(WorkloadKey("ns", "w"))


def test_a_job_that_only_says_whose_it_is_is_nobodys_child() -> None:
    """Owner references can be forged, and are copied along with a Job."""
    workloads = Workloads()
    workloads.set_workload(workload(), None)
    workloads.set_job(job(), None)

    elsewhere = job(uid="forged")
    moved = msgspec.structs.replace(elsewhere.metadata, namespace="theirs")
    for forged in (msgspec.structs.replace(elsewhere, metadata=moved), job("copy", uid="copy")):
        workloads.set_job(forged, None)
        assert getattr(state(workloads).job, "uid", None) == "uid-j"
        workloads.set_job(None, forged)
        assert not state(workloads).job_lost


def test_one_job_runs_for_one_workload_and_the_others_are_told() -> None:
    """Its room would be reserved, and its cost counted, once for each of them."""
    workloads = Workloads()
    workloads.set_job(job("mine", owner=None), None)
    older = refers_to("mine")
    meta = msgspec.structs.replace(older.metadata, name="v", uid="uid-v", creation_timestamp="2026-11-22T20:00:00Z")
    younger = msgspec.structs.replace(older, metadata=meta)
    for one in (younger, older):
        workloads.set_workload(one, None)

    second = workloads.state("uid-v", JobPods())
    assert isinstance(state(workloads).workload, Workload)
    assert second is not None
    assert (second.job, second.workload.reason) == (None, "JobTaken")  # type: ignore[union-attr]

    workloads.dirty.clear()
    workloads.set_workload(None, older)
    freed = workloads.state("uid-v", JobPods())
    assert freed is not None
    assert isinstance(freed.workload, Workload)
    assert workloads.dirty == {"uid-v"}


def test_a_reference_never_takes_the_job_of_a_template() -> None:
    """However old it is."""
    workloads = Workloads()
    workloads.set_workload(workload(), None)
    workloads.set_job(job(), None)
    thief = refers_to(CHILD)
    meta = msgspec.structs.replace(thief.metadata, name="v", uid="uid-v", creation_timestamp="2026-01-01T00:00:00Z")
    workloads.set_workload(msgspec.structs.replace(thief, metadata=meta), None)

    assert getattr(state(workloads).job, "uid", None) == "uid-j"
    assert workloads.touch_job("ns/uid-j") == "uid-w"


def test_what_a_workload_has_had_comes_from_its_status_without_a_new_parse() -> None:
    workloads = Workloads()
    workloads.set_workload(workload(), None)
    first = state(workloads).workload
    had = workload("2")
    had = msgspec.structs.replace(had, status=WorkloadStatus(service=ServiceStatus(7200, 600)))
    workloads.set_workload(had, None)
    now = state(workloads).workload
    assert isinstance(first, Workload)
    assert isinstance(now, Workload)
    assert (first.served, now.served, now.lost) == (0, 7200, 600)
    assert now.pod is first.pod, "it was parsed once"
