"""The memory of prices: kept while leading, followed while another replica leads, read back after a restart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from stellwerk.api.pool_reasons import PoolReason
from stellwerk.api.validation import validate
from stellwerk.cluster import structs
from stellwerk.control.prices import Prices
from stellwerk.economics.prices.catalogue import parse_catalogue
from stellwerk.economics.prices.currency import Rates
from stellwerk.economics.prices.quotes import Market
from stellwerk.economics.prices.tables import Tables
from stellwerk.model.capacity import CapacityType, Node, Pool
from tests.builders import NOW, node, pool

TYPE = {"node.kubernetes.io/instance-type": "box"}
POOL = pool("rented", price=None, node_selector=TYPE, capacity_type=CapacityType.ON_DEMAND, region="r")
RATES = Rates({"USD": Decimal("1.25")}, datetime(2026, 10, 30, tzinfo=UTC))


def listed(amount: str) -> Tables:
    """A catalogue with one price."""
    text = f"InstanceType,Region,Price,valid_from\nbox,r,{amount},2026-11-01\n"
    return Tables(Market(parse_catalogue(text), rates=RATES))


def seen(status: Mapping[str, Any] | None = None, **annotations: str) -> structs.ComputePool:
    """The pool as watched."""
    meta = structs.ObjectMeta(name="rented", annotations=annotations or None)
    return structs.ComputePool(meta, status={} if status is None else {"price": dict(status)})


def nobody(_: Pool) -> Sequence[Node]:
    return ()


def amount(made: Prices, amount: str, of: Pool = POOL) -> str | None:
    """What is in force once the catalogue says this."""
    made.tables = listed(amount)
    (priced,) = made.priced([of], nobody, NOW)
    return None if priced.price is None else f"{priced.price.per_node_hour.normalize():f}"


def test_a_leader_holds_the_last_good_price_and_tells_it_in_the_status() -> None:
    made = Prices()
    made.see(seen(), None)
    made.leading = True
    assert amount(made, "40") == "40"
    assert amount(made, "4000") == "40"
    verdict = made.verdict(POOL)
    assert verdict is not None
    assert verdict.reason is PoolReason.PRICE_REFUSED
    assert made.status_of(POOL) == {
        "perNodeHour": "40",
        "currency": "USD",
        "origin": "Catalogue",
        "source": "catalogue line 2",
        "validFrom": "2026-11-01T00:00:00Z",
        "item": "OnDemand onprem r box 8xH100",
        "ratesOf": "2026-10-30T00:00:00Z",
    }


def test_what_the_status_says_obeys_the_schema_and_is_read_back_by_the_next_leader() -> None:
    made = Prices()
    made.see(seen(), None)
    made.leading = True
    amount(made, "40")
    status = made.status_of(POOL)
    manifest = {
        "apiVersion": "stellwerk.dev/v1alpha1",
        "kind": "ComputePool",
        "metadata": {"name": "rented"},
        "spec": {"nodeSelector": TYPE, "provider": "onprem", "region": "r", "capacityType": "OnDemand"},
        "status": {"price": status},
    }
    assert validate(manifest).errors == ()
    after = Prices()
    after.see(seen(status), None)
    after.leading = True
    assert amount(after, "4000") == "40"


def test_a_standby_follows_what_the_leader_wrote_and_a_leader_does_not_follow_its_own_echo() -> None:
    good = {"perNodeHour": "40", "currency": "USD", "origin": "Catalogue"}
    made = Prices()
    made.see(seen(), None)
    assert amount(made, "4000") == "4000"  # nothing is known yet, and a standby decides nothing
    assert made.see(seen(good), seen())
    assert amount(made, "4000") == "40"
    made.leading = True
    assert amount(made, "44") == "44"
    assert not made.see(seen(good), seen(good))
    assert amount(made, "430") == "430"  # ten times 44, not of 40


def test_an_accepted_price_is_taken_at_once() -> None:
    made = Prices()
    made.see(seen(), None)
    made.leading = True
    assert amount(made, "40") == "40"
    assert amount(made, "4000") == "40"
    assert made.see(seen(**{"stellwerk.dev/accept-price": "4000"}), seen())
    assert amount(made, "4000") == "4000"


def test_a_pool_that_is_deleted_is_forgotten() -> None:
    made = Prices()
    made.see(seen(), None)
    made.leading = True
    assert amount(made, "40") == "40"
    made.see(None, seen())
    assert amount(made, "4000") == "4000"


def test_a_discovered_pool_is_remembered_while_it_is_there() -> None:
    found = pool(
        "auto", price=None, node_selector=TYPE, capacity_type=CapacityType.ON_DEMAND, region="r", discovered=True
    )
    made = Prices()
    assert amount(made, "40", found) == "40"
    assert amount(made, "4000", found) == "40"
    assert made.priced([], nobody, NOW) == ()
    assert amount(made, "4000", found) == "4000"


@pytest.mark.parametrize("told", [{"perNodeHour": "-1", "currency": "USD", "origin": "Pool"}, {"perNodeHour": "1"}])
def test_a_status_that_nobody_understands_is_as_if_nothing_had_been_known(told: dict[str, str]) -> None:
    made = Prices()
    made.see(seen(told), None)
    assert amount(made, "4000") == "4000"


def test_nodes_are_looked_for_only_where_a_pool_has_no_good_price_of_its_own() -> None:
    asked: list[str] = []

    def members(of: Pool) -> Sequence[Node]:
        asked.append(of.name)
        return (node("a", labels=TYPE),)

    rented = pool("unlabelled", price=None, capacity_type=CapacityType.ON_DEMAND, region="r")
    made = Prices()
    made.tables = listed("40")
    own, other = made.priced([pool("own"), rented], members, NOW)
    assert asked == ["unlabelled"]
    assert (own.price is not None, other.price is not None) == (True, True)
