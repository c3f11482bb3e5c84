"""Prices on a real control plane: from a catalogue file, refused when they leap, held over a restart, or not known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.integration.operator.objects import Object, condition
from tests.integration.operator.replicas import scrape, series
from tests.integration.operator.site import Site
from tests.operator_process import Operator
from tests.testbed.waiting import eventually

HEADER = "InstanceType,Region,Price,SpotPrice,currency,valid_from,source\n"
RATES = "currency,per_euro,valid_from\nUSD,1.25,2026-10-30\n"
RENTED = {"capacityType": "OnDemand", "provider": "acme", "region": "north", "price": None}


def write(path: Path, text: str) -> None:
    """Put a file there as a whole, as the kubelet does."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def priced(site: Site, pool: str, reason: str, *words: str) -> Object:
    """Wait until the condition of the pool's price says so, and return the pool."""

    def told() -> Object:
        seen = site.config("computepools", pool)
        found = condition(seen, "PricesFresh")
        assert found["reason"] == reason, found
        assert found["status"] == ("True" if reason == "PriceInForce" else "False")
        assert all(word in found["message"] for word in words), found["message"]
        return seen

    return eventually(told)


def in_force(seen: Object) -> tuple[str, str, str]:
    price = seen["status"]["price"]
    return price["perNodeHour"], price["currency"], price["origin"]


class Listed:
    """A catalogue file and a table of rates that an operator follows, with one price of one instance type."""

    def __init__(self, folder: Path, name: str) -> None:
        self.kind = f"box-{name}"
        self.file, self._rates = folder / "prices.csv", folder / "rates.csv"
        write(self._rates, RATES)

    def says(self, price: str) -> None:
        """Write what a node costs."""
        write(self.file, f"{HEADER}{self.kind},north,{price},,USD,2026-11-01,contract\n")

    @property
    def settings(self) -> dict[str, str]:
        """What the operator must be told."""
        files = {"PRICES__CATALOGUE": str(self.file), "PRICES__CURRENCIES": str(self._rates)}
        return {**files, "PRICES__REREAD_SECONDS": "0.5"}


def test_the_price_of_the_catalogue_counts_in_the_currency_of_the_policy(
    fault_site: Site, start: Callable[..., Operator], tmp_path: Path
) -> None:
    site, listed = fault_site, Listed(tmp_path, fault_site.name)
    listed.says("40")
    operator = start(**listed.settings)
    eventually(operator.leads)
    pool = site.nodes(instance_type=listed.kind)
    site.declare(pool, **RENTED)
    seen = priced(site, pool, "PriceInForce", "40 USD per node and hour, from catalogue line 2: contract")
    assert in_force(seen) == ("40", "USD", "Catalogue")
    assert seen["status"]["price"]["ratesOf"] == "2026-10-30T00:00:00Z"
    site.known(pool)
    site.workload("train", gpus=8, expectedRuntime="2h")
    cost = site.running("train")["status"]["cost"]
    assert cost["currency"] == "EUR"
    (compute,) = cost["parts"]
    assert (compute["perHour"], compute["amount"]) == (cost["perHour"], cost["total"])
    assert 16 < float(cost["perHour"]) <= 32  # all accelerators and some of the host, of 40 USD = 32 EUR
    assert abs(float(cost["total"]) - 2 * float(cost["perHour"])) < 1e-5

    def aged() -> bool:
        text = scrape(operator.url)
        where = f'cluster="local",origin="Catalogue",pool="{pool}"'
        assert series(text, "stellwerk_price_age_seconds")[f"{{{where}}}"] > 86_400
        assert series(text, "stellwerk_price_table_age_seconds")['{table="currencies"}'] > 86_400
        return series(text, "stellwerk_price_table_readable")['{table="catalogue"}'] == 1

    eventually(aged)


