"""Short ways to say what a test is about: nodes, pools, policies, workloads and what was seen of them.

Everything has a default, so that a test names only what it is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from stellwerk.api.labels import POLICY_LABEL
from stellwerk.lifecycle.intake import workload_from
from stellwerk.lifecycle.observed import JobView, WorkloadState
from stellwerk.lifecycle.wire import WorkloadStatus
from stellwerk.model.capacity import Accelerator, CapacityType, Node, Pool, Price, Taint
from stellwerk.model.decision import Decision, Mode, Plan
from stellwerk.model.policy import Policy
from stellwerk.model.requirements import Requirements
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, Identity, InvalidWorkload, PodShape, Workload, WorkloadKey
from stellwerk.placement.planner import plan

GPU = "nvidia.com/gpu"
GIB = 2**30
NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 12, 30, 0, tzinfo=UTC)
H100 = Accelerator("H100", 8, GPU, 80 * GIB)


def resources(**quantities: str | int) -> Resources:
    """Build from quantities; `gpu` stands for nvidia.com/gpu."""
    return Resources.from_quantities({GPU if name == "gpu" else name: value for name, value in quantities.items()})


def node(name: str = "node-1", pool: str = "pool", *, gpu: int = 8, **facts: Any) -> Node:
    """Build a node of a pool whose selector is `{"pool": pool}`."""
    labels = {"kubernetes.io/hostname": name, "pool": pool, **facts.pop("labels", {})}
    offer = facts.pop("allocatable", None) or resources(cpu="96", memory="1Ti", pods=110, gpu=gpu)
    return Node(name, labels, offer, **facts)


def nodes(count: int, pool: str = "pool", **facts: Any) -> tuple[Node, ...]:
    """Build like nodes."""
    return tuple(node(f"{pool}-{number:04d}", pool, **facts) for number in range(count))


def pool(name: str = "pool", *, price: str | None = "32", currency: str = "EUR", **facts: Any) -> Pool:
    """Build a declared pool of H100 nodes; `price` is per node and hour."""
    told = {"accelerator": H100, "capacity_type": CapacityType.OWNED, "provider": "onprem", "region": "de-fra", **facts}
    cost = None if price is None else Price(Decimal(price), currency)
    return Pool(name, told.pop("node_selector", {"pool": name}), price=cost, **told)


def gang(name: str = "train", replicas: int = 1, gpus: int = 8, **facts: Any) -> Workload:
    """Build a workload of `replicas` pods with `gpus` H100 each; no GPUs at all for zero."""
    asked = facts.pop("accelerators", (AcceleratorOption("H100", gpus),) if gpus else ())
    shape = PodShape(
        facts.pop("requests", resources(cpu="8", memory="64Gi", pods=1)),
        facts.pop("requirements", Requirements()),
        facts.pop("tolerations", ()),
    )
    identity = Identity(
        WorkloadKey(facts.pop("namespace", "team"), name),
        facts.pop("uid", f"uid-{name}"),
        1,
        "7",
        facts.pop("created", "2026-11-22T10:00:00Z"),
    )
    told = {"class_": "Training", "policy": "default", **facts}
    return Workload(identity=identity, replicas=replicas, pod=shape, accelerators=asked, **told)


def snapshot(pools: Sequence[Pool] = (), members: Sequence[Node] = (), **facts: Any) -> Snapshot:
    """Build a snapshot; `policies` may be a sequence."""
    policies = facts.pop("policies", ())
    by_name = policies if isinstance(policies, Mapping) else {policy.name: policy for policy in policies}
    return Snapshot(tuple(members), tuple(pools), by_name, **facts)


def decide(workload: Workload, seen: Snapshot) -> Decision:
    """Plan one workload alone."""
    return plan([workload], seen, NOW, 1).decisions[0]


def policy(name: str = "default", **facts: Any) -> Policy:
    """Build a policy."""
    return Policy(name, **facts)


def decision(mode: Mode = Mode.FIT, workload: Workload | None = None, **facts: Any) -> Decision:
    """Decide for a workload by really planning it on a fleet of one pool, then change what the test is about."""
    asked = workload or gang()
    room = {Mode.FIT: asked.replicas, Mode.WAIT: asked.replicas, Mode.NEVER: 0}[mode]
    members = nodes(max(1, room) if mode is not Mode.NEVER else 1)
    busy = {member.name: member.allocatable for member in members} if mode is Mode.WAIT else {}
    wanted = msgspec.structs.replace(asked, replicas=99) if mode is Mode.NEVER else asked
    made = decide(wanted, snapshot([pool()], members, usage=busy))
    assert made.mode is mode, made
    return msgspec.structs.replace(made, **facts)


def plan_of(*decisions: Decision, cycle: int = 5) -> Plan:
    """Build a plan of ready-made decisions."""
    return Plan(decisions, cycle, NOW)


SPEC: dict[str, Any] = {
    "class": "Training",
    "policy": "default",
    "replicas": 2,
    "accelerators": [{"model": "H100", "count": 8}],
    "expectedRuntime": "2h",
    "backoffLimit": 1,
    "template": {
        "metadata": {"labels": {"team": "vision"}},
        "spec": {
            "containers": [
                {
                    "name": "train",
                    "image": "registry.example.com/train:1",
                    "resources": {"requests": {"cpu": "8", "memory": "64Gi"}},
                }
            ],
        },
    },
}
"""A spec as the API server stores it."""


def identity(name: str = "train", **facts: Any) -> Identity:
    """Build an identity."""
    told = {"uid": f"uid-{name}", "generation": 1, "resource_version": "7", "created": "2026-11-22T10:00:00Z", **facts}
    return Identity(WorkloadKey("team", name), **told)


def state(spec: Mapping[str, Any] = SPEC, **facts: Any) -> WorkloadState:
    """Build what was seen of a workload with this spec; the workload itself is parsed from it."""
    job = facts.get("job")
    workload: Workload | InvalidWorkload = workload_from(facts.pop("identity", identity()), spec, job)
    return WorkloadState(workload=workload, spec=spec, **facts)


USER_TEMPLATE: dict[str, Any] = {
    "spec": {
        "restartPolicy": "Never",
        "containers": [
            {
                "name": "report",
                "image": "registry.example.com/report:1",
                "resources": {"requests": {"cpu": "4"}, "limits": {GPU: "2"}},
            }
        ],
    }
}


def user_job(name: str = "report", **facts: Any) -> JobView:
    """Build a labelled, suspended Job of a user, asking for 2 GPUs."""
    told = {
        "uid": f"job-uid-{name}",
        "resource_version": "11",
        "labels": {POLICY_LABEL: "default"},
        "suspend": True,
        "template": USER_TEMPLATE,
        **facts,
    }
    return JobView(WorkloadKey("team", name), **told)


def own_job(owner: Identity, name: str = "train-12345678", **facts: Any) -> JobView:
    """Build the child Job of a workload, running."""
    told = {"uid": f"job-uid-{name}", "owner_uids": (owner.uid,), "started": True, "parallelism": 2, **facts}
    told.setdefault("active", told["parallelism"] - told.get("succeeded", 0))
    return JobView(WorkloadKey(owner.key.namespace, name), completions=told["parallelism"], **told)


def taint(key: str = GPU, effect: str = "NoSchedule", value: str = "present") -> Taint:
    """Build a taint."""
    return Taint(key, effect, value)


def status_after(old: WorkloadStatus, patch: Mapping[str, Any]) -> WorkloadStatus:
    """Apply a merge patch body to a status as the API server would, and decode the result."""
    result = merged(msgspec.to_builtins(old), patch["status"])
    return msgspec.convert(result, WorkloadStatus)


def merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result
