"""The ledger neither loses nor doubles a second, whatever crashes and however late it hears of things."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stellwerk.economics.ledger.facts import HOUR, Entry, Line, Loss, Party
from stellwerk.economics.ledger.pages import PageError, decode, encode
from stellwerk.economics.ledger.periods import Period, bounds
from stellwerk.economics.ledger.rates import SplitMode, apportion, lines_of
from stellwerk.economics.ledger.report import KEYS, Kind, Question, node_bill, rounded, sums
from stellwerk.economics.ledger.totals import Totals
from stellwerk.model.resources import Resources
from tests.properties.ledgers import BEGIN, DAY, GPU, Fleet, Replica, Storage, check_partition, facts, spent

SEEDS = st.integers(0, 2**32)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Beirut",
)


def a_month(seed: int, *, step: int, crashes: bool, skews: bool, days: int = 28) -> tuple[Fleet, Storage, int]:
    """Run one replica after the other over a month; each crash is followed by hours in which nobody runs, or none."""
    rng = Random(seed)
    fleet = Fleet.random(rng, nodes=6, days=days, changes=not crashes)
    storage = Storage()
    now = BEGIN
    replica = Replica(storage, fleet, now, rng.randrange(-900, 900) if skews else 0)
    while now < BEGIN + days * DAY:
        now += rng.randrange(1, step)
        replica.watch(now, rng)
        crash = rng.choice(("", "before", "after")) if crashes else ""
        if not replica.write(now, crash):
            now += rng.choice((0, 1, rng.randrange(6 * HOUR)))
            replica = Replica(storage, fleet, now, rng.randrange(-900, 900) if skews else 0)
    replica.watch(now, rng)
    assert replica.write(now)
    return fleet, storage, now


@settings(max_examples=12)
@given(SEEDS)
def test_without_faults_every_party_pays_for_exactly_its_seconds_and_the_sum_is_the_bill(seed: int) -> None:
    fleet, storage, now = a_month(seed, step=DAY // 2, crashes=False, skews=False)
    entries = storage.entries()
    check_partition(entries)
    assert node_bill(entries, 0, 10**12).get("EUR", 0) == sum(node.bill(BEGIN, now) for node in fleet.nodes)
    assert set(spent(fleet, entries).values()) == {0}
    assert all(entry.seen for entry in entries)


@settings(max_examples=12)
@given(SEEDS)
def test_a_month_with_crashes_at_the_writes_loses_and_doubles_no_second(seed: int) -> None:
    fleet, storage, now = a_month(seed, step=DAY // 2, crashes=True, skews=False)
    entries = storage.entries()
    ends = check_partition(entries)
    for node in fleet.nodes:
        if node.uid not in ends:  # it came and went while nobody ran
            assert node.end <= now
            continue
        start, end = ends[node.uid]
        assert start == max(node.start, storage.since)
        # one that went while nobody watched is booked until somebody had looked last
        assert end <= min(node.end, now)
        if node.end > now:
            assert end == now
        booked = [entry for entry in entries if entry.uid == node.uid]
        assert node_bill(booked, 0, 10**12)["EUR"] == node.bill(start, end)


@settings(max_examples=8)
@given(SEEDS)
def test_clocks_that_are_wrong_by_minutes_double_nothing_and_nobody_pays_more_than_he_had(seed: int) -> None:
    fleet, storage, _ = a_month(seed, step=DAY // 4, crashes=True, skews=True)
    entries = storage.entries()
    check_partition(entries)
    total = sum(one.amount for one in sums(entries, (), Question(0, 10**12, tuple(KEYS))).values())
    assert total == sum(node_bill(entries, 0, 10**12).values())
    for party, left in spent(fleet, entries).items():
        assert left >= -1800 * 8 * sum(pod.party == party for pod in fleet.pods)


@settings(max_examples=10)
@given(SEEDS)
def test_two_leaders_at_once_double_nothing(seed: int) -> None:
    rng = Random(seed)
    fleet = Fleet.random(rng, nodes=5, days=7, changes=False)
    storage = Storage()
    both = [Replica(storage, fleet, BEGIN, rng.randrange(-60, 60)) for _ in range(2)]
    now = BEGIN
    while now < BEGIN + 7 * DAY:
        now += rng.randrange(1, DAY // 8)
        for replica in rng.sample(both, 2):
            replica.watch(now, rng)
            assert replica.write(now)
    entries = storage.entries()
    ends = check_partition(entries)
    for node in fleet.nodes:
        if node.uid in ends:
            start, end = ends[node.uid]
            booked = [entry for entry in entries if entry.uid == node.uid]
            assert node_bill(booked, 0, 10**12)["EUR"] == node.prices[0][1] * (end - start)


@settings(max_examples=10)
@given(
    SEEDS, st.sampled_from(ZONES), st.sampled_from([*Period, None]), st.lists(st.sampled_from(sorted(KEYS)), max_size=3)
)
def test_sums_by_any_keys_and_periods_are_the_bill(seed: int, zone: str, period: Period | None, by: list[str]) -> None:
    _, storage, _ = a_month(seed, step=DAY, crashes=True, skews=False, days=10)
    entries = storage.entries()
    rng = Random(seed)
    start = BEGIN + rng.randrange(5 * DAY)
    question = Question(start, start + rng.randrange(1, 5 * DAY), tuple(by), period, ZoneInfo(zone))
    found = sums(entries, (), question)
    bill = node_bill(entries, question.start, question.end)
    assert sum(one.amount for one in found.values()) == sum(bill.values())
    for unit in (1, 10_000):
        written = rounded([one.amount for one in found.values()], unit)
        assert sum(written) == (sum(bill.values()) + HOUR * unit // 2) // (HOUR * unit)


@settings(max_examples=8)
@given(SEEDS)
def test_a_page_is_read_as_it_was_written(seed: int) -> None:
    _, storage, _ = a_month(seed, step=3 * DAY, crashes=False, skews=False, days=7)
    for _, data, _ in storage.pages.values():
        assert encode(decode(data)) == data


@given(st.binary(max_size=64))
def test_damaged_bytes_are_no_page(data: bytes) -> None:
    with pytest.raises(PageError):
        decode(data)


USES = st.dictionaries(
    st.builds(Party, namespace=st.text("abc", min_size=1, max_size=2), workload=st.text("xyz", max_size=2)),
    st.builds(
        lambda cpu, memory, gpu: Resources.of({"cpu": cpu, "memory": memory, GPU: gpu}),
        *(st.integers(0, 2**n) for n in (18, 42, 4)),
    ),
    max_size=6,
)


@given(st.integers(1, 10**9), USES, st.sampled_from(SplitMode))
def test_whatever_is_on_a_node_its_parts_are_its_price_and_none_is_negative(
    price: int, uses: dict[Party, Resources], mode: SplitMode
) -> None:
    lines = lines_of(facts(price), uses, mode)
    assert sum(line.rate for line in lines) <= price
    assert all(line.rate >= 0 and line.accelerators >= 0 for line in lines)
    assert sum(line.accelerators for line in lines) <= 8000


@given(st.integers(0, 10**15), st.lists(st.fractions(0, 10**6), min_size=1, max_size=20))
def test_what_is_apportioned_adds_up_and_is_off_by_less_than_one(total: int, shares: list[Fraction]) -> None:
    found = apportion(total, shares)
    assert sum(found) == total
    if sum(shares):
        assert all(abs(n - total * share / sum(shares)) < 1 for n, share in zip(found, shares, strict=True))


@given(st.integers(0, 4_000_000_000), st.sampled_from(ZONES), st.sampled_from(Period))
def test_periods_are_a_partition_of_time(moment: int, zone: str, period: Period) -> None:
    where = ZoneInfo(zone)
    start, end = bounds(moment, period, where)
    assert start <= moment < end
    assert bounds(start, period, where) == (start, end)
    assert bounds(end - 1, period, where) == (start, end)
    assert bounds(end, period, where)[0] == end


def test_periods_by_hand() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    def at(text: str) -> int:
        return int(datetime.fromisoformat(text).timestamp())

    spring = bounds(at("2026-03-29T12:00:00+02:00"), Period.DAY, berlin)
    assert spring[1] - spring[0] == 23 * HOUR
    autumn = bounds(at("2026-10-25T12:00:00+01:00"), Period.DAY, berlin)
    assert autumn[1] - autumn[0] == 25 * HOUR
    february = bounds(at("2028-02-29T23:30:00+01:00"), Period.MONTH, berlin)
    assert february == (at("2028-02-01T00:00:00+01:00"), at("2028-03-01T00:00:00+01:00"))
    week = bounds(at("2027-01-01T00:00:00+01:00"), Period.WEEK, berlin)
    assert datetime.fromtimestamp(week[0], berlin).isoformat() == "2026-12-28T00:00:00+01:00"
    assert datetime.fromtimestamp(week[1], UTC) - datetime.fromtimestamp(week[0], UTC) == timedelta(days=7)


@settings(max_examples=20)
@given(SEEDS, st.lists(st.tuples(st.integers(0, 9 * DAY), st.integers(0, 9 * DAY)), max_size=4))
def test_what_was_lost_is_part_of_what_was_paid_and_counts_once(seed: int, intervals: list[tuple[int, int]]) -> None:
    _, storage, _ = a_month(seed, step=DAY, crashes=False, skews=False, days=10)
    losses = [Loss("u-a-1", BEGIN + a, BEGIN + a + b, "Preempted", "team-b/x") for a, b in intervals]
    for (_, _, _, kind), one in sums(storage.entries(), losses, Question(0, 10**12, ("workload",))).items():
        assert 0 <= one.lost <= one.amount
        assert kind is Kind.WORK or not one.lost


@settings(max_examples=15)
@given(SEEDS, st.sampled_from(ZONES), st.sampled_from([Period.DAY, Period.WEEK, Period.MONTH]))
def test_running_totals_of_tenants_are_the_sums_of_their_entries(seed: int, zone: str, period: Period) -> None:
    _, storage, now = a_month(seed, step=DAY, crashes=False, skews=False, days=6)
    tenants = {"team-a": "north", "team-b": "south"}
    entries = [with_tenants(entry, tenants) for entry in storage.entries()]
    totals = Totals()
    totals.add(entries, now)
    start, end = bounds(now - 1, period, ZoneInfo(zone))
    for tenant in ("north", "south"):
        found = sums(entries, (), Question(start, end, ("tenant",)))
        expected = sum(one.amount for (_, keys, _, _), one in found.items() if keys == (tenant,))
        assert sum(one.amount for one in totals.of([tenant], start, end).values()) == expected
    totals.add((), now + 40 * DAY)
    assert totals.of(["north", "south"], 0, 10**12) == {}


def with_tenants(entry: Entry, tenants: dict[str, str]) -> Entry:
    named = (
        Line(replace(line.party, tenant=tenants.get(line.party.namespace, "")), line.rate, line.accelerators)
        for line in entry.lines
    )
    return replace(entry, lines=tuple(named))
