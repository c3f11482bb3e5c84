"""What the operator would see of a world and what it would do: its own store, its own planner, its own writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from stellwerk.api.labels import LOCAL_CLUSTER
from stellwerk.cluster import structs
from stellwerk.control.store import Store
from stellwerk.control.workloads import job_view
from stellwerk.lifecycle.actions import CreateJob, PatchJob
from stellwerk.lifecycle.adopt import workload_for_job
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.transactions import actions_for
from stellwerk.lifecycle.wire import WorkloadStatus
from stellwerk.model.decision import Decision, Plan
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.planner import plan
from tests.integration.differential.places import Object
from tests.integration.differential.worlds import World

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
EVERYTHING = 10_000

Child = CreateJob | PatchJob

KINDS = (structs.Node, structs.ComputePool, structs.Pod, structs.Job, structs.AIWorkload, structs.LimitRange)
SHARED = (structs.ResourceQuota, structs.RuntimeClass, structs.Namespace)
DECODERS = [msgspec.json.Decoder(kind) for kind in (*KINDS, *SHARED, WorkloadStatus)]
"""Made before there are threads: two that use a struct for the first time at once crash the process (msgspec 0.22)."""


class Sight:
    """The operator's view of one world, with what is asked in it."""

    def __init__(self, world: World, pods: Sequence[structs.Pod], shared: Mapping[str, Sequence[Object]]) -> None:
        """Feed everything to a store of its own.

        Args:
            world: nodes, pools and limits, as the API server keeps them.
            pods: all pods of the world's namespaces.
            shared: further listed objects by the name of the store's sink.
        """
        self.store = Store(LOCAL_CLUSTER, lambda: None)
        self._uids: list[str] = []
        for node in world.nodes:
            self.store.on_node("ADDED", msgspec.convert(node, structs.Node), None)
        for pool in world.pools:
            self.store.on_pool("ADDED", msgspec.convert(pool, structs.ComputePool), None)
        for pod in pods:
            self.store.on_pod("ADDED", pod, None)
        self._feed(shared)

    def _feed(self, shared: Mapping[str, Sequence[Object]]) -> None:
        kinds = {
            "on_limit_range": "LimitRange",
            "on_resource_quota": "ResourceQuota",
            "on_runtime_class": "RuntimeClass",
            "on_namespace": "Namespace",
        }
        for sink, objects in shared.items():
            for one in objects:
                getattr(self.store, sink)("ADDED", msgspec.convert(one, getattr(structs, kinds[sink])), None)

    def ask(self, manifest: Object) -> None:
        """Take in an AIWorkload, or a user's Job as the API server keeps it, which is adopted."""
        if manifest["kind"] == "Job":
            job = msgspec.convert(manifest, structs.Job)
            self.store.on_job("ADDED", job, None)
            manifest = workload_for_job(job_view(job), job.metadata.name)
            owner = {"kind": "Job", "name": job.metadata.name, "uid": job.metadata.uid}
            manifest["metadata"]["ownerReferences"] = [owner]
        number = len(self._uids)
        uid = f"uid-{manifest['metadata']['namespace']}-{manifest['metadata']['name']}"
        created = f"2026-11-22T10:00:{number:02d}Z"
        manifest["metadata"] |= {"uid": uid, "generation": 1, "resourceVersion": "1", "creationTimestamp": created}
        self.store.on_workload("ADDED", msgspec.convert(manifest, structs.AIWorkload), None)
        self._uids.append(uid)

    def states(self) -> list[WorkloadState]:
        """Return what is known of all that was asked, in order."""
        found = [self.store.state(uid) for uid in self._uids]
        return [state for state in found if state is not None]

    def plan(self) -> tuple[Plan, Snapshot]:
        """Decide for everything in one cycle."""
        pending = [state.workload for state in self.states() if isinstance(state.workload, Workload)]
        snapshot = self.store.snapshot(pending)
        return plan(pending, snapshot, NOW, 1, kept=EVERYTHING), snapshot

    def children(self, decisions: Sequence[Decision]) -> dict[str, list[Child]]:
        """Return the Jobs that the operator would create or release, by the workload's uid."""
        found: dict[str, list[Child]] = {}
        for transaction in actions_for(Plan(tuple(decisions), 1, NOW), self.states(), NOW):
            made = [action for action in transaction.actions if isinstance(action, CreateJob | PatchJob)]
            found[transaction.uid] = made
        return found


def pods_of(job: Mapping[str, Any]) -> list[Object]:
    """Return the pods that the Job controller would create for a Job as the API server keeps it."""
    spec, template = job["spec"], job["spec"]["template"]
    pods = []
    for index in range(min(spec["parallelism"], spec.get("completions") or spec["parallelism"])):
        labels = dict(template["metadata"].get("labels") or {})
        indexed: dict[str, str] = {}
        if spec.get("completionMode") == "Indexed":
            labels["batch.kubernetes.io/job-completion-index"] = str(index)
            indexed = {"batch.kubernetes.io/job-completion-index": str(index)}
        metadata = {
            "name": f"{job['metadata']['name']}-{index}",
            "namespace": job["metadata"]["namespace"],
            "labels": labels,
            "annotations": {**(template["metadata"].get("annotations") or {}), **indexed},
        }
        pods.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
    return pods
