"""All that is known of the fleet: sinks that reflectors feed, and snapshots that cycles decide on.

The sinks are synchronous and quick: update a cache, mark what changed. Nothing is decided here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stellwerk.api.conditions import ConditionType
from stellwerk.cluster import structs
from stellwerk.cluster.cache import EventType
from stellwerk.control.capacity import Capacity, JobPods, Places
from stellwerk.control.rooms import Rooms
from stellwerk.control.running import RunningOnes, running_of
from stellwerk.control.workloads import Workloads
from stellwerk.lifecycle.intake import policy_from, pool_from
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.reservations import reservation_of
from stellwerk.logs import get_logger
from stellwerk.model.capacity import Node, Pool
from stellwerk.model.discovery import discover_pools
from stellwerk.model.policy import Policy
from stellwerk.model.snapshot import Snapshot
from stellwerk.placement.fleet import nodes_by_pool

_log = get_logger(__name__)


class Store:
    """The caches of one cluster, and what changed in them.

    Args:
        cluster: name of the cluster.
        changed: called at each change that a cycle should look at.

    Attributes:
        rules_changed: a policy or pool changed since the flag was last reset: everything undecided is looked at again.

    """

    def __init__(self, cluster: str, changed: Callable[[], None]) -> None:
        self.capacity = Capacity(cluster)
        self.workloads = Workloads()
        self.policies: dict[str, Policy] = {}
        self.rules_changed = False
        self._declared: dict[str, Pool] = {}
        self._pools: tuple[Pool, ...] | None = None
        self._members: Mapping[tuple[str, str], Sequence[Node]] | None = None  # worked out anew with the pools
        self.rooms = Rooms()
        self.running = RunningOnes()
        self._waiting: set[str] = set()
        self._unanswered: dict[str, float] = {}
        self._changed = changed

    # ------------------------------------------------------------------------------------ sinks

    def on_node(self, _type: EventType, new: structs.Node | None, old: structs.Node | None) -> None:
        """Take in a node; one that comes, goes or changes may also change which pools are discovered."""
        if self.capacity.set_node(new, old):
            self._pools = None
            self._changed()

    def on_pod(self, _type: EventType, new: structs.Pod | None, old: structs.Pod | None) -> None:
        """Take in a pod."""
        job = self.capacity.set_pod(new, old)
        owner = self.workloads.touch_job(job) if job else None
        if owner is not None or self.capacity.freed:
            self._changed()

    def on_job(self, _type: EventType, new: structs.Job | None, old: structs.Job | None) -> None:
        """Take in a Job with our label."""
        self.workloads.set_job(new, old)
        self._changed()

    def on_workload(self, type_: EventType, new: structs.AIWorkload | None, old: structs.AIWorkload | None) -> None:
        """Take in an AIWorkload; when it goes, the room that it had reserved is free at once."""
        uid = self.workloads.set_workload(new, old)
        if type_ == "DELETED":
            self._waiting.discard(uid)
            self.capacity.freed |= self.rooms.reserves(uid)
            self.rooms.see(uid, None)
            self.running.see(uid, None)
        self._changed()

    def on_policy(
        self, _type: EventType, new: structs.PlacementPolicy | None, old: structs.PlacementPolicy | None
    ) -> None:
        """Take in a policy; of one that does not fit its schema the last good version rules on."""
        self._take_rule(self.policies, policy_from, new, old)

    def on_pool(self, _type: EventType, new: structs.ComputePool | None, old: structs.ComputePool | None) -> None:
        """Take in a declared pool; of one that does not fit its schema the last good version stays."""
        self._take_rule(self._declared, pool_from, new, old)
        self._pools = None

    def _take_rule(
        self,
        known: dict[str, Any],
        parse: Callable[[str, Mapping[str, Any]], Any],
        new: structs.PlacementPolicy | structs.ComputePool | None,
        old: structs.PlacementPolicy | structs.ComputePool | None,
    ) -> None:
        if new is not None:
            name = new.metadata.name
            self._note_answer(new)
            if old is not None and old.metadata.generation == new.metadata.generation:
                return  # our own status write, or a label
            try:
                known[name] = parse(name, new.spec)
            except ValueError as error:
                _log.warning("rule not understood, its last good version stays", rule=name, error=str(error))
        elif old is not None:
            known.pop(old.metadata.name, None)
            self._unanswered.pop(old.metadata.uid, None)
        self.rules_changed = True
        self._changed()

    def _note_answer(self, rule: structs.PlacementPolicy | structs.ComputePool) -> None:
        if rule.status.get("observedGeneration") == rule.metadata.generation:
            self._unanswered.pop(rule.metadata.uid, None)
        else:
            self._unanswered.setdefault(rule.metadata.uid, time.monotonic())

    # ----------------------------------------------------------------------------------- cycles

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Declared and discovered pools."""
        if self._pools is None:
            declared = tuple(self._declared[name] for name in sorted(self._declared))
            self._pools = (*declared, *discover_pools(self.capacity.nodes, declared))
            self._members = None
        return self._pools

    def members_of(self, pool: Pool) -> Sequence[Node]:
        """Return the nodes of a pool, usable or not."""
        if self._pools is None or self._members is None:
            self._members = nodes_by_pool(self.capacity.nodes, self.pools)
        return self._members.get((pool.cluster, pool.name), ())

    def drain(self) -> set[str]:
        """Return the workloads to look at now: changed ones, and all that wait where room or rules may let them in."""
        due = set(self.workloads.dirty)
        if self.capacity.freed or self.rules_changed:
            due |= self._waiting
        self.workloads.dirty.clear()
        self.capacity.freed = self.rules_changed = False
        return due

    def state(self, uid: str) -> WorkloadState | None:
        """Return all that is known of a workload, and note what it reserves now; None if it is gone."""
        pods = self.capacity.pods_of(self.workloads.job_id(uid))
        state = self.workloads.state(uid, pods)
        reserved = None if state is None else reservation_of(state, pods.bound, pods.unbound)
        if reserved is None and self.rooms.reserves(uid) and not pods.bound:
            self.capacity.freed = True  # given back, not taken up by its pods
        self.rooms.see(uid, reserved)
        self._note_running(uid, state, pods)
        return state

    def _note_running(self, uid: str, state: WorkloadState | None, pods: JobPods) -> None:
        places = self.capacity.places_of(self.workloads.job_id(uid)) if pods.bound else Places()
        self.running.see(uid, None if state is None else running_of(state, places, pods.unbound))
        self.running.note_move(uid, state)

    def mark(self, uid: str) -> None:
        """Look at a workload, or at a Job that may become one, in the next cycle."""
        self.workloads.mark(uid)
        self._changed()

    def look_at_everything(self) -> None:
        """Mark all there is: nothing is known of what was done with it before."""
        self.workloads.dirty.update(self.workloads.uids)
        self.workloads.look_at_all_jobs()
        self._changed()

    def look_at_unsettled(self) -> None:
        """Mark everything that is on its way somewhere: events may have been missed, as by a writer that gave up."""
        for uid in self.workloads.uids:
            status = self.workloads.status(uid)
            if not status.is_true(ConditionType.FINISHED) and not status.is_true(ConditionType.READY):
                self.workloads.dirty.add(uid)
        self.workloads.look_at_all_jobs()

    def unanswered(self, seconds: float) -> bool:
        """Tell whether a policy or pool has waited for longer than this for its Accepted condition."""
        now = time.monotonic()
        overdue = any(now - since > seconds for since in self._unanswered.values())
        if overdue:  # whoever asks does something about it: give that time to help
            self._unanswered = dict.fromkeys(self._unanswered, now)
        return overdue

    def wait(self, uid: str, *, waiting: bool) -> None:
        """Note whether a workload waits for room or rules to change."""
        (self._waiting.add if waiting else self._waiting.discard)(uid)

    def snapshot(self) -> Snapshot:
        """Freeze everything for one cycle."""
        return Snapshot(
            nodes=self.capacity.nodes,
            pools=self.pools,
            policies=dict(self.policies),
            usage=self.capacity.usage,
            reserved=self.rooms.taken,
            running=self.running.frozen,
            moved=self.running.moved,
        )
