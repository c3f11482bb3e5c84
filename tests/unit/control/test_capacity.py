"""Use of nodes is counted from bound, live pods, event by event."""

import random

import msgspec
import pytest

from stellwerk.api.labels import SEAT_GATE
from stellwerk.cluster import structs
from stellwerk.control.capacity import Capacity, JobPods
from stellwerk.model.resources import Resources


def node(name: str = "n1", *, gpus: str = "8", ready: str = "True", version: str = "1") -> structs.Node:
    """A ready node with GPUs."""
    return structs.Node(
        metadata=structs.ObjectMeta(name=name, uid=f"node-{name}", resource_version=version),
        status=structs.NodeStatus(
            allocatable={"cpu": "96", "memory": "1Ti", "pods": "110", "nvidia.com/gpu": gpus},
            conditions=(structs.Condition("Ready", ready),),
        ),
    )


def pod(
    name: str = "p1", *, on: str = "n1", phase: str = "Running", gpus: str = "2", namespace: str = "ns"
) -> structs.Pod:
    """A pod of a Job with GPUs."""
    told = () if on else (structs.Condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available"),)
    return structs.Pod(
        metadata=structs.ObjectMeta(
            name=name, namespace=namespace, uid=f"pod-{name}", labels={"batch.kubernetes.io/controller-uid": "job-1"}
        ),
        spec=structs.PodSpec(
            node_name=on,
            containers=(
                structs.Container("main", structs.ResourceRequirements({"nvidia.com/gpu": gpus, "cpu": "500m"})),
            ),
        ),
        status=structs.PodStatus(phase=phase, conditions=told),
    )


JOB = structs.job_id("ns", "job-1")


@pytest.fixture
def capacity() -> Capacity:
    """A cluster with one node."""
    capacity = Capacity("local")
    capacity.set_node(node(), None)
    capacity.freed = False
    return capacity


def test_a_bound_pod_uses_its_node(capacity: Capacity) -> None:
    """The pod itself counts as one of the node's pods."""
    capacity.set_pod(pod(), None)

    assert capacity.usage == {"n1": Resources.from_quantities({"nvidia.com/gpu": "2", "cpu": "500m", "pods": "1"})}


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_ends_frees_its_room(capacity: Capacity, phase: str) -> None:
    """What ended uses nothing, and what waits is told."""
    capacity.set_pod(pod(), None)

    capacity.set_pod(pod(phase=phase), pod())

    assert capacity.usage == {}
    assert capacity.freed


def test_a_deleted_pod_frees_its_room(capacity: Capacity) -> None:
    """A deletion frees as well."""
    capacity.set_pod(pod(), None)

    capacity.set_pod(None, pod())

    assert capacity.usage == {}
    assert capacity.freed


def test_a_pod_that_is_being_bound_frees_nothing(capacity: Capacity) -> None:
    """The step from waiting to bound takes room; nobody else needs to be looked at again."""
    capacity.set_pod(pod(on=""), None)

    capacity.set_pod(pod(), pod(on=""))

    assert not capacity.freed
    assert capacity.pods_of(JOB) == JobPods(bound=1)


def test_what_the_scheduler_says_of_an_unbound_pod_is_kept(capacity: Capacity) -> None:
    """Its sentence reaches the workload's Ready condition."""
    capacity.set_pod(pod(on=""), None)

    assert capacity.pods_of(JOB) == JobPods(bound=0, unbound=1, unschedulable="0/3 nodes are available")


def test_a_pod_of_another_namespace_is_not_counted_whatever_its_label_says(capacity: Capacity) -> None:
    """Else a tenant could have room reserved, or given away, by labels on pods of his own."""
    capacity.set_pod(pod(), None)

    capacity.set_pod(pod("p2", on="", namespace="theirs"), None)

    assert capacity.pods_of(JOB) == JobPods(bound=1)


def test_a_heartbeat_of_a_node_is_no_change(capacity: Capacity) -> None:
    """A new version with the same facts starts no cycle."""
    assert not capacity.set_node(node(version="2"), node())


@pytest.mark.parametrize("changed", [node(gpus="4"), node(ready="False")], ids=["fewer GPUs", "not ready"])
def test_a_changed_node_is_a_change(capacity: Capacity, changed: structs.Node) -> None:
    """Lost GPUs and lost readiness both matter."""
    assert capacity.set_node(changed, node())
    assert capacity.nodes != ()


def test_a_node_without_a_ready_condition_is_not_ready() -> None:
    """Missing data is never read as well."""
    capacity = Capacity("local")
    capacity.set_node(structs.Node(metadata=structs.ObjectMeta(name="bare", uid="u")), None)

    assert [known.ready for known in capacity.nodes] == [False]


def test_after_any_sequence_of_events_the_use_is_that_of_the_pods_that_are_left(capacity: Capacity) -> None:
    """Incremental counting gives what counting anew gives."""
    chance = random.Random(7)
    seen: dict[str, structs.Pod] = {}
    for _ in range(2000):
        name = f"p{chance.randrange(30)}"
        old = seen.pop(name, None)
        new = None
        if old is None or chance.random() < 0.7:
            where = old.spec.node_name if old and old.spec.node_name else chance.choice(["", "n1", "n2"])
            new = pod(name, on=where, gpus="3", phase=chance.choice(["Running", "Running", "Succeeded"]))
            seen[name] = new
        capacity.set_pod(new, old)

    anew = Capacity("local")
    for left in seen.values():
        anew.set_pod(left, None)
    assert capacity.usage == anew.usage
    assert capacity.pods_of(JOB) == anew.pods_of(JOB)


def held(name: str, index: int) -> structs.Pod:
    """A pod of an Indexed Job that is held back."""
    bare = pod(name, on="")
    meta = msgspec.structs.replace(bare.metadata, annotations={"batch.kubernetes.io/job-completion-index": str(index)})
    spec = msgspec.structs.replace(bare.spec, scheduling_gates=(structs.SchedulingGate(SEAT_GATE),))
    return msgspec.structs.replace(bare, metadata=meta, spec=spec)


def test_a_pod_with_our_gate_is_held_until_the_gate_goes(capacity: Capacity) -> None:
    """Where the others are, or were told to go, counts beside it."""
    capacity.set_node(named("n1"), None)
    waiting, told = held("p1", 0), held("p2", 1)
    spec = msgspec.structs.replace(told.spec, scheduling_gates=None, node_selector={"kubernetes.io/hostname": "n1"})
    capacity.set_pod(waiting, None)
    capacity.set_pod(msgspec.structs.replace(told, spec=spec), None)
    found = capacity.held_of(JOB)
    assert [(one.key.name, one.index) for one in found.pods] == [("p1", 0)]
    assert found.seated == (("n1", 1),)
    assert found.hosts == (("n1", "n1"),)
    capacity.set_pod(None, waiting)
    assert not capacity.held_of(JOB).pods


def named(name: str) -> structs.Node:
    """A node that has its host name as a label."""
    bare = node(name)
    return msgspec.structs.replace(
        bare, metadata=msgspec.structs.replace(bare.metadata, labels={"kubernetes.io/hostname": name})
    )


def test_only_pods_that_keep_others_away_are_neighbours_unless_somebody_looks(capacity: Capacity) -> None:
    """Anti-affinity keeps others away, and so do host ports."""
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "x"}}}
    keeps = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    fierce, plain, unbound = pod("p1"), pod("p2"), pod("p3", on="")
    spec = msgspec.structs.replace(fierce.spec, affinity=structs.Affinity(keeps))
    capacity.set_pod(msgspec.structs.replace(fierce, spec=spec), None)
    capacity.set_pod(plain, None)
    capacity.set_pod(unbound, None)
    (guard,) = capacity.neighbours(everyone=False)
    assert guard.anti_affinity[0].topology_key == "zone"
    assert len(capacity.neighbours(everyone=True)) == 2
    capacity.set_pod(None, msgspec.structs.replace(fierce, spec=spec))
    assert capacity.neighbours(everyone=False) == ()
