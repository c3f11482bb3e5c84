"""One candidate by itself: its rank, what it says of itself, and that trying it leaves no trace."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from stellwerk.model.capacity import Accelerator, CapacityType, Growth, Pool
from stellwerk.model.decision import Cost, Mode, Verdict
from stellwerk.model.namespaces import NamespaceRules, Quota
from stellwerk.model.podask import ask_of
from stellwerk.model.resources import Resources
from stellwerk.model.workload import AcceleratorOption, PodFacts, Workload
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.offers.candidates import Offer, shape_of
from stellwerk.placement.offers.offering import offers_for
from stellwerk.placement.offers.prospect import Prospect
from tests.builders import GPU, H100, NOW, decide, gang, node, nodes, policy, pool, resources, snapshot
from tests.unit.placement.fleet.test_podrules import affinity, asking, cpu_pool, rack

MIG = "nvidia.com/mig-1g.10gb"


def offers(asked: Workload, *pools: Pool, members: Any = None, rules: Any = None, **facts: Any) -> list[Offer]:
    """Return the candidates of a workload, the best first; each pool has two nodes if nothing else is said."""
    there = [one for pool_ in pools for one in nodes(2, pool_.name)] if members is None else members
    return offers_for(asked, rules or policy(), Fleet(snapshot(pools, there, **facts), [asked]), NOW)


def names(found: list[Offer]) -> list[str]:
    return [one.view.pool.name for one in found]


def test_the_order_is_by_cost_then_waiting_then_what_is_paid_anyway_then_name() -> None:
    growth = Growth(9, 60, resources(cpu=96, memory="1Ti", gpu=8))
    pools = [
        pool("unknown", price=None),
        pool("dear", price="40"),
        pool("rented", price="20", capacity_type=CapacityType.ON_DEMAND),
        pool("b", price="20"),
        pool("a", price="20"),
        pool("empty", price="20", growth=growth),
    ]
    members = [one for name in ("unknown", "dear", "rented", "b", "a") for one in nodes(1, name)]
    assert names(offers(gang(), *pools, members=members)) == ["a", "b", "rented", "empty", "dear", "unknown"]


def test_work_without_accelerators_goes_last_to_where_others_need_them() -> None:
    pools = [
        pool("gpu", price="1"),
        pool("cpu", price="50", accelerator=None),
        pool("free", price=None, accelerator=None),
    ]
    members = [*nodes(1, "gpu"), *nodes(1, "cpu", gpu=0), *nodes(1, "free", gpu=0)]
    assert names(offers(gang(gpus=0), *pools, members=members)) == ["cpu", "free", "gpu"]


def test_each_alternative_is_a_candidate_of_each_pool_and_stands_in_its_order() -> None:
    twice = gang(accelerators=(AcceleratorOption("H100", 8), AcceleratorOption("any", 8)))
    found = offers(twice, pool())
    assert [one.ask.option.model for one in found if one.ask.option] == ["H100", "any"]
    slow_first = gang(accelerators=(AcceleratorOption("H100", 8, speed=Decimal("0.5")), AcceleratorOption("any", 8)))
    assert [one.ask.option.model for one in offers(slow_first, pool()) if one.ask.option] == ["any", "H100"]


def test_a_share_takes_the_smaller_part_of_a_device_where_no_cost_tells() -> None:
    whole, part = Accelerator("H100", 4, GPU, slices=4), Accelerator("H100", 28, MIG, part_milli=142)
    mixed = pool(price=None, accelerator=whole, further=(part,))
    offer = resources(cpu="16", memory="1Ti", pods=110, gpu=16) + Resources.of({MIG: 28})
    for milli, resource in ((100, MIG), (200, GPU)):
        asked = gang(accelerators=(AcceleratorOption("H100", share_milli=milli),))
        found = [one for one in offers(asked, mixed, members=[node(allocatable=offer)]) if not one.rejections]
        assert found[0].view.pool.accelerator is not None
        assert found[0].view.pool.accelerator.resource == resource
        assert [one.order[4] for one in found] == ([142, 250] if milli == 100 else [250])
    assert [one.order[4] for one in offers(gang(gpus=1), pool())] == [1000]
    assert [one.order[4] for one in offers(gang(gpus=0), cpu_pool(), members=[rack("a", "r1")])] == [1000]


def test_trying_a_candidate_and_undoing_it_leaves_no_trace() -> None:
    facts = PodFacts((), ask_of({"containers": []}))
    rules = {"team": NamespaceRules(quotas=(Quota("q", (("pods", 3),)),))}
    asked = msgspec.structs.replace(gang(replicas=2), facts=facts)
    (offer,) = offers(asked, pool(), namespaces=rules)
    mark, ask = offer.view.company.mark(), facts.ask
    before = offer.view.bins.free(GPU), offer.view.allowance.room("team", ask)[0]
    placed = offer.place()
    assert placed is not None
    assert (offer.view.bins.free(GPU), offer.view.allowance.room("team", ask)[0]) == (0, 1)
    offer.undo(placed, mark)
    assert (offer.view.bins.free(GPU), offer.view.allowance.room("team", ask)[0]) == before == (16, 3)


def test_a_candidate_that_is_tried_does_not_stay_as_a_neighbour() -> None:
    shy = asking("shy", **affinity("podAntiAffinity", "rack"))
    (offer,) = offers(shy, cpu_pool(), members=[rack("a", "r1")])
    mark = offer.view.company.mark()
    placed = offer.place()
    assert placed is not None
    assert not offer.fits(), "its own pods keep others of its kind away"
    offer.undo(placed, mark)
    assert offer.fits()


def test_what_a_namespace_does_not_allow_does_not_fit_and_is_not_placed() -> None:
    facts = PodFacts((), ask_of({"containers": []}))
    rules = {"team": NamespaceRules(quotas=(Quota("q", (("pods", 2),)),))}
    for replicas, least, placed in ((3, None, None), (3, 2, 2), (2, None, 2)):
        asked = msgspec.structs.replace(gang(replicas=replicas, min_replicas=least, gpus=1), facts=facts)
        (offer,) = offers(asked, pool(), namespaces=rules)
        assert offer.fits() is (placed is not None)
        found = offer.place()
        assert (sum(one.pods for one in found) if found else None) == placed


def test_an_elastic_gang_is_shown_at_the_cost_with_which_it_would_start() -> None:
    elastic = gang(replicas=5, min_replicas=1)
    (offer,) = offers(elastic, pool())
    three = offer.expected_on(2)
    assert offer.candidate(Verdict.FEASIBLE).cost == three
    assert offer.candidate(Verdict.FEASIBLE).option == elastic.accelerators[0]
    assert offer.candidate(Verdict.REJECTED).cost == offer.ask.cost != three
    shy = asking("shy", 5, **affinity("podAntiAffinity", "rack"))
    shy = msgspec.structs.replace(shy, min_replicas=1)
    (apart,) = offers(shy, pool(accelerator=None), members=[rack("a", "r1"), rack("b", "r1"), rack("c", "r2")])
    assert apart.candidate(Verdict.FEASIBLE).cost == apart.expected_on(2) != apart.expected_on(3)


def test_what_is_placed_says_all_that_is_known_of_the_place() -> None:
    there = pool(node_selector={"pool": "pool", "hall": "2"}, zone="a", capacity_type=CapacityType.SPOT)
    member = node(labels={"hall": "2"})
    found = decide(gang(gpus=4, accelerators=(AcceleratorOption("any", 4),)), snapshot([there], [member]))
    place = found.chosen
    assert place is not None
    assert (place.cluster, place.pool, place.capacity_type) == ("local", "pool", CapacityType.SPOT)
    assert (place.provider, place.region, place.zone, place.replicas) == ("onprem", "de-fra", "a", 1)
    assert place.node_selector == {"pool": "pool", "hall": "2"}
    assert (place.preferred_nodes, place.pods_per_node, place.nodes_required) == (("node-1",), (1,), False)
    assert place.accelerator is not None
    assert (place.accelerator.model, place.accelerator.count, place.accelerator.units) == ("H100", 4, None)
    assert found.candidates[0].accelerator == "H100"


@pytest.mark.parametrize(
    "facts",
    [
        {"policy": "other"},
        {"replicas": 2},
        {"min_replicas": 1},
        {"expected_runtime_s": 1},
        {"checkpoint_interval_s": 1},
        {"gpus": 2},
        {"requests": resources(cpu=1)},
        {"deadline": "2026-11-23T00:00:00Z"},
    ],
)
def test_workloads_of_another_shape_are_judged_anew(facts: dict[str, Any]) -> None:
    assert shape_of(gang(**facts)) != shape_of(gang())
    assert shape_of(gang("other", priority=5, created="2026-01-01T00:00:00Z")) == shape_of(gang())


def test_the_best_is_the_first_that_is_not_full_and_what_room_is_worth_counts() -> None:
    prospect = Prospect(offers(gang(), pool("a", price="20"), pool("b", price="30"), pool("c", provider="aws")))
    assert names(prospect.viable) == ["a", "b", "c"]
    assert prospect.best() == 0
    prospect.full[0] = ()
    assert prospect.best() == 1
    prospect.full.update({1: (), 2: ()})
    assert prospect.best() is None
    assert prospect.least == prospect.viable[0].ask.cost.total
    nameless = Prospect(offers(gang(), pool(price=None)))
    assert nameless.least is None
    strict = Prospect(offers(gang(), pool("a"), pool("b", provider="aws"), rules=policy(providers=("aws",))))
    assert (names(strict.offers), names(strict.viable)) == (["a", "b"], ["b"])


def test_of_equal_places_the_one_that_takes_least_from_others_is_best() -> None:
    """Two like pools; in the second a node is broken already, so that a small one takes nothing there."""
    busy = {"b-0000": resources(gpu=5)}
    small = gang(gpus=1)
    prospect = Prospect(offers(small, pool("a"), pool("b"), usage=busy))
    found = decide(small, snapshot([pool("a"), pool("b")], [*nodes(2, "a"), *nodes(2, "b")], usage=busy))
    assert names(prospect.viable) == ["a", "b"]
    assert found.mode is Mode.FIT
    assert found.chosen is not None
    assert (found.chosen.pool, found.chosen.preferred_nodes) == ("b", ("b-0000",))


def test_a_cost_is_told_with_the_worth_of_the_room_once_that_is_asked_for() -> None:
    (offer,) = offers(gang(), pool())
    cost = Cost("EUR", 1, 1)
    assert offer.priced(cost).room_taken is None
    assert offer.weight == offer.ask.cost.total
    assert offer.rank[:3] == offer.order[:3]
    assert pool().accelerator == H100
