"""Pods as the API server makes them of what was written."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stellwerk.model.admission import admitted, violations, with_defaults
from stellwerk.model.capacity import Toleration
from stellwerk.model.namespaces import NamespaceRules, RuntimeClass, limits_of, quota_of, usage_of
from stellwerk.model.podask import PodAsk, ask_of
from stellwerk.model.requirements import Operator, Requirement
from stellwerk.model.workload import PodFacts, Workload
from tests.builders import gang, resources

GPU = "nvidia.com/gpu"


def pod(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None, **spec: Any) -> PodAsk:
    return ask_of({"containers": [{"name": "main", "resources": {"requests": requests, "limits": limits}}], **spec})


def limited(**item: Any) -> NamespaceRules:
    return NamespaceRules(limits=limits_of("limits", {"limits": [{"type": "Container", **item}]}))


def by_priority(operator: str) -> dict[str, Any]:
    expression = {"scopeName": "PriorityClass", "operator": operator, "values": ["x"]}
    return {"scopeSelector": {"matchExpressions": [expression]}}


def workload(ask: PodAsk) -> Workload:
    made = gang(gpus=0, requests=ask.requests)
    return msgspec.structs.replace(made, facts=PodFacts((), ask))


def test_defaults_change_what_room_is_looked_for() -> None:
    rules = limited(defaultRequest={"cpu": "250m"}, default={"memory": "512Mi"})
    made = admitted(workload(pod()), {"team": rules}, {})
    assert made.pod.requests == resources(cpu="250m", memory="512Mi", pods=1)
    assert admitted(made, {"team": rules}, {}) == made


def test_a_limit_is_asked_for_before_any_default_request() -> None:
    ask = with_defaults(pod(limits={"cpu": "3"}), limited(defaultRequest={"cpu": "250m"}).limits)
    assert ask.requests.get("cpu") == 3000


def test_a_namespace_without_rules_changes_nothing() -> None:
    given = workload(pod({"cpu": "1"}))
    assert admitted(given, {"other": limited(default={"cpu": "1"})}, {}) is given


def test_a_runtime_class_adds_its_overhead_selector_and_tolerations() -> None:
    sandbox = RuntimeClass(
        "sandbox",
        resources(cpu="700m"),
        (Requirement("runtime", Operator.IN, ("sandbox",)),),
        (Toleration("batch", "Exists"),),
    )
    made = admitted(workload(pod({"cpu": "1"}, runtimeClassName="sandbox")), {}, {"sandbox": sandbox})
    assert made.pod.requests.get("cpu") == 1700
    assert made.pod.requirements.matches({"runtime": "sandbox"})
    assert not made.pod.requirements.matches({})
    assert made.pod.tolerations == (Toleration("batch", "Exists"),)
    assert admitted(made, {}, {"sandbox": sandbox}) == made


@pytest.mark.parametrize(
    ("item", "ask", "word"),
    [
        ({"max": {"cpu": "2"}}, pod({"cpu": "1"}), "no cpu"),
        ({"max": {"cpu": "2"}}, pod({"cpu": "1"}, {"cpu": "3"}), "3 cpu"),
        ({"min": {"memory": "64Mi"}}, pod({"memory": "32Mi"}), "32Mi memory"),
        ({"min": {"memory": "64Mi"}}, pod(), "no memory"),
        ({"maxLimitRequestRatio": {"cpu": "2"}}, pod({"cpu": "1"}, {"cpu": "3"}), "2 times"),
    ],
)
def test_what_the_limits_of_a_container_refuse_is_said_with_numbers(item: Any, ask: PodAsk, word: str) -> None:
    assert word in " ".join(violations(ask, limited(**item).limits))


def test_what_is_within_the_limits_is_not_refused() -> None:
    rules = limited(max={"cpu": "2"}, min={"cpu": "500m"}, maxLimitRequestRatio={"cpu": "2"})
    assert not list(violations(pod({"cpu": "1"}, {"cpu": "2"}), rules.limits))


def test_the_limits_of_a_pod_look_at_the_sum_of_its_containers() -> None:
    limits = limits_of("limits", {"limits": [{"type": "Pod", "max": {"cpu": "3"}}]})
    two = ask_of({"containers": [{"resources": {"limits": {"cpu": "2"}}}] * 2})
    assert list(violations(two, limits))
    assert not list(violations(pod(limits={"cpu": "2"}), limits))


def test_a_default_limit_below_the_request_makes_the_pod_invalid() -> None:
    rules = limited(default={"cpu": "500m"})
    assert "1 cpu" in " ".join(violations(with_defaults(pod({"cpu": "1"}), rules.limits), rules.limits))


def test_containers_that_ask_for_more_than_their_pod_are_refused() -> None:
    assert list(violations(pod({"cpu": "3"}, resources={"requests": {"cpu": "2"}}), ()))


def test_a_quota_counts_requests_limits_and_accelerators_under_their_names() -> None:
    ask = pod({"cpu": "1"}, {"memory": "2Gi"}).with_accelerators(GPU, 2)
    used = usage_of(ask)
    assert used["requests.cpu"] == used["cpu"] == 1000
    assert used["limits.memory"] == 2 * 2**30
    assert used[f"requests.{GPU}"] == 2
    assert used["pods"] == used["count/pods"] == 1
    assert GPU not in used


@pytest.mark.parametrize(
    ("scope", "ask", "covered"),
    [
        ({"scopes": ["BestEffort"]}, pod(), True),
        ({"scopes": ["BestEffort"]}, pod({"cpu": "1"}), False),
        ({"scopes": ["NotBestEffort"]}, pod({"cpu": "1"}), True),
        ({"scopes": ["Terminating"]}, pod(activeDeadlineSeconds=5), True),
        ({"scopes": ["NotTerminating"]}, pod(), True),
        ({"scopes": ["CrossNamespacePodAffinity"]}, pod(), False),
        (by_priority("In"), pod(priorityClassName="x"), True),
        (by_priority("In"), pod(priorityClassName="y"), False),
        (by_priority("NotIn"), pod(), True),
        ({"scopes": ["PriorityClass"]}, pod(), False),
    ],
)
def test_a_scope_covers_the_pods_that_it_names(scope: Any, ask: PodAsk, *, covered: bool) -> None:
    assert quota_of("quota", {"hard": {"pods": "1"}, **scope}, {}).covers(ask) is covered


def test_a_pods_own_limit_is_at_least_its_request_where_all_containers_have_one() -> None:
    ask = pod({"memory": "1Gi"}, {"memory": "3Gi"}, resources={"requests": {"memory": "7Gi"}})
    assert ask.limits.get("memory") == 7 * 2**30
