"""Shares of accelerators through the whole plan: devices are never overbooked."""

from __future__ import annotations

from stellwerk.model.capacity import Accelerator
from stellwerk.model.decision import Mode
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Reservation, Snapshot
from stellwerk.model.workload import AcceleratorOption
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, node, pool, resources

SHARED = pool("p", accelerator=Accelerator("H100", 2, GPU, 80 * 2**30, slices=4))
OFFER = resources(cpu=64, memory="1Ti", pods=100, gpu=8)


def world(**facts: object) -> Snapshot:
    return Snapshot((node("n", "p", allocatable=OFFER),), (SHARED,), **facts)


def share(name: str, milli: int, replicas: int = 1) -> object:
    option = AcceleratorOption("H100", share_milli=milli)
    return gang(name, replicas, accelerators=(option,), requests=resources(cpu=1, pods=1))


def modes(work: list, seen: Snapshot) -> dict[str, Mode]:
    return {one.key.name: one.mode for one in plan(work, seen, NOW, 1).decisions}


def test_three_shares_of_a_little_over_half_do_not_fit_two_devices() -> None:
    found = modes([share("a", 600), share("b", 600), share("c", 600)], world())
    assert sorted(found.values()) == [Mode.WAIT, Mode.FIT, Mode.FIT]


def test_whole_accelerators_wait_for_idle_devices() -> None:
    found = modes([share("a", 250), share("b", 250), gang("whole", 1, 2)], world())
    assert found == {"a": Mode.FIT, "b": Mode.FIT, "whole": Mode.WAIT}
    assert modes([share("a", 250), share("b", 250), gang("whole", 1, 1)], world())["whole"] is Mode.FIT


def test_what_no_device_can_hold_never_fits() -> None:
    seen = world()
    assert modes([share("a", 750, 3)], seen) == {"a": Mode.NEVER}, "six slices of eight, but no device has two of them"
    assert modes([share("a", 750, 2)], seen) == {"a": Mode.FIT}


def test_reserved_shares_keep_their_place() -> None:
    kept = Reservation("u", "local", "p", resources(cpu=1, pods=1, gpu=3), 2, ("n",))
    assert modes([share("a", 500)], world(reserved=(kept,)))["a"] is Mode.WAIT
    assert modes([share("a", 250, 2)], world(reserved=(kept,)))["a"] is Mode.FIT


def test_running_shares_lie_one_by_one_on_their_devices() -> None:
    there = share("runs", 750, 2)
    running = Running(there, None, (("n", 2),), (("n", resources(cpu=2, pods=2, gpu=6)),), "2026-11-22T10:00:00Z")
    used = {"n": resources(cpu=2, pods=2, gpu=6)}
    assert modes([share("a", 500)], world(usage=used))["a"] is Mode.FIT, "of which nobody knows how they lie"
    assert modes([share("a", 500)], world(usage=used, running=(running,)))["a"] is Mode.WAIT


def test_used_slices_are_taken_to_lie_tightly() -> None:
    used = {"n": resources(gpu=4, cpu=2, pods=2)}
    assert modes([gang("whole", 1, 1)], world(usage=used)) == {"whole": Mode.FIT}


def test_work_without_accelerators_runs_where_the_driver_is_still_missing() -> None:
    bare = Snapshot((node("n", "p", allocatable=resources(cpu=8, memory="64Gi", pods=10)),), (SHARED,))
    assert modes([gang("cpu", 1, 0, requests=resources(cpu=3, pods=1))], bare) == {"cpu": Mode.FIT}
