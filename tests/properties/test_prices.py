"""What holds for any price, any rate and any catalogue."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import hypothesis.strategies as st
from hypothesis import given

from stellwerk.api.pool_reasons import PoolReason
from stellwerk.economics.prices.amounts import micros
from stellwerk.economics.prices.catalogue import parse_catalogue
from stellwerk.economics.prices.currency import Rates
from stellwerk.economics.prices.judging import Judge, item_of
from stellwerk.economics.prices.onprem import HOURS_PER_MONTH, on_prem_price
from stellwerk.economics.prices.quotes import Market
from stellwerk.economics.prices.sanity import HIGHEST, LARGEST_STEP, LOWEST, Memory
from stellwerk.model.capacity import CapacityType, OnPrem, Price
from tests.builders import NOW, pool

MICRO = Decimal("0.000001")
amounts = st.decimals(MICRO, Decimal(9_999), places=6)
rates = st.decimals(Decimal("0.01"), Decimal(100_000), places=4)
some_rates = st.fixed_dictionaries({"USD": rates, "JPY": rates}).map(lambda of: Rates(of, NOW))
codes = st.sampled_from(["EUR", "USD", "JPY"])
POOL = pool(price=None, node_selector={"node.kubernetes.io/instance-type": "box"}, capacity_type=CapacityType.ON_DEMAND)


@given(amounts, codes, codes, some_rates)
def test_a_conversion_is_right_to_half_a_millionth_and_never_free(
    amount: Decimal, into: str, of: str, table: Rates
) -> None:
    there = table.convert(amount, into, of)
    assert there is not None
    assert there > 0
    assert there == there.quantize(MICRO)
    exact = Fraction(amount) * Fraction(table.per_euro.get(into, 1)) / Fraction(table.per_euro.get(of, 1))
    assert abs(Fraction(there) - exact) <= Fraction(MICRO) / 2 or there == MICRO
    if into == of:
        assert there == amount


@given(amounts, amounts, codes, codes, some_rates)
def test_what_is_dearer_is_nowhere_cheaper(one: Decimal, other: Decimal, into: str, of: str, table: Rates) -> None:
    less, more = sorted([one, other])
    here, there = table.convert(less, into, of), table.convert(more, into, of)
    assert here is not None
    assert there is not None
    assert here <= there


@given(st.fractions(0, 10**9))
def test_amounts_are_rounded_to_the_nearest_millionth_and_to_the_even_one_between(exact: Fraction) -> None:
    rounded = micros(exact)
    assert abs(Fraction(rounded) - exact) <= Fraction(1, 2_000_000)
    if abs(Fraction(rounded) - exact) == Fraction(1, 2_000_000):
        assert int(rounded * 1_000_000) % 2 == 0


said = st.one_of(
    amounts.map(str),
    st.sampled_from(["0", "-1", "NaN", "sNaN", "-Infinity", "1e400", "1e-400", "1e20", "free", "0.0000001", "55,04"]),
    st.text(st.characters(codec="ascii", exclude_characters='"\r\n,#'), max_size=12),
)


@given(said, st.none() | amounts, st.sampled_from(["USD", "EUR", "JPY", "XTS"]), some_rates)
def test_what_is_in_force_is_always_a_price_near_the_last_good_one(
    text: str, before: Decimal | None, code: str, table: Rates
) -> None:
    catalogue = parse_catalogue(f'InstanceType,Region,Price,currency\nbox,de-fra,"{text}",{code}\n')
    memory = Memory() if before is None else Memory(Price(before, "USD", origin="Catalogue"), item_of(POOL))
    verdict = Judge(Market(catalogue, rates=table), NOW).price(POOL, (), memory)
    price = verdict.price
    if price is None:
        assert before is None
        assert not verdict.fresh
        return
    assert price.per_node_hour > 0
    assert price.per_node_hour == price.per_node_hour.quantize(MICRO)
    if not verdict.fresh:
        assert price.per_node_hour == before
        assert verdict.reason in {PoolReason.PRICE_REFUSED, PoolReason.PRICE_HELD}
        return
    dollars = table.convert(price.per_node_hour, "USD", price.currency)
    if dollars is not None:
        assert LOWEST <= dollars <= HIGHEST
    if before is not None:
        assert dollars is not None
        assert 1 / Fraction(LARGEST_STEP) <= Fraction(dollars) / Fraction(before) <= LARGEST_STEP


@given(amounts, amounts)
def test_a_verdict_stands_when_it_is_judged_again_after_a_restart(now: Decimal, before: Decimal) -> None:
    catalogue = parse_catalogue(f"InstanceType,Region,Price\nbox,de-fra,{now}\n")
    judge = Judge(Market(catalogue, rates=Rates({"USD": Decimal("1.1")}, NOW)), NOW)
    first = judge.price(POOL, (), Memory(Price(before, "USD", origin="Catalogue"), item_of(POOL)))
    assert first.price is not None
    again = judge.price(POOL, (), Memory(first.price, first.item))
    assert (again.price, again.reason, again.message) == (first.price, first.reason, first.message)


@given(
    st.decimals(1, 10**6, places=2),
    st.integers(1, 240),
    st.integers(1, 20_000),
    st.decimals(1, 3, places=2),
    st.decimals(0, 1, places=4),
)
def test_over_its_lifetime_a_node_of_ones_own_earns_what_it_costs(
    purchase: Decimal, months: int, watts: int, pue: Decimal, per_kwh: Decimal
) -> None:
    own = OnPrem(purchase, months, per_kwh, Decimal(100), Decimal(50), "EUR")
    hours = months * HOURS_PER_MONTH
    earned = Fraction(on_prem_price(own, Decimal(watts), pue)) * hours
    spent = Fraction(purchase) + 150 * months + Fraction(watts, 1000) * Fraction(pue) * Fraction(per_kwh) * hours
    assert abs(earned - spent) <= hours / 2_000_000
