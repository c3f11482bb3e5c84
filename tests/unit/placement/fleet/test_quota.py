"""What the quotas of a namespace leave, and what they demand of each container."""

from __future__ import annotations

import pytest

from stellwerk.api.reasons import Reason
from stellwerk.model.namespaces import NamespaceRules, Quota
from stellwerk.model.podask import ContainerAsk, PodAsk
from stellwerk.placement.fleet.quota import Allowance

CPU = (("cpu", 1000),)
ASKS = ContainerAsk(requests=CPU)
LIMITED = ContainerAsk(limits=CPU)
SILENT = ContainerAsk()


def told(name: str, ask: PodAsk) -> str | None:
    """What a quota on one name says to such pods."""
    allowance = Allowance({"team": NamespaceRules(quotas=(Quota("q", ((name, 8000),)),))})
    rejection = allowance.violated("team", ask)
    assert rejection is None or rejection.reason == Reason.QUOTA_EXCEEDED
    return None if rejection is None else rejection.change


@pytest.mark.parametrize("name", ["cpu", "requests.cpu"])
def test_a_request_is_stated_by_each_container_as_request_or_limit(name: str) -> None:
    assert told(name, PodAsk((ASKS, LIMITED))) is None
    assert told(name, PodAsk((ASKS, SILENT))) == f"state {name} for each container"
    assert told(name, PodAsk((ASKS,), (SILENT,))) == f"state {name} for each container"


def test_a_limit_is_stated_as_a_limit() -> None:
    assert told("limits.cpu", PodAsk((LIMITED,))) is None
    assert told("limits.cpu", PodAsk((LIMITED, ASKS))) == "state limits.cpu for each container"


def test_what_the_pod_as_a_whole_states_no_container_has_to() -> None:
    assert told("requests.cpu", PodAsk((SILENT,), pod=ASKS)) is None
    assert told("limits.cpu", PodAsk((SILENT,), pod=LIMITED)) is None
    assert told("requests.memory", PodAsk((SILENT,), pod=ASKS)) == "state requests.memory for each container"


def test_a_quota_on_other_things_demands_nothing() -> None:
    assert told("count/pods", PodAsk((SILENT,))) is None
    assert told("requests.nvidia.com/gpu", PodAsk((SILENT,))) is None


def test_a_namespace_without_rules_says_nothing() -> None:
    assert Allowance({}).violated("team", PodAsk((SILENT,))) is None
    assert Allowance({"team": NamespaceRules()}).violated("team", PodAsk((SILENT,))) is None
