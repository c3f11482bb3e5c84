"""Real prices of accelerator nodes: what five cloud regions and a room of one's own offer, from files of list prices.

The files and their sources are described in docs/performance.md. Three things are not in them and are taken so: AWS
costs on demand everywhere what it costs in us-east-1; reserved nodes cost 60 % and owned ones 35 % of that; and a spot
node whose rate of interruptions nobody publishes has the median of AWS's.
"""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from stellwerk.model.capacity import CapacityType

HOURS_PER_MONTH = 730
BANDS = {"<5%": 0.025, "5-10%": 0.075, "10-15%": 0.125, "15-20%": 0.175, ">20%": 0.25}
"""Share of nodes interrupted in a month: the middle of the published band, 25 % where it has no end."""
RESERVED, OWNED = Decimal("0.60"), Decimal("0.35")

AWS = {
    "p5.48xlarge": "H100",
    "p5en.48xlarge": "H200",
    "p4de.24xlarge": "A100",
    "p4d.24xlarge": "A100",
    "g6e.48xlarge": "L40S",
    "g6.48xlarge": "L4",
    "g5.48xlarge": "A10G",
    "g4dn.metal": "T4",
}
AZURE = {
    "Standard_ND96isr_H100_v5": "H100",
    "Standard_ND96amsr_A100_v4": "A100",
    "Standard_NC96ads_A100_v4": "A100",
    "Standard_NC64as_T4_v3": "T4",
}
GCP = {"a2-ultragpu-8g": ("A100", 96, 1360), "a2-highgpu-8g": ("A100", 96, 680), "g2-standard-96": ("L4", 96, 384)}
NEBIUS = {"gpu-h100-sxm_8gpu-128vcpu-1600gb", "gpu-h200-sxm_8gpu-128vcpu-1600gb"}
AWS_REGIONS = ("eu-central-1", "us-east-1")
AZURE_REGION = "westeurope"


class Offering(NamedTuple):
    """Nodes that can be had somewhere at a price."""

    name: str
    provider: str
    region: str
    capacity: CapacityType
    model: str
    gpus: int
    cpu_milli: int
    memory_gib: int
    price: Decimal
    """Dollars per node and hour."""
    rate: Decimal | None = None
    """Interruptions of one node per hour; spot only."""


class Machine(NamedTuple):
    """One node type."""

    model: str
    gpus: int
    cpu_milli: int
    memory_gib: int


def offerings(data: Path) -> tuple[Offering, ...]:
    """Read what is on offer; FileNotFoundError or KeyError where the files are not as described."""
    rates = _aws_rates(data)
    found = [*_aws(data, rates), *_azure(data)]
    median = statistics.median(sorted(rate for rate, _ in rates.values()))
    found += [*_gcp(data, median), *_nebius(data, median)]
    return tuple(sorted(found))


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _aws_rates(data: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """Return interruptions per hour and what spot costs of the price on demand, by region and type."""
    found = {}
    for row in _rows(data / "aws_spot_advisor_gpu_linux.csv"):
        rate = -math.log1p(-BANDS[row["interruption_band"]]) / HOURS_PER_MONTH
        found[row["region"], row["instance_type"]] = rate, 1 - float(row["savings_over_ondemand_pct"]) / 100
    return found


def _aws(data: Path, rates: Mapping[tuple[str, str], tuple[float, float]]) -> Iterator[Offering]:
    for row in _rows(data / "aws_accelerator_instances.csv"):
        kind, price = row["instance_type"], row["ondemand_usd_h_us_east_1"]
        if kind not in AWS or not price:
            continue
        cpu, memory = int(row["allocatable_cpu"].rstrip("m")), int(row["allocatable_memory"].rstrip("Mi")) // 1024
        machine = Machine(AWS[kind], int(row["accelerator_count"]), cpu, memory)
        full = Decimal(price)
        yield _offer(f"own-{kind}", ("onprem", "de-fra"), CapacityType.OWNED, machine, full * OWNED)
        for region in AWS_REGIONS:
            place, name = ("aws", region), f"{region}-{kind}"
            yield _offer(f"{name}-od", place, CapacityType.ON_DEMAND, machine, full)
            yield _offer(f"{name}-ri", place, CapacityType.RESERVED, machine, full * RESERVED)
            if (region, kind) in rates:
                rate, part = rates[region, kind]
                yield _offer(f"{name}-spot", place, CapacityType.SPOT, machine, full * Decimal(str(part)), rate)


def _azure(data: Path) -> Iterator[Offering]:
    for row in _rows(data / "azure_gpu_ondemand.csv"):
        if row["region"] == AZURE_REGION and row["vm_size"] in AZURE:
            gib = int(row["memory_mb"]) // 1024
            machine = Machine(AZURE[row["vm_size"]], int(row["gpu_count"]), int(row["vcpu"]) * 980, gib * 95 // 100)
            name = row["vm_size"].lower().replace("_", "-")
            place = ("azure", AZURE_REGION)
            yield _offer(name, place, CapacityType.ON_DEMAND, machine, Decimal(row["ondemand_usd_h"]))


def _gcp(data: Path, rate: float) -> Iterator[Offering]:
    tables = {"instancePrices": CapacityType.ON_DEMAND, "preemptiblePrices": CapacityType.SPOT}
    for row in _rows(data / "gcp_price_info_us_central1.csv"):
        capacity = tables.get(row["table"])
        if capacity is not None and row["key"] in GCP:
            model, cpu, memory = GCP[row["key"]]
            machine = Machine(model, 8, cpu * 980, memory * 95 // 100)
            spot = rate if capacity is CapacityType.SPOT else None
            name = f"{row['key']}-{'od' if spot is None else 'spot'}"
            yield _offer(name, ("gcp", "us-central1"), capacity, machine, Decimal(row["usd_h"]), spot)


def _nebius(data: Path, rate: float) -> Iterator[Offering]:
    for row in _rows(data / "eu_providers_gpu_prices.csv"):
        if row["instance_type"] not in NEBIUS or row["region"] != "eu-north1":
            continue
        cpu, memory = int(row["vcpu"]) * 980, int(row["memory_gib"]) * 95 // 100
        machine = Machine(row["accelerator"], int(row["accelerator_count"]), cpu, memory)
        name, place = f"nebius-{row['accelerator'].lower()}", ("nebius", "eu-north1")
        yield _offer(f"{name}-od", place, CapacityType.ON_DEMAND, machine, Decimal(row["ondemand_h"]))
        yield _offer(f"{name}-spot", place, CapacityType.SPOT, machine, Decimal(row["spot_h"]), rate)


def _offer(  # noqa: PLR0913, PLR0917 - a row of a table
    name: str,
    place: tuple[str, str],
    capacity: CapacityType,
    machine: Machine,
    price: Decimal,
    rate: float | None = None,
) -> Offering:
    known = None if rate is None else Decimal(f"{rate:.8f}")
    cents = price.quantize(Decimal("0.0001"))
    return Offering(name.replace(".", "-"), *place, capacity, *machine, cents, known)
