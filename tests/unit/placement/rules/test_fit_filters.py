"""Each hard rule that hardware sets, alone."""

from __future__ import annotations

import pytest

from stellwerk.api.reasons import Reason
from stellwerk.model.capacity import Accelerator, Toleration
from stellwerk.model.requirements import Operator, Requirement, Requirements
from stellwerk.model.workload import AcceleratorOption
from stellwerk.placement.rules import fit_filters as fit
from tests.builders import GIB, GPU, gang, nodes, pool, resources, taint
from tests.judging import judge, told


@pytest.mark.parametrize(
    ("option", "has", "message"),
    [
        (AcceleratorOption("A100", 8), pool().accelerator, "it has H100, not A100"),
        (AcceleratorOption("H100", 8), None, "it has no accelerators"),
        (AcceleratorOption("any", 8, resource="amd.com/gpu"), pool().accelerator, f"it has {GPU}, not amd.com/gpu"),
        (AcceleratorOption("H100", 8), Accelerator("any", 8, GPU), "it has accelerators of unknown model, not H100"),
    ],
)
def test_the_pool_has_the_accelerator_asked_for(
    option: AcceleratorOption, has: Accelerator | None, message: str
) -> None:
    found = judge(fit.accelerator_mismatch, gang(accelerators=(option,)), pool(accelerator=has))
    assert told(found)[:2] == ("AcceleratorMismatch", message)


@pytest.mark.parametrize("model", ["H100", "h100", "any", "NVIDIA-H100-80GB-HBM3"])
def test_models_are_compared_by_what_they_are_and_not_by_how_they_are_written(model: str) -> None:
    assert judge(fit.accelerator_mismatch, gang(accelerators=(AcceleratorOption(model, 8),))) is None


def test_work_without_accelerators_may_use_any_pool() -> None:
    assert judge(fit.accelerator_mismatch, gang(gpus=0)) is None


@pytest.mark.parametrize(
    ("asked", "has", "passes"), [(80, 80, True), (80, 94, True), (94, 80, False), (1, None, False)]
)
def test_unknown_memory_is_not_enough_memory(asked: int, has: int | None, *, passes: bool) -> None:
    option = AcceleratorOption("H100", 8, memory_bytes=asked * GIB)
    there = pool(accelerator=Accelerator("H100", 8, GPU, None if has is None else has * GIB))
    found = judge(fit.accelerator_memory_too_small, gang(accelerators=(option,)), there)
    assert (found is None) is passes


def test_all_accelerators_of_a_pod_are_in_one_node() -> None:
    found = judge(fit.accelerators_per_node_too_few, gang(gpus=16))
    assert told(found)[1:] == (
        "a pod needs 16 accelerators and a node of pool has 8",
        "ask for 8 instead of 16 accelerators per pod",
    )


def test_the_pods_own_node_selector_is_obeyed() -> None:
    elsewhere = Requirements((Requirement("zone", Operator.IN, ("b",)),))
    found = judge(fit.node_selector_mismatch, gang(requirements=elsewhere), members=nodes(2, labels={"zone": "a"}))
    assert told(found) == (
        "NodeSelectorMismatch",
        "no node of pool matches the pods' node selector (zone=b)",
        "drop zone=b from the pods' node selector",
    )
    assert (
        judge(fit.node_selector_mismatch, gang(requirements=elsewhere), members=nodes(2, labels={"zone": "b"})) is None
    )


def test_a_taint_keeps_pods_away_unless_they_or_the_pool_tolerate_it() -> None:
    tainted = nodes(2, taints=(taint(),))
    reason, message, change = told(judge(fit.taint_not_tolerated, members=tainted))
    assert reason == Reason.TAINT_NOT_TOLERATED
    assert message == "its nodes carry the taint nvidia.com/gpu=present:NoSchedule"
    assert change.startswith("tolerate nvidia.com/gpu=present:NoSchedule")
    assert judge(fit.taint_not_tolerated, members=tainted, there=pool(taints=(taint(),))) is None
    assert judge(fit.taint_not_tolerated, members=tainted, there=pool(taints=(taint(value=""),))) is None
    own = gang(tolerations=(Toleration(GPU, "Exists"),))
    assert judge(fit.taint_not_tolerated, own, members=tainted) is None


