"""Each hard rule that a policy sets, alone."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from stellwerk.api.reasons import Reason
from stellwerk.model.capacity import CapacityType, Pool
from stellwerk.model.decision import Mode
from stellwerk.model.policy import Policy
from stellwerk.placement.rules import policy_filters as rule
from stellwerk.placement.rules.asking import Filter
from tests.builders import decide, gang, node, policy, pool, snapshot
from tests.judging import judge, told


@pytest.mark.parametrize(
    ("check", "rules", "there", "expected"),
    [
        (
            rule.provider_not_allowed,
            policy("eu", providers=("aws", "gcp")),
            pool(),
            (
                "ProviderNotAllowed",
                "policy eu allows provider aws or gcp, not onprem",
                "allow provider onprem in policy eu",
            ),
        ),
        (
            rule.provider_not_allowed,
            policy("eu", providers=("aws",)),
            pool(provider=""),
            (
                "ProviderNotAllowed",
                "policy eu allows provider aws, not an unknown one",
                "allow any provider in policy eu",
            ),
        ),
        (
            rule.jurisdiction_not_allowed,
            policy("eu", jurisdictions=("EU", "CH")),
            pool(jurisdiction="US"),
            (
                "JurisdictionNotAllowed",
                "policy eu allows jurisdiction EU or CH, not US",
                "allow jurisdiction US in policy eu",
            ),
        ),
        (
            rule.jurisdiction_not_allowed,
            policy("eu", jurisdictions=("EU",)),
            pool(jurisdiction=None),
            (
                "JurisdictionNotAllowed",
                "policy eu requires jurisdiction EU; that of pool is not declared",
                "declare the jurisdiction of pool pool",
            ),
        ),
        (
            rule.certification_missing,
            policy("c5", certifications=("ISO27001", "C5", "SOC2")),
            pool(certifications=("ISO27001",)),
            (
                "CertificationMissing",
                "policy c5 requires C5 and SOC2, which pool does not have",
                "drop C5 and SOC2 from policy c5",
            ),
        ),
        (
            rule.region_not_allowed,
            policy("near", regions=("eu-1",)),
            pool(region="us-1"),
            (
                "RegionNotAllowed",
                "policy near allows region eu-1, not us-1",
                "allow region us-1 in policy near",
            ),
        ),
        (
            rule.capacity_type_not_allowed,
            policy("safe", capacity_types=("Owned", "Reserved")),
            pool(capacity_type=CapacityType.SPOT),
            (
                "CapacityTypeNotAllowed",
                "policy safe allows capacity type Owned or Reserved, not Spot",
                "allow capacity type Spot in policy safe",
            ),
        ),
        (
            rule.pool_labels_mismatch,
            policy("gold", pool_labels={"tier": "gold"}),
            pool(labels={"tier": "tin"}),
            (
                "PoolLabelsMismatch",
                "policy gold requires the pool label tier=gold",
                "label pool pool with tier=gold",
            ),
        ),
        (
            rule.currency_mismatch,
            policy("euro"),
            pool(currency="USD"),
            (
                "CurrencyMismatch",
                "its price is in USD and policy euro counts in EUR",
                "price pool pool in EUR",
            ),
        ),
    ],
)
def test_a_policys_rule_says_what_it_allows_and_what_would_lift_it(
    check: Filter, rules: Policy, there: Pool, expected: tuple[str, str, str]
) -> None:
    assert told(judge(check, there=there, rules=rules)) == expected


@pytest.mark.parametrize(
    ("allowed", "actual", "passes"),
    [
        (("EU",), "DE", True),
        (("EU",), "NO", False),
        (("EEA",), "NO", True),
        (("DE",), "FR", False),
        (("US", "EU"), "IE", True),
    ],
)
def test_unions_stand_for_their_members(allowed: tuple[str, ...], actual: str, *, passes: bool) -> None:
    found = judge(rule.jurisdiction_not_allowed, there=pool(jurisdiction=actual), rules=policy(jurisdictions=allowed))
    assert (found is None) is passes


def test_a_pool_without_price_has_no_currency_to_mismatch() -> None:
    assert judge(rule.currency_mismatch, there=pool(price=None)) is None


def test_a_limit_on_cost_names_the_limit_that_would_do() -> None:
    reason, message, change = told(judge(rule.cost_above_limit, rules=policy("tight", max_cost_per_hour=Decimal(10))))
    assert reason == Reason.COST_ABOVE_LIMIT
    assert message.endswith("EUR per hour, policy tight allows 10 EUR at most")
    limit = Decimal(change.removeprefix("raise maxCostPerHour of policy tight to "))
    assert judge(rule.cost_above_limit, rules=policy("tight", max_cost_per_hour=limit)) is None


def test_an_unknown_cost_keeps_no_limit() -> None:
    found = judge(rule.cost_above_limit, there=pool(price=None), rules=policy(max_cost_per_hour=Decimal(10_000)))
    assert told(found)[2] == "price pool pool"


def test_a_pool_without_a_price_is_waited_for_only_where_the_policy_says_so() -> None:
    there = snapshot([pool(price=None)], [node()], policies=[policy(waits_for_prices=True)])
    found = decide(gang(), there)
    assert (found.mode, found.reason) == (Mode.WAIT, Reason.PRICE_UNKNOWN)
    assert found.message.endswith("its price is not known, and policy default does not use pools without a price")
    assert decide(gang(), msgspec.structs.replace(there, policies={})).mode is Mode.FIT
    priced = msgspec.structs.replace(there, pools=(pool(),))
    assert decide(gang(), priced).mode is Mode.FIT
