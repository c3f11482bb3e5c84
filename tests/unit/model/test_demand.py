"""Shapes that have asked, and how often."""

from __future__ import annotations

import random

from stellwerk.model.demand import FINE, HALF_LIFE, MOST_SHAPES, Demand, Learner, asked_by
from stellwerk.model.requirements import NODE_NAME, Requirement, Requirements
from stellwerk.model.workload import AcceleratorOption, PodSet
from tests.builders import gang


def learned(*workloads: object) -> Demand:
    learner = Learner()
    for workload in workloads:
        learner.learn(workload)
    return learner.demand


def test_pods_of_one_shape_are_counted_together() -> None:
    asked = learned(gang("a", 3, 2), gang("b", 1, 8), gang("c", 2, 2)).asked
    assert sorted(count for _, count in asked) == [FINE, 5 * FINE]


def test_the_order_of_arrival_does_not_matter_while_all_are_young() -> None:
    work = [gang(f"w{n}", 1 + n % 3, 1 + n % 8) for n in range(40)]
    forward = learned(*work)
    random.Random(7).shuffle(work)
    assert learned(*work) == forward


def test_further_pod_sets_ask_too() -> None:
    both = gang("a", 1, 8, others=(PodSet("more", 4, gang().pod, (AcceleratorOption("H100", 1),)),))
    assert [(shape.size, pods) for shape, pods in asked_by(both)] == [(8, 1), (1, 4)]


def test_who_names_a_node_asks_for_no_shape() -> None:
    pinned = gang(requirements=Requirements(all_of=(Requirement(NODE_NAME, "In", ("node-1",)),)))
    assert list(asked_by(pinned)) == []


def test_what_asked_long_ago_counts_half() -> None:
    learner = Learner()
    learner.learn(gang("old", 1, 8))
    learner.learn(gang("new", HALF_LIFE - 1, 1))
    counts = {shape.size: count for shape, count in learner.demand.asked}
    assert counts == {8: FINE // 2, 1: (HALF_LIFE - 1) * FINE // 2}


def test_only_so_many_shapes_are_remembered_and_those_that_ask_most() -> None:
    learner = Learner()
    for cpu in range(3 * MOST_SHAPES):
        pod = gang(requests=gang().pod.requests * (cpu + 1))
        learner.learn(pod)
        if cpu == 0:
            learner.learn(gang("again", requests=gang().pod.requests))
    asked = learner.demand.asked
    assert len(asked) == MOST_SHAPES
    assert max(count for _, count in asked) == 2 * FINE


def test_a_share_is_as_large_as_it_says() -> None:
    (half, _), (unknown, _) = (
        next(iter(asked_by(gang(accelerators=(option,)))))
        for option in (AcceleratorOption("H100", share_milli=250), AcceleratorOption("H100", share_bytes=1))
    )
    assert (half.size * 4, unknown.size * 2) == (1, 1)
