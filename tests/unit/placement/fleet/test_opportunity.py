"""What a placement takes from others, in money, and when that decides."""

from __future__ import annotations

from fractions import Fraction

from stellwerk.api.reasons import Reason
from stellwerk.economics.rooms import Stock, free_at_list_price
from stellwerk.model.capacity import Accelerator
from stellwerk.model.demand import FINE, Demand, asked_by
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, Workload
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.fleet.opportunity import Opportunity
from stellwerk.placement.packing.roomvalue import WORTH_OF_ALL
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, nodes, pool, resources

T4 = pool("t4", price="16", accelerator=Accelerator("T4", 8, GPU))
G2 = pool("g2", price="16.4", accelerator=Accelerator("G2", 8, GPU))
MEMBERS = (*nodes(1, "t4"), *nodes(4, "g2"))


def general(name: str = "any", gpus: int = 1) -> Workload:
    return gang(name, accelerators=(AcceleratorOption("any", gpus),))


def bound(name: str = "bound") -> Workload:
    return gang(name, accelerators=(AcceleratorOption("T4", 1),))


def demand(**counts: int) -> Demand:
    made = {"general": general(), "bound": bound()}
    return Demand.of({shape: n * FINE for name, n in counts.items() for shape, _ in asked_by(made[name])})


def half_used() -> dict[str, object]:
    return {one.name: resources(gpu=4, cpu=32, pods=4) for one in MEMBERS}


def seen(wanted: Demand | None, *pools: object) -> Snapshot:
    return Snapshot(MEMBERS, pools or (T4, G2), {}, half_used(), demand=wanted)


def test_general_work_leaves_the_scarce_model_where_it_is_wanted() -> None:
    wanted = demand(general=1000, bound=1000)
    decision = plan([general()], seen(wanted), NOW, 1).decisions[0]
    assert decision.chosen
    assert decision.chosen.pool == "g2"
    assert decision.reason == Reason.CHEAPEST_WITH_ROOM
    assert "t4 would save" in decision.message
    assert decision.cost
    assert decision.cost.room_taken is not None


def test_without_such_demand_it_takes_what_costs_least() -> None:
    decision = plan([general()], seen(demand(general=1000)), NOW, 1).decisions[0]
    assert decision.chosen
    assert (decision.chosen.pool, decision.reason) == ("t4", Reason.CHEAPEST_FEASIBLE)


def test_the_worth_of_room_is_no_part_of_what_is_paid() -> None:
    wanted = demand(general=1000, bound=1000)
    cost = plan([general()], seen(wanted), NOW, 1).decisions[0].cost
    assert cost
    assert cost.total == sum(part.amount for part in cost.parts)


def test_the_same_choice_whatever_unit_of_money_is_used() -> None:
    wanted = demand(general=1000, bound=1000)
    dear = [pool(one.name, price=str(one.price.per_node_hour * 100), accelerator=one.accelerator) for one in (T4, G2)]
    chosen = [plan([general()], seen(wanted, *pools), NOW, 1).decisions[0].chosen for pools in ((T4, G2), dear)]
    assert [one.pool for one in chosen if one] == ["g2", "g2"]


def test_room_without_any_price_is_worth_no_money_but_still_ranks() -> None:
    free = [pool(one.name, price=None, accelerator=one.accelerator) for one in (T4, G2)]
    decision = plan([general()], seen(demand(general=1000, bound=1000), *free), NOW, 1).decisions[0]
    assert decision.chosen
    assert decision.chosen.pool == "g2"
    assert decision.cost
    assert decision.cost.room_taken is None


def test_room_of_an_idle_fleet_is_worth_nothing_and_that_of_a_full_one_its_list_price() -> None:
    members = nodes(2, "p")
    used = {members[0].name: resources(gpu=8, cpu=8, pods=1)}
    idle, half = (
        Opportunity(Fleet(Snapshot(members, (pool("p"),), {}, usage), ()), []).per_hour(WORTH_OF_ALL, "EUR")
        for usage in ({}, used)
    )
    assert idle == 0
    assert half is not None
    assert 8 * 10**6 < half < 16 * 10**6, "half of what the accelerators of one node cost, without their host"


def test_what_waits_makes_the_room_no_dearer_for_itself() -> None:
    members = nodes(2, "p")
    fleet = Fleet(Snapshot(members, (pool("p"),)), ())
    assert Opportunity(fleet, [gang("a", 2, 8)]).per_hour(WORTH_OF_ALL, "EUR") == 0


def test_an_unknown_price_is_the_dearest_known_one() -> None:
    stocks = [
        Stock("H100", Fraction(2), {"EUR": Fraction(5)}),
        Stock("H100", Fraction(1), {"EUR": Fraction(7)}),
        Stock("H100", Fraction(1)),
        Stock("T4", Fraction(1), {"USD": Fraction(1)}),
    ]
    assert free_at_list_price(stocks, "EUR") == 2 * 5 + 7 + 7 + 7
    assert free_at_list_price(stocks, "USD") == 4 * 1 + 1
    assert free_at_list_price(stocks, "CHF") is None


def test_the_room_of_an_elastic_gang_is_taken_for_as_long_as_the_pods_that_start_run() -> None:
    wanted = demand(general=1000, bound=1000)
    accelerators = (AcceleratorOption("T4", 2),)  # room for two pods
    elastic = gang("elastic", replicas=8, min_replicas=1, expected_runtime_s=3_600, accelerators=accelerators)
    rigid = gang("rigid", replicas=2, expected_runtime_s=4 * 3_600, accelerators=accelerators)
    found = [plan([one], seen(wanted), NOW, 1).decisions[0] for one in (elastic, rigid)]
    assert [one.chosen.replicas for one in found if one.chosen] == [2, 2]
    taken = [one.cost.room_taken for one in found if one.cost]
    assert taken[0]
    assert taken[0] == taken[1]
