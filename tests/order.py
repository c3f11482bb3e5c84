"""Which tests go first: whoever comes last should not leave the other workers without work."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

HEAVY = (
    "tests/integration/operator/test_moves_killed.py",
    "tests/integration/operator/test_killed_at_any_write.py",
    "tests/integration/operator/test_giving_up_faults.py",
    "tests/integration/differential/test_differential.py",
    "tests/testbed_tests/test_cluster.py",
    "tests/integration/test_demo.py",
    "tests/integration/api/test_verdicts.py",
    "tests/integration/test_fleet_export.py",
    "tests/integration/cluster/test_elector_faults.py",
    "tests/integration/operator/test_replicas.py",
    "tests/integration/operator/test_together.py",
    "tests/integration/operator/test_older_kubernetes.py",
    "tests/integration/operator/test_bare_cluster.py",
)
"""Files that take longest, the longest first."""

_RANKS = {ROOT / name: rank for rank, name in enumerate(HEAVY)}


def turn(item: pytest.Item) -> tuple[int, int]:
    """Sort what needs no cluster first, then the heavy files, then the rest."""
    if item.path in _RANKS:
        return 1, _RANKS[item.path]
    return (0, 0) if item.get_closest_marker("integration") is None else (2, 0)
