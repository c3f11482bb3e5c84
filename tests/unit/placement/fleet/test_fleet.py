"""The fleet of a cycle: which node is whose, and what is free."""

from __future__ import annotations

from stellwerk.model.snapshot import Reservation
from stellwerk.placement.fleet.fleet import Fleet, nodes_by_pool
from tests.builders import GPU, gang, node, nodes, pool, resources, snapshot


def reservation(pods: int, preferred: tuple[str, ...] = (), **facts: str) -> Reservation:
    told = {"uid": "r", "cluster": "local", "pool": "pool", **facts}
    return Reservation(pod=resources(gpu=8, cpu="8", pods=1), pods=pods, preferred_nodes=preferred, **told)


def free(fleet: Fleet) -> list[int]:
    return [view.bins.free(GPU) for view in fleet.views]


def test_a_node_that_several_pools_select_counts_once_for_the_most_exact() -> None:
    broad, exact = pool("broad", node_selector={"pool": "pool"}), pool(node_selector={"pool": "pool", "zone": "a"})
    zoned, plain = node("zoned", labels={"zone": "a"}), node("plain")
    assert nodes_by_pool([zoned, plain], [broad, exact]) == {("local", "pool"): [zoned], ("local", "broad"): [plain]}


def test_of_equally_exact_pools_the_first_by_name_gets_the_node() -> None:
    twins = [pool(name, node_selector={"pool": "pool"}) for name in ("b", "a")]
    assert list(nodes_by_pool(nodes(1), twins)) == [("local", "a")]


def test_what_bound_pods_use_is_not_free() -> None:
    members = nodes(2)
    assert free(Fleet(snapshot([pool()], members, usage={members[0].name: resources(gpu=3)}), [])) == [13]


def test_nodes_that_take_no_pods_have_nothing_free() -> None:
    members = (node("a", ready=False), node("b", unschedulable=True), node("c"))
    assert free(Fleet(snapshot([pool()], members), [])) == [8]


def test_reserved_pods_take_their_preferred_nodes_first() -> None:
    members = nodes(3)
    seen = snapshot([pool()], members, reserved=(reservation(1, (members[2].name,)),))
    placed = Fleet(seen, []).views[0].bins.place(resources(gpu=8), 2, frozenset({0}))
    assert placed is not None
    assert [one.node for one in placed] == [members[0].name, members[1].name]


def test_reserved_pods_whose_preferred_nodes_are_gone_take_others_of_their_pool() -> None:
    assert free(Fleet(snapshot([pool()], nodes(3), reserved=(reservation(2, ("gone",)),)), [])) == [8]


def test_more_reserved_than_there_is_takes_everything_and_no_more() -> None:
    assert free(Fleet(snapshot([pool()], nodes(2), reserved=(reservation(5),)), [])) == [0]


def test_a_reserved_pod_that_fits_on_no_node_for_now_keeps_its_room_all_the_same() -> None:
    usage = {one.name: resources(gpu=3) for one in nodes(2)}
    assert free(Fleet(snapshot([pool()], nodes(2), usage=usage, reserved=(reservation(1),)), [])) == [2]


def test_a_reservation_in_a_pool_that_is_gone_takes_only_its_preferred_nodes() -> None:
    members = nodes(2)
    seen = snapshot([pool()], members, reserved=(reservation(2, (members[0].name,), pool="gone"),))
    assert free(Fleet(seen, [])) == [8]


def test_the_typical_node_is_what_most_nodes_offer() -> None:
    members = (*nodes(2), node("odd", allocatable=resources(gpu=4)))
    (view,) = Fleet(snapshot([pool()], members), [gang()]).views
    assert view.site.node == members[0].allocatable


def test_accelerators_are_counted_free_and_in_all() -> None:
    members = (node("a", ready=False), node("b"))
    (view,) = Fleet(snapshot([pool()], members, usage={"b": resources(gpu=3)}), []).views
    assert view.accelerators == (5, 16)
