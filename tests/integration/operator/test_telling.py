"""Logs, metrics and probes tell the truth; settings come from the environment and a file."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.proxy import FaultProxy
from tests.integration.operator.replicas import PATIENT, Replicas, scrape, series
from tests.integration.operator.site import Site
from tests.operator_process import Operator
from tests.testbed.waiting import eventually, holds

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def test_every_decision_in_the_log_says_workload_cycle_and_reason(site: Site, replicas: Replicas) -> None:
    site.pool()
    site.workload("train", gpus=8)
    site.placed("train")
    site.workload("late", gpus=8)
    site.waits("late")

    def told() -> dict[str, list[str]]:
        decided = [line for line in replicas.lines() if line.get("event") == "decided"]
        assert decided
        for line in decided:
            assert {"workload", "cycle", "reason", "mode", "level", "timestamp"} <= set(line), line
        ours = {f"{site.name}/{name}": [] for name in ("train", "late")}
        for line in decided:
            if line["workload"] in ours:
                ours[line["workload"]].append(line["reason"])
        return ours if all(ours.values()) else {}

    said = eventually(told)
    assert said[f"{site.name}/train"][-1] == "CheapestFeasible"
    assert said[f"{site.name}/late"][-1] == "CapacityFull"


def test_metrics_tell_of_pools_workloads_cost_and_the_operator_itself(
    fault_site: Site, start: Callable[..., Operator]
) -> None:
    site, operator = fault_site, start()
    eventually(operator.leads)
    pool = site.pool(price={"perNodeHour": "32", "currency": "EUR"})
    site.workload("train", gpus=6)
    cost = site.running("train")["status"]["cost"]["perHour"]
    site.workload("late", gpus=8)
    site.waits("late", "CapacityFull")

    def told() -> str:
        text = scrape(operator.url)
        held = series(text, "stellwerk_pool_accelerators")
        labels = f'capacity_type="Owned",cluster="local",model="H100",pool="{pool}"'
        assert held[f'{{{labels},state="total"}}'] == 8
        assert held[f'{{{labels},state="allocated"}}'] == 6
        assert held[f'{{{labels},state="reserved"}}'] == 0
        assert series(text, "stellwerk_pool_allocation_ratio")[f'{{cluster="local",pool="{pool}"}}'] == 0.75
        where = f'class="Training",currency="EUR",namespace="{site.name}",pool="{pool}"'
        paid = series(text, "stellwerk_namespace_cost_per_hour")[f"{{{where}}}"]
        assert abs(paid - float(cost)) < 1e-6
        assert series(text, "stellwerk_workloads_pending")['{reason="CapacityFull"}'] >= 1
        return text

    text = eventually(told)
    assert 'cluster="local",currency="EUR",pool="' in text
    for name in (
        "stellwerk_cycle_seconds_count",
        "stellwerk_decision_seconds_count",
        "stellwerk_admission_seconds_count",
        "stellwerk_decisions_total",
        "stellwerk_writes_total",
        "stellwerk_leader",
        "stellwerk_build_info",
        "stellwerk_loop_lag_seconds",
    ):
        found = series(text, name)
        assert found, name
        assert name == "stellwerk_loop_lag_seconds" or sum(found.values()) > 0, name
    streams = {"nodes", "pods", "jobs", "aiworkloads", "placementpolicies", "computepools", "tenants"}
    streams |= {"namespaces", "limitranges", "resourcequotas", "runtimeclasses"}
    for name in ("stellwerk_stream_age_seconds", "stellwerk_cached_objects", "stellwerk_stream_lists"):
        assert {labels.partition('kind="')[2].rstrip('"}') for labels in series(text, name)} == streams, name
    assert all(age < 90 for age in series(text, "stellwerk_stream_age_seconds").values())
    assert "train" not in text.replace("Training", ""), "no workload's name is a label"


def test_metrics_are_openmetrics_and_please_promtool(operator: Operator) -> None:
    open_text = eventually(lambda: scrape(operator.url, OPENMETRICS))
    assert open_text.endswith("# EOF\n")
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool on PATH")
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=eventually(lambda: scrape(operator.url)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_probes_answer_in_every_replica(operator: Operator) -> None:
    eventually(lambda: operator.probe("/readyz") == (200, "ok\n"))
    eventually(lambda: operator.probe("/healthz") == (200, "ok\n"))
    eventually(lambda: operator.probe("/nowhere")[0] == 404)


def test_a_standby_is_ready_and_does_not_lead(start: Callable[..., Operator]) -> None:
    first = start(**PATIENT)
    eventually(first.leads)
    second = start(**PATIENT)
    holds(lambda: second.ready() and not second.leads(), seconds=1)
    assert first.leads()


def test_a_silent_stream_fails_liveness_and_nothing_else_does(
    proxy: FaultProxy, proxied: Path, start: Callable[..., Operator]
) -> None:
    # Silence is noticed by the stream itself much sooner; here it may not help itself.
    operator = start(proxied, STREAMS__SILENCE_SECONDS="3600", STREAMS__LIVENESS_SECONDS="3")
    proxy.freeze()

    def dead() -> str:
        code, said = operator.probe("/healthz")
        assert code == 503, said
        assert "is silent for" in said
        return said

    eventually(dead)
    assert operator.probe("/readyz")[0] == 200


def test_settings_come_from_a_file_and_the_environment_wins(start: Callable[..., Operator], tmp_path: Path) -> None:
    file = tmp_path / "stellwerk.yaml"
    file.write_text("cluster: frankfurt\nhttp: {port: 1}\n")
    operator = start(CONFIG=str(file))  # the port of the environment is a free one
    assert not operator.url.endswith(":1")
    kept = 'stellwerk_cached_objects{cluster="frankfurt",kind="nodes"}'
    eventually(lambda: operator.metric(kept) is not None)


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("LEASE__DURATION_SECONDS", "3", "duration_seconds"),
        ("BATCH__TICK_SECONDS", "soon", "tick_seconds"),
        ("WRITES__TIMEOUT_SECONDS", "30", "timeout_seconds"),
    ],
)
def test_a_bad_setting_is_named_and_nothing_starts(tmp_path: Path, variable: str, value: str, named: str) -> None:
    replica = Operator(tmp_path / "none.yaml", tmp_path, {variable: value})
    replica.start(wait=False)
    eventually(lambda: not replica.alive())
    assert named in replica.tail()
    assert replica.stop() == os.EX_CONFIG


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    replica = Operator(tmp_path / "none.yaml", tmp_path)
    replica.start(wait=False)
    eventually(lambda: not replica.alive())
    assert "none.yaml" in replica.tail()
    assert replica.stop() == os.EX_CONFIG
