"""The parts of the demo that need no cluster: its nodes are those of the examples, and its figures are true."""

import socket
import sys
from pathlib import Path

import pytest
import yaml

from stellwerk.api import quantity
from tests.demo import figures, world
from tests.demo.child import Child, free_port, wait_for
from tests.testbed import pools
from tests.testbed.progress import TestbedError

EXPOSITION = """\
# TYPE stellwerk_pool_allocation_ratio gauge
stellwerk_pool_allocation_ratio{cluster="local",pool="b"} 0.5
stellwerk_pool_allocation_ratio{cluster="local",pool="a"} 0.25
# TYPE stellwerk_pool_accelerators gauge
stellwerk_pool_accelerators{pool="a",model="H100",state="allocated"} 3
stellwerk_pool_accelerators{pool="b",model="H100",state="allocated"} 4
stellwerk_pool_accelerators{pool="b",model="H100",state="total"} 8
# TYPE stellwerk_workloads_pending gauge
stellwerk_workloads_pending{reason="CapacityFull"} 2
stellwerk_workloads_pending{reason="NoPool"} 0
# TYPE stellwerk_cycle_seconds histogram
stellwerk_cycle_seconds_bucket{le="+Inf"} 4
stellwerk_cycle_seconds_sum 0.02
stellwerk_cycle_seconds_count 4
# TYPE stellwerk_writes counter
stellwerk_writes_total{action="PatchStatus",result="Applied"} 5
stellwerk_writes_total{action="CreateJob",result="Applied"} 2
# TYPE stellwerk_stream_age_seconds gauge
stellwerk_stream_age_seconds{kind="nodes"} 1.5
stellwerk_stream_age_seconds{kind="pods"} 4
"""


def test_the_nodes_of_the_demo_are_those_of_the_example_fleet() -> None:
    fleet = [pool for pool in yaml.safe_load((world.EXAMPLES / "fleet.yaml").read_text())["pools"] if "nodes" in pool]
    described = {pool.name: pool for pool in pools.load(world.HERE / "pools.yaml")}
    assert sorted(described) == sorted(pool["metadata"]["name"] for pool in fleet)
    for pool in fleet:
        mine = described[pool["metadata"]["name"]]
        node = pools.node(mine, 0)
        assert mine.count == sum(group["count"] for group in pool["nodes"])
        assert pool["spec"]["nodeSelector"].items() <= node["metadata"]["labels"].items()
        assert node["spec"]["taints"] == pool["spec"].get("taints", [])
        for name, amount in pool["nodes"][0]["allocatable"].items():
            assert quantity.exact(node["status"]["allocatable"][name]) == quantity.exact(amount)


def test_no_node_of_the_demo_belongs_to_two_pools() -> None:
    selectors = [
        yaml.safe_load(path.read_text())["spec"]["nodeSelector"] for path in (world.EXAMPLES / "pools").glob("*.yaml")
    ]
    for pool in pools.load(world.HERE / "pools.yaml"):
        labels = pools.node(pool, 0)["metadata"]["labels"]
        assert sum(selector.items() <= labels.items() for selector in selectors) == 1


def test_somebody_elses_pod_takes_what_the_fleet_file_counts_as_used() -> None:
    fleet = yaml.safe_load((world.EXAMPLES / "fleet.yaml").read_text())["pools"]
    [used] = [group["used"] for pool in fleet for group in pool.get("nodes", ()) if "used" in group]
    pod, *_ = yaml.safe_load_all((world.HERE / "cluster-objects.yaml").read_text())
    resources = pod["spec"]["containers"][0]["resources"]
    assert {**resources["requests"], **resources["limits"]} == used


def test_figures_are_read_off_the_metrics_where_there_is_no_prometheus() -> None:
    ask = figures.from_text(EXPOSITION)
    told = dict(zip([one.question for one in figures.FIGURES], map(ask, figures.FIGURES), strict=True))
    assert told["How full is each pool?"] == [({"pool": "b"}, 0.5), ({"pool": "a"}, 0.25)]
    assert told["Accelerators that work now"] == [({"model": "H100"}, 7)]
    assert told["Workloads that wait, by reason"] == [({"reason": "CapacityFull"}, 2)]
    assert told["Seconds per decision cycle, on average"] == [({}, 0.005)]
    assert told["Writes to the API server, by result"] == [({"result": "Applied"}, 7)]
    assert told["Oldest sign of life of a watch stream, in seconds"] == [({}, 4)]


def test_ten_figures_are_shown_and_one_without_data_says_so_instead_of_zero() -> None:
    report = figures.report(figures.from_text(EXPOSITION))
    assert len(figures.FIGURES) == 10
    assert "a 25%, b 50%" in report
    assert report.count("no data") == 3


def test_a_child_ends_with_its_context_and_its_port_is_free_again(tmp_path: Path) -> None:
    port = free_port()
    server = ["-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with Child("a server", [sys.executable, *server], tmp_path / "log", {}) as child:
        wait_for(child, lambda: _answers(port))
    assert not _answers(port)


def test_a_child_that_ends_by_itself_is_told_with_what_it_wrote(tmp_path: Path) -> None:
    program = "import sys; print('no luck'); sys.exit(3)"
    with (
        Child("a program", [sys.executable, "-c", program], tmp_path / "log", {}) as child,
        pytest.raises(TestbedError, match=r"(?s)a program ended with code 3.*no luck"),
    ):
        wait_for(child, lambda: False)


def test_a_child_that_does_not_obey_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.demo.child.SECONDS_TO_END", 0.5)
    program = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    )
    with Child("a program", [sys.executable, "-c", program], tmp_path / "log", {}) as child:
        wait_for(child, lambda: "up" in child.tail())
    with pytest.raises(TestbedError, match="ended with code -9"):
        child.check()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
