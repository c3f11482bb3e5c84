"""Smaller forms of a workload: the words, what they make of it, and where they are not worth a try."""

from __future__ import annotations

from typing import Any

import msgspec

from stellwerk.api.reasons import Reason
from stellwerk.model.capacity import Accelerator
from stellwerk.model.namespaces import NamespaceRules, quota_of
from stellwerk.model.podask import ask_of
from stellwerk.model.workload import AcceleratorOption, PodFacts, Workload
from stellwerk.placement.changes.edits import Kind
from tests.builders import GPU, gang, nodes, resources
from tests.unit.placement.changes.test_lifting import edits, told, with_it

FULL, BIG = Reason.CAPACITY_FULL, Reason.TOO_BIG_FOR_POOL


def busy(*gpus: int, **other: Any) -> dict[str, Any]:
    return {f"pool-{at:04d}": resources(gpu=count, pods=1, **other) for at, count in enumerate(gpus)}


def test_fewer_pods_are_as_many_as_ever_fit_and_as_many_as_fit_now() -> None:
    asked = gang(replicas=5)
    found = edits(asked, BIG, members=nodes(3), usage=busy(8))
    assert told(found)[:2] == [
        (Kind.REPLICAS, "ask for 3 instead of 5 replicas", 1, 2),
        (Kind.REPLICAS, "ask for 2 instead of 5 replicas", 1, 3),
    ]
    assert [with_it(one, asked).workload.replicas for one in found[:2]] == [3, 2]
    full = edits(gang(replicas=3), FULL, members=nodes(3), usage=busy(8))
    assert [one.text for one in full if one.kind is Kind.REPLICAS] == ["ask for 2 instead of 3 replicas"]
    none = edits(gang(replicas=3), FULL, members=nodes(3), usage=busy(8, 8, 8))
    assert not [one for one in none if one.kind is Kind.REPLICAS]


def test_fewer_pods_of_an_elastic_gang_and_of_an_alternative_of_its_own_size() -> None:
    elastic = gang(replicas=6, min_replicas=4)
    (first, *_) = edits(elastic, BIG)
    assert (first.text, first.effort) == ("start with 2 instead of 4 replicas", 2)
    assert with_it(first, elastic).workload == msgspec.structs.replace(elastic, min_replicas=2)
    sized = gang(replicas=9, accelerators=(AcceleratorOption("H100", 8, replicas=4), AcceleratorOption("A100", 8)))
    (first, *_) = edits(sized, BIG)
    assert (first.text, first.effort) == ("ask for 2 instead of 4 replicas with H100", 2)
    changed = with_it(first, sized).workload
    assert changed.accelerators == (AcceleratorOption("H100", 8, replicas=2), AcceleratorOption("A100", 8))
    assert changed.replicas == 9


def test_a_quota_allows_fewer_pods_and_nothing_else_is_suggested() -> None:
    rules = {"team": NamespaceRules(quotas=(quota_of("q", {"hard": {"pods": "2"}}, {"used": {}}),))}
    asked = msgspec.structs.replace(gang(replicas=3, gpus=1), facts=PodFacts((), ask_of({"containers": []})))
    found = edits(asked, Reason.QUOTA_EXCEEDED, namespaces=rules)
    assert told(found) == [(Kind.REPLICAS, "ask for 2 instead of 3 replicas", 1, 1)]


def test_more_and_smaller_pods_are_one_more_alternative_that_counts_as_much() -> None:
    asked = gang(replicas=2)
    found = [one for one in edits(asked, FULL, members=nodes(4), usage=busy(4, 4, 4, 4)) if one.kind is Kind.SHAPE]
    assert told(found) == [
        (Kind.SHAPE, "accept 4 pods of 4 x H100 instead of 2 of 8", 2, 4),
        (Kind.SHAPE, "accept 8 pods of 2 x H100 instead of 2 of 8", 2, 6),
        (Kind.SHAPE, "accept 16 pods of 1 x H100 instead of 2 of 8", 2, 7),
    ]
    options = [with_it(one, asked).workload.accelerators for one in found]
    assert options[0] == (AcceleratorOption("H100", 8), AcceleratorOption("H100", 4, replicas=4))
    assert [one[1].replicas for one in options] == [4, 8, 16]


def test_a_shape_that_does_not_divide_is_no_other_shape() -> None:
    found = edits(gang(gpus=6), FULL, members=nodes(4), usage=busy(4, 4, 4, 4))
    assert [one.text for one in found if one.kind is Kind.SHAPE] == [
        "accept 2 pods of 3 x H100 instead of 1 of 6",
        "accept 6 pods of 1 x H100 instead of 1 of 6",
    ]


