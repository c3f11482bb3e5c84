"""Demands on node labels, as Kubernetes reads them."""

from __future__ import annotations

import pytest

from stellwerk.model.requirements import NODE_NAME, Operator, Requirement, Requirements, requirements_of

LABELS = {"zone": "a", "gpus": "8", "tier": "gold"}


@pytest.mark.parametrize(
    ("key", "operator", "values", "holds"),
    [
        ("zone", "In", ("a", "b"), True),
        ("zone", "In", ("b",), False),
        ("rack", "In", ("r1",), False),
        ("zone", "NotIn", ("b",), True),
        ("zone", "NotIn", ("a",), False),
        ("rack", "NotIn", ("r1",), True),
        ("zone", "Exists", (), True),
        ("rack", "Exists", (), False),
        ("zone", "DoesNotExist", (), False),
        ("rack", "DoesNotExist", (), True),
        ("gpus", "Gt", ("7",), True),
        ("gpus", "Gt", ("8",), False),
        ("gpus", "Lt", ("9",), True),
        ("zone", "Gt", ("7",), False),
        ("rack", "Lt", ("7",), False),
    ],
)
def test_each_operator_reads_labels_as_kubernetes_does(
    key: str, operator: str, values: tuple[str, ...], *, holds: bool
) -> None:
    assert Requirements((Requirement(key, Operator(operator), values),)).matches(LABELS) is holds


def test_terms_are_alternatives_and_the_selector_holds_besides() -> None:
    gold = (Requirement("tier", Operator.IN, ("gold",)),)
    zone_b = (Requirement("zone", Operator.IN, ("b",)),)
    assert Requirements((), (zone_b, gold)).matches(LABELS)
    assert not Requirements(zone_b, (gold,)).matches(LABELS)


def test_an_empty_term_matches_no_node_and_no_terms_match_all() -> None:
    assert not Requirements((), ((),)).matches(LABELS)
    assert Requirements().matches(LABELS)


def test_a_pod_spec_is_read_with_selector_affinity_and_node_names() -> None:
    spec = {
        "nodeSelector": {"tier": "gold"},
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]},
                        {"matchFields": [{"key": NODE_NAME, "operator": "In", "values": ["n1"]}]},
                    ]
                }
            }
        },
    }
    demands = requirements_of(spec)
    assert demands.matches(LABELS, "n1")
    assert not demands.matches(LABELS, "n2")
    assert demands.keys == {"tier", "zone", NODE_NAME}


def test_demands_are_written_for_people() -> None:
    demands = Requirements(
        (Requirement("tier", Operator.IN, ("gold",)),),
        ((Requirement("zone", Operator.NOT_IN, ("b", "c")),), (Requirement("rack", Operator.DOES_NOT_EXIST),)),
    )
    assert str(demands) == "tier=gold and zone NotIn b, c or no rack"
