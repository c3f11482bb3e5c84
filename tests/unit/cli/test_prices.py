"""A plan over files prices pools as a cluster does, and tells whose prices it counted with and how old they are."""

from __future__ import annotations

import json

from tests.unit.cli.conftest import NOW, Cli, Make, Write

TYPE = {"node.kubernetes.io/instance-type": "box"}
CATALOGUE = "InstanceType,Region,Price,currency,valid_from,source\nbox,north,{},USD,2026-11-01,contract\n"
RATES = "currency,per_euro,valid_from\nUSD,1.25,2026-10-30\n"


def fleet(make: Make, write: Write, **spec: object) -> None:
    """One rented pool without a price of its own, and a workload that wants all of a node."""
    rented = {"provider": "acme", "region": "north", "capacityType": "OnDemand", "nodeSelector": TYPE, **spec}
    pool = make.pool("rented", **rented)
    pool["spec"].pop("price", None)
    nodes = [{"count": 1, "allocatable": {"cpu": "64", "memory": "1Ti", "nvidia.com/gpu": "8"}}]
    entry = {"metadata": {"name": "rented"}, "spec": pool["spec"], "nodes": nodes}
    write("fleet.yaml", {"apiVersion": "stellwerk.dev/v1alpha1", "kind": "Fleet", "pools": [entry]})
    write("train.yaml", make.workload("train", gpus=8))


def test_the_catalogue_prices_a_pool_and_notes_say_how_old_it_is(cli: Cli, write: Write, make: Make) -> None:
    fleet(make, write)
    write("prices.csv", CATALOGUE.format("40"))
    write("rates.csv", RATES)
    files = ("-f", "train.yaml", "--fleet", "fleet.yaml", "--now", NOW)
    said = cli("plan", *files, "--prices", "prices.csv", "--currencies", "rates.csv", "-o", "json")
    assert said.code == 0, said.err
    report = json.loads(said.out)
    (pool,) = report["prices"]["pools"]
    assert (pool["perNodeHour"], pool["currency"], pool["origin"], pool["ageDays"]) == ("40", "USD", "Catalogue", 21)
    assert {one["name"]: one["ageDays"] for one in report["prices"]["tables"]}["currencies"] == 23
    (train,) = report["workloads"]
    assert train["cost"]["currency"] == "EUR"
    assert 16 < float(train["cost"]["perHour"]) <= 32
    assert report["notes"] == [
        "prices from the catalogue of 2026-11-01 (21 days old): rented",
        "currencies are converted at exchange rates of 2026-10-30 (23 days old)",
    ]


def test_without_a_price_the_cost_is_unknown_and_a_refused_one_is_told(cli: Cli, write: Write, make: Make) -> None:
    fleet(make, write)
    files = ("plan", "-f", "train.yaml", "--fleet", "fleet.yaml", "--now", NOW)
    said = cli(*files)
    assert (said.code, said.row("train")[2]) == (0, "unknown")
    write("prices.csv", CATALOGUE.format("-3"))
    refused = cli(*files, "--prices", "prices.csv")
    assert refused.row("train")[2] == "unknown"
    assert "price of rented refused: catalogue line 2: contract says '-3'" in refused.err


def test_a_policy_that_waits_for_prices_does_not_use_the_pool(cli: Cli, write: Write, make: Make) -> None:
    fleet(make, write)
    meta = {"apiVersion": "stellwerk.dev/v1alpha1", "kind": "PlacementPolicy", "metadata": {"name": "default"}}
    write("policy.yaml", {**meta, "spec": {"unpricedPools": "Wait"}})
    said = cli("plan", "-f", "train.yaml", "-f", "policy.yaml", "--fleet", "fleet.yaml", "--now", NOW)
    assert (said.code, said.row("train")[-1]) == (0, "PriceUnknown")
    assert "price pool rented" in said.out


def test_a_catalogue_that_cannot_be_read_is_bad_input(cli: Cli, write: Write, make: Make) -> None:
    fleet(make, write)
    said = cli("plan", "-f", "train.yaml", "--fleet", "fleet.yaml", "--prices", "nowhere.csv")
    assert said.code == 1
    assert "nowhere.csv: No such file or directory" in said.err
