"""From decoded objects to workloads, or to why not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from stellwerk.lifecycle.intake import policy_from, pool_from, workload_from
from stellwerk.model.capacity import CapacityType
from stellwerk.model.workload import AcceleratorOption, InvalidWorkload, Workload
from tests.builders import GIB, GPU, SPEC, identity, resources, user_job

REF = {"class": "Batch", "workloadRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "report"}}


def parsed(spec: dict[str, Any], **facts: Any) -> Workload:
    found = workload_from(identity(), spec, **facts)
    assert isinstance(found, Workload), found
    return found


def refused(spec: dict[str, Any], **facts: Any) -> tuple[str, str]:
    found = workload_from(identity(), spec, **facts)
    assert isinstance(found, InvalidWorkload), found
    return found.reason, found.message


def test_a_template_is_read_with_everything_that_planning_needs() -> None:
    spec = {
        **SPEC,
        "accelerators": [{"model": "H100", "count": 8, "memory": "80Gi", "speed": "2.5"}],
        "priority": 7,
        "checkpointInterval": "30m",
    }
    found = parsed(spec)
    assert found.accelerators == (AcceleratorOption("H100", 8, 80 * GIB, Decimal("2.5")),)
    assert found.pod.requests == resources(cpu="8", memory="64Gi", pods=1)
    assert (found.replicas, found.priority, found.source) == (2, 7, "template")
    assert (found.expected_runtime_s, found.checkpoint_interval_s) == (7200, 1800)


def test_absent_fields_get_the_schemas_defaults() -> None:
    found = parsed({"class": "Batch", "template": {"spec": {"containers": [{"name": "c"}]}}})
    assert (found.policy, found.replicas, found.priority, found.expected_runtime_s) == ("default", 1, 0, 3600)
    assert found.accelerators == ()
    assert found.options == (None,)


def test_selector_and_tolerations_of_the_template_are_demands_of_the_pods() -> None:
    pod = {
        "containers": [{"name": "c"}],
        "nodeSelector": {"rack": "r1"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    }
    found = parsed({"class": "Batch", "template": {"spec": pod}})
    assert str(found.pod.requirements) == "rack=r1"
    assert [t.key for t in found.pod.tolerations] == ["dedicated"]


def test_a_job_is_asked_for_what_its_pods_really_request() -> None:
    found = parsed(REF, job=user_job(parallelism=3))
    assert found.accelerators == (AcceleratorOption("any", 2, resource=GPU),)
    assert found.pod.requests == resources(cpu="4", pods=1)
    assert (found.replicas, found.source) == (3, "job")


def test_models_of_the_spec_apply_to_the_accelerators_of_the_job() -> None:
    spec = {**REF, "accelerators": [{"model": "H100", "count": 1}, {"model": "A100"}]}
    assert [(o.model, o.count, o.resource) for o in parsed(spec, job=user_job()).accelerators] == [
        ("H100", 2, GPU),
        ("A100", 2, GPU),
    ]


def test_a_job_with_fewer_completions_than_parallelism_runs_fewer_pods() -> None:
    assert parsed(REF, job=user_job(parallelism=5, completions=2)).replicas == 2


def test_models_for_a_job_without_accelerators_are_refused() -> None:
    bare = user_job(template={"spec": {"containers": [{"name": "c"}]}})
    reason, message = refused({**REF, "accelerators": [{"model": "H100"}]}, job=bare)
    assert reason == "InvalidSpec"
    assert message == "accelerators names H100, and the pods of the Job ask for no accelerator"
    assert parsed(REF, job=bare).accelerators == ()


def test_a_job_that_is_not_there_or_has_not_opted_in_is_named() -> None:
    assert refused(REF)[0] == "WorkloadRefNotFound"
    assert "Job report" in refused(REF)[1]
    assert refused(REF, job=user_job(labels={}))[0] == "NotOptedIn"


def test_what_cannot_be_read_is_explained_and_not_raised() -> None:
    reason, message = refused({**SPEC, "expectedRuntime": "soon"})
    assert reason == "InvalidSpec"
    assert "'soon' is no duration" in message


def test_a_pool_is_read_with_exact_numbers() -> None:
    found = pool_from(
        "spot",
        {
            "nodeSelector": {"pool": "spot"},
            "taints": [{"key": GPU, "value": "present", "effect": "NoSchedule"}],
            "provider": "aws",
            "region": "eu-1",
            "jurisdiction": "IE",
            "capacityType": "Spot",
            "accelerator": {"model": "H100", "count": 8},
            "price": {"perNodeHour": "12.345678", "currency": "EUR"},
            "interruptionRatePerHour": "0.05",
            "pue": "1.25",
            "gridCarbonGramsPerKWh": 363,
            "nodePowerWatts": 10200,
        },
    )
    assert found.capacity_type is CapacityType.SPOT
    assert found.accelerator is not None
    assert found.accelerator.memory_bytes == 80 * GIB
    assert found.price is not None
    assert found.price.per_node_hour == Decimal("12.345678")
    assert (found.interruption_rate_per_hour, found.pue) == (Decimal("0.05"), Decimal("1.25"))
    assert (found.grid_carbon, found.node_power_watts) == (Decimal(363), Decimal(10200))
    assert not found.discovered


def test_what_a_pool_does_not_say_is_unknown_and_not_zero() -> None:
    told = {"nodeSelector": {"pool": "a"}, "provider": "onprem", "region": "de", "capacityType": "Owned"}
    found = pool_from("a", told)
    assert (found.price, found.pue, found.grid_carbon, found.node_power_watts, found.jurisdiction) == (None,) * 5


def test_a_policy_is_read_with_its_defaults() -> None:
    found = policy_from("eu", {"require": {"jurisdictions": ["EU"]}, "maxCostPerHour": "250", "restartOverhead": "0s"})
    assert (found.jurisdictions, found.currency) == (("EU",), "EUR")
    assert (found.max_cost_per_hour, found.restart_overhead_s, found.carbon_price_per_tonne) == (250, 0, 0)


@pytest.mark.parametrize("spec", [{}, {"require": {"planet": ["Mars"]}}, {"currency": "Euro"}])
def test_a_policy_that_breaks_its_schema_raises(spec: dict[str, Any]) -> None:
    if not spec:
        assert policy_from("p", spec).currency == "EUR"
        return
    with pytest.raises(ValueError, match="validation error"):
        policy_from("p", spec)
