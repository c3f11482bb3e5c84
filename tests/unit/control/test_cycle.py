"""What a cycle does with the answers of the writer."""

from stellwerk.cluster import structs
from stellwerk.cluster.outcome import Outcome, OutcomeKind
from stellwerk.control.cycle import Cycle
from stellwerk.control.store import Store
from stellwerk.lifecycle.actions import PatchStatus, Transaction

SPEC = {
    "class": "Batch",
    "policy": "missing",
    "template": {"spec": {"containers": [{"name": "main", "image": "x", "resources": {"requests": {"cpu": "1"}}}]}},
}


def test_a_refused_status_is_tried_again_ever_more_rarely_and_never_at_once() -> None:
    """Its owner cannot be told of it by the very write that is refused: trying to would never end."""
    store = Store("local", lambda: None)
    meta = structs.ObjectMeta("w", "ns", "uid-w", "1", 1, "2026-11-22T19:00:00Z")
    store.on_workload("ADDED", structs.AIWorkload(metadata=meta, spec=SPEC), None)
    sent: list[Transaction] = []
    pauses: list[float] = []
    cycle = Cycle(store, sent.append, lambda seconds, _uid: pauses.append(seconds))

    for _ in range(4):
        cycle.run_once()
        assert isinstance(sent[-1].actions[0], PatchStatus)
        cycle.heard(Outcome(sent[-1], OutcomeKind.FORBIDDEN, applied=0, error="no right to patch aiworkloads/status"))
        store.mark("uid-w")

    assert len(sent) == 4
    assert pauses == [1, 2, 4, 8]


def declared(name: str) -> structs.ComputePool:
    """A pool of the nodes below, as watched."""
    spec = {
        "nodeSelector": {"pool": "cpu"},
        "provider": "onprem",
        "region": "de-fra",
        "capacityType": "Owned",
        "price": {"perNodeHour": "3", "currency": "EUR"},
    }
    meta = structs.ObjectMeta(name, "", f"uid-{name}", "1", 1, "2026-11-22T19:00:00Z")
    return structs.ComputePool(metadata=meta, spec=spec)


def test_a_workload_applied_together_with_the_first_pools_is_not_rushed_onto_a_discovered_one() -> None:
    store = Store("local", lambda: None)
    ready = structs.Condition("Ready", "True")
    node = structs.Node(
        metadata=structs.ObjectMeta("n1", labels={"pool": "cpu", "kubernetes.io/hostname": "n1"}),
        status=structs.NodeStatus({"cpu": "8", "memory": "32Gi", "pods": "110"}, (ready,)),
    )
    store.on_node("ADDED", node, None)
    meta = structs.ObjectMeta("w", "ns", "uid-w", "1", 1, "2026-11-22T19:00:00Z")
    spec = {**SPEC, "policy": "default"}
    store.on_workload("ADDED", structs.AIWorkload(metadata=meta, spec=spec), None)
    sent: list[Transaction] = []
    pauses: list[float] = []
    cycle = Cycle(store, sent.append, lambda seconds, _uid: pauses.append(seconds))

    assert cycle.run_once().decisions == ()
    assert (sent, pauses) == ([], [1.0])
    store.on_pool("ADDED", declared("cpu"), None)
    store.mark("uid-w")
    (decision,) = cycle.run_once().decisions
    assert decision.chosen is not None
    assert decision.chosen.pool == "cpu"
