"""Scores of other schedulers for the openb benchmark: checked by hand, and nothing is booked twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.bench import openb
from tests.bench.openb_baselines import RULES, Baseline, Field, balanced, kai, kube_default, kube_most, kube_ratio
from tests.bench.openb_trace import FULL, Host, Kind

EMPTY, BUSY = Host("empty", 10_000, 10_000, 4, "T4"), Host("busy", 10_000, 10_000, 4, "T4")
WHOLE, SHARE, PLAIN = Kind(1000, 3000, 1, FULL, ()), Kind(1000, 1000, 1, 400, ()), Kind(1000, 1000, 0, 0, ())
BOTH = np.array([0, 1])


def field() -> Field:
    """Return an empty node, and one with 2 of 10 cores, 4 of 10 parts of memory and 1.4 of 4 GPUs taken."""
    made = Field((EMPTY, BUSY))
    made.take(1, Kind(1000, 3000, 1, FULL, ()))
    made.take(1, SHARE)
    return made


def test_kube_scheduler_as_it_comes_looks_at_processors_and_memory_alone() -> None:
    """Least allocated: (90 + 70) / 2 and (70 + 30) / 2. Balance: 100 to 90 makes 70, 90 to 80 makes 70."""
    assert balanced(field(), WHOLE, BOTH).tolist() == [70, 70]
    assert kube_default(field(), WHOLE, BOTH).tolist() == [80 + 70, 50 + 70]
    assert kube_default(field(), PLAIN, BOTH).tolist() == [90 + 75, 60 + 75]


def test_most_allocated_weighs_gpus_three_times_and_only_for_pods_that_ask_for_them() -> None:
    """With GPUs: (10 + 30 + 3 x 25) / 5 and (30 + 70 + 3 x 60) / 5; without: (10 + 10) / 2 and (30 + 50) / 2."""
    assert kube_most(field(), WHOLE, BOTH).tolist() == [23 + 70, 56 + 70]
    assert kube_most(field(), PLAIN, BOTH).tolist() == [10 + 75, 40 + 75]


def test_requested_to_capacity_ratio_fills_gpus() -> None:
    assert kube_ratio(field(), WHOLE, BOTH).tolist() == [25, 60]
    assert kube_ratio(field(), PLAIN, BOTH).tolist() == balanced(field(), PLAIN, BOTH).tolist()


def test_kai_takes_the_node_with_the_fewest_idle_gpus_and_a_gpu_that_is_shared_already() -> None:
    assert kai(field(), WHOLE, BOTH).tolist() == [0, 9]
    assert kai(field(), SHARE, BOTH).tolist() == [0, 1009]
    assert kai(field(), Kind(1000, 1000, 1, 700, ()), BOTH).tolist() == [0, 9], "0.6 of a GPU is left of the shared one"
    assert kai(field(), PLAIN, BOTH).tolist() == [0, 9]
    assert kai(Field((EMPTY, BUSY)), WHOLE, BOTH).tolist() == [9, 9], "alike nodes are alike"


def test_kai_goes_by_proportion_between_the_fullest_and_the_emptiest() -> None:
    made = Field([Host(str(gpus), 10_000, 10_000, gpus, "T4") for gpus in (4, 8, 16)])
    assert kai(made, WHOLE, np.arange(3)).tolist() == pytest.approx([9, 6, 0])


def test_a_share_goes_to_the_fullest_gpu_that_holds_it() -> None:
    made = field()
    made.take(1, Kind(0, 0, 1, 500, ()))
    assert sorted(made.left[1].tolist()) == [0, 100, FULL, FULL]


@pytest.mark.parametrize("name", RULES)
def test_every_pod_that_fits_is_placed_and_nothing_is_overbooked(name: str) -> None:
    hosts = (Host("a", 8000, 8192, 2, "T4"), Host("b", 8000, 8192, 2, "G2"), Host("c", 4000, 8192, 4, "T4"))
    random = np.random.default_rng(5)
    kinds = (Kind(500, 512, 1, 300, ()), Kind(1000, 1024, 2, FULL, ("T4",)), Kind(700, 300, 0, 0, ()))
    baseline, check = Baseline(hosts, [2, 0, 1], name), Field(hosts)
    refused = 0
    for pick in random.integers(len(kinds), size=60):
        fitting = check.fitting(kinds[pick])
        node = baseline.choose(kinds[pick])
        assert (node is not None) == bool(len(fitting))
        if node is None:
            refused += 1
            continue
        assert node in fitting
        check.take(node, kinds[pick])
    assert 0 < refused < 60
    assert (check.used <= check.has).all()
    assert check.left.min() >= 0


def test_of_equal_nodes_the_first_of_the_order_is_taken() -> None:
    hosts = (EMPTY, BUSY)
    assert Baseline(hosts, [1, 0], "kai").choose(WHOLE) == 1
    assert Baseline(hosts, [0, 1], "kai").choose(WHOLE) == 0


def test_the_benchmark_sets_ours_beside_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "openb_node_list_gpu_node.csv").write_text(
        "sn,cpu_milli,memory_mib,gpu,model\nn-1,9000,9000,2,T4\nn-2,9000,9000,4,T4\n"
    )
    (tmp_path / "openb_pod_list_tiny.csv").write_text(
        "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np-1,500,512,1,600,\np-2,500,512,2,1000,\n"
    )
    out = tmp_path / "out.json"
    given = ["--data", str(tmp_path), "--seeds", "2", "--jobs", "1", "--json", str(out), "--policies", "stellwerk"]
    assert openb.main([*given, "kai", "kube-default"]) == 0
    runs = json.loads(out.read_text())
    assert [run["policy"] for run in runs] == ["stellwerk", "kai", "kube-default"] * 2
    printed = capsys.readouterr().out
    assert "| list | window | stellwerk | kai | ours by it | kube-default | ours by it |" in printed
    assert "mean of 1 lists relative to kai" in printed
    with pytest.raises(SystemExit):
        openb.main([*given, "kai", "--migrate", "2"])
    assert "only stellwerk moves pods" in capsys.readouterr().err
