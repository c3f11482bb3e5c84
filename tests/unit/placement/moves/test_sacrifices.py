"""What a running workload can give, and how its loss is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from stellwerk.model.decision import Cost, MoveKind
from stellwerk.model.resources import Resources
from stellwerk.placement.moves.sacrifices import Sacrifice, add, expendable, freed_by, move_of, sacrifice_of, spare_pods
from stellwerk.placement.moves.victims import Price
from tests.builders import GPU, NOW, gang, policy, resources
from tests.unit.placement.moves.test_preemption import running

HOURLY = 36_000_000
RULES = policy(restart_overhead_s=600)
ONE_POD = gang().pod.requests + Resources.of({GPU: 2})


def elastic(**facts: Any) -> Any:
    """Four pods of two GPUs since an hour, three on the first node; two of them can go."""
    told = {"min_replicas": 2, "checkpoint_interval_s": 1200, "priority": 7, **facts}
    return running("elastic", {"pool-0000": 3, "pool-0001": 1}, gpus=2, **told)


def given(one: Any, patience: int | None = 0, per_hour: int | None = HOURLY, now: datetime = NOW) -> Sacrifice:
    return sacrifice_of(one, Cost("EUR", per_hour, per_hour), RULES, now, patience)


def test_it_gives_pod_after_pod_the_last_one_first_and_then_its_place() -> None:
    found = given(elastic())
    # 10 of 20 minutes since the checkpoint are lost, by the part of the pods that go, and all wait 10 to restart
    assert found.prices == (
        Price(0, HOURLY * (10 * 1 + 10 * 4) // 4 // 60, 1, 1),
        Price(0, HOURLY * (10 * 2 + 10 * 4) // 4 // 60, 1, 2),
        Price(0, HOURLY * 20 // 60, 1, 4),
    )
    assert [step.replicas for step in found.steps] == [3, 2, 0]
    assert found.freed(0) == {}
    assert found.freed(1) == {"pool-0001": ONE_POD}
    assert found.freed(2) == {"pool-0000": ONE_POD, "pool-0001": ONE_POD}
    assert found.freed(3) == {"pool-0000": ONE_POD * 3, "pool-0001": ONE_POD}


def test_a_loss_that_is_not_known_is_no_small_one() -> None:
    assert [one.unknown for one in given(elastic(), per_hour=None).prices] == [1, 1, 1]
    assert [one.loss for one in given(elastic(), per_hour=None).prices] == [0, 0, 0]


@pytest.mark.parametrize(("patience", "steps"), [(None, 2), (0, 3), (3600, 3), (3601, 2)])
def test_it_is_evicted_only_after_it_has_had_its_place_for_long_enough(patience: int | None, steps: int) -> None:
    assert len(given(elastic(), patience).steps) == steps


@pytest.mark.parametrize(
    ("least", "spare"),
    [(2, 2), (1, 3), (4, 0), (9, 0), (None, 0)],
)
def test_it_spares_what_it_has_above_its_least(least: int | None, spare: int) -> None:
    assert spare_pods(elastic(min_replicas=least)) == spare


def test_it_spares_nothing_while_not_all_its_pods_run_or_it_leaves() -> None:
    whole = elastic()
    assert spare_pods(msgspec.structs.replace(whole, indexes=whole.indexes[:-1])) == 0
    assert spare_pods(msgspec.structs.replace(whole, placement=None)) == 0


def test_the_pods_with_the_highest_numbers_free_their_nodes() -> None:
    one = elastic()
    assert freed_by(one, 4) == {}
    assert freed_by(one, 1) == {"pool-0000": ONE_POD * 2, "pool-0001": ONE_POD}
    assert freed_by(one, 0) == dict(one.uses)


def test_a_shrunk_gang_is_told_from_what_to_what_for_whom_and_at_what_price() -> None:
    move = move_of(given(elastic()), 1, gang("urgent", priority=100))
    assert (move.kind, move.uid, move.key.name, move.cause) == (MoveKind.SHRINK, "uid-elastic", "elastic", "uid-urgent")
    assert move.message == (
        "shrunk from 4 to 3 pods for team/urgent (priority 100, over 7), which loses 7.50 EUR of work and restart"
    )
    assert move.loss == 7_500_000
    assert move.placement is not None
    assert (move.placement.replicas, move.placement.pool) == (3, "pool")


def test_an_evicted_one_is_told_for_whom_and_at_what_price() -> None:
    move = move_of(given(elastic()), 3, gang("urgent", priority=100))
    assert (move.kind, move.placement, move.loss, move.cause) == (MoveKind.PREEMPT, None, 12_000_000, "uid-urgent")
    assert move.message == "evicted for team/urgent (priority 100, over 7), which loses 12.00 EUR of work and restart"


def test_a_loss_of_unknown_price_is_called_that() -> None:
    move = move_of(given(elastic(), per_hour=None), 3, gang("urgent", priority=100))
    assert move.loss is None
    assert move.message == (
        "evicted for team/urgent (priority 100, over 7), which loses an unknown amount of work and restart"
    )


def test_of_those_that_lose_as_much_the_least_important_and_then_the_youngest_goes_first() -> None:
    low, old, young = (
        running("low", {"a": 1}, priority=1),
        running("old", {"a": 1}, priority=2, since="2026-11-22T11:00:00Z"),
        running("young", {"a": 1}, priority=2, since="2026-11-22T11:00:01Z"),
    )
    twin = running("zwin", {"a": 1}, priority=2, since="2026-11-22T11:00:01Z")
    ranked = sorted((given(one) for one in (old, twin, young, low)), key=expendable)
    assert [one.running.workload.key.name for one in ranked] == ["low", "young", "zwin", "old"]
    assert expendable(given(running("new", {"a": 1}, since="")))[1] == 0


def test_what_is_freed_twice_adds_up_and_is_taken_off_again() -> None:
    freed = {"a": resources(cpu=2)}
    add(freed, {"a": resources(cpu=1), "b": resources(gpu=1)})
    assert freed == {"a": resources(cpu=3), "b": resources(gpu=1)}
    add(freed, {"a": resources(cpu=3), "c": resources(cpu=1)}, -1)
    assert freed["a"] == Resources()
    assert freed["c"] == Resources() - resources(cpu=1)


def test_one_that_leaves_gives_what_it_uses_but_no_single_pods() -> None:
    gone = msgspec.structs.replace(elastic(), placement=None)
    (step,) = given(gone).steps
    assert (step.replicas, step.freed) == (0, dict(gone.uses))


def test_a_workload_of_the_future_has_had_its_place_for_no_time() -> None:
    early = datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert given(elastic(), 1, now=early).steps[-1].replicas == 2
