"""Metrics follow the naming rules, and series vanish with what they describe."""

import re

import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.metrics_core import Metric

from stellwerk import metrics

FAMILIES = list(metrics.REGISTRY.collect())


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_metric_is_named_and_described_by_the_rules(family: Metric) -> None:
    """Prefix, snake case, a sentence as help, and no label that names one workload."""
    assert re.fullmatch(r"stellwerk_[a-z_]+[a-z]", family.name)
    assert family.documentation.endswith(".")
    assert not {"workload", "name", "pod", "job"} & {label for sample in family.samples for label in sample.labels}


def test_a_series_of_something_gone_is_removed() -> None:
    """A pool that left the fleet does not linger with its last value."""
    registry = CollectorRegistry()
    gauge = Gauge("stellwerk_test", "Test.", ("pool",), registry=registry)
    metrics.replace(gauge, {("old",): 1.0, ("kept",): 2.0})

    metrics.replace(gauge, {("kept",): 3.0})

    text = generate_latest(registry).decode()
    assert 'pool="kept"} 3.0' in text
    assert "old" not in text
