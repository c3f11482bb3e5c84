"""Writing a fleet file: a plan over what was written equals the plan over what was seen."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stellwerk.cli import fleetwriter
from stellwerk.cli.fleetwriter import Exported
from stellwerk.cli.inputs import Defaults, load
from stellwerk.lifecycle.intake import pool_from
from stellwerk.model.capacity import Node, Taint
from stellwerk.model.discovery import discover_pools
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Reservation, Snapshot
from stellwerk.placement.planner import plan
from tests.unit.cli.conftest import ROOT, Make

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GPU = "nvidia.com/gpu"
TAINT = Taint("gpu", "NoSchedule")
SPEC = Make.pool("blue", taints=[{"key": "gpu", "effect": "NoSchedule"}])["spec"]
PODS = Resources.from_quantities({"cpu": "1", GPU: "1", "pods": "1"})


def seen(nodes: Sequence[Node], usage: dict[str, Resources], reserved: tuple[Reservation, ...] = ()) -> Exported:
    """A cluster with one declared pool, `blue`."""
    declared = (pool_from("blue", SPEC),)
    pools = (*declared, *discover_pools(nodes, declared))
    return Exported(Snapshot(tuple(nodes), pools, {}, usage, reserved), {"blue": SPEC}, {})


def node(name: str, pool: str = "blue", gpus: int = 8, **facts: Any) -> Node:
    labels = {"kubernetes.io/hostname": name, "pool": pool}
    if pool != "blue":
        labels["nvidia.com/gpu.product"] = "NVIDIA-H100-80GB-HBM3"
    allocatable = Resources.from_quantities({"cpu": "64", "memory": "1Ti", "pods": "110", GPU: str(gpus)})
    taints = (TAINT,) if pool == "blue" else ()
    return Node(name, labels, **{"allocatable": allocatable, "taints": taints, **facts})


def written(exported: Exported, folder: Path, *more: dict[str, Any]) -> Path:
    """One file with the fleet and what is to be planned on it."""
    path = folder / "all.yaml"
    path.write_text(yaml.safe_dump_all([fleetwriter.document(exported), *more], sort_keys=False))
    return path


def reserved(pods: int, *preferred: str) -> tuple[Reservation, ...]:
    return (Reservation("uid", "local", "blue", PODS, pods, preferred),)


@given(
    blue=st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=5),
    other=st.lists(st.integers(0, 4), max_size=4),
    unbound=st.integers(0, 6),
    asks=st.lists(st.tuples(st.integers(1, 8), st.integers(1, 3)), min_size=1, max_size=6),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_plan_over_the_file_decides_what_a_plan_over_the_cluster_decides(
    tmp_path: Path,
    blue: list[tuple[int, bool]],
    other: list[int],
    unbound: int,
    asks: list[tuple[int, int]],
) -> None:
    nodes = [node(f"b{i}", unschedulable=cordoned) for i, (_, cordoned) in enumerate(blue)]
    nodes += [node(f"o{i}", "green", 4) for i in range(len(other))]
    used = {f"b{i}": PODS * count for i, (count, _) in enumerate(blue) if count}
    used |= {f"o{i}": PODS * count for i, count in enumerate(other) if count}
    exported = seen(nodes, used, reserved(unbound, *(f"b{i}" for i in range(len(blue)))) if unbound else ())
    manifests = [Make.workload(f"w{i}", gpus, replicas) for i, (gpus, replicas) in enumerate(asks)]
    inputs = load([str(written(exported, tmp_path, *manifests))], None, [], Defaults("default", NOW))
    workloads = [item.workload for item in inputs.asked]
    on_file = plan(workloads, inputs.snapshot, NOW, 1).decisions
    on_cluster = plan(workloads, exported.snapshot, NOW, 1).decisions
    assert [(d.key, d.mode, d.reason, d.chosen and d.chosen.pool) for d in on_file] == [
        (d.key, d.mode, d.reason, d.chosen and d.chosen.pool) for d in on_cluster
    ]


def test_like_nodes_share_a_line_and_unlike_ones_do_not(tmp_path: Path) -> None:
    nodes = [node("a"), node("b"), node("c", gpus=4), node("d", unschedulable=True), node("e", ready=False)]
    nodes += [node("f", taints=(TAINT, Taint("maintenance", "NoExecute", "soon")))]
    [pool] = fleetwriter.document(seen(nodes, {"b": PODS}))["pools"]
    shapes = [(one["count"], one["allocatable"][GPU], one.get("used"), one.get("schedulable")) for one in pool["nodes"]]
    assert sorted(shapes, key=repr) == sorted(
        [
            (1, "8", None, None),
            (1, "8", {"cpu": "1", GPU: "1", "pods": "1"}, None),
            (1, "4", None, None),
            (2, "8", None, False),
            (1, "8", None, None),
        ],
        key=repr,
    )
    assert [one["taints"] for one in pool["nodes"] if "taints" in one] == [
        [{"key": "maintenance", "value": "soon", "effect": "NoExecute"}]
    ]


def test_the_file_does_not_depend_on_the_order_in_which_nodes_came() -> None:
    nodes = [node(f"n{i}", gpus=8 if i % 2 else 4) for i in range(6)] + [node("x", "green")]
    usage = {"n1": PODS, "n2": PODS * 2}
    there, back = (fleetwriter.document(seen(order, usage)) for order in (nodes, nodes[::-1]))
    assert yaml.safe_dump(there) == yaml.safe_dump(back)


@pytest.mark.parametrize(("pods", "noted"), [(8, False), (9, True)])
def test_reserved_pods_that_find_no_room_are_noted_and_not_forgotten_in_silence(pods: int, noted: bool) -> None:  # noqa: FBT001
    exported = seen([node("a")], {}, reserved(pods, "gone"))
    [pool] = fleetwriter.document(exported)["pools"]
    assert pool["nodes"][0]["used"][GPU] == "8"
    assert bool(exported.notes) is noted


def test_what_a_kubelet_reports_survives_the_file_and_obeys_the_schema(tmp_path: Path) -> None:
    odd = {"cpu": "191450m", "memory": "1938410Mi", "ephemeral-storage": "107374182400", "pods": "737", GPU: "8"}
    allocatable = Resources.from_quantities(odd)
    exported = seen([node("a", allocatable=allocatable)], {"a": Resources.from_quantities({"memory": "123456789k"})})
    document = fleetwriter.document(exported)
    schema = json.loads((ROOT / "docs/reference/fleet.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)
    snapshot = load([str(written(exported, tmp_path))], None, [], Defaults("default", NOW)).snapshot
    assert snapshot.nodes[0].allocatable == allocatable
    assert snapshot.usage[snapshot.nodes[0].name].get("memory") == 123_456_789_000


def test_what_nodes_say_of_their_price_is_written_with_them(tmp_path: Path) -> None:
    told = {"stellwerk.dev/price-per-hour": "31.5", "stellwerk.dev/price-currency": "EUR"}
    exported = seen([node("g1", "green"), node("g2", "green", annotations=told)], {})
    groups = fleetwriter.document(exported)["nodes"]
    assert sorted(str(group.get("annotations")) for group in groups) == [str(None), str(dict(sorted(told.items())))]
    snapshot = load([str(written(exported, tmp_path))], None, [], Defaults("default", NOW)).snapshot
    (price,) = {pool.price.per_node_hour for pool in snapshot.pools if pool.discovered and pool.price is not None}
    assert str(price) == "31.500000"
