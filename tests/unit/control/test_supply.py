"""The memory of pools: what is learned while leading, told in the status, and read back after a restart."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from stellwerk.api.validation import validate
from stellwerk.cluster import structs
from stellwerk.control.supply import Supplies
from stellwerk.lifecycle.patience import Patience
from stellwerk.model.capacity import CapacityType, Growth, Pool
from stellwerk.model.supply import Backoff, StockOuts, Supply
from tests.builders import NOW, node, nodes, pool
from tests.unit.lifecycle.test_patience import placed, ready

GROWING = pool(growth=Growth(max_nodes=4, provision_s=300))
SPOT = pool("spot", capacity_type=CapacityType.SPOT, interruption_rate_per_hour=Decimal("0.05"))
OUT = NOW + timedelta(minutes=11)


def leading(*pools: structs.ComputePool) -> Supplies:
    """A memory of a replica that leads, after it has seen these pools."""
    made = Supplies(Backoff(300, 3600), Patience(2, 600))
    for one in pools:
        made.see(one, None)
    made.leading = True
    return made


def seen(name: str, supply: Any = None) -> structs.ComputePool:
    """A ComputePool as watched."""
    status = {} if supply is None else {"supply": supply}
    return structs.ComputePool(structs.ObjectMeta(name=name), status=status)


def lose(made: Supplies, of: Pool = SPOT, *, gone: bool = False) -> None:
    """A node with pods of ours is about to go, or has gone."""
    made.ends(node("spot-1", "spot"), [of], {"spot-1"}, gone=gone)


def watch(made: Supplies, of: Pool, count: int, seconds: float) -> None:
    """So many nodes had pods of ours for so long, and one had none."""
    members = nodes(count + 1, "spot")
    made.watch([(of, members)], {one.name for one in members[1:]}, seconds)


def stocked_out() -> Supplies:
    made = leading()
    assert made.judge(placed(), GROWING, OUT) is not None
    return made


def test_a_stock_out_is_told_and_rules_the_pool_out() -> None:
    made = stocked_out()
    assert made.status_of(GROWING) == {
        "stockOuts": 1,
        "lastStockOut": "2026-11-22T12:11:00Z",
        "until": "2026-11-22T12:16:00Z",
    }
    assert made.frozen([GROWING], OUT) == {("local", "pool"): Supply(OUT + timedelta(minutes=5))}
    assert made.frozen([GROWING], OUT + timedelta(minutes=5)) == {("local", "pool"): Supply()}


def test_a_stock_out_is_to_be_written_before_the_place_is_given_up() -> None:
    made = leading()
    why = made.judge(placed(), GROWING, OUT)
    assert why is not None
    assert why.remember is not None
    assert why.remember.body == {"status": {"supply": made.status_of(GROWING)}}


def test_looking_twice_at_the_same_gang_is_one_stock_out() -> None:
    made = stocked_out()
    assert made.judge(placed(), GROWING, OUT + timedelta(minutes=1)) is not None
    told = made.status_of(GROWING)
    assert told is not None
    assert told["stockOuts"] == 1


def test_what_the_status_says_is_known_again_after_a_restart() -> None:
    told = stocked_out().status_of(GROWING)
    again = leading(seen("pool", told))
    assert again.status_of(GROWING) == told
    assert again.frozen([GROWING], OUT) == stocked_out().frozen([GROWING], OUT)


def test_a_delivery_ends_the_backoff() -> None:
    made = leading(seen("pool", {"stockOuts": 2, "lastStockOut": "2026-11-22T11:00:00Z"}))
    assert made.judge(ready(placed(), "True", 3), GROWING, NOW) is None
    assert made.status_of(GROWING) == {"stockOuts": 0}


def test_who_does_not_lead_follows_and_learns_nothing() -> None:
    made = Supplies()
    assert made.judge(placed(), GROWING, OUT) is None
    lose(made)
    watch(made, SPOT, 1, 3600)
    assert made.status_of(GROWING) == {"stockOuts": 0}
    made.see(seen("spot", {"interruptions": 3, "nodeHours": "100", "ratePerHour": "0.04"}), None)
    assert made.status_of(SPOT) == {"interruptions": 3, "nodeHours": "100", "ratePerHour": "0.04"}


def test_who_leads_is_not_confused_by_its_own_older_writes() -> None:
    made = leading(seen("spot", {"interruptions": 0, "nodeHours": "0"}))
    lose(made)
    made.see(seen("spot", {"interruptions": 0, "nodeHours": "0"}), None)
    told = made.status_of(SPOT)
    assert told is not None
    assert told["interruptions"] == 1


def test_an_interruption_and_watched_hours_change_the_rate() -> None:
    made = leading()
    watch(made, SPOT, 10, 36_000)
    assert made.status_of(SPOT) == {"interruptions": 0, "nodeHours": "100", "ratePerHour": "0.025"}
    lose(made)
    assert made.status_of(SPOT) == {"interruptions": 1, "nodeHours": "100", "ratePerHour": "0.03"}
    assert made.frozen([SPOT], NOW) == {("local", "spot"): Supply(rate_per_hour=Decimal("0.03"))}


def test_one_node_is_lost_once_however_it_shows_and_again_only_after_it_was_gone() -> None:
    made = leading()
    for _ in range(3):
        lose(made)
    lose(made, gone=True)
    lose(made)
    told = made.status_of(SPOT)
    assert told is not None
    assert told["interruptions"] == 2


@pytest.mark.parametrize("other", [pool("spot"), msgspec.structs.replace(SPOT, discovered=True)])
def test_only_declared_spot_pools_are_interrupted(other: Any) -> None:
    made = leading()
    lose(made, other)
    watch(made, other, 1, 3600)
    told = made.status_of(SPOT)
    assert told is not None
    assert (told["interruptions"], told["nodeHours"]) == (0, "0")


def test_watched_time_is_written_ever_more_rarely() -> None:
    made = leading()
    written = []
    for _ in range(10_000):
        watch(made, SPOT, 1, 60)
        told = made.status_of(SPOT)
        if told not in written[-1:]:
            written.append(told)
    assert 10 < len(written) < 30
    assert float(written[-1]["nodeHours"]) > 10_000 / 60 / 1.3


def test_a_pool_that_neither_grows_nor_is_spot_has_nothing_to_tell() -> None:
    assert leading().status_of(pool()) is None
    assert leading(seen("pool")).frozen([pool()], NOW) == {}


def test_a_deleted_pool_is_forgotten() -> None:
    made = stocked_out()
    made.see(None, seen("pool"))
    assert made.status_of(GROWING) == {"stockOuts": 0}


def test_a_status_that_somebody_spoilt_is_learned_anew() -> None:
    made = leading(seen("pool", {"stockOuts": "many"}))
    assert made.status_of(GROWING) == {"stockOuts": 0}


def test_the_end_of_a_backoff_is_told_once() -> None:
    made = leading(seen("pool", {"stockOuts": 1, "until": "2026-11-22T12:16:00Z"}))
    assert not made.lapsed(OUT)
    assert made.lapsed(OUT + timedelta(minutes=5))
    assert not made.lapsed(OUT + timedelta(minutes=6))


def test_what_is_told_is_valid_against_the_schema() -> None:
    made = stocked_out()
    both = msgspec.structs.replace(SPOT, name="pool", growth=GROWING.growth)
    spec = {
        "nodeSelector": {"pool": "pool"},
        "provider": "aws",
        "region": "eu",
        "capacityType": "Spot",
        "interruptionRatePerHour": "0.05",
    }
    manifest = {
        "apiVersion": "stellwerk.dev/v1alpha1",
        "kind": "ComputePool",
        "metadata": {"name": "pool"},
        "spec": spec,
        "status": {"nodes": 1, "supply": made.status_of(both)},
    }
    assert validate(manifest).errors == ()


def test_stock_outs_of_one_pool_say_nothing_of_another() -> None:
    made = stocked_out()
    other = msgspec.structs.replace(GROWING, name="other")
    assert made.status_of(other) == {"stockOuts": 0}
    assert StockOuts().in_force(OUT) is None