def test_one_untainted_node_is_enough_to_pass_and_only_it_counts_as_room() -> None:
    mixed = (nodes(2, taints=(taint(),))[0], nodes(2)[1])
    assert judge(fit.taint_not_tolerated, members=mixed) is None
    assert told(judge(fit.too_big_for_pool, gang(replicas=2), members=mixed))[2] == "ask for 1 instead of 2 replicas"


def test_what_would_not_fit_an_empty_pool_never_fits() -> None:
    rejection = judge(fit.too_big_for_pool, gang(replicas=3))
    assert told(rejection)[1:] == ("even empty, pool would hold 2 of 3 pods", "ask for 2 instead of 3 replicas")
    assert rejection is not None
    assert rejection.permanent


def test_a_pod_too_big_for_any_node_is_told_to_ask_for_less() -> None:
    found = judge(fit.too_big_for_pool, gang(requests=resources(cpu="500", memory="64Gi", pods=1)))
    assert told(found)[2] == "ask for less per pod than 500 CPU, 64Gi memory, 8 nvidia.com/gpu"


def test_nodes_that_rest_still_belong_to_the_pool() -> None:
    """Otherwise a drained pool would be called too small for good."""
    resting = nodes(2, unschedulable=True)
    assert judge(fit.too_big_for_pool, gang(replicas=2), members=resting) is None
    rejection = judge(fit.pool_has_no_nodes, members=resting)
    assert told(rejection)[1] == "none of the 2 nodes of pool takes pods now"
    assert rejection is not None
    assert not rejection.permanent


def test_a_pool_without_nodes_may_get_some() -> None:
    assert told(judge(fit.pool_has_no_nodes, members=()))[1:] == ("pool has no nodes", "add nodes to pool pool")


def test_an_unavailable_cluster_takes_nothing_new() -> None:
    rejection = judge(fit.cluster_unavailable, health={"local": "no answer for 60 s"})
    assert told(rejection)[1] == "cluster local is unavailable: no answer for 60 s"
    assert rejection is not None
    assert not rejection.permanent


def test_a_full_pool_says_how_full_and_what_would_fit() -> None:
    busy = {nodes(2)[0].name: resources(gpu=8)}
    rejection = judge(fit.capacity_full, gang(replicas=2), usage=busy)
    assert told(rejection) == (
        "CapacityFull",
        "pool has 8 free of 16, room for 1 of 2 pods",
        "ask for 1 instead of 2 replicas",
    )
    assert rejection is not None
    assert not rejection.permanent


def test_nodes_that_take_no_pods_are_mentioned_where_room_is_short() -> None:
    members = (nodes(2, ready=False)[0], nodes(2)[1])
    message = told(judge(fit.capacity_full, gang(replicas=2), members=members))[1]
    assert message == "pool has 8 free of 16, room for 1 of 2 pods (1 of its 2 nodes takes no pods now)"


def test_taints_that_tell_of_a_nodes_state_make_it_rest_and_rule_nothing_out() -> None:
    """Kubernetes taints cordoned and unready nodes itself; they come back."""
    cordoned = nodes(2, unschedulable=True, taints=(taint("node.kubernetes.io/unschedulable", value=""),))
    leaving = nodes(2, taints=(taint("karpenter.sh/disrupted", value=""),))
    for members in (cordoned, leaving):
        assert judge(fit.taint_not_tolerated, members=members) is None
        assert told(judge(fit.pool_has_no_nodes, members=members))[1] == "none of the 2 nodes of pool takes pods now"


def test_nodes_without_a_driver_yet_are_waited_for_and_not_called_too_small() -> None:
    bare = nodes(2, allocatable=resources(cpu="96", memory="1Ti", pods=110))
    assert judge(fit.too_big_for_pool, members=bare) is None
    rejection = judge(fit.pool_has_no_nodes, members=bare)
    assert told(rejection)[1:] == (
        "none of the 2 nodes of pool offers nvidia.com/gpu",
        "see that the driver and the device plugin run on the nodes of pool pool",
    )
    assert rejection is not None
    assert not rejection.permanent
    assert judge(fit.pool_has_no_nodes, gang(gpus=0), members=bare) is None
