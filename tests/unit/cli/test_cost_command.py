"""`stellwerk cost` over a small ledger: what is printed adds up, and what is exported is read back the same."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from stellwerk.cli import costcommand, costexport
from stellwerk.cli.ledgersource import Account
from stellwerk.cli.main import run
from stellwerk.economics.ledger.facts import Billing, Entry, Line, Loss, Party

NOON = 1_793_016_000  # 2026-10-26T12:00:00Z
HOUR = 3600
POOL = Billing("local", "h100", "onprem", "de-fra", "DE", "Owned", "EUR", 36_000_001, 8000)
UNPRICED = Billing("local", "old", "onprem", "de-fra", "DE", "Owned", "", None, 4000)
TRAIN = Party("team-a", "Training", "train", "u1", "2026-10-26T11:00:00Z", "vision")
PLAIN = Party("team-b")

ACCOUNT = Account(
    (
        Entry("n1", "node-1", NOON, NOON + HOUR, POOL, (Line(TRAIN, 12_000_000, 4000), Line(PLAIN, 7, 0))),
        Entry("n1", "node-1", NOON + HOUR, NOON + 15 * HOUR, POOL, (), seen=False),
        Entry("n2", "node-2", NOON, NOON + HOUR, UNPRICED, (Line(TRAIN, 0, 1000),)),
    ),
    (Loss("u1", NOON, NOON + HOUR // 2, "Preempted", "made room for team-c/urgent"),),
)


@pytest.fixture(autouse=True)
def ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costcommand, "read", lambda _source: ACCOUNT)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["cost", "show", "--since", "2026-10-26", "-o", "json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_rows_add_up_to_the_bill_to_the_last_micro_unit(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(capsys, "--by", "tenant,kind")
    total = sum(Decimal(row["cost"]) for row in found["rows"] if row["cost"] is not None)
    assert found["nodeBill"] == {"EUR": "540.000015"}
    assert total == Decimal("540.000015")
    assert {row["kind"] for row in found["rows"]} == {"Work", "Idle", "Unseen"}


def test_what_has_no_price_is_counted_and_never_free(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(capsys, "--by", "pool")
    [row] = [row for row in found["rows"] if row["pool"] == "old" and row["kind"] == "Work"]
    assert (row["cost"], row["currency"], row["unpricedHours"], row["acceleratorHours"]) == (None, None, "1", "1")


def test_days_begin_where_the_time_zone_says(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(capsys, "--by", "node", "--period", "day", "--zone", "Europe/Berlin")
    days = {row["period"] for row in found["rows"] if row["node"] == "node-1"}
    assert days == {"2026-10-26T00:00:00+01:00", "2026-10-27T00:00:00+01:00"}


def test_the_table_says_what_the_nodes_cost_and_what_was_lost(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cost", "show", "--since", "2026-10-26", "--by", "workload"]) == 0
    out = capsys.readouterr().out
    assert "The nodes cost 540.00 EUR." in out
    [line] = [line for line in out.splitlines() if line.startswith("team-a/train") and "EUR" in line]
    assert line.split() == ["team-a/train", "Work", "12.00", "EUR", "6.00", "4.00", "-"]


def test_what_was_lost_is_listed_with_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cost", "lost", "--since", "2026-10-26", "-o", "json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert row["workload"] == "team-a/train"
    assert (row["lost"], row["currency"], row["cause"]) == ("6", "EUR", "Preempted")
    assert "team-c/urgent" in row["why"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "colour"], "--by knows no 'colour'"),
        (["--since", "yesterday"], "'yesterday' is no moment"),
        (["--zone", "Europe/Berlinn"], "is no time zone"),
        (["--zone", "../../etc/passwd"], "is no time zone"),
    ],
)
def test_bad_input_is_named(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cost", "show", *arguments]) == 1
    assert said in capsys.readouterr().err


def test_rows_of_the_csv_add_up_to_the_bill_and_leave_unknown_costs_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cost", "export", "-", "--since", "2026-10-26", "--period", "hour"]) == 0
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    assert sum(Decimal(row["cost"]) for row in rows if row["cost"]) == Decimal("540.000015")
    assert {row["cost"] for row in rows if row["pool"] == "old"} == {""}
    assert sum(Decimal(row["hours"]) for row in rows if row["kind"] == "Unseen") == 14


def test_focus_columns_are_those_of_the_specification(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cost", "export", "-", "--since", "2026-10-26", "--format", "focus"]) == 0
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    mandatory = (
        "BilledCost BillingAccountId BillingCurrency BillingPeriodEnd BillingPeriodStart ChargeCategory ChargeClass"
        " ChargeDescription ChargePeriodEnd ChargePeriodStart ContractedCost EffectiveCost InvoiceIssuerName ListCost"
        " PricingQuantity PricingUnit ProviderName PublisherName ServiceCategory ServiceName"
    )
    assert set(mandatory.split()) <= rows[0].keys()
    assert {row["ChargeCategory"] for row in rows} == {"Usage"}
    mine = [row for row in rows if row["SubAccountId"] == "vision" and row["BilledCost"]]
    assert [(row["BilledCost"], row["BillingPeriodStart"]) for row in mine] == [("12", "2026-10-01T00:00:00Z")]
    assert json.loads(mine[0]["Tags"])["workload"] == "train"


def test_parquet_holds_exact_decimals_and_moments(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "ledger.parquet"
    assert run(["cost", "export", str(out), "--since", "2026-10-26", "--format", "parquet"]) == 0
    rows = parquet.read_table(out).to_pylist()
    assert sum(row["cost"] for row in rows if row["cost"] is not None) == Decimal("540.000015")
    assert min(row["start"] for row in rows).isoformat() == "2026-10-26T00:00:00+00:00"
    assert None in {row["cost"] for row in rows}


def test_without_pyarrow_parquet_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(costexport.importlib, "import_module", absent)
    assert run(["cost", "export", str(tmp_path / "x"), "--since", "2026-10-26", "--format", "parquet"]) == 1
    assert "stellwerk[parquet]" in capsys.readouterr().err
