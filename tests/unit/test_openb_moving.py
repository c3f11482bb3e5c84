"""The openb benchmark with migration: who is moved, how often, and that nothing is booked twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.bench import openb
from tests.bench.openb_engine import GPU, Packer
from tests.bench.openb_moving import Mover, Seat
from tests.bench.openb_trace import FULL, Host, Kind

TWO = (Host("a", 8000, 8192, 2, "T4"), Host("b", 8000, 8192, 2, "T4"))
SHARE, WHOLE = Kind(1000, 1024, 1, 400, ()), Kind(1000, 1024, 1, FULL, ())


def sound(mover: Mover) -> bool:
    """Tell whether the engine's rows are what the placed pods leave of the nodes, with nothing overbooked."""
    for spot in mover.spots.values():
        laid = mover._laid(spot)
        free = dict(zip(spot.view.bins.axis, laid.key.vector, strict=True))
        if (free[GPU], free["cpu"], free["memory"]) != (sum(spot.free), spot.cpu, spot.memory):
            return False
        if tuple(sorted(spot.free)) != laid.key.devices[-len(spot.free) :] or min(free.values()) < 0:
            return False
        used = [sum(pod.gpus.get(gpu, 0) for pod in spot.pods) for gpu in range(len(spot.free))]
        if any(free + part != FULL or free < 0 for free, part in zip(spot.free, used, strict=True)):
            return False
        if any(sum(pod.gpus.values()) != pod.kind.total for pod in spot.pods):
            return False
    return True


def stock(packer: Packer) -> list[tuple[object, ...]]:
    rows = (zip(*(part.tolist() for part in view.bins.stock()), strict=True) for view in packer.views)
    return [tuple(sorted(map(str, row))) for row in rows]


def scattered(most: int) -> Mover:
    """Return two nodes of two GPUs, a whole pod on one of them and a share on the other."""
    mover = Mover(TWO, [0, 1], most)
    for spot in mover.spots.values():
        for kind in (WHOLE, SHARE):
            found = mover._on(kind, spot)
            assert found is not None
            place = mover.put(kind, *found)
            spot.add(kind, place.hole)
    assert sound(mover)
    return mover


def test_a_pod_that_fits_only_after_one_move_is_placed() -> None:
    assert Packer.place(scattered(1), WHOLE) is None, "no GPU is idle"
    mover = scattered(1)
    assert mover.choose(WHOLE) is not None
    assert mover.moved == 1
    assert sound(mover)
    assert sum(len(spot.pods) for spot in mover.spots.values()) == 5, "none is lost"


def test_a_share_changes_places_with_a_smaller_one_of_another_node() -> None:
    hosts = (Host("a", 8000, 8192, 1, "T4"), Host("b", 8000, 8192, 1, "T4"))
    mover = Mover(hosts, [0, 1], 2)
    sizes = {0: (550, 300), 1: (470, 430)}  # holes of 150 and 100: 230 fits where 470 takes the place of 550
    for rank, parts in sizes.items():
        for part in parts:
            found = mover._on(Kind(1000, 1024, 1, part, ()), mover.spots[rank])
            assert found is not None
            mover.spots[rank].add(Kind(1000, 1024, 1, part, ()), mover.put(Kind(1000, 1024, 1, part, ()), *found).hole)
    assert mover.choose(Kind(1000, 1024, 1, 230, ())) is not None
    assert mover.moved == 2
    assert sound(mover)


def test_an_attempt_that_fails_at_its_last_pod_leaves_everything_as_it_was() -> None:
    mover = scattered(4)
    before = stock(mover)
    spot = mover.spots[0]
    share = next(pod for pod in spot.pods if pod.kind == SHARE)
    assert mover._try([Seat(spot, share)], [(WHOLE, spot), (SHARE, None), (WHOLE, None)]) is None
    assert stock(mover) == before
    assert mover.moved == 0
    assert sound(mover)
    assert mover._try([Seat(spot, share)], [(WHOLE, spot), (SHARE, None)]) is not None, "it was the last one's fault"


def test_a_pod_is_refused_where_those_in_its_way_have_nowhere_to_go() -> None:
    mover = scattered(4)
    assert mover.choose(Kind(1000, 1024, 2, FULL, ())) is None
    assert mover.moved == 0
    assert sound(mover)


def test_a_cpu_pod_makes_way_for_one_that_needs_the_idle_gpu() -> None:
    hosts = (Host("a", 4000, 8192, 1, "T4"), Host("b", 4000, 8192, 1, "G2"))
    mover = Mover(hosts, [0, 1], 1)
    first = mover.choose(Kind(3000, 1024, 0, 0, ()))
    assert first is not None
    model = hosts[first.rank].model
    place = mover.choose(Kind(3000, 1024, 1, FULL, (model,)))
    assert place is not None
    assert place.rank == first.rank
    assert mover.moved == 1
    assert sound(mover)


@pytest.mark.parametrize("most", [2, 4])
def test_whatever_comes_nothing_is_overbooked_and_no_more_are_moved_than_stated(most: int) -> None:
    moved = sum(_filled(most, seed) for seed in range(4))
    assert moved > 0


def _filled(most: int, seed: int) -> int:
    """Fill a small fleet, look at it after each pod, and return how many were moved."""
    random = np.random.default_rng(seed)
    hosts = [Host(str(at), 32000, 65536, [1, 2, 4][at % 3], ["T4", "G2"][at % 2]) for at in range(12)]
    mover = Mover(hosts, list(range(12)), most)
    placed = 0
    for _ in range(120):
        gpus = int(random.choice([0, 1, 1, 1, 2]))
        milli = int(random.choice([230, 320, 470, 550, 810, FULL])) if gpus == 1 else FULL * (gpus > 0)
        before = mover.moved
        found = mover.choose(Kind(int(random.integers(1, 6)) * 1000, 1024, gpus, milli, ()))
        assert mover.moved - before <= most
        assert found is not None or mover.moved == before, "who is refused has moved nobody"
        assert sound(mover)
        placed += found is not None
    assert sum(len(spot.pods) for spot in mover.spots.values()) == placed, "none is lost"
    return mover.moved


def test_the_benchmark_tells_moves_where_they_are_allowed_and_else_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "openb_node_list_gpu_node.csv").write_text("sn,cpu_milli,memory_mib,gpu,model\na,8000,8192,2,T4\n")
    pods = "".join(f"p-{at},500,64,1,{milli},\n" for at, milli in enumerate([300, 600, 1000, 100, 400]))
    (tmp_path / "openb_pod_list_tiny.csv").write_text("name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n" + pods)
    out = tmp_path / "out.json"
    told = ["--data", str(tmp_path), "--seeds", "1", "--jobs", "1", "--json", str(out)]
    assert openb.main(told) == 0
    assert "moves" not in capsys.readouterr().out
    assert not {"migrate", "moved"} & set(json.loads(out.read_text())[0])
    assert openb.main([*told, "--migrate", "2"]) == 0
    assert "moves per placed pod, at most 2" in capsys.readouterr().out
    assert json.loads(out.read_text())[0]["migrate"] == 2
