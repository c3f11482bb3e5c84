"""What could be changed about each rejection: the words, the change itself, and how much it asks of people."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from stellwerk.api.reasons import Reason
from stellwerk.model.capacity import Accelerator, Taint, Toleration
from stellwerk.model.decision import Rejection
from stellwerk.model.requirements import Operator, Requirement, Requirements
from stellwerk.model.workload import AcceleratorOption, PodSet, PodShape, Workload
from stellwerk.placement.changes.edits import Case, Edit, Kind
from stellwerk.placement.changes.lifting import edits_for
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.offers.offering import offers_for
from tests.builders import GIB, GPU, NOW, gang, nodes, policy, pool, resources, snapshot

DISK = Requirement("disk", Operator.IN, ("fast",))
HALL = Requirement("hall", Operator.IN, ("2",))


def edits(workload: Workload, reason: Reason, rules: Any = None, members: Any = None, **facts: Any) -> list[Edit]:
    """Return the edits for one sort of rejection by one pool."""
    there = nodes(2) if members is None else members
    seen = {name: facts.pop(name, {}) for name in ("usage", "namespaces")}
    fleet = Fleet(snapshot([pool(**facts)], there, **seen), [workload])
    obeyed = rules or policy()
    offer = offers_for(workload, obeyed, fleet, NOW)[0]
    return list(edits_for(offer, tuple(one for one in offer.full() if one.reason == reason)))


def told(found: list[Edit]) -> list[tuple[Kind, str, int, int]]:
    return [(one.kind, one.text, one.weight, one.effort) for one in found]


def with_it(edit: Edit, workload: Workload, rules: Any = None) -> Case:
    return edit.apply(Case(workload, rules or policy()))


def share(milli: int | None = None, **facts: Any) -> AcceleratorOption:
    return AcceleratorOption("H100", share_milli=milli, **facts)


@pytest.mark.parametrize(
    ("reason", "kind", "before", "after", "facts"),
    [
        (Reason.PROVIDER_NOT_ALLOWED, Kind.PROVIDER, {"providers": ("aws",)}, ("aws", "onprem"), {}),
        (Reason.REGION_NOT_ALLOWED, Kind.REGION, {"regions": ("us",)}, ("us", "de-fra"), {}),
        (Reason.REGION_NOT_ALLOWED, Kind.REGION, {"regions": ("us",)}, (), {"region": ""}),
        (
            Reason.CAPACITY_TYPE_NOT_ALLOWED,
            Kind.CAPACITY_TYPE,
            {"capacity_types": ("Spot",)},
            ("Spot", "Owned"),
            {},
        ),
        (
            Reason.JURISDICTION_NOT_ALLOWED,
            Kind.JURISDICTION,
            {"jurisdictions": ("US",)},
            ("US", "DE"),
            {"jurisdiction": "DE"},
        ),
        (
            Reason.CERTIFICATION_MISSING,
            Kind.CERTIFICATION,
            {"certifications": ("A", "B")},
            ("B",),
            {"certifications": ("B",)},
        ),
        (
            Reason.POOL_LABELS_MISMATCH,
            Kind.POOL_LABELS,
            {"pool_labels": {"tier": "gold", "hall": "2"}},
            {"hall": "2"},
            {"labels": {"hall": "2", "tier": "tin"}},
        ),
    ],
)
def test_a_rule_of_the_policy_is_widened_by_just_what_this_pool_is(
    reason: Reason, kind: Kind, before: dict[str, Any], after: Any, facts: dict[str, Any]
) -> None:
    strict = policy(**before)
    (edit,) = edits(gang(), reason, strict, **facts)
    assert (edit.kind, edit.weight) == (kind, 2 if kind in {Kind.JURISDICTION, Kind.CERTIFICATION} else 1)
    relaxed = with_it(edit, gang(), strict)
    assert relaxed.policy == msgspec.structs.replace(strict, **dict.fromkeys(before, after))
    assert relaxed.workload == gang()


def test_a_jurisdiction_that_nobody_declared_cannot_be_allowed() -> None:
    assert edits(gang(), Reason.JURISDICTION_NOT_ALLOWED, policy(jurisdictions=("DE",))) == []


def test_a_share_is_made_as_small_as_the_partition() -> None:
    part = Accelerator("H100", 8, GPU, 10 * GIB, part_milli=142)
    asked = gang(accelerators=(share(500),))
    (edit,) = edits(asked, Reason.ACCELERATOR_PARTITION_TOO_SMALL, accelerator=part)
    assert told([edit]) == [(Kind.MEMORY, "ask for a share of at most 0.142", 1, 358)]
    assert with_it(edit, asked).workload.accelerators == (share(142),)


def test_one_whole_accelerator_may_become_a_share_and_several_may_not() -> None:
    part = Accelerator("H100", 8, GPU, 10 * GIB, part_milli=142)
    found = {
        count: edits(gang(gpus=count), Reason.ACCELERATOR_PARTITION_TOO_SMALL, accelerator=part) for count in (1, 2)
    }
    assert [len(found[count]) for count in (1, 2)] == [1, 0]


def test_less_memory_is_as_much_as_there_is_of_each_sort() -> None:
    there = Accelerator("H100", 8, GPU, 80 * GIB, slices=4)
    asked = gang(accelerators=(AcceleratorOption("H100", memory_bytes=90 * GIB, share_bytes=100 * GIB),))
    (edit,) = edits(asked, Reason.ACCELERATOR_MEMORY_TOO_SMALL, accelerator=there)
    assert told([edit]) == [
        (Kind.MEMORY, "ask for 80Gi instead of 100Gi of memory per accelerator", 1, 20 * GIB),
    ]
    (option,) = with_it(edit, asked).workload.accelerators
    assert (option.memory_bytes, option.share_bytes) == (80 * GIB, 80 * GIB)
    small = gang(accelerators=(AcceleratorOption("H100", memory_bytes=20 * GIB, share_bytes=100 * GIB),))
    (edit,) = edits(small, Reason.ACCELERATOR_MEMORY_TOO_SMALL, accelerator=there)
    assert with_it(edit, small).workload.accelerators[0].memory_bytes == 20 * GIB


def test_memory_that_is_not_known_cannot_be_asked_for() -> None:
    asked = gang(accelerators=(AcceleratorOption("H100", 8, memory_bytes=GIB),))
    nameless = Accelerator("H100", 8, GPU, None)
    assert edits(asked, Reason.ACCELERATOR_MEMORY_TOO_SMALL, accelerator=nameless) == []


def test_the_model_that_is_there_is_accepted_as_one_more_alternative() -> None:
    a100 = Accelerator("A100", 8, GPU, 80 * GIB)
    (edit,) = edits(gang(), Reason.ACCELERATOR_MISMATCH, accelerator=a100)
    assert told([edit]) == [(Kind.MODEL, "accept A100", 4, 0)]
    assert [one.model for one in with_it(edit, gang()).workload.accelerators] == ["H100", "A100"]


def test_a_model_that_is_not_known_or_goes_by_another_resource_is_not_suggested() -> None:
    wanted = gang(accelerators=(AcceleratorOption("A100", 8),))
    assert edits(wanted, Reason.ACCELERATOR_MISMATCH, accelerator=Accelerator("any", 8, GPU)) == []
    assert edits(wanted, Reason.ACCELERATOR_MISMATCH, accelerator=None) == []
    theirs = gang(accelerators=(AcceleratorOption("A100", 8, resource="amd.com/gpu"),))
    assert edits(theirs, Reason.ACCELERATOR_MISMATCH) == []
    named = gang(accelerators=(AcceleratorOption("A100", 8, resource=GPU),))
    assert len(edits(named, Reason.ACCELERATOR_MISMATCH)) == 1


def test_an_alternative_that_is_asked_for_already_is_not_suggested_again() -> None:
    asked = gang(accelerators=(AcceleratorOption("A100", 8), AcceleratorOption("H100", 8)))
    fleet = Fleet(snapshot([pool()], nodes(1)), [asked])
    offer = next(one for one in offers_for(asked, policy(), fleet, NOW) if one.rejections)
    assert list(edits_for(offer, offer.rejections)) == []


def test_demands_on_nodes_are_dropped_one_by_one_and_then_all() -> None:
    asked = gang(requirements=Requirements((DISK, HALL)))
    found = edits(asked, Reason.NODE_SELECTOR_MISMATCH)
    assert told(found) == [
        (Kind.SELECTOR, "drop disk=fast from the pods' node selector", 1, 0),
        (Kind.SELECTOR, "drop hall=2 from the pods' node selector", 1, 0),
        (Kind.SELECTOR, "drop disk=fast and hall=2 from the pods' node selector", 1, 1),
    ]
    left = [with_it(edit, asked).workload.pod.requirements.all_of for edit in found]
    assert left == [(HALL,), (DISK,), ()]


def test_a_single_demand_is_dropped_and_so_are_alternatives_of_demands() -> None:
    (edit,) = edits(gang(requirements=Requirements((DISK,))), Reason.NODE_SELECTOR_MISMATCH)
    assert edit.effort == 1
    either = gang(requirements=Requirements((DISK,), ((HALL,), (DISK,))))
    found = edits(either, Reason.NODE_SELECTOR_MISMATCH)
    assert [one.effort for one in found] == [0, 1]
    assert with_it(found[0], either).workload.pod.requirements == Requirements((), ((HALL,), (DISK,)))
    assert with_it(found[1], either).workload.pod.requirements == Requirements()


def test_taints_are_tolerated_beside_what_is_tolerated_already() -> None:
    members = nodes(1, taints=(Taint("a", "NoSchedule", "1"), Taint("b", "NoExecute")))
    own = Toleration("c", "Exists")
    asked = gang(tolerations=(own,))
    (edit,) = edits(asked, Reason.TAINT_NOT_TOLERATED, members=members)
    assert told([edit]) == [(Kind.TOLERATION, "tolerate a=1:NoSchedule and b:NoExecute", 1, 0)]
    assert with_it(edit, asked).workload.pod.tolerations == (
        own,
        Toleration("a", "Equal", "1", "NoSchedule"),
        Toleration("b", "Exists", "", "NoExecute"),
    )


def test_a_deadline_moves_by_whole_minutes_and_keeps_its_form() -> None:
    asked = gang(expected_runtime_s=3601, deadline="2026-11-22T13:00:00Z")
    (edit,) = edits(asked, Reason.DEADLINE_INFEASIBLE)
    assert told([edit]) == [(Kind.DEADLINE, "set the deadline 1m later", 1, 1)]
    assert with_it(edit, asked).workload.deadline == "2026-11-22T13:01:00Z"


def test_a_limit_on_cost_is_raised_to_the_cost_and_no_further() -> None:
    strict = policy(max_cost_per_hour=Decimal(10))
    (edit,) = edits(gang(), Reason.COST_ABOVE_LIMIT, strict)
    assert (edit.kind, edit.text, edit.weight) == (
        Kind.COST_LIMIT,
        "raise maxCostPerHour of policy default to 25.16",
        1,
    )
    assert 0 < edit.effort < 2**62
    assert with_it(edit, gang(), strict).policy.max_cost_per_hour == Decimal("25.16")


def test_an_elastic_gang_may_start_with_as_many_pods_as_the_limit_pays_for() -> None:
    strict = policy(max_cost_per_hour=Decimal(60))
    asked = gang(replicas=4, min_replicas=3)
    found = edits(asked, Reason.COST_ABOVE_LIMIT, strict, members=nodes(4))
    assert told(found)[0] == (Kind.REPLICAS, "start with 2 instead of 3 replicas", 1, 1)
    assert with_it(found[0], asked, strict).workload.min_replicas == 2
    assert [one.kind for one in found] == [Kind.REPLICAS, Kind.COST_LIMIT]
    poor = policy(max_cost_per_hour=Decimal(1))
    assert [one.kind for one in edits(asked, Reason.COST_ABOVE_LIMIT, poor, members=nodes(4))] == [Kind.COST_LIMIT]


def test_where_room_is_short_the_room_of_others_may_be_allowed_last() -> None:
    busy = {"pool-0000": resources(gpu=8), "pool-0001": resources(gpu=8)}
    found = edits(gang(), Reason.CAPACITY_FULL, usage=busy)
    assert told(found)[-1] == (Kind.PREEMPTION, "allow preemption in policy default", 2, 0)
    assert with_it(found[-1], gang()).policy.preempts
    allowed = edits(gang(), Reason.CAPACITY_FULL, policy(preempts=True), usage=busy)
    assert Kind.PREEMPTION not in {one.kind for one in allowed}


def test_for_what_keeps_a_further_pod_set_away_and_for_what_nobody_can_change_there_is_no_edit() -> None:
    asked = gang(others=(PodSet("helpers", 1, PodShape(resources(cpu="500", pods=1))),))
    fleet = Fleet(snapshot([pool()], nodes(1)), [asked])
    offer = offers_for(asked, policy(), fleet, NOW)[0]
    assert offer.rejections
    assert list(edits_for(offer, offer.rejections)) == []
    away = Rejection(Reason.CLUSTER_UNAVAILABLE, "no answer", "bring it back")
    full = Rejection(Reason.PROVIDER_NOT_ALLOWED, "not allowed", "allow it")
    assert [one.text for one in edits_for(offer, (away, full))] == ["allow it"]
