"""What runs, frozen at the cost of what events touched: cycles over thousands of running ones are not slower.

Whether a workload may be moved depends on what the cache shows of it, and on what was sent and is not seen back yet.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping

import msgspec

from stellwerk.api.conditions import ConditionType
from stellwerk.api.reasons import Reason
from stellwerk.control.capacity import Places
from stellwerk.lifecycle.eviction import was_evicted
from stellwerk.lifecycle.observed import WorkloadState
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


def running_of(state: WorkloadState, places: Places, unbound: int) -> Running | None:
    """Return a workload with bound pods as planning sees it, None if it has none.

    Args:
        state: What was last seen of it.
        places: Its bound, unfinished pods.
        unbound: How many more of its pods are there and on no node yet.
    """
    workload = state.workload
    if not places.by_node or not isinstance(workload, Workload):
        return None
    holds = holds_place(state) and not state.deleting
    placement = state.status.placement if holds else None
    condition = state.status.condition(ConditionType.PLACED)
    job = state.job
    whole = job is not None and job.started and not job.suspend and not job.deleting and job.finished is None
    bound = sum(pods for _, pods, _ in places.by_node) + (job.succeeded if job else 0)
    return Running(
        workload=workload,
        placement=placement,
        pods_by_node=tuple((node, pods) for node, pods, _ in places.by_node),
        uses=tuple((node, used) for node, _, used in places.by_node),
        since="" if condition is None else condition.last_transition_time,
        changed=state.status.resized_at or "",
        indexes=places.indexes if workload.min_replicas is not None else (),
        settled=(
            placement is not None
            and whole
            and not unbound
            and bound == placement.replicas
            and not workload.others  # to move one pod set is to move all: left in place
        ),
        leaving=placement is None,
    )