def test_jobs_of_users_and_elastic_gangs_keep_their_shape() -> None:
    for facts in ({"source": "job"}, {"min_replicas": 1}):
        found = edits(gang(replicas=2, **facts), FULL, members=nodes(4), usage=busy(4, 4, 4, 4))
        assert Kind.SHAPE not in {one.kind for one in found}
        assert Kind.ACCELERATORS in {one.kind for one in found}


def test_fewer_accelerators_per_pod_are_halves_that_have_room() -> None:
    asked = gang(replicas=2)
    found = edits(asked, FULL, usage=busy(5, 6))
    fewer = [one for one in found if one.kind is Kind.ACCELERATORS]
    assert told(fewer) == [
        (Kind.ACCELERATORS, "ask for 2 instead of 8 accelerators per pod", 2, 6),
        (Kind.ACCELERATORS, "ask for 1 instead of 8 accelerators per pod", 2, 7),
    ]
    assert with_it(fewer[0], asked).workload.accelerators == (AcceleratorOption("H100", 2),)


def test_a_pod_that_no_node_holds_asks_for_what_a_node_has_even_if_it_is_full_now() -> None:
    found = edits(gang(gpus=12), Reason.ACCELERATORS_PER_NODE_TOO_FEW, usage=busy(8, 8))
    assert [one.text for one in found if one.kind is Kind.ACCELERATORS] == [
        f"ask for {count} instead of 12 accelerators per pod" for count in (8, 4, 2, 1)
    ]
    assert [one.text for one in found if one.kind is Kind.SHAPE] == [
        "accept 2 pods of 6 x H100 instead of 1 of 12",
        "accept 4 pods of 3 x H100 instead of 1 of 12",
        "accept 12 pods of 1 x H100 instead of 1 of 12",
    ]
    assert Kind.REQUESTS not in {one.kind for one in found}


def test_shares_have_no_other_number_of_accelerators() -> None:
    shared = gang(replicas=9, accelerators=(AcceleratorOption("H100", share_milli=1000),))
    found = edits(shared, BIG, members=nodes(1), accelerator=Accelerator("H100", 2, GPU, slices=4))
    assert {one.kind for one in found} <= {Kind.REPLICAS, Kind.REQUESTS}


def requests(workload: Workload, reason: Reason, **facts: Any) -> list[tuple[str, int]]:
    return [(one.text, one.effort) for one in edits(workload, reason, **facts) if one.kind is Kind.REQUESTS]


def test_processors_and_memory_become_what_a_node_has_then_a_half_then_a_quarter() -> None:
    asked = gang(requests=resources(cpu="200", memory="2Ti", pods=1))
    assert requests(asked, BIG) == [
        ("ask for 96 CPU, 1Ti memory instead of 200 CPU, 2Ti memory per pod", 1),
        ("ask for 48 CPU, 512Gi memory instead of 200 CPU, 2Ti memory per pod", 2),
        ("ask for 24 CPU, 256Gi memory instead of 200 CPU, 2Ti memory per pod", 4),
    ]
    edit = next(one for one in edits(asked, BIG) if one.kind is Kind.REQUESTS)
    assert with_it(edit, asked).workload.pod.requests == resources(cpu="96", memory="1Ti", pods=1)


def test_only_what_becomes_less_is_named_and_it_stays_a_round_number() -> None:
    asked = gang(requests=resources(cpu="200", memory="1Mi", pods=1))
    assert requests(asked, BIG)[0] == ("ask for 96 CPU instead of 200 CPU per pod", 1)
    odd = gang(requests=resources(cpu="3300m", memory=str(7 * 2**20), pods=1))
    crowded = {name: resources(cpu="94", pods=1) for name in ("pool-0000", "pool-0001")}
    assert requests(odd, FULL, usage=crowded) == [
        ("ask for 1600m CPU, 3Mi memory instead of 3300m CPU, 7Mi memory per pod", 2),
        ("ask for 800m CPU, 1Mi memory instead of 3300m CPU, 7Mi memory per pod", 4),
    ]


def test_where_accelerators_are_short_processors_are_not_to_blame() -> None:
    assert requests(gang(), FULL, usage=busy(8, 8)) == []


def test_a_namespace_with_rules_of_its_own_decides_on_requests() -> None:
    rules = {"team": NamespaceRules(quotas=(quota_of("q", {"hard": {"pods": "99"}}, {"used": {}}),))}
    asked = gang(requests=resources(cpu="200", memory="1Gi", pods=1))
    assert requests(asked, BIG, namespaces=rules) == []
    assert requests(asked, BIG) != []


def test_fewer_pods_do_not_help_where_one_is_too_large() -> None:
    found = edits(gang(replicas=9, gpus=9), Reason.ACCELERATORS_PER_NODE_TOO_FEW)
    assert Kind.REPLICAS not in {one.kind for one in found}
