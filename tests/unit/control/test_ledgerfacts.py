"""From events to facts: prices and pools as they change, pods whose workload comes late, names that come again."""

from __future__ import annotations

from typing import Any

import msgspec

from stellwerk.cluster import structs
from stellwerk.control.ledgerfacts import LedgerFacts, loss_of
from stellwerk.control.store import Store
from stellwerk.economics.ledger.facts import Entry, Party
from stellwerk.economics.ledger.rates import SplitMode
from stellwerk.economics.ledger.settling import settle

T0 = 1_793_016_000  # 2026-10-26T12:00:00Z
NOON = "2026-10-26T12:00:00Z"
GPU = "nvidia.com/gpu"


def made(kind: type, **fields: Any) -> Any:
    return msgspec.convert(fields, kind)


def node(name: str = "n1", uid: str = "u-n1", **meta: Any) -> Any:
    metadata = {"name": name, "uid": uid, "creationTimestamp": NOON, "labels": {"pool": "h100"}, **meta}
    status = {
        "allocatable": {"cpu": "192", "memory": "2Ti", GPU: "8"},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    return made(structs.Node, metadata=metadata, status=status)


def pool(price: str | None, generation: int = 1) -> Any:
    spec: dict[str, Any] = {
        "cluster": "local",
        "nodeSelector": {"pool": "h100"},
        "provider": "onprem",
        "region": "de-fra",
        "capacityType": "Owned",
        "jurisdiction": "DE",
        "accelerator": {"model": "H100", "count": 8},
    }
    if price:
        spec["price"] = {"perNodeHour": price, "currency": "EUR"}
    return made(structs.ComputePool, metadata={"name": "h100", "uid": "u-p", "generation": generation}, spec=spec)


def pod(uid: str = "u-pod", job: str = "u-job", node_name: str = "n1", gpus: str = "4") -> Any:
    labels = {"batch.kubernetes.io/controller-uid": job} if job else {}
    container = {"name": "main", "resources": {"requests": {"cpu": "1", GPU: gpus}}}
    bound = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-10-26T12:10:00Z"}
    return made(
        structs.Pod,
        metadata={"name": uid, "namespace": "team-a", "uid": uid, "labels": labels},
        spec={"nodeName": node_name, "containers": [container]},
        status={"phase": "Running", "conditions": [bound]},
    )


def job() -> Any:
    owner = {"kind": "AIWorkload", "name": "train", "uid": "u-w", "apiVersion": "stellwerk.dev/v1alpha1"}
    metadata = {"name": "train", "namespace": "team-a", "uid": "u-job", "ownerReferences": [owner]}
    return made(structs.Job, metadata=metadata)


def workload(**more: Any) -> Any:
    placed = {"type": "Placed", "status": "True", "reason": "x", "lastTransitionTime": "2026-10-26T12:05:00Z"}
    fields = {
        "metadata": {"name": "train", "namespace": "team-a", "uid": "u-w", "creationTimestamp": NOON},
        "spec": {"class": "Training", "workloadRef": {"kind": "Job", "name": "train"}},
        "status": {"conditions": [placed]},
    }
    return made(structs.AIWorkload, **fields | more)


class World:
    def __init__(self) -> None:
        self.now = T0
        self.owners: dict[str, str] = {}
        self.store = Store("local", lambda: None)
        self.facts = LedgerFacts(self.store, lambda: self.owners, lambda: self.now)
        self.facts.warm()

    def tell(self, kind: str, new: Any, old: Any = None) -> None:
        getattr(self.store, f"on_{kind}")("MODIFIED", new, old)
        sink = getattr(self.facts, f"on_{kind}", None)
        if sink is not None:
            sink("MODIFIED", new, old)
        self.facts.refresh()

    def entries(self, uid: str = "u-n1") -> list[Entry]:
        observed = self.facts.observed
        return list(settle(observed, observed.nodes[uid], T0, self.now, SplitMode.RESIDUAL))


def test_a_price_that_changes_inside_an_hour_counts_from_then_on() -> None:
    world = World()
    world.tell("pool", pool("36"))
    world.tell("node", node())
    world.now += 600
    world.tell("pool", pool("72", generation=2), pool("36"))
    world.now += 600
    found = [(entry.start - T0, entry.end - T0, entry.billing.price) for entry in world.entries()]
    assert found == [(0, 600, 36_000_000), (600, 1200, 72_000_000)]
    assert {entry.billing.jurisdiction for entry in world.entries()} == {"DE"}


def test_a_price_that_nobody_knows_is_not_zero() -> None:
    world = World()
    world.tell("pool", pool(None))
    world.tell("node", node())
    world.tell("pod", pod(job=""))
    world.now += 1200
    last = world.entries()[-1]
    assert (last.billing.price, last.billing.currency) == (None, "")
    assert [line.accelerators for line in last.lines] == [4000]


def test_a_pod_counts_from_its_binding_and_its_workload_may_come_after_it() -> None:
    world = World()
    world.tell("pool", pool("36"))
    world.tell("node", node())
    world.now += 900
    world.tell("pod", pod())
    world.tell("job", job())
    world.tell("workload", workload())
    world.now += 100
    lines = [(entry.start - T0, [line.party for line in entry.lines]) for entry in world.entries()]
    party = Party("team-a", "Training", "train", "u-w", "2026-10-26T12:05:00Z")
    assert lines == [(0, []), (600, [party])]


def test_nothing_is_booked_past_a_pod_of_which_it_is_not_known_yet_whose_it_is() -> None:
    world = World()
    world.tell("pool", pool("36"))
    world.tell("node", node())
    world.now += 900
    world.tell("pod", pod())
    assert world.facts.clear_until == T0 + 600, "when it was bound"
    world.tell("job", job())
    world.tell("workload", workload())
    assert world.facts.clear_until == world.now
    world.tell("pod", pod("other", job="u-plain"))
    assert world.facts.clear_until == T0 + 600
    world.now += 20
    assert world.facts.clear_until == world.now, "a Job that is nobody's workload"


def test_pods_of_no_workload_are_on_the_account_of_their_namespace() -> None:
    world = World()
    world.tell("pool", pool("36"))
    world.tell("node", node())
    world.now += 900
    for uid in ("a", "b"):
        world.tell("pod", pod(uid, job="", gpus="2"))
    world.tell("pod", None, pod("a", job=""))
    world.now += 100
    assert [line.party for line in world.entries()[-1].lines] == [Party("team-a")]
    assert world.entries()[-1].lines[0].accelerators == 2000


def test_a_name_that_comes_again_is_another_node() -> None:
    world = World()
    world.tell("pool", pool("36"))
    world.tell("node", node())
    world.now += 600
    world.tell("node", node(uid="u-n2", creationTimestamp="2026-10-26T12:10:00Z"), node())
    world.now += 600
    assert [(entry.start - T0, entry.end - T0) for entry in world.entries()] == [(0, 600)]
    again = world.facts.observed.nodes["u-n2"]
    assert (again.start, again.end) == (T0 + 600, None)


def test_a_namespace_that_gets_another_tenant_pays_for_him_from_then_on() -> None:
    world = World()
    world.owners = {"team-a": "north"}
    world.tell("pool", pool("36"))
    world.tell("node", node())
    world.now += 900
    world.tell("pod", pod(job=""))
    world.now += 100
    world.owners = {"team-a": "south"}
    world.facts.refresh()
    world.now += 100
    tenants = [(entry.start - T0, line.party.tenant) for entry in world.entries() for line in entry.lines]
    assert tenants == [(600, "north"), (1000, "south")]


def evicted(**spec: Any) -> Any:
    told = {
        "type": "Evicted",
        "status": "True",
        "reason": "Preempted",
        "message": "made room for team-b/urgent",
        "lastTransitionTime": "2026-10-26T13:05:00Z",
    }
    return workload(status={"conditions": [told]}, spec={"class": "Training", **spec})


def test_without_checkpoints_all_that_was_done_is_lost() -> None:
    loss = loss_of(evicted(), workload())
    assert loss is not None
    assert (loss.start, loss.end, loss.cause) == (T0, T0 + 3900, "Preempted")
    assert "team-b/urgent" in loss.why


def test_with_checkpoints_half_an_interval_is_lost_or_half_of_what_was_done() -> None:
    assert (loss := loss_of(evicted(checkpointInterval="30m"), workload())) is not None
    assert loss.end - loss.start == 900
    assert (loss := loss_of(evicted(checkpointInterval="6h"), workload())) is not None
    assert loss.end - loss.start == 1800, "it had its place for an hour"


def test_who_has_his_place_has_lost_nothing() -> None:
    assert loss_of(workload(), None) is None
