"""Taints and tolerations, and which nodes a pool selects."""

from __future__ import annotations

import pytest

from stellwerk.model.capacity import CapacityType, Toleration
from tests.builders import node, pool, taint


@pytest.mark.parametrize(
    ("toleration", "covers"),
    [
        (Toleration("nvidia.com/gpu", "Equal", "present", "NoSchedule"), True),
        (Toleration("nvidia.com/gpu", "Equal", "absent", "NoSchedule"), False),
        (Toleration("nvidia.com/gpu", "Exists"), True),
        (Toleration("nvidia.com/gpu", "Exists", "", "NoExecute"), False),
        (Toleration("", "Exists"), True),
        (Toleration("", "Equal"), False),
        (Toleration("other", "Exists"), False),
    ],
)
def test_tolerations_cover_taints_as_in_kubernetes(toleration: Toleration, *, covers: bool) -> None:
    assert toleration.tolerates(taint()) is covers


def test_only_taints_that_keep_pods_away_block() -> None:
    assert taint().blocks
    assert taint(effect="NoExecute").blocks
    assert not taint(effect="PreferNoSchedule").blocks


def test_a_pool_selects_nodes_of_its_cluster_that_carry_all_its_labels() -> None:
    two = pool(node_selector={"pool": "pool", "zone": "a"})
    assert two.selects(node(labels={"zone": "a"}))
    assert not two.selects(node())
    assert not two.selects(node(labels={"zone": "a"}, cluster="elsewhere"))


def test_what_is_paid_anyway_ranks_first() -> None:
    assert sorted(CapacityType, key=lambda kind: kind.rank) == ["Owned", "Reserved", "Spot", "OnDemand"]
