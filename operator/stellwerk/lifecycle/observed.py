"""What was last seen of a workload and its Job, and where that leaves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from stellwerk.lifecycle.actions import PatchConfigStatus
from stellwerk.lifecycle.seating import Held
from stellwerk.lifecycle.wire import WorkloadStatus
from stellwerk.model.decision import Cost
from stellwerk.model.placement import Placement
from stellwerk.model.workload import InvalidWorkload, Workload, WorkloadKey


class JobView(msgspec.Struct, frozen=True):
    """A batch/v1 Job, reduced to what decisions depend on."""

    key: WorkloadKey
    uid: str
    resource_version: str = ""
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    owner_uids: tuple[str, ...] = ()
    """Of all owners; ours is the AIWorkload's."""
    suspend: bool = False
    started: bool = False
    """It has a start time, so its pods exist or existed."""
    parallelism: int = 1
    completions: int | None = None
    template: Mapping[str, Any] = {}
    """Its pod template (metadata, spec) as decoded JSON; needed of users' Jobs only."""
    active: int = 0
    ready: int = 0
    succeeded: int = 0
    failed: int = 0
    finished: Literal["Complete", "Failed"] | None = None
    finished_reason: str = ""
    finished_message: str = ""
    deleting: bool = False
    terminating: int = 0
    """Pods that were told to end and are still there."""

    @property
    def size(self) -> int:
        """How many pods run at once while all of its work is to be done."""
        return self.parallelism if self.completions is None else min(self.parallelism, self.completions)

    @property
    def pods_wanted(self) -> int:
        """How many pods should run now."""
        if self.completions is None:
            return 0 if self.succeeded else self.parallelism
        return max(0, min(self.parallelism, self.completions - self.succeeded))

    @property
    def all_running(self) -> bool:
        """Whether every pod that should run is ready."""
        return not self.suspend and self.ready >= self.pods_wanted


class Eviction(msgspec.Struct, frozen=True):
    """Why a workload must give up its place."""

    reason: str
    """Constant of `stellwerk.api.reasons` for the condition Evicted."""
    message: str
    """One sentence with the numbers."""
    remember: PatchConfigStatus | None = None
    """Written before anything else: what must not be forgotten if the process ends in between."""


class Resize(msgspec.Struct, frozen=True):
    """Another size for an elastic workload that runs."""

    placement: Placement
    """Its place, with the pods that it gets."""
    message: str
    """One sentence: why."""
    cost: Cost | None = None
    """Expected from now on; None leaves what is on record."""


class WorkloadState(msgspec.Struct, frozen=True):
    """An AIWorkload with all that was last seen of it."""

    workload: Workload | InvalidWorkload
    spec: Mapping[str, Any] = {}
    """Its spec as decoded JSON (camelCase): the pod template is taken from here."""
    status: WorkloadStatus = WorkloadStatus()
    job: JobView | None = None
    """The Job of its deterministic name, or the one that `workloadRef` names."""
    job_lost: bool = False
    """Its Job, or that of one of its pod sets, was seen by this process and has been deleted since."""
    set_jobs: tuple[JobView | None, ...] = ()
    """The Jobs of its further pod sets, in the order of the spec."""
    deleting: bool = False
    pods_bound: int = 0
    """Pods on a node, finished ones included."""
    pods_unschedulable_message: str | None = None
    """What kube-scheduler says of a pod that it cannot bind, if it has said so."""
    sets_unbound: tuple[bool, ...] = ()
    """Whether it says so of the main pod set, and of each further one; empty where it is not told apart."""
    refusal: str | None = None
    """What the API server said when it refused to create or release the Job just now."""
    held: tuple[Held, ...] = ()
    """Pods that wait to be told their node, of the main pod set and the further ones; empty where none does."""
    eviction: Eviction | None = None
    """Why its place must be given up now; without effect where it has none."""
    resize: Resize | None = None
    """How many pods it gets from now on; without effect unless it is elastic and has a place."""