def test_a_leap_in_the_catalogue_is_refused_and_the_last_good_price_survives_a_restart(
    fault_site: Site, start: Callable[..., Operator], tmp_path: Path
) -> None:
    site, listed = fault_site, Listed(tmp_path, fault_site.name)
    listed.says("40")
    operator = start(**listed.settings)
    eventually(operator.leads)
    pool = site.nodes(instance_type=listed.kind)
    site.declare(pool, **RENTED)
    priced(site, pool, "PriceInForce", "40 USD")
    for said, why in (("40000", "no node costs that per hour"), ("-3", "'-3'"), ("0", "'0'"), ("NaN", "'NaN'")):
        listed.says(said)
        seen = priced(site, pool, "PriceRefused", why, "the last good price of 40 USD")
        assert in_force(seen) == ("40", "USD", "Catalogue")

    operator.stop()
    listed.says("450")
    operator = start(**listed.settings)
    eventually(operator.leads)
    seen = priced(site, pool, "PriceRefused", "11.25 times", 'stellwerk.dev/accept-price: "450"')
    assert in_force(seen) == ("40", "USD", "Catalogue")

    listed.file.unlink()
    readable = '{table="catalogue"}'
    eventually(lambda: series(scrape(operator.url), "stellwerk_price_table_readable")[readable] == 0)
    listed.says("450")
    site.patch("computepools", pool, {"metadata": {"annotations": {"stellwerk.dev/accept-price": "450"}}})
    seen = priced(site, pool, "PriceInForce", "450 USD")
    assert in_force(seen) == ("450", "USD", "Catalogue")
    assert condition(seen, "Accepted")["status"] == "True"


def test_a_price_of_the_pool_itself_is_refused_when_it_leaps_and_taken_when_it_does_not(site: Site) -> None:
    pool = site.pool()
    assert in_force(priced(site, pool, "PriceInForce")) == ("32", "EUR", "Pool")
    site.patch("computepools", pool, {"spec": {"price": {"perNodeHour": "3200"}}})
    assert in_force(priced(site, pool, "PriceRefused", "100 times")) == ("32", "EUR", "Pool")
    site.patch("computepools", pool, {"spec": {"price": {"perNodeHour": "64"}}})
    assert in_force(priced(site, pool, "PriceInForce")) == ("64", "EUR", "Pool")
    shown = site.kubectl("get", "cp", pool, "--no-headers").split()
    assert shown[shown.index("64") :][:3] == ["64", "EUR", "True"]


def test_work_waits_for_a_price_where_its_policy_says_so_and_runs_once_there_is_one(site: Site) -> None:
    site.patch("placementpolicies", site.name, {"spec": {"unpricedPools": "Wait"}})
    site.accepted("placementpolicies", site.name)
    pool = site.pool(price=None)
    priced(site, pool, "NoPrice", "what is Owned needs spec.price")
    site.known(pool)
    site.workload("train")
    decision = site.waits("train", "PriceUnknown")["status"]["decision"]
    assert decision["mode"] == "Wait"
    assert f"price pool {pool}" in decision["unblock"]
    site.api.call(
        "PATCH",
        f"/api/v1/nodes/{pool}-0",
        {"metadata": {"annotations": {"stellwerk.dev/price-per-hour": "16", "stellwerk.dev/price-currency": "EUR"}}},
        "application/merge-patch+json",
    )
    assert in_force(priced(site, pool, "PriceInForce", f"node {pool}-0")) == ("16", "EUR", "Annotation")
    assert site.running("train")["status"]["cost"]["perHour"] != "unknown"


def test_work_that_does_not_wait_runs_at_an_unknown_cost_and_says_so(site: Site) -> None:
    pool = site.pool(price=None)
    site.known(pool)
    site.workload("train")
    seen = site.running("train")["status"]
    assert (seen["cost"]["perHour"], seen["cost"]["total"]) == ("unknown", "unknown")
    assert "what it costs is not known because it has no price" in seen["decision"]["message"]


def test_a_node_of_ones_own_is_priced_from_what_it_costs(site: Site) -> None:
    own = {"purchasePrice": "280000", "lifetimeMonths": 60, "electricityPerKWh": "0.21"}
    upkeep = {"rackPerMonth": "640", "staffPerMonth": "380"}
    price = {"onPrem": own | upkeep, "currency": "EUR"}
    pool = site.pool(price=price, pue="1.3", nodePowerWatts=10_200)
    assert in_force(priced(site, pool, "PriceInForce", "spec.price.onPrem")) == ("10.569222", "EUR", "Pool")


def test_a_rented_node_of_a_known_type_has_the_built_in_list_price(site: Site) -> None:
    pool = site.nodes(instance_type="p5.48xlarge")
    site.declare(pool, capacityType="OnDemand", provider="aws", region="us-east-1", price=None)
    seen = priced(site, pool, "PriceInForce", "built-in list")
    assert in_force(seen) == ("55.04", "USD", "BuiltIn")
    assert seen["status"]["price"]["validFrom"] == "2026-07-20T00:00:00Z"
