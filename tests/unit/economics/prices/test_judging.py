"""Who is believed about a price, what is refused, and what holds then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from stellwerk.api.labels import (
    PRICE_ANNOTATION,
    PRICE_CURRENCY_ANNOTATION,
    PRICE_SOURCE_ANNOTATION,
    PRICE_VALID_FROM_ANNOTATION,
)
from stellwerk.api.pool_reasons import PoolReason
from stellwerk.economics.prices.catalogue import parse_catalogue
from stellwerk.economics.prices.currency import Rates
from stellwerk.economics.prices.judging import Judge, Verdict, item_of
from stellwerk.economics.prices.quotes import Market
from stellwerk.economics.prices.sanity import Memory
from stellwerk.model.capacity import CapacityType, Node, OnPrem, Pool, Price
from tests.builders import NOW, node
from tests.builders import pool as a_pool

LEAPS = [("40000", "1000 times"), ("0.04", "0.001 times"), ("401", "10.025 times")]
RATES = Rates({"USD": Decimal("1.25"), "JPY": Decimal(160)}, datetime(2026, 10, 30, tzinfo=UTC))
HEADER = "InstanceType,Region,AvailabilityZone,Price,SpotPrice,currency,valid_from,source\n"
BUILT_IN = parse_catalogue(HEADER + "p5.48xlarge,us-east-1,,55.04,20.0,USD,2026-07-20,list\n")
TYPE = {"node.kubernetes.io/instance-type": "p5.48xlarge"}


def pool(price: str | None = None, **facts: object) -> Pool:
    """A pool of on-demand p5.48xlarge in us-east-1, without a price of its own unless told."""
    told = {"provider": "aws", "region": "us-east-1", "capacity_type": CapacityType.ON_DEMAND, **facts}
    told.setdefault("node_selector", TYPE)
    return a_pool("rented", price=price, **told)


def noted(amount: str, currency: str = "USD", name: str = "node-1", **more: str) -> Node:
    """A node that says what it costs."""
    return node(name, annotations={PRICE_ANNOTATION: amount, PRICE_CURRENCY_ANNOTATION: currency, **more})


def market(catalogue: str = "", **more: object) -> Market:
    """The built-in list, and a catalogue of these lines."""
    return Market(**{"catalogue": parse_catalogue(HEADER + catalogue), "built_in": BUILT_IN, "rates": RATES, **more})


def last(amount: str, origin: str = "Catalogue", currency: str = "USD", of: Pool | None = None, **more: str) -> Memory:
    """The last good price of the pool."""
    price = Price(Decimal(amount), currency, "then", "2026-01-01T00:00:00Z", origin)
    return Memory(price, item_of(of or pool()), **more)


def judged(of: Pool, catalogue: str = "", nodes: tuple[Node, ...] = (), before: Memory | None = None) -> Verdict:
    return Judge(market(catalogue), NOW).price(of, nodes, before or Memory())


def in_force(verdict: Verdict) -> tuple[str, str, str] | None:
    price = verdict.price
    return None if price is None else (f"{price.per_node_hour:f}", price.currency, price.origin)


def test_the_pool_is_believed_before_the_catalogue_the_nodes_and_the_built_in_list() -> None:
    row, nodes = "p5.48xlarge,us-east-1,,40,,USD,2026-11-01,contract\n", (noted("45"),)
    assert in_force(judged(pool("50"), row, nodes)) == ("50", "EUR", "Pool")
    assert in_force(judged(pool(), row, nodes)) == ("40.000000", "USD", "Catalogue")
    assert in_force(judged(pool(), "", nodes)) == ("45.000000", "USD", "Annotation")
    assert in_force(judged(pool())) == ("55.040000", "USD", "BuiltIn")


def test_a_price_that_its_source_names_today_is_fresh_and_says_whose_it_is() -> None:
    verdict = judged(pool(), "p5.48xlarge,us-east-1,,40,,USD,2026-11-01,contract\n")
    assert (verdict.fresh, verdict.reason) == (True, PoolReason.PRICE_IN_FORCE)
    assert verdict.message == "40 USD per node and hour, from catalogue line 2: contract"
    assert verdict.of == datetime(2026, 11, 1, tzinfo=UTC)


def test_the_instance_type_is_read_from_the_nodes_when_they_agree() -> None:
    unlabelled = pool(node_selector={"pool": "rented"})
    alike = (node("a", labels=TYPE), node("b", labels=TYPE))
    assert in_force(judged(unlabelled, nodes=alike)) == ("55.040000", "USD", "BuiltIn")
    mixed = (*alike, node("c", labels={"node.kubernetes.io/instance-type": "g6.xlarge"}))
    verdict = judged(unlabelled, nodes=mixed)
    assert (verdict.price, verdict.reason) == (None, PoolReason.NO_PRICE)
    assert "no instance type to look up, or several" in verdict.message


def test_spot_nodes_have_the_spot_price_and_owned_ones_no_list_price() -> None:
    assert in_force(judged(pool(capacity_type=CapacityType.SPOT))) == ("20.000000", "USD", "BuiltIn")
    for owned in (CapacityType.OWNED, CapacityType.RESERVED):
        verdict = judged(pool(capacity_type=owned))
        assert (verdict.price, verdict.reason) == (None, PoolReason.NO_PRICE)
        assert f"what is {owned.value} needs spec.price" in verdict.message


@pytest.mark.parametrize("said", ["0", "-3", "NaN", "Infinity", "free", "1e999999"])
def test_what_is_no_price_is_refused_and_the_last_good_one_holds(said: str) -> None:
    row = f"p5.48xlarge,us-east-1,,{said},,USD,2026-11-01,\n"
    verdict = judged(pool(), row, before=last("40"))
    assert in_force(verdict) == ("40", "USD", "Catalogue")
    assert (verdict.fresh, verdict.reason) == (False, PoolReason.PRICE_REFUSED)
    assert f"catalogue line 2 says {said!r}, and a price is a number above zero" in verdict.message
    assert "the last good price of 40 USD per node and hour holds" in verdict.message


def test_no_amount_is_taken_that_a_status_cannot_hold() -> None:
    verdict = judged(pool(), "p5.48xlarge,us-east-1,,1e12,,XTS,2026-11-01,\n", before=Memory(accepted="1e12"))
    assert in_force(verdict) == ("55.040000", "USD", "BuiltIn")
    assert verdict.reason is PoolReason.PRICE_REFUSED


@pytest.mark.parametrize(("said", "times"), LEAPS)
def test_a_leap_is_refused_and_says_how_to_accept_it(said: str, times: str) -> None:
    row = f"p5.48xlarge,us-east-1,,{said},,USD,2026-11-01,\n"
    verdict = judged(pool(), row, before=last("40"))
    assert in_force(verdict) == ("40", "USD", "Catalogue")
    assert verdict.reason is PoolReason.PRICE_REFUSED
    assert f'annotate the pool with stellwerk.dev/accept-price: "{said}"' in verdict.message
    assert times in verdict.message or said == "40000"  # which no node costs at all


def test_exactly_the_accepted_leap_is_taken() -> None:
    row = "p5.48xlarge,us-east-1,,450,,USD,2026-11-01,\n"
    assert in_force(judged(pool(), row, before=last("40", accepted="450"))) == ("450.000000", "USD", "Catalogue")
    assert in_force(judged(pool(), row, before=last("40", accepted="4500"))) == ("40", "USD", "Catalogue")
    assert in_force(judged(pool(), row.replace("450", "-1"), before=last("40", accepted="-1"))) == (
        *("40", "USD"),
        "Catalogue",
    )


def test_ten_times_is_the_most_at_once_in_either_direction() -> None:
    for said in ("400", "4"):
        row = f"p5.48xlarge,us-east-1,,{said},,USD,2026-11-01,\n"
        assert judged(pool(), row, before=last("40")).fresh


def test_a_price_of_the_pool_itself_is_held_to_the_same_band() -> None:
    before = last("31.5", "Pool", "EUR", pool("31.5"))
    verdict = judged(pool("31500"), before=before)
    assert (in_force(verdict), verdict.reason) == (("31.5", "EUR", "Pool"), PoolReason.PRICE_REFUSED)
    assert judged(pool("63"), before=before).fresh


def test_a_first_price_that_no_node_costs_is_refused_and_the_next_source_asked() -> None:
    verdict = judged(pool(), "p5.48xlarge,us-east-1,,55040,,USD,2026-11-01,cents\n")
    assert in_force(verdict) == ("55.040000", "USD", "BuiltIn")
    assert (verdict.fresh, verdict.reason) == (False, PoolReason.PRICE_REFUSED)
    assert "no node costs that per hour" in verdict.message


def test_another_currency_is_compared_at_the_rate_of_the_day() -> None:
    row = "p5.48xlarge,us-east-1,,{},,JPY,2026-11-01,\n"
    assert judged(pool(), row.format("5120"), before=last("40")).fresh  # 40 USD
    leap = judged(pool(), row.format("512000"), before=last("40"))
    assert leap.reason is PoolReason.PRICE_REFUSED
    assert "100 times" in leap.message
    strange = judged(pool(), row.format("5120").replace("JPY", "XTS"), before=last("40"))
    assert "cannot be compared with the last good price of 40 USD" in strange.message


def test_a_pool_that_became_something_else_is_not_held_to_its_old_price() -> None:
    before = last("800", of=pool(capacity_type=CapacityType.SPOT))
    assert in_force(judged(pool(), before=before)) == ("55.040000", "USD", "BuiltIn")


def test_a_listed_price_that_vanishes_holds_and_one_that_a_person_removed_does_not() -> None:
    unlisted = pool(region="eu-north-1")
    held = judged(unlisted, before=last("40", of=unlisted))
    assert (in_force(held), held.reason) == (("40", "USD", "Catalogue"), PoolReason.PRICE_HELD)
    gone = judged(unlisted, before=last("40", "Pool", of=unlisted))
    assert (gone.price, gone.reason) == (None, PoolReason.NO_PRICE)


def test_a_price_that_begins_later_leaves_the_last_one_until_then() -> None:
    price = Price(Decimal(60), "EUR", valid_from="2027-01-01T00:00:00Z")
    announced = msgspec.structs.replace(pool("50"), price=price)
    held = judged(announced, before=last("50", "Pool", "EUR", announced))
    assert (in_force(held), held.reason) == (("50", "EUR", "Pool"), PoolReason.PRICE_HELD)
    assert "60 EUR of spec.price holds from 2027-01-01T00:00:00Z" in held.message
    then = Judge(market(), datetime(2027, 1, 2, tzinfo=UTC)).price(announced, (), last("50", "Pool", "EUR", announced))
    assert in_force(then) == ("60", "EUR", "Pool")
    assert in_force(judged(announced)) == ("60", "EUR", "Pool")  # nothing else is known


def test_a_list_price_grows_old_and_a_contract_does_not() -> None:
    judge = Judge(market(), NOW, outdated=timedelta(days=30))
    verdict = judge.price(pool(), ())
    assert (in_force(verdict), verdict.reason) == (("55.040000", "USD", "BuiltIn"), PoolReason.PRICE_OUTDATED)
    assert "is of 2026-07-20T00:00:00Z" in verdict.message
    price = Price(Decimal(50), "EUR", valid_from="2020-01-01T00:00:00Z")
    assert judge.price(msgspec.structs.replace(pool("50"), price=price), ()).fresh


def test_nodes_that_disagree_count_at_the_dearest_and_nonsense_is_told() -> None:
    owned = pool(capacity_type=CapacityType.OWNED)
    nodes = (noted("40", name="a"), noted("36", "EUR", "b"), noted("41", name="c"))
    assert in_force(judged(owned, nodes=nodes)) == ("36.000000", "EUR", "Annotation")  # 45 USD
    wrong = judged(owned, nodes=(*nodes, noted("cheap", name="d")), before=last("40", "Annotation", of=owned))
    assert (in_force(wrong), wrong.reason) == (("40", "USD", "Annotation"), PoolReason.PRICE_REFUSED)
    assert "node d says 'cheap'" in wrong.message
    for nonsense in ("NaN", "sNaN", "-1", "0"):
        assert "is a number above zero" in judged(owned, nodes=(noted(nonsense),)).message
    assert "names no currency" in judged(owned, nodes=(noted("40", "Euro"),)).message
    bare = judged(owned, nodes=(noted("40", name="a"), noted("40", "XTS", "b")))
    assert "currencies without a known rate" in bare.message


def test_an_annotation_says_since_when_and_by_whom() -> None:
    more = {PRICE_VALID_FROM_ANNOTATION: "2026-11-02", PRICE_SOURCE_ANNOTATION: "data centre"}
    verdict = judged(pool(capacity_type=CapacityType.OWNED), nodes=(noted("40", **more),))
    assert verdict.price is not None
    assert (verdict.price.valid_from, verdict.price.source) == ("2026-11-02T00:00:00Z", "node node-1: data centre")
    undated = noted("40", **{PRICE_VALID_FROM_ANNOTATION: "soon"})
    assert "is no day" in judged(pool(capacity_type=CapacityType.OWNED), nodes=(undated,)).message


def test_an_on_prem_price_is_computed_and_counts_as_the_pools_own() -> None:
    own = OnPrem(Decimal(280_000), 60, Decimal("0.21"), Decimal(640), Decimal(380), "EUR")
    bought = pool(capacity_type=CapacityType.OWNED, on_prem=own, pue=Decimal("1.3"), node_power_watts=Decimal(10_200))
    assert in_force(judged(bought)) == ("10.569222", "EUR", "Pool")


def test_a_price_in_force_is_known_in_every_currency_with_a_rate() -> None:
    price = judged(pool()).price
    assert price is not None
    assert price.elsewhere == {"EUR": Decimal("44.032"), "JPY": Decimal("7045.12")}
    euros = price.counted_in("EUR")
    assert euros is not None
    assert (euros.per_node_hour, euros.currency) == (Decimal("44.032"), "EUR")
    assert price.counted_in("XTS") is None
