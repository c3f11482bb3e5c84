"""One round in one world: what `plan()` says of some gangs, and what the real kube-scheduler does with their pods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Final

import msgspec

from stellwerk.api.labels import SEAT_GATE
from stellwerk.api.reasons import Reason
from stellwerk.cluster import structs
from stellwerk.lifecycle.actions import CreateJob, SeatPod
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.seating import Held, HeldPod, seat_actions
from stellwerk.model.decision import Candidate, Decision, Mode, Plan
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload, WorkloadKey
from tests.integration.differential.bed import MERGE, REFUSED, Bed
from tests.integration.differential.disagreeing import Disagreement, shown
from tests.integration.differential.elsewhere import anywhere, is_of_further_set
from tests.integration.differential.places import Object
from tests.integration.differential.seeing import Child, Sight, pods_of
from tests.integration.differential.worlds import World
from tests.testbed.api import ApiError

OTHER_HARDWARE: Final = frozenset({Reason.ACCELERATOR_MISMATCH, Reason.ACCELERATOR_MEMORY_TOO_SMALL})
"""Rules that kube-scheduler does not know: a pool with the wrong accelerator is not tried."""


@dataclass
class Gang:
    """The pods of one gang, as they were created."""

    decision: Decision
    namespace: str
    pods: list[Object] = field(default_factory=list)
    pool: str = ""
    refused: str = ""
    """What the API server said when it forbade a pod."""

    @property
    def names(self) -> list[str]:
        """Names of its pods."""
        return [pod["metadata"]["name"] for pod in self.pods]

    @property
    def sociable(self) -> bool:
        """Whether a pod that finds no node now may find one once another pod of the gang is bound."""
        if not self.pods:
            return False
        spec = self.pods[0]["spec"]
        return "topologySpreadConstraints" in spec or "podAffinity" in spec.get("affinity", {})


@dataclass
class Trial:
    """An attempt to have a gang bound in one pool."""

    round: Round
    gang: str
    pool: str
    alone: bool
    """Attempts in other pools at the same time do not matter to it."""
    begin: Callable[[], Gang]


class Round:
    """What is asked in one world at one time."""

    def __init__(self, bed: Bed, world: World, numbers: tuple[int, int], manifests: Sequence[Object]) -> None:
        """Prepare to ask about `manifests`; `numbers` are those of the world and of the round."""
        self.bed, self.world, self.numbers = bed, world, numbers
        self.manifests = manifests
        self.gangs: list[Gang] = []
        self.disagreements: list[Disagreement] = []
        self.late = 0
        self._doubtful: list[Gang] = []
        self._asked: list[Object] = []
        self._sight: Sight
        self._states: list[WorkloadState]
        self.plan: Plan
        self.snapshot: Snapshot

    # ------------------------------------------------------------------------------------ what plan() says

    def decide(self) -> None:
        """Plan on what is there, and create the pods of all that fits."""
        namespace = self.world.place.namespaces[0]
        self._sight = Sight(self.world, self._pods(), self._shared())
        for manifest in self.manifests:
            asked = manifest
            if manifest["kind"] == "Job":
                job = self.bed.api.call("POST", f"/apis/batch/v1/namespaces/{namespace}/jobs", manifest)
                asked = {"kind": "Job", **job}
            self._asked.append(asked)
            self._sight.ask(asked)
        self._states = self._sight.states()
        self.plan, self.snapshot = self._sight.plan()
        children = self._sight.children([one for one in self.plan.decisions if one.mode is Mode.FIT])
        fits = [decision for decision in self.plan.decisions if decision.mode is Mode.FIT]
        for decision in sorted(fits, key=lambda one: sha256(one.uid.encode()).digest()):  # in no order, as in life
            self.gangs.append(self._create(decision, children[decision.uid]))

    # --------------------------------------------------------------------------------- what it does with a fit

    def settled(self) -> bool:
        """Tell whether all pods of what fits are bound."""
        there = self.bed.watch.of(self.world.place.namespaces[0])
        return all(_bound(there.get(name)) for gang in self.gangs for name in gang.names)

    def judge_fits(self) -> None:
        """Note each fit of which a pod is not bound."""
        there = self.bed.watch.of(self.world.place.namespaces[0])
        for gang in self.gangs:
            lost = [name for name in gang.names if not _bound(there.get(name))]
            if gang.refused or lost:
                said = gang.refused or "; ".join(_words(there.get(name)) for name in lost)
                pool = gang.decision.chosen.pool if gang.decision.chosen else ""
                self._note(f"Fit in {pool}, but {len(lost)} of {len(gang.pods)} pods not bound", gang, said)

    # ----------------------------------------------------------------------------- what it does with the rest

    def trials(self) -> list[Trial]:
        """Return one attempt for each pool that each gang without a place might still be bound in."""
        made: list[Trial] = []
        plain = not self.world.quotas
        for decision in self.plan.decisions:
            if decision.mode is not Mode.FIT:
                workload = next(state.workload for state in self._states if state.workload.uid == decision.uid)
                assert isinstance(workload, Workload)
                alone = plain and workload.pod.rules is None
                for candidate in decision.candidates:
                    if self._is_for_kube_scheduler(workload, candidate):
                        begin = partial(self._try, decision, candidate)
                        made.append(Trial(self, decision.uid, candidate.pool, alone, begin))
        return made

    def tried(self, gang: Gang) -> bool:
        """Tell whether it is clear what becomes of an attempt, apart from pods that others help to a node."""
        if gang.refused:
            return True
        there = self.bed.watch.of(gang.namespace)
        told = [_bound(pod) or (pod is not None and pod.unschedulable) for pod in map(there.get, gang.names)]
        stuck = [pod is not None and pod.unschedulable for pod in map(there.get, gang.names)]
        return all(told) or (any(stuck) and not gang.sociable)

    def bound(self, gang: Gang) -> bool:
        """Tell whether all pods of an attempt are bound."""
        there = self.bed.watch.of(gang.namespace)
        return not gang.refused and all(_bound(there.get(name)) for name in gang.names)

    def judge_trial(self, gang: Gang) -> None:
        """Note an attempt that found nodes for all pods where `plan()` said that there are none; clean up."""
        if gang.names and self.bound(gang):
            self._doubtful.append(gang)
        for name in gang.names:
            self._remove(gang.namespace, name)

    def judge_doubts(self) -> None:
        """Ask again about what was bound all the same, once the attempt is gone: the operator does so, too.

        Gangs of the same round that only prefer their nodes may have left the room that they were given.
        """
        for gang in self._doubtful:
            again = self.plan_again(gang)
            if self.gangs and again.mode is Mode.FIT:
                self.late += 1
            else:
                self._note(f"{gang.decision.mode.wire}, but all pods bound in {gang.pool}", gang, again.message)
        self._doubtful.clear()

    def plan_again(self, gang: Gang) -> Decision:
        """Decide about one gang alone, on what is there now."""
        sight = Sight(self.world, self._pods(), self._shared())
        sight.ask(next(one for one in self._asked if one["metadata"]["name"] == gang.decision.key.name))
        return sight.plan()[0].decisions[0]

    # ------------------------------------------------------------------------------------------------ insides

    def _pods(self) -> list[structs.Pod]:
        return [pod for name in self.world.place.namespaces for pod in self.bed.watch.of(name).values()]

    def _shared(self) -> dict[str, Sequence[Object]]:
        return {
            "on_limit_range": self.world.limits,
            "on_resource_quota": self.bed.quotas(self.world),
            "on_runtime_class": self.bed.runtime_classes,
            "on_namespace": [self.bed.namespaces[name] for name in self.world.place.namespaces],
        }

    def _remove(self, namespace: str, name: str) -> None:
        try:
            self.bed.api.call("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}?gracePeriodSeconds=0")
        except ApiError as error:
            if error.code != 404:
                raise

    def _create(self, decision: Decision, children: Sequence[Child], pool: str = "") -> Gang:
        """Create the pods of a placement's Jobs; stops at the first one that is forbidden."""
        gang = Gang(decision, decision.key.namespace, pool=pool)
        held: list[list[HeldPod]] = []
        for child in sorted(children, key=is_of_further_set):  # in the order of the placement
            held.append([])
            try:
                job = self._job(child)
            except ApiError as error:
                gang.refused = str(error)
                return gang
            for pod in pods_of(job):
                try:
                    made = self.bed.post_pod(pod)
                except ApiError as error:
                    if error.code not in REFUSED:
                        raise
                    gang.refused = str(error)
                    return gang
                gang.pods.append(pod)
                held[-1] += _held(made)
        self._seat(decision, held)
        return gang

    def _seat(self, decision: Decision, held: Sequence[Sequence[HeldPod]]) -> None:
        """Tell each pod that is held back its node, as the operator does when it sees it; `held` is by Job."""
        hosts = tuple((node["metadata"]["name"], node["metadata"]["name"]) for node in self.world.nodes)
        if decision.chosen is None:
            return
        for action in seat_actions(decision.chosen, [Held(tuple(pods), (), hosts) for pods in held]):
            assert isinstance(action, SeatPod)
            path = f"/api/v1/namespaces/{action.key.namespace}/pods/{action.key.name}"
            self.bed.api.call("PATCH", path, action.body, MERGE)

    def _job(self, child: Child) -> Object:
        """Return the Job as the API server would keep it."""
        path = f"/apis/batch/v1/namespaces/{child.key.namespace}/jobs"
        if isinstance(child, CreateJob):
            made: Object = self.bed.api.call("POST", f"{path}?dryRun=All", child.manifest)
        else:
            body = {"spec": child.body["spec"], "metadata": {"annotations": child.body["metadata"]["annotations"]}}
            made = self.bed.api.call("PATCH", f"{path}/{child.key.name}?dryRun=All", body, MERGE)
        return made

    def _try(self, decision: Decision, candidate: Candidate) -> Gang:
        state = next(state for state in self._states if state.workload.uid == decision.uid)
        pool = next(pool for pool in self.snapshot.pools if pool.name == candidate.pool)
        workload = state.workload
        assert isinstance(workload, Workload)
        chosen = msgspec.structs.replace(decision, mode=Mode.FIT, chosen=anywhere(workload, pool, candidate))
        return self._create(decision, self._sight.children([chosen])[decision.uid], candidate.pool)

    def _is_for_kube_scheduler(self, workload: Workload, candidate: Candidate) -> bool:
        """Whether kube-scheduler looks at all that may keep a gang from a pool.

        It counts slices, and does not know which are of one device. Further pod sets may go to any pool: they
        are compared where they fit only.
        """
        accelerator = next(pool for pool in self.snapshot.pools if pool.name == candidate.pool).accelerator
        sliced = candidate.option is not None and accelerator is not None and accelerator.slices > 1
        other = {rejection.reason for rejection in candidate.rejections} & OTHER_HARDWARE
        return not (other or sliced or workload.others)

    def _note(self, what: str, gang: Gang, said: str) -> None:
        manifest = next(one for one in self.manifests if one["metadata"]["name"] == gang.decision.key.name)
        pods = {name: pod for side in self.world.place.namespaces for name, pod in self.bed.watch.of(side).items()}
        objects = {"gang": manifest, "created": gang.pods, **shown(self.world, self.plan, pods)}
        self.disagreements.append(Disagreement(*self.numbers, f"{gang.decision.key}: {what}", said, objects))


def _held(pod: Object) -> list[HeldPod]:
    """Return a pod that was just created, if it carries our gate."""
    meta = pod["metadata"]
    if SEAT_GATE not in [gate["name"] for gate in pod["spec"].get("schedulingGates", ())]:
        return []
    index = meta.get("annotations", {}).get("batch.kubernetes.io/job-completion-index")
    key = WorkloadKey(meta["namespace"], meta["name"])
    return [HeldPod(key, meta["uid"], None if index is None else int(index))]


def _bound(pod: structs.Pod | None) -> bool:
    return pod is not None and bool(pod.spec.node_name)


def _words(pod: structs.Pod | None) -> str:
    return "no such pod" if pod is None else f"{pod.metadata.name}: {pod.unschedulable or 'not looked at'}"
