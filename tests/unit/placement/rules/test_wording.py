"""Words for numbers."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from stellwerk.model.capacity import Accelerator, CapacityType, Node, Pool
from stellwerk.model.decision import Candidate, Change, Cost, Outcome, Rejection, Verdict
from stellwerk.model.placement import Placement
from stellwerk.model.workload import AcceleratorOption, PodSet, PodShape
from stellwerk.placement.rules import wording
from stellwerk.placement.rules.asking import Ask
from tests.builders import GIB, GPU, gang, node, nodes, policy, pool, resources
from tests.judging import view_of


def test_needs_are_written_with_all_alternatives_once() -> None:
    options = (AcceleratorOption("H100", 8), AcceleratorOption("A100", 8), AcceleratorOption("H100", 8, memory_bytes=1))
    assert wording.need(gang(replicas=2, accelerators=options)) == "16 x H100 or 16 x A100"
    assert wording.need(gang(accelerators=(AcceleratorOption("any", 2),))) == "2 x accelerator"
    assert wording.need(gang(replicas=1, gpus=0)) == "1 pod of 8 CPU, 64Gi memory"


def test_requests_are_written_in_units_that_people_read() -> None:
    assert (
        wording.resources(resources(cpu="1500m", memory="64Gi", pods=1, gpu=8))
        == "1500m CPU, 64Gi memory, 8 nvidia.com/gpu"
    )
    assert wording.resources(resources(pods=1)) == "nothing"


def test_small_amounts_keep_their_digits() -> None:
    assert wording.amount(16_050_000, "EUR") == "16.05 EUR"
    assert wording.amount(1_234, "EUR") == "0.001234 EUR"
    assert wording.amount(1_234_567_890, "EUR") == "1,234.57 EUR"


def test_a_choice_says_what_it_costs_and_how_many_others_there_were() -> None:
    cost = Cost("EUR", 16_050_000, 96_400_000)
    assert (
        wording.chosen("own", cost, 0) == "own is the only candidate that fits: 16.05 EUR per hour, 96.40 EUR in total"
    )
    assert wording.chosen("own", cost, 2).startswith("own is the cheapest of 3 candidates that fit: ")


def cost(per_hour: int | None, total: int | None, **facts: Any) -> Cost:
    return Cost("EUR", per_hour, total, **facts)


def candidate(where: str, reasons: Sequence[Rejection] = (), price: Cost | None = None) -> Candidate:
    return Candidate("local", where, None, Verdict.REJECTED, price or cost(1, 1), tuple(reasons))


def no(reason: str, message: str = "no", change: str = "change it", **facts: Any) -> Rejection:
    return Rejection(reason, message, change, **facts)


def test_amounts_below_ten_cents_keep_their_digits_and_ten_cents_do_not() -> None:
    assert wording.amount(99_999, "EUR") == "0.099999 EUR"
    assert wording.amount(100_000, "EUR") == "0.10 EUR"
    assert wording.amount(0, "USD") == "0 USD"


def test_one_is_one_and_two_are_many() -> None:
    assert [wording.pods(n) for n in (0, 1, 2)] == ["0 pods", "1 pod", "2 pods"]
    assert [wording.replicas(n) for n in (0, 1, 2)] == ["0 replicas", "1 replica", "2 replicas"]
    assert (wording.model("any"), wording.model("H100")) == ("accelerator", "H100")


def test_no_more_than_three_are_named() -> None:
    names = ["a", "b", "c", "d", "e"]
    assert [wording.listed(names[:n]) for n in (1, 2, 3, 4, 5)] == [
        "a",
        "a and b",
        "a, b and c",
        "a, b, c and 1 more",
        "a, b, c and 2 more",
    ]


def test_what_a_gang_needs_is_told_for_each_pod_set_and_from_which_size_on() -> None:
    helpers = PodSet("helpers", 2, PodShape(resources(cpu=4, pods=1)))
    render = PodSet("render", 3, PodShape(resources(cpu=4)), (AcceleratorOption("L4", 2), AcceleratorOption("T4", 1)))
    assert wording.need(gang(replicas=5, min_replicas=2, gpus=4, others=(helpers, render))) == (
        "at least 8 x H100 and 2 pods of 4 CPU for helpers and 6 x L4 or 3 x T4 for render"
    )


def test_shares_are_told_by_part_or_by_memory() -> None:
    part = AcceleratorOption("H100", share_milli=250)
    memory = AcceleratorOption("any", share_bytes=20 * GIB)
    assert wording.need(gang(replicas=2, accelerators=(part, memory))) == "2 x 0.25 H100 or 2 x 20Gi of accelerator"


def ask(replicas: int, paid: int | None = None, limit: str | None = None) -> Ask:
    rules = policy("thrifty", max_cost_per_hour=None if limit is None else Decimal(limit))
    asked = gang(replicas=replicas, min_replicas=1)
    return Ask(asked, asked.options[0], rules, cost(1, 1), paid=paid)


def at(replicas: int, **facts: Any) -> Placement:
    return Placement("local", "pool", CapacityType.OWNED, replicas, **facts)


def test_a_gang_that_starts_with_less_says_so_and_whether_its_policy_is_why() -> None:
    assert wording.partly(at(4), ask(4)) == ""
    assert wording.partly(at(3), ask(4)) == "; starts with 3 of 4 pods"
    assert wording.partly(at(3), ask(4, paid=3, limit="60.5")) == (
        "; starts with 3 of 4 pods, for policy thrifty allows 60.5 EUR per hour at most"
    )
    assert wording.partly(at(2), ask(4, paid=3, limit="60.5")) == "; starts with 2 of 4 pods"


def test_nodes_that_are_yet_to_come_are_counted() -> None:
    told = [wording.coming(at(1, new_nodes=n)) for n in (0, 1, 2)]
    assert told == ["", "; 1 node has yet to come", "; 2 nodes have yet to come"]


def occupancy(there: Pool, members: tuple[Node, ...], *, grown: bool = False, **facts: Any) -> str:
    view = view_of(there, members, gang(), **facts)
    return wording.occupancy(view.grown() if grown else view, 1, 2)


def test_how_full_a_pool_is_is_told_with_its_slices_and_the_nodes_that_rest() -> None:
    busy = {"pool-0000": resources(gpu=3)}
    assert occupancy(pool(), nodes(2), usage=busy) == "pool has 13 free of 16, room for 1 of 2 pods"
    for slices, word in ((1, ""), (2, " slices")):
        shared = pool(accelerator=Accelerator("H100", 4, GPU, slices=slices))
        assert occupancy(shared, nodes(1)) == f"pool has 8 free of 8{word}, room for 1 of 2 pods"
    resting = (*nodes(1), node("x", ready=False), node("y", unschedulable=True))
    assert occupancy(pool(), resting) == (
        "pool has 8 free of 24, room for 1 of 2 pods (2 of its 3 nodes take no pods now)"
    )
    assert occupancy(pool(accelerator=None), resting[:2]) == (
        "pool has room for 1 of 2 pods (1 of its 2 nodes takes no pods now)"
    )
    assert occupancy(pool(), nodes(1), grown=True) == (
        "pool, grown as far as it may, has 8 free of 8, room for 1 of 2 pods"
    )


def test_a_choice_of_unknown_cost_says_why_it_is_not_known() -> None:
    unknown = cost(None, None, unknown="it has no price")
    assert wording.chosen("own", unknown, 0) == (
        "own is the only candidate that fits; what it costs is not known because it has no price"
    )
    assert wording.chosen("own", unknown, 1) == (
        "own fits, and no candidate that fits has a known cost; what it costs is not known because it has no price"
    )
    assert wording.chosen("own", cost(5, None, unknown="the egress is not"), 0).endswith("because the egress is not")


def test_a_cheaper_place_that_is_left_to_others_is_named_with_what_it_would_save_and_take() -> None:
    paid = cost(2_000_000, 8_000_000, room_taken=1_000_000)
    cheaper = candidate("own", price=cost(1_000_000, 5_000_000, room_taken=6_500_000))
    assert wording.chosen("rented", paid, 2, cheaper) == (
        "rented is best, for own would save 3.00 EUR and take room that is worth 5.50 EUR more to others: "
        "2.00 EUR per hour, 8.00 EUR in total"
    )
    together = candidate("own", price=cost(1_000_000, 5_000_000))
    assert wording.chosen("rented", paid, 2, together) == (
        "rented makes the whole batch cheapest, though own would cost this workload 5.00 EUR: "
        "2.00 EUR per hour, 8.00 EUR in total"
    )
    nameless = candidate("own", price=cost(None, None))
    assert wording.chosen("rented", paid, 0, nameless).startswith("rented is the only candidate that fits: ")
    bare = cost(2_000_000, 8_000_000)
    assert "worth 6.50 EUR more" in wording.chosen("rented", bare, 2, cheaper)


def test_what_stands_in_the_way_is_told_once_per_reason_with_its_pools() -> None:
    found = [
        candidate("a", [no("X", "it has no accelerators"), no("Y", "something else")]),
        candidate("b", [no("X", "it has no accelerators")]),
        candidate("c", [no("Z", "c is full")]),
    ]
    assert wording.stuck(gang(replicas=2), found) == (
        "needs 16 x H100 in one pool; a, b: it has no accelerators; c is full"
    )
    grown = [
        candidate("c", [no("Z", "c, grown as far as it may, is full")]),
        candidate("d", [no("Z", "room for d: 0")]),
    ]
    assert wording.stuck(gang(), grown) == (
        "needs 8 x H100 in one pool; c, grown as far as it may, is full; room for d: 0"
    )
    more = [candidate(str(n), [no("X", f"{n}: reason")]) for n in range(5)]
    helpers = PodSet("helpers", 1, PodShape(resources(cpu=4)))
    assert wording.stuck(gang(others=(helpers,)), more) == (
        "needs 8 x H100 and 1 pod of 4 CPU for helpers in one cluster; 0: reason; 1: reason; 2: reason; and 2 more"
    )
    twice = [candidate("a", [no("X", "no")]), candidate("a", [no("X", "no")])]
    assert wording.stuck(gang(), twice) == "needs 8 x H100 in one pool; a: no"


def test_a_change_that_was_not_tried_says_perhaps() -> None:
    assert wording.untried("do it") == "perhaps do it"
    assert wording.untried(None) is None
    assert wording.untried("") is None


def change(asks: str, **facts: Any) -> Change:
    told = {"cost": cost(2_000_000, 5_000_000), **facts}
    return Change(asks, "local", "pool", **told)


def test_a_change_says_what_comes_of_it_and_at_what_cost() -> None:
    assert wording.change(change("do it"), "p") == "do it: would run on pool at 2.00 EUR per hour"
    assert wording.change(change("do it", cost=cost(None, None)), "p") == (
        "do it: would run on pool at a cost that is not known"
    )
    assert wording.change(change("do it", outcome=Outcome.WAITS), "p") == (
        "do it: would then wait for room on pool, at 2.00 EUR per hour"
    )
    assert wording.change(change("do it", outcome=Outcome.EVICTS, contested=True), "p") == (
        "do it: would run on pool at 2.00 EUR per hour once others have made room, "
        "unless others under policy p take the room first"
    )


def test_a_change_that_several_pools_allow_promises_none_of_them() -> None:
    assert wording.change(change("do it", elsewhere=True), "p") == (
        "do it: would run on pool at 2.00 EUR per hour or on another pool"
    )
    assert wording.change(change("do it", outcome=Outcome.WAITS, elsewhere=True), "p") == (
        "do it: would then wait for room on pool, at 2.00 EUR per hour or on another pool"
    )


def test_two_changes_are_told_and_no_more() -> None:
    tried = [change(word) for word in ("one", "two", "three")]
    assert wording.changes(tried, "p") == (
        "one: would run on pool at 2.00 EUR per hour, or two: would run on pool at 2.00 EUR per hour"
    )
    assert wording.changes([], "p") is None


def test_the_way_out_is_that_of_the_nearest_candidates_the_least_effort_of_each_kind() -> None:
    found = [
        candidate("a", [no("X", change="lift x", effort=5)]),
        candidate("b", [no("X", change="lift a little x", effort=2)]),
        candidate("c", [no("X", change="lift as little x", effort=2)]),
        candidate("d", [no("Y", change="lift y", effort=9)]),
        candidate("e", [no("Z", change="lift z", weight=2)]),
    ]
    assert wording.unblock(found) == "lift a little x, or lift y"
    both = candidate("f", [no("X", change="lift x"), no("Y", change="lift y")])
    assert wording.unblock([both]) == "lift x and lift y"
    assert wording.unblock([]) is None
    three = [candidate(name, [no(name, change=f"lift {name}")]) for name in ("X", "Y", "Z")]
    assert wording.unblock(three) == "lift X, or lift Y"
