"""A pool in one planning cycle: classes of nodes, views of its kinds of accelerators, and what a new node would add."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stellwerk.model.capacity import Accelerator, Growth, Node, Pool, Taint, Toleration
from stellwerk.model.requirements import NODE_NAME, Operator, Requirement, Requirements
from stellwerk.model.resources import UNBOUNDED, Resources
from stellwerk.model.snapshot import Reservation
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.fleet.fleet import Fleet, PoolView
from stellwerk.placement.fleet.poolview import room_when_empty, tolerating, untolerated
from stellwerk.placement.packing.bins import Assignment
from tests.builders import GIB, GPU, decide, gang, node, nodes, pool, resources, snapshot, taint

MIG = "nvidia.com/mig-1g.10gb"
WHOLE = Accelerator("H100", 4, GPU, 80 * GIB)
PART = Accelerator("H100", 28, MIG, 10 * GIB, part_milli=142)
MIXED = resources(cpu=96, memory="1Ti", pods=110, gpu=4) + Resources.of({MIG: 28})
SHARED = Accelerator("H100", 2, GPU, 80 * GIB, slices=4)


def views(there: Pool, members: tuple[Node, ...], *workloads: Workload, **facts: Any) -> tuple[PoolView, ...]:
    return Fleet(snapshot([there], members, **facts), workloads).views


def demanding(*demands: Requirement, **facts: Any) -> Workload:
    return gang(requirements=Requirements(demands), **facts)


def test_a_pool_of_two_kinds_of_accelerators_has_a_view_for_each_of_the_same_room() -> None:
    first, second = views(pool(accelerator=WHOLE, further=(PART,)), (node(allocatable=MIXED),))
    assert (first.pool.accelerator, first.secondary) == (WHOLE, False)
    assert (second.pool.accelerator, second.secondary) == (PART, True)
    assert second.pool.further == (WHOLE,)
    assert second.site.pool == second.pool
    assert second.bins is first.bins
    assert (first.accelerators, second.accelerators) == ((4, 4), (28, 28))


def test_the_price_of_a_node_is_split_over_both_kinds_whichever_is_asked_for() -> None:
    there = snapshot([pool(accelerator=WHOLE, further=(PART,))], [node(allocatable=MIXED)])
    bare = resources(pods=1)
    costs = []
    for option in (AcceleratorOption("H100", 1), AcceleratorOption("H100", share_milli=142)):
        found = decide(gang(accelerators=(option,), requests=bare), there)
        assert found.cost is not None
        assert found.cost.total is not None
        costs.append(found.cost.total)
    whole, part = costs
    assert part == pytest.approx(whole * 0.142, rel=0.01)


def test_the_same_nodes_in_any_order_are_the_same_classes() -> None:
    members = (node("b", labels={"disk": "fast"}), node("a"), node("c", taints=(taint(),)))
    asked = demanding(Requirement("disk", Operator.IN, ("fast",)))
    (view,) = views(pool(), members, asked)
    assert [one.name for one in view.nodes] == ["a", "b", "c"]
    assert [view.kind_of(name) for name in "abc"] == [0, 1, 2]
    assert view.classes == 3
    assert view.open == view.there == frozenset({0, 1, 2})
    (same,) = views(pool(), members, gang())
    assert [same.kind_of(name) for name in "abc"] == [0, 0, 1], "nobody asks about disks"


def test_pods_go_where_labels_and_taints_both_let_them() -> None:
    members = (node("a", labels={"disk": "fast"}), node("b"), node("c", labels={"disk": "fast"}, taints=(taint(),)))
    picky = demanding(Requirement("disk", Operator.IN, ("fast",)))
    (view,) = views(pool(), members, picky)
    kinds = {name: view.kind_of(name) for name in "abc"}
    assert view.selected(picky.pod) == {kinds["a"], kinds["c"]}
    assert view.tolerated(picky.pod) == {kinds["a"], kinds["b"]}
    assert view.accepting(picky.pod) == {kinds["a"]}
    brave = demanding(Requirement("disk", Operator.IN, ("fast",)), tolerations=(Toleration(GPU, "Exists"),))
    assert view.accepting(brave.pod) == {kinds["a"], kinds["c"]}
    (declared,) = views(pool(taints=(taint(),)), members, picky)
    assert declared.accepting(picky.pod) == {kinds["a"], kinds["c"]}


def test_a_pod_may_name_its_node() -> None:
    named = demanding(Requirement(NODE_NAME, Operator.IN, ("pool-0001",)))
    found = decide(named, snapshot([pool()], nodes(3)))
    assert found.chosen is not None
    assert found.chosen.preferred_nodes == ("pool-0001",)


def test_the_taints_in_the_way_are_told_once_each_in_their_order() -> None:
    members = (
        node("a", taints=(Taint("z", "NoSchedule"), Taint("b", "NoExecute", "1"))),
        node("b", taints=(Taint("z", "NoSchedule"), Taint("a", "NoSchedule"))),
    )
    (view,) = views(pool(taints=(Taint("a", "NoSchedule"),)), members, gang())
    assert [str(one) for one in view.blocking_taints(gang().pod)] == ["b=1:NoExecute", "z:NoSchedule"]
    brave = gang(tolerations=(Toleration("z", "Exists"),))
    assert [str(one) for one in view.blocking_taints(brave.pod)] == ["b=1:NoExecute"]


def test_a_declared_taint_without_value_covers_every_value() -> None:
    assert tolerating(Taint("a", "NoSchedule", "1")) == Toleration("a", "Equal", "1", "NoSchedule")
    assert tolerating(Taint("a", "NoSchedule")) == Toleration("a", "Exists", "", "NoSchedule")
    left = untolerated(
        [Taint("a", "NoSchedule", "1"), Taint("a", "NoExecute", "1")], [tolerating(Taint("a", "NoSchedule"))]
    )
    assert left == [Taint("a", "NoExecute", "1")]


def test_an_empty_pool_holds_what_its_nodes_and_their_devices_hold() -> None:
    (view,) = views(pool(accelerator=SHARED), (*nodes(2), node("z", unschedulable=True)), gang())
    part, whole = Resources.of({GPU: 3}), Resources.of({GPU: 4})
    assert view.room_when_empty(part, gang().pod) == 3 * 2, "a share of three slices fits a device once"
    assert view.room_when_empty(whole, gang().pod) == 3 * 2
    assert view.room_when_empty(resources(cpu=40), gang().pod) == 3 * 2
    (plain,) = views(pool(), nodes(2), gang())
    assert plain.room_when_empty(part, gang().pod) == 2 * 2, "eight whole ones are not handed out in slices"
    assert room_when_empty(Resources(), {(resources(cpu=1), 0): 2}, frozenset({0})) == UNBOUNDED


def test_accelerators_that_rest_count_but_are_not_free() -> None:
    (view,) = views(pool(), (*nodes(2), node("z", ready=False)), gang(), usage={"pool-0000": resources(gpu=3)})
    assert view.accelerators == (13, 24)
    assert view.usable_nodes == 2
    (cpu,) = views(pool(accelerator=None), nodes(1), gang())
    assert cpu.accelerators == (0, 0)


def growing(**facts: Any) -> Pool:
    return pool(growth=Growth(4, 300, resources(cpu="96", memory="1Ti", gpu=8)), **facts)


def test_a_pool_that_may_grow_is_seen_as_it_is_and_as_it_can_become() -> None:
    here, grown = views(growing(), nodes(1), gang(replicas=9))
    assert (here.grows, grown.grows) == (False, True)
    assert (len(here.nodes), len(grown.nodes)) == (1, 4)
    assert (here.usable_nodes, grown.usable_nodes) == (1, 4)
    assert (here.accelerators, grown.accelerators) == ((8, 8), (32, 32))
    assert (here.site.wait_s, grown.site.wait_s) == (0, 300)
    assert here.can_grow
    assert here.there < grown.open
    assert grown.bins is here.bins
    (alone,) = views(growing(), (), gang())
    assert alone.grows


def test_a_gang_takes_the_nodes_that_are_there_before_those_to_come() -> None:
    _, grown = views(growing(), nodes(1), gang(replicas=9))
    asked = gang().pod.requests + resources(gpu=4)
    kinds = grown.accepting(gang().pod)
    found = grown.place(asked, 3, kinds)
    assert found is not None
    assert found[0] == Assignment("pool-0000", 2)
    assert [one.pods for one in found] == [2, 1]
    assert found[1].node.startswith("~new-pool-")
    assert grown.place(asked, 6, kinds) is None, "five more are all there is"
    partly = grown.place(asked, 6, kinds, at_least=5)
    assert partly is not None
    assert sum(one.pods for one in partly) == 5
    assert grown.place(asked, 1, kinds) is None


def test_a_view_of_what_is_there_never_promises_what_is_to_come() -> None:
    here, _ = views(growing(), nodes(1), gang(replicas=9))
    asked = gang().pod.requests + resources(gpu=8)
    assert here.place(asked, 2, here.accepting(gang().pod)) is None
    assert here.place(asked, 2, here.accepting(gang().pod), at_least=1) == [Assignment("pool-0000", 1)]


def test_of_reserved_shares_the_largest_choose_their_device_first() -> None:
    """Devices with three and four slices free: the large one must go to the three, so that a whole one stays idle."""
    small, large = Resources.of({GPU: 1}), Resources.of({GPU: 3})
    reserved = (
        Reservation("uid-a", "local", "pool", small, 1, ("pool-0000",)),
        Reservation("uid-b", "local", "pool", large, 1, ("pool-0000",)),
    )
    busy = {"pool-0000": Resources.of({GPU: 1})}
    wants = gang(accelerators=(AcceleratorOption("H100", share_milli=750),), requests=resources(cpu=1))
    for order in (reserved, reserved[::-1]):
        found = decide(wants, snapshot([pool(accelerator=SHARED)], nodes(1), usage=busy, reserved=order))
        assert found.chosen is not None, found.message


def test_reserved_shares_take_their_preferred_node_where_it_has_room() -> None:
    reserved = (Reservation("uid-a", "local", "pool", Resources.of({GPU: 4}), 3, ("pool-0001", "pool-0000")),)
    (view,) = views(pool(accelerator=SHARED), nodes(3), gang(), reserved=reserved)
    one = msgspec.structs.replace(gang().pod, requests=Resources.of({GPU: 4}))
    spots = view.bins.spots(one.requests, view.accepting(one))
    assert spots == {"pool-0000": 1, "pool-0002": 2}
