"""Namespaces, runtime classes and what was learned of pools in a fleet file: the plan answers like the operator."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from stellwerk.cli import fleetwriter
from stellwerk.cli.fleetwriter import Exported
from stellwerk.cli.inputs import Defaults, load
from stellwerk.cluster import structs
from stellwerk.control.namespaces import Namespaces
from stellwerk.control.supply import Supplies
from stellwerk.lifecycle.intake import pool_from
from stellwerk.model.namespaces import NamespaceRules
from stellwerk.model.snapshot import Snapshot
from tests.unit.cli.conftest import NOW, ROOT, Cli, Make, Write

MOMENT = datetime.fromisoformat(NOW).astimezone(UTC)
LIMITS = {
    "limits": [
        {
            "type": "Container",
            "default": {"cpu": "2", "memory": "4Gi"},
            "defaultRequest": {"cpu": "1500m", "memory": "2Gi"},
            "max": {"nvidia.com/gpu": "4"},
            "maxLimitRequestRatio": {"cpu": "2500m"},
        },
        {"type": "Pod", "min": {"cpu": "100m"}, "max": {"memory": "64Gi", "ephemeral-storage": "10Gi"}},
        {"type": "PersistentVolumeClaim", "max": {"storage": "1Ti"}},
    ]
}
QUOTA = {
    "hard": {"requests.nvidia.com/gpu": "16", "requests.cpu": "1500m", "limits.memory": "1Ti", "count/pods": "20"},
    "scopes": ["NotTerminating"],
    "scopeSelector": {
        "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["low", "high"]}]
    },
}
USED = {"used": {"requests.nvidia.com/gpu": "12", "requests.cpu": "250m", "limits.memory": "3Gi", "count/pods": "3"}}
SUPPLY = {"stockOuts": 2, "lastStockOut": "2026-11-22T11:50:00Z", "until": "2026-11-22T12:10:00Z"}
LEARNED = {"interruptions": 9, "nodeHours": "10.25", "ratePerHour": "0.5"}


def meta(name: str, namespace: str = "", **labels: str) -> structs.ObjectMeta:
    return structs.ObjectMeta(name=name, namespace=namespace, labels=labels)


def cluster() -> Exported:
    """What a live cluster shows: rules of two namespaces, a runtime class, and pools of which something was learned."""
    known, supplies = Namespaces(), Supplies()
    for name in ("team", "plain"):
        labels = {"kubernetes.io/metadata.name": name, **({"tier": "gold"} if name == "team" else {})}
        known.set_namespace(structs.Namespace(metadata=meta(name, **labels)), None)
    known.set_limits(structs.LimitRange(metadata=meta("defaults", "team"), spec=LIMITS), None)
    known.set_quota(structs.ResourceQuota(metadata=meta("gpus", "team"), spec=QUOTA, status=USED), None)
    sandbox = structs.RuntimeClass(
        metadata=meta("gvisor"),
        overhead={"podFixed": {"cpu": "250m", "memory": "160Mi"}},
        scheduling={"nodeSelector": {"sandbox": "gvisor"}, "tolerations": [{"key": "sandbox", "effect": "NoSchedule"}]},
    )
    known.set_runtime_class(sandbox, None)
    known.set_runtime_class(structs.RuntimeClass(metadata=meta("runc")), None)
    growth = {"maxNodes": 4, "provisionTime": "5m"}
    specs = {
        "grows": Make.pool("grows", growth=growth)["spec"],
        "spot": Make.pool("spot", capacityType="Spot", interruptionRatePerHour="0.05")["spec"],
    }
    supply = {"grows": SUPPLY, "spot": LEARNED}
    for name, told in supply.items():
        supplies.see(structs.ComputePool(metadata=meta(name), status={"supply": told}), None)
    pools = tuple(pool_from(name, spec) for name, spec in specs.items())
    snapshot = Snapshot(
        pools=pools,
        namespaces=known.frozen,
        runtime_classes=known.runtime_classes,
        supply=supplies.frozen(pools, MOMENT),
    )
    return Exported(snapshot, specs, {}, supply=supply)


def test_what_a_cluster_shows_is_read_back_as_the_operator_sees_it(tmp_path: Path) -> None:
    exported = cluster()
    document = fleetwriter.document(exported)
    schema = json.loads((ROOT / "docs" / "reference" / "fleet.schema.json").read_text())
    jsonschema.validate(document, schema)
    path = tmp_path / "fleet.yaml"
    path.write_text(yaml.safe_dump(document))
    read = load((), path, (), Defaults("default", MOMENT)).snapshot
    assert read.namespaces == exported.snapshot.namespaces
    assert len(read.namespaces["team"].limits) == 2
    assert read.runtime_classes == exported.snapshot.runtime_classes
    assert read.supply == exported.snapshot.supply
    assert read.supply["local", "grows"].stocked_out_until == datetime(2026, 11, 22, 12, 10, tzinfo=UTC)


def test_a_file_that_says_nothing_knows_of_no_rules(write: Write) -> None:
    read = load((), write("fleet.yaml", Make.fleet(Make.pool())), (), Defaults("default", MOMENT)).snapshot
    assert (read.namespaces, read.runtime_classes, read.supply) == ({}, {}, {})
    told = Make.fleet(Make.pool(), namespaces=[{"metadata": {"name": "team"}}])
    read = load((), write("named.yaml", told), (), Defaults("default", MOMENT)).snapshot
    assert read.namespaces == {"team": NamespaceRules({"kubernetes.io/metadata.name": "team"})}


def namespace(**rules: object) -> dict[str, Any]:
    return {"metadata": {"name": "default"}, **rules}


def answer(cli: Cli, write: Write, fleet: dict[str, Any], *workloads: dict[str, Any]) -> dict[str, Any]:
    """Plan, and return the workloads of the report by name."""
    manifests, file = write("work.yaml", *workloads), write("fleet.yaml", fleet)
    said = cli("plan", "-f", manifests, "--fleet", file, "--now", NOW, "-o", "json")
    assert said.code in {0, 2}, said.err
    return {one["name"]: one for one in json.loads(said.out)["workloads"]}


def test_a_quota_is_shared_by_the_workloads_of_its_namespace(cli: Cli, write: Write) -> None:
    hard = {"requests.nvidia.com/gpu": "16"}
    quota = {"name": "gpus", "hard": hard, "used": {"requests.nvidia.com/gpu": "6"}}
    fleet = Make.fleet(Make.pool(nodes=4), namespaces=[namespace(resourceQuotas=[quota])])
    told = answer(cli, write, fleet, *(Make.workload(name, gpus=8) for name in ("a", "b")), Make.workload("c", 8, 3))
    assert [told[name]["mode"] for name in "abc"] == ["Fit", "Wait", "Never"]
    assert told["b"]["candidates"][0]["rejections"][0]["reason"] == "QuotaExceeded"
    free = answer(cli, write, Make.fleet(Make.pool(nodes=4)), Make.workload("b", 8), Make.workload("c", 8, 3))
    assert [one["mode"] for one in free.values()] == ["Fit", "Fit"]


def test_defaults_of_a_limit_range_take_room_and_its_limits_refuse(cli: Cli, write: Write) -> None:
    item = {"type": "Container", "defaultRequest": {"memory": "700Gi"}, "max": {"nvidia.com/gpu": "4"}}
    fleet = Make.fleet(Make.pool(nodes=1), namespaces=[namespace(limitRanges=[{"name": "limits", "limits": [item]}])])
    told = answer(cli, write, fleet, *(Make.workload(name, gpus=1) for name in ("a", "b")), Make.workload("c", gpus=8))
    assert {name: one["mode"] for name, one in told.items()} == {"a": "Fit", "b": "Wait", "c": "Never"}
    assert told["c"]["candidates"][0]["rejections"][0]["reason"] == "LimitRangeViolated"


def test_a_runtime_class_takes_room_of_its_own_on_its_own_nodes(cli: Cli, write: Write) -> None:
    workload = Make.job("sandboxed")
    workload["spec"]["template"]["spec"]["runtimeClassName"] = "gvisor"
    workload["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"] = {"cpu": "4"}
    pool = Make.pool(nodes=2)
    pool["nodes"][0]["labels"] = {"sandbox": "gvisor"}
    one = {"metadata": {"name": "gvisor"}, "overhead": {"podFixed": {"cpu": "61"}}}
    assert answer(cli, write, Make.fleet(pool, runtimeClasses=[one]), workload)["sandboxed"]["mode"] == "Never"
    one["overhead"] = {"podFixed": {"cpu": "60"}}
    assert answer(cli, write, Make.fleet(pool, runtimeClasses=[one]), workload)["sandboxed"]["mode"] == "Fit"
    other = {**one, "scheduling": {"nodeSelector": {"sandbox": "kata"}}}
    assert answer(cli, write, Make.fleet(pool, runtimeClasses=[other]), workload)["sandboxed"]["mode"] == "Never"


def growing(supply: dict[str, Any] | None) -> dict[str, Any]:
    """A fleet of one pool that is full, and can grow."""
    node = {"cpu": "64", "memory": "1Ti", "nvidia.com/gpu": "8"}
    growth = {"maxNodes": 4, "provisionTime": "5m", "node": node}
    pool = Make.pool(nodes=1, used=8, growth=growth)
    return Make.fleet({**pool, **({"supply": supply} if supply else {})})


def test_a_pool_that_was_out_of_stock_is_left_alone_until_it_is_tried_again(cli: Cli, write: Write) -> None:
    work = Make.workload("work", gpus=8)
    assert answer(cli, write, growing(None), work)["work"]["mode"] == "Fit"
    assert answer(cli, write, growing(SUPPLY), work)["work"]["mode"] == "Wait"
    over = {**SUPPLY, "until": "2026-11-22T11:59:59Z"}
    assert answer(cli, write, growing(over), work)["work"]["mode"] == "Fit"


def test_interruptions_that_were_learned_make_spot_dearer(cli: Cli, write: Write) -> None:
    pool = Make.pool(capacityType="Spot", interruptionRatePerHour="0.05")
    work = Make.workload("work", gpus=8, expectedRuntime="10h")

    def risk(pool: dict[str, Any]) -> float:
        parts = answer(cli, write, Make.fleet(pool), work)["work"]["cost"]["parts"]
        return next(float(part["amount"]) for part in parts if part["name"] == "SpotRisk")

    assert risk({**pool, "supply": {"interruptions": 9, "nodeHours": "10"}}) > 2 * risk(pool)


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"namespaces": [namespace(), namespace()]}, "default appears twice in namespaces"),
        (
            {"runtimeClasses": [{"metadata": {"name": "a"}}, {"metadata": {"name": "a"}}]},
            "a appears twice in runtimeClasses",
        ),
        ({"namespaces": [namespace(resourceQuotas=[{"name": "q", "hard": {"pods": "-1"}}])]}, "must not be negative"),
        ({"namespaces": [namespace(limitRanges=[{"name": "l", "limits": [{"type": "Node"}]}])]}, "Container"),
        ({"namespaces": [namespace(quotas=[])]}, "is no field of a fleet file"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(cli: Cli, write: Write, part: dict[str, Any], told: str) -> None:
    said = cli("plan", "-f", write("w.yaml", Make.workload("w")), "--fleet", write("f.yaml", Make.fleet(**part)))
    assert said.code == 1
    assert told in said.err
    assert "f.yaml:" in said.err


@pytest.mark.parametrize(("gpus", "mode"), [(4, "Fit"), (8, "Never")])
def test_a_limit_on_accelerators_is_no_default_for_the_container_that_gets_them(
    cli: Cli, write: Write, gpus: int, mode: str
) -> None:
    """The API server makes a default of every maximum; the child states what its placement gives it."""
    item = {"type": "Container", **{key: {"nvidia.com/gpu": "4"} for key in ("max", "default", "defaultRequest")}}
    fleet = Make.fleet(
        Make.pool(nodes=1, used=4), namespaces=[namespace(limitRanges=[{"name": "l", "limits": [item]}])]
    )
    assert answer(cli, write, fleet, Make.workload("w", gpus=gpus))["w"]["mode"] == mode
