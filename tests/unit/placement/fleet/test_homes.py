"""Where running workloads are."""

from __future__ import annotations

import msgspec
import pytest

from stellwerk.model.capacity import Accelerator, Growth
from stellwerk.model.placement import PlacedAccelerator, Placement
from stellwerk.model.podrules import HostPort, PodRules, Spread, Term
from stellwerk.model.resources import Resources
from stellwerk.model.workload import PodSet, PodShape
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.fleet.homes import Homes, is_free_to_go
from tests.builders import GPU, gang, node, nodes, pool, resources, snapshot

MIG = "nvidia.com/mig-1g.10gb"
WHOLE, PART = Accelerator("H100", 4, GPU), Accelerator("H100", 28, MIG, part_milli=142)
TERM = Term("rack", (), ("team",))


@pytest.mark.parametrize(
    ("rules", "free"),
    [
        (None, True),
        (PodRules(ports=(HostPort(80),)), True),
        (PodRules(affinity=(TERM,)), False),
        (PodRules(anti_affinity=(TERM,)), False),
        (PodRules(spread=(Spread(1, "rack", ()),)), False),
    ],
    ids=["no rules", "a host port", "affinity", "anti-affinity", "a spread"],
)
def test_only_what_looks_at_neighbours_is_not_free_to_go(rules: PodRules | None, *, free: bool) -> None:
    plain = gang()
    assert is_free_to_go(msgspec.structs.replace(plain, pod=msgspec.structs.replace(plain.pod, rules=rules))) is free


def test_a_further_pod_set_that_looks_at_neighbours_holds_the_whole_gang() -> None:
    shy = PodSet("shy", 1, PodShape(resources(cpu=1), rules=PodRules(anti_affinity=(TERM,))))
    assert not is_free_to_go(gang(others=(shy,)))


def at(where: str, resource: str | None = None, cluster: str = "local") -> Placement:
    has = None if resource is None else PlacedAccelerator("H100", 1, resource)
    return Placement(cluster, where, pool().capacity_type, 1, accelerator=has)


def test_a_placement_is_in_the_view_of_its_accelerator_and_work_without_any_in_the_first() -> None:
    offer = resources(cpu=96, memory="1Ti", pods=110, gpu=4) + Resources.of({MIG: 28})
    there = [pool("mixed", accelerator=WHOLE, further=(PART,)), pool("cpu", accelerator=None)]
    fleet = Fleet(snapshot(there, [node("m", "mixed", allocatable=offer), *nodes(1, "cpu", gpu=0)]), [gang()])
    homes = Homes(fleet.views)
    found = {resource: homes.of(at("mixed", resource)) for resource in (GPU, MIG, None)}
    told = {
        resource: (
            view.pool.accelerator.resource if view and view.pool.accelerator else "",
            bool(view and view.secondary),
        )
        for resource, view in found.items()
    }
    assert told == {GPU: (GPU, False), MIG: (MIG, True), None: (GPU, False)}
    cpu = homes.of(at("cpu"))
    assert cpu is not None
    assert cpu.pool.name == "cpu"
    assert homes.of(at("cpu", GPU)) is None
    assert homes.of(at("gone")) is None
    assert homes.of(at("mixed", GPU, "far")) is None


def test_nothing_runs_on_nodes_that_are_yet_to_come() -> None:
    growing = pool(growth=Growth(4, 300, resources(cpu="96", memory="1Ti", gpu=8)))
    fleet = Fleet(snapshot([growing], nodes(1)), [gang(replicas=3)])
    homes = Homes(fleet.views)
    assert [view.grows for view in homes.views] == [False]
    found = homes.of(at("pool", GPU))
    assert found is not None
    assert not found.grows
