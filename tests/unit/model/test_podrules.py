"""What pods demand of their neighbours, read from a pod spec."""

from __future__ import annotations

from typing import Any

import pytest

from stellwerk.model.podrules import HostPort, Term, rules_of, selector_of

LABELS = {"app": "train", "team": "red"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def near(term: dict[str, Any]) -> Term:
    spec = {"affinity": {"podAffinity": {REQUIRED: [{"topologyKey": "zone", **term}]}}}
    rules = rules_of(spec, "team", LABELS)
    assert rules is not None
    return rules.affinity[0]


def test_a_plain_pod_demands_nothing() -> None:
    assert rules_of({"containers": [{"name": "main", "ports": [{"containerPort": 80}]}]}, "team", LABELS) is None


def test_host_ports_of_sidecars_count_and_those_of_init_containers_do_not() -> None:
    spec = {
        "containers": [{"ports": [{"containerPort": 80, "hostPort": 8080}]}],
        "initContainers": [
            {"restartPolicy": "Always", "ports": [{"containerPort": 53, "hostPort": 53, "protocol": "UDP"}]},
            {"ports": [{"containerPort": 99, "hostPort": 99}]},
        ],
    }
    rules = rules_of(spec, "team", LABELS)
    assert rules is not None
    assert rules.ports == (HostPort(53, "UDP"), HostPort(8080))


def test_on_the_host_network_every_port_is_one_of_the_node() -> None:
    rules = rules_of({"hostNetwork": True, "containers": [{"ports": [{"containerPort": 80}]}]}, "team", LABELS)
    assert rules is not None
    assert rules.ports == (HostPort(80),)


@pytest.mark.parametrize(
    ("other", "collides"),
    [
        (HostPort(80), True),
        (HostPort(81), False),
        (HostPort(80, "UDP"), False),
        (HostPort(80, "TCP", "10.0.0.1"), True),
    ],
)
def test_a_port_on_all_addresses_collides_with_the_same_on_any(other: HostPort, *, collides: bool) -> None:
    assert HostPort(80).collides(other) is collides
    assert other.collides(HostPort(80)) is collides


def test_ports_on_two_addresses_do_not_collide() -> None:
    assert not HostPort(80, "TCP", "10.0.0.1").collides(HostPort(80, "TCP", "10.0.0.2"))


def test_a_term_without_namespaces_means_the_pods_own() -> None:
    term = near({"labelSelector": {"matchLabels": {"app": "web"}}})
    assert term.selects("team", {"app": "web"}, {})
    assert not term.selects("other", {"app": "web"}, {})


def test_a_namespace_selector_and_names_add_up() -> None:
    term = near(
        {"labelSelector": {}, "namespaces": ["other"], "namespaceSelector": {"matchLabels": {"side": "b"}}},
    )
    assert term.selects("other", {}, {})
    assert term.selects("third", {}, {"side": "b"})
    assert not term.selects("team", {}, {"side": "a"})


def test_an_empty_namespace_selector_means_all_namespaces() -> None:
    assert near({"labelSelector": {}, "namespaceSelector": {}}).selects("anywhere", {}, {})


def test_a_term_without_selector_means_no_pod_and_an_empty_one_every_pod() -> None:
    assert not near({}).selects("team", LABELS, {})
    assert near({"labelSelector": {}}).selects("team", {}, {})


def test_match_label_keys_compare_with_the_pods_own_labels() -> None:
    term = near({"labelSelector": {"matchLabels": {"app": "web"}}, "matchLabelKeys": ["team", "absent"]})
    assert term.selects("team", {"app": "web", "team": "red"}, {})
    assert not term.selects("team", {"app": "web", "team": "blue"}, {})
    unlike = near({"labelSelector": {"matchLabels": {"app": "web"}}, "mismatchLabelKeys": ["team"]})
    assert not unlike.selects("team", {"app": "web", "team": "red"}, {})


def test_only_a_hard_spread_is_a_rule() -> None:
    soft = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
    assert rules_of({"topologySpreadConstraints": [soft]}, "team", LABELS) is None
    rules = rules_of({"topologySpreadConstraints": [{**soft, "whenUnsatisfiable": "DoNotSchedule"}]}, "team", LABELS)
    assert rules is not None
    assert rules.spread[0].honor_affinity
    assert not rules.spread[0].honor_taints
    assert rules.keys == {"zone"}


def test_an_unknown_operator_is_an_error() -> None:
    with pytest.raises(ValueError, match="Near"):
        selector_of({"matchExpressions": [{"key": "app", "operator": "Near"}]})
