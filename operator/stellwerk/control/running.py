"""What runs, frozen at the cost of what events touched: cycles over thousands of running ones are not slower.

Whether a workload may be moved depends on what the cache shows of it, and on what was sent and is not seen back yet.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from stellwerk.api.conditions import ConditionType
from stellwerk.api.reasons import Reason
from stellwerk.control.capacity import Capacity, Places
from stellwerk.lifecycle.eviction import was_evicted
from stellwerk.lifecycle.observed import JobView, WorkloadState
from stellwerk.lifecycle.standing import holds_place
from stellwerk.model.placement import Placement
from stellwerk.model.running import Running
from stellwerk.model.workload import Workload


class RunningOnes:
    """Workloads with bound pods, by uid, and when workloads were moved."""

    def __init__(self) -> None:
        self._seen: dict[str, Running] = {}
        self._changing: dict[str, tuple[bool, Placement | None]] = {}
        self._order: list[str] = []
        self._shown: dict[str, Running] = {}
        self._frozen: tuple[Running, ...] | None = ()
        self._moved: dict[str, tuple[str, str]] = {}

    @property
    def frozen(self) -> tuple[Running, ...]:
        """All of them; the same tuple until one changes."""
        if self._frozen is None:
            self._frozen = tuple(self._shown[uid] for uid in self._order)
        return self._frozen

    @property
    def nodes(self) -> frozenset[str]:
        """Names of the nodes with pods of theirs."""
        return frozenset(name for running in self._seen.values() for name, _ in running.pods_by_node)

    @property
    def moved(self) -> Mapping[str, tuple[str, ...]]:
        """When workloads of each policy were moved, by the policy's name; RFC 3339, in order."""
        found: dict[str, list[str]] = {}
        for policy, moment in sorted(self._moved.values()):
            found.setdefault(policy, []).append(moment)
        return {policy: tuple(moments) for policy, moments in found.items()}

    def see(self, uid: str, running: Running | None) -> None:
        """Note what the cache shows of a workload; None where no pod of it is bound."""
        if running is None:
            self._seen.pop(uid, None)
        else:
            self._seen[uid] = running
        self._show(uid)

    def note_move(self, uid: str, state: WorkloadState | None) -> None:
        """Note when a workload was moved last, as its status says; None for one that is gone."""
        evicted = None if state is None else state.status.condition(ConditionType.EVICTED)
        if state is None or evicted is None or not was_evicted(state.status, Reason.MIGRATED):
            self._moved.pop(uid, None)
        elif isinstance(state.workload, Workload):
            self._moved[uid] = (state.workload.policy, evicted.last_transition_time)

    def changing(self, uid: str, *, leaving: bool, placement: Placement | None = None) -> None:
        """Note that a write about a workload is under way: nothing moves it meanwhile.

        Args:
            uid: of the workload.
            leaving: it gives its place up.
            placement: where it will be; None where that does not change.
        """
        self._changing[uid] = (leaving, placement)
        self._show(uid)

    def settled(self, uid: str) -> None:
        """Note that nothing about a workload is under way any more."""
        if self._changing.pop(uid, None) is not None:
            self._show(uid)

    def clear(self) -> None:
        """Forget all that was under way."""
        for uid in list(self._changing):
            self.settled(uid)

    def _show(self, uid: str) -> None:
        seen = self._seen.get(uid)
        if seen is not None and (change := self._changing.get(uid)) is not None:
            leaving, placement = change
            place = placement or seen.placement
            seen = msgspec.structs.replace(seen, settled=False, leaving=seen.leaving or leaving, placement=place)
        before = self._shown.get(uid)
        if seen == before:
            return
        self._frozen = None
        if seen is None:
            del self._shown[uid]
            del self._order[bisect_left(self._order, uid)]
            return
        self._shown[uid] = seen
        if before is None:
            insort(self._order, uid)


class SetPods(NamedTuple):
    """The pods of one pod set that are there."""

    places: Places
    """Of the bound ones that have not ended."""
    unbound: int
    """How many more are there and on no node yet."""


def pods_there(capacity: Capacity, jobs: Iterable[str]) -> list[SetPods]:
    """Return the pods of some Jobs, named as `structs.job_id` does."""
    return [SetPods(capacity.places_of(job), capacity.pods_of(job).unbound) for job in jobs]


def running_of(state: WorkloadState, places: Places, unbound: int, further: Sequence[SetPods] = ()) -> Running | None:
    """Return a workload with bound pods as planning sees it, None if it has none.

    Args:
        state: What was last seen of it.
        places: Its bound, unfinished pods of the main pod set.
        unbound: How many more of these are there and on no node yet.
        further: The pods of its further pod sets, in the order of the spec.
    """
    workload = state.workload
    found = [
        (node, pods, used) for one in (places, *(each.places for each in further)) for node, pods, used in one.by_node
    ]
    if not found or not isinstance(workload, Workload):
        return None
    holds = holds_place(state) and not state.deleting
    placement = state.status.placement if holds else None
    condition = state.status.condition(ConditionType.PLACED)
    main = placement is not None and _is_whole(state.job, placement.replicas, SetPods(places, unbound))
    return Running(
        workload=workload,
        placement=placement,
        pods_by_node=tuple((node, pods) for node, pods, _ in found),
        uses=tuple((node, used) for node, _, used in found),
        since="" if condition is None else condition.last_transition_time,
        changed=state.status.resized_at or "",
        indexes=places.indexes if workload.min_replicas is not None else (),
        settled=main and state.job is not None and state.job.finished is None and _are_whole(state, further),
        leaving=placement is None,
    )


def _are_whole(state: WorkloadState, further: Sequence[SetPods]) -> bool:
    """Tell whether all pods of all further pod sets run or have ended well."""
    placement, jobs = state.status.placement, state.set_jobs
    sets = () if placement is None else placement.pod_sets
    if not len(sets) == len(jobs) == len(further):
        return False
    return all(_is_whole(job, placed.replicas, pods) for placed, job, pods in zip(sets, jobs, further, strict=True))


def _is_whole(job: JobView | None, replicas: int, pods: SetPods) -> bool:
    """Tell whether all pods of one pod set run or have ended well."""
    if job is None or not job.started or job.suspend or job.deleting or job.finished == "Failed" or pods.unbound:
        return False
    return sum(count for _, count, _ in pods.places.by_node) + job.succeeded == replicas
