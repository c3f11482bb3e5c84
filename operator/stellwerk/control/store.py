"""All that is known of the fleet: sinks that reflectors feed, and snapshots that cycles decide on.

The sinks are synchronous and quick: update a cache, mark what changed. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stellwerk.api.conditions import ConditionType
from stellwerk.cluster import structs
from stellwerk.cluster.cache import EventType
from stellwerk.control.answers import Answers
from stellwerk.control.capacity import Capacity, node_from
from stellwerk.control.demand import SeenDemand
from stellwerk.control.holding import as_admitted, pools_of, with_held, with_unbound
from stellwerk.control.namespaces import Namespaces
from stellwerk.control.pools import Pools
from stellwerk.control.prices import Prices
from stellwerk.control.rooms import Rooms
from stellwerk.control.running import RunningOnes, SetPods, pods_there, running_of
from stellwerk.control.supply import Supplies
from stellwerk.control.workloads import Workloads
from stellwerk.lifecycle.intake import policy_from, pool_from
from stellwerk.lifecycle.observed import Eviction, WorkloadState
from stellwerk.lifecycle.reservations import reservation_of
from stellwerk.logs import get_logger
from stellwerk.model.capacity import Node, Pool
from stellwerk.model.policy import Policy
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload

_log = get_logger(__name__)


class Store:
    """The caches of one cluster, and what changed in them.

    Args:
        cluster: name of the cluster.
        changed: called at each change that a cycle should look at.
        supplies: what is learned of pools; None begins without any memory.
        prices: what pools cost; None knows of no tables.

    Attributes:
        rules_changed: a policy or pool changed since the flag was last reset: everything undecided is looked at again.
        roomy: room or rules had changed when `drain` was last called, or time has passed: what runs may be better off.

    """

    def __init__(
        self,
        cluster: str,
        changed: Callable[[], None],
        supplies: Supplies | None = None,
        prices: Prices | None = None,
    ) -> None:
        self.capacity = Capacity(cluster)
        self.workloads = Workloads()
        self.namespaces = Namespaces()
        self.policies: dict[str, Policy] = {}
        self.rules_changed = False
        self._pools = Pools(lambda: self.capacity.nodes, prices or Prices())
        self.rooms = Rooms()
        self.supplies = supplies or Supplies()
        self.running = RunningOnes()
        self.demand = SeenDemand()
        self.roomy = self._time_passed = False
        self._waiting: set[str] = set()
        self._promised: set[str] = set()
        self._followed: set[str] = set()
        self._answers = Answers()
        self._changed = changed

    def on_node(self, _type: EventType, new: structs.Node | None, old: structs.Node | None) -> None:
        """Take in a node; one that comes, goes or changes may also change which pools are discovered."""
        before = node_from(old, self.capacity.cluster) if new is None and old is not None else None
        if self.capacity.set_node(new, old):
            after = before if new is None else self.capacity.node(new.metadata.name)
            if after is not None and (new is None or after.ends):
                self.supplies.ends(after, self.pools, self.running.nodes, gone=new is None)
            self._pools.forget()
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
            self._promised.discard(uid)
            self._followed.discard(uid)
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
        self.supplies.see(new, old)
        repriced = self.prices.see(new, old)
        self._take_rule(self._pools.declared, pool_from, new, old)
        self._pools.forget()
        if repriced:
            self.rules_changed = True
            self._changed()

    def on_namespace(self, _type: EventType, new: structs.Namespace | None, old: structs.Namespace | None) -> None:
        """Take in a namespace."""
        self._note_allowance(changed=self.namespaces.set_namespace(new, old))

    def on_limit_range(self, _type: EventType, new: structs.LimitRange | None, old: structs.LimitRange | None) -> None:
        """Take in a LimitRange."""
        self._note_allowance(changed=self.namespaces.set_limits(new, old))

    def on_resource_quota(
        self, _type: EventType, new: structs.ResourceQuota | None, old: structs.ResourceQuota | None
    ) -> None:
        """Take in a ResourceQuota; each pod that comes or goes changes its status."""
        self._note_allowance(changed=self.namespaces.set_quota(new, old))

    def on_runtime_class(
        self, _type: EventType, new: structs.RuntimeClass | None, old: structs.RuntimeClass | None
    ) -> None:
        """Take in a RuntimeClass."""
        self._note_allowance(changed=self.namespaces.set_runtime_class(new, old))

    def _note_allowance(self, *, changed: bool) -> None:
        if changed:
            self.rules_changed = True
            self._changed()

    def _take_rule(
        self,
        known: dict[str, Any],
        parse: Callable[[str, Mapping[str, Any]], Any],
        new: structs.PlacementPolicy | structs.ComputePool | None,
        old: structs.PlacementPolicy | structs.ComputePool | None,
    ) -> None:
        if new is not None:
            name = new.metadata.name
            self._answers.see(new)
            if old is not None and old.metadata.generation == new.metadata.generation:
                return  # our own status write, or a label
            try:
                known[name] = parse(name, new.spec)
            except ValueError as error:
                _log.warning("rule not understood, its last good version stays", rule=name, error=str(error))
        elif old is not None:
            known.pop(old.metadata.name, None)
            self._answers.forget(old.metadata.uid)
        self.rules_changed = True
        self._changed()

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Declared and discovered pools, with the prices in force."""
        return self._pools.all

    @property
    def prices(self) -> Prices:
        """What pools cost."""
        return self._pools.prices

    def members_of(self, pool: Pool) -> Sequence[Node]:
        """Return the nodes of a pool, usable or not."""
        return self._pools.members_of(pool)

    def reprice(self) -> None:
        """Judge all prices anew; where one has changed, who waits is looked at again."""
        if self._pools.reprice():
            self.rules_changed = True
            self._changed()

    def drain(self) -> set[str]:
        """Return the workloads to look at now: changed ones, and all that wait where room or rules may let them in."""
        due = self.workloads.dirty | self._promised | self._followed
        self.roomy = self.capacity.freed or self.rules_changed or self._time_passed
        if self.capacity.freed or self.rules_changed:
            due |= self._waiting
        self.workloads.dirty.clear()
        self.capacity.freed = self.rules_changed = self._time_passed = False
        return due

    def state(self, uid: str) -> WorkloadState | None:
        """Return all that is known of a workload, and note what it reserves now; None if it is gone."""
        pods = self.capacity.pods_of(self.workloads.job_id(uid))
        further = [self.capacity.pods_of(job) for job in self.workloads.set_job_ids(uid)]
        state = as_admitted(self.namespaces, with_unbound(self.workloads.state(uid, pods), (pods, *further)))
        jobs = (self.workloads.job_id(uid), *self.workloads.set_job_ids(uid))
        state = with_held(state, self.capacity, jobs)
        counts = [(one.bound, one.unbound) for one in further]
        reserved = None if state is None else reservation_of(state, pods.bound, pods.unbound, counts)
        if reserved is None and self.rooms.reserves(uid) and not any(one.bound for one in (pods, *further)):
            self.capacity.freed = True  # given back, not taken up by its pods
        self.rooms.see(uid, reserved)
        self.demand.see(uid, state)
        there = state is not None and any(one.bound for one in (pods, *further))
        self._note_running(uid, state, pods_there(self.capacity, jobs) if there else ())
        return state

    def _note_running(self, uid: str, state: WorkloadState | None, there: Sequence[SetPods]) -> None:
        seen = None if state is None or not there else running_of(state, *there[0], there[1:])
        self.running.see(uid, seen)
        self.running.note_move(uid, state)

    def overdue(self, state: WorkloadState) -> Eviction | None:
        """Return why a workload must give its place up because its nodes do not come, or None."""
        placement = state.status.placement
        if placement is None or (state.status.is_true(ConditionType.READY) and not placement.awaited_nodes):
            return None
        now, pools = datetime.now(UTC), pools_of(placement, self.pools)
        judged = (self.supplies.judge(state, pool, now, at) for at, pool in enumerate(pools))
        return next((why for why in judged if why is not None), None)

    def watch_nodes(self, seconds: float) -> None:
        """Let the memory of pools follow the time; who waited for a backoff to end is looked at again."""
        self.supplies.watch(((pool, self.members_of(pool)) for pool in self.pools), self.running.nodes, seconds)
        if self.supplies.lapsed(datetime.now(UTC)):
            self.rules_changed = True
            self._changed()

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
        self._time_passed = True
        for uid in self.workloads.uids:
            status = self.workloads.status(uid)
            if not status.is_true(ConditionType.FINISHED) and not status.is_true(ConditionType.READY):
                self.workloads.dirty.add(uid)
        self.workloads.look_at_all_jobs()

    def unanswered(self, seconds: float) -> bool:
        """Tell whether a policy or pool has waited for longer than this for its Accepted condition."""
        return self._answers.overdue(seconds)

    def wait(self, uid: str, *, waiting: bool) -> None:
        """Note whether a workload waits for room or rules to change."""
        (self._waiting.add if waiting else self._waiting.discard)(uid)

    def promise(self, uid: str, *, promised: bool) -> None:
        """Note whether room is made for a waiting workload: it is then looked at in every cycle, before its like."""
        (self._promised.add if promised else self._promised.discard)(uid)

    def follow(self, uid: str, *, followed: bool) -> None:
        """Note whether a workload is on its way to another place: every cycle keeps room for it there."""
        (self._followed.add if followed else self._followed.discard)(uid)

    def snapshot(self, pending: Iterable[Workload] = ()) -> Snapshot:
        """Freeze everything for one cycle that is to decide for the `pending` workloads."""
        shapes = (shape for one in pending for shape in (one.pod, *(other.pod for other in one.others)))
        looking = any(shape.rules is not None and shape.rules.looks_at_others for shape in shapes)
        return Snapshot(
            nodes=self.capacity.nodes,
            pools=self.pools,
            policies=dict(self.policies),
            usage=self.capacity.usage,
            demand=self.demand.frozen,
            supply=self.supplies.frozen(self.pools, datetime.now(UTC)),
            reserved=self.rooms.taken,
            namespaces=self.namespaces.frozen,
            runtime_classes=self.namespaces.runtime_classes,
            neighbours=self.capacity.neighbours(everyone=looking),
            running=self.running.frozen,
            promised=frozenset(self._promised),
            moved=self.running.moved,
        )
