"""The openb benchmark on a tiny trace of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bench import openb
from tests.bench.openb_engine import Packer
from tests.bench.openb_trace import FULL, Host, Kind, Trace, arrivals, names_in, read_hosts, read_pods

NODES = """sn,cpu_milli,memory_mib,gpu,model
node-1,32000,131072,2,T4
node-0,96000,262144,8,G2
node-2,64000,131072,0,
"""
PODS = """name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec
p-0,4000,8192,1,500,
p-1,8000,8192,1,1000,G2
p-2,8000,16384,2,1000,T4|G2
p-3,2000,4096,0,0,
p-4,4000,8192,1,500,
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "openb_node_list_gpu_node.csv").write_text(NODES)
    (tmp_path / "openb_pod_list_tiny.csv").write_text(PODS)
    return tmp_path


def test_nodes_without_gpus_and_the_order_of_the_file_do_not_count(data: Path) -> None:
    assert read_hosts(data) == [Host("node-0", 96000, 262144, 8, "G2"), Host("node-1", 32000, 131072, 2, "T4")]
    trace = read_pods(data, "tiny")
    assert trace.pods == (0, 1, 2, 3, 0)
    assert trace.kinds[2] == Kind(8000, 16384, 2, FULL, ("G2", "T4"))
    assert names_in(data) == ["tiny"]


def test_pods_arrive_until_the_load_is_reached_and_the_same_for_a_seed(data: Path) -> None:
    trace = read_pods(data, "tiny")
    first, second = (arrivals(trace, 10 * FULL, 1.3, np.random.default_rng(7)) for _ in range(2))
    assert first == second
    asked = sum(trace.kinds[pod].total for pod in first)
    assert 9 * FULL < asked < 14 * FULL, "the last pod may ask for several"
    assert sorted(first[:5]) == [0, 0, 1, 2, 3], "the list itself comes first, shuffled"


def test_a_list_that_asks_for_too_much_is_cut_at_random(data: Path) -> None:
    long = Trace(read_pods(data, "tiny").kinds, (1,) * 40)
    assert len(arrivals(long, 10 * FULL, 1.3, np.random.default_rng(7))) == 13


def test_every_pod_that_fits_is_placed_once_and_devices_hold(data: Path) -> None:
    hosts = read_hosts(data)
    packer = Packer(hosts, [1, 0])
    half, whole = Kind(1000, 1024, 1, 500, ()), Kind(1000, 1024, 1, FULL, ("T4",))
    assert [packer.choose(whole) is not None for _ in range(3)] == [True, True, False]
    assert sum(packer.choose(half) is not None for _ in range(20)) == 16


def test_a_window_places_the_hardest_first(data: Path) -> None:
    order = [Kind(1000, 1024, 1, FULL, ())] * 3 + [Kind(1000, 1024, 8, FULL, ())]
    one_by_one = [placed for _, placed in openb.admit(Packer(read_hosts(data), [0, 1]), order, 1)]
    together = [placed for _, placed in openb.admit(Packer(read_hosts(data), [0, 1]), order, 4)]
    assert one_by_one == [True, True, True, False]
    assert together == [True, True, False, True]


def test_the_benchmark_runs_on_any_folder_and_writes_what_it_prints(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert openb.main(["--data", str(data), "--seeds", "2", "--jobs", "1", "--json", str(out)]) == 0
    printed = capsys.readouterr()
    assert "| tiny | 1 |" in printed.out
    assert "run 2 of 2" in printed.err
    runs = json.loads(out.read_text())
    assert [run["seed"] for run in runs] == [42, 43]
    assert all(0 <= run["at_end"] <= 100 for run in runs)


def test_without_data_it_says_where_it_looked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert openb.main(["--data", str(tmp_path / "absent")]) == 2
    assert "absent" in capsys.readouterr().err


class Cluster:
    """What a harness shows of its cluster."""

    def __init__(self) -> None:
        self.model_names = ["G2", "T4"]
        self.model, self.gpu_num = np.array([0, 1]), np.array([8, 2])
        self.cpu, self.mem = np.array([96000, 32000]), np.array([262144, 131072])
        self.gpu = np.where(np.arange(8)[None, :] < self.gpu_num[:, None], FULL, 0)


class Spec:
    def __init__(self, milli: int, models: tuple[str, ...] = (), num: int = 1) -> None:
        self.cpu, self.mem, self.num, self.milli, self.models = 1000, 1024, num, milli, models


def test_as_a_policy_it_names_a_node_and_the_gpu_of_a_share() -> None:
    cluster: Any = Cluster()
    engine = openb.Engine(cluster, None, [1, 0], None)
    node, device = engine.choose(Spec(300, ("T4",)), None)
    assert node == 1
    assert device in {0, 1}
    cluster.gpu[node, device] -= 300
    assert engine.choose(Spec(700, ("T4",)), None) == (1, device)
    assert engine.choose(Spec(FULL, ("T4",)), None) == (1, None)
    with pytest.raises(RuntimeError, match="harness"):
        engine.choose(Spec(FULL, ("T4",)), None)
