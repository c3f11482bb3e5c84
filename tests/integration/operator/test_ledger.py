"""The ledger on a real control plane: what nodes cost is shared out to the last micro-unit, also across a restart."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stellwerk.cli.ledgersource import Account, Source, read
from stellwerk.economics.ledger.facts import HOUR, Entry
from stellwerk.economics.ledger.report import Question, node_bill, sums
from tests.faults.proxy import FaultProxy
from tests.faults.rules import Call, Fault, Match
from tests.integration.operator.conftest import Ground
from tests.integration.operator.objects import condition
from tests.integration.operator.replicas import UNELECTED
from tests.integration.operator.site import MERGE, Site
from tests.operator_process import NAMESPACE, Operator
from tests.testbed.waiting import eventually

EAGER = {
    "LEDGER__WRITE_SECONDS": "1",
    "LEDGER__EXTEND_SECONDS": "5",
    "LEDGER__STATUS_SECONDS": "1",
    "LEDGER__PAGE_BYTES": "2000",
}
"""Pages are small and written often: several are full within a test."""

PER_HOUR = 36_000_000


@pytest.fixture
def config(ground: Ground, tmp_path: Path) -> Path:
    """The kubeconfig of an administrator."""
    path = tmp_path / "admin.yaml"
    path.write_text(ground.cluster.kubectl("config", "view", "--raw", "--flatten"))
    return path


def booked(account: Account, pool: str) -> list[Entry]:
    mine = [entry for entry in account.entries if entry.node.startswith(f"{pool}-")]
    return sorted(mine, key=lambda entry: (entry.uid, entry.start))


def stir(site: Site, pool: str) -> None:
    """Let something happen to a node and a pod: the ledger counts up to when it last heard of both."""
    body = {"metadata": {"annotations": {"example.com/stirred": uuid.uuid4().hex}}}
    site.api.call("PATCH", f"/api/v1/nodes/{pool}-0", body, MERGE)
    for pod in site.list("pods")[:1]:
        site.api.call("PATCH", f"/api/v1/namespaces/{site.name}/pods/{pod['metadata']['name']}", body, MERGE)


def seconds_of(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def of_workload(source: Source, pool: str, name: str, since: int) -> bool:
    """Whether something of a workload is booked after a moment."""
    entries = (entry for entry in booked(read(source), pool) if entry.end > since)
    assert any(line.party.workload == name for entry in entries for line in entry.lines), f"nothing of {name} yet"
    return True


def bound_at(site: Site, name: str) -> int:
    site.running(name)
    [pod] = site.pods(name)
    return seconds_of(condition(pod, "PodScheduled")["lastTransitionTime"])


def test_what_nodes_cost_is_shared_out_exactly_also_across_a_crash_of_the_operator(
    fault_site: Site, start: Callable[..., Operator], config: Path
) -> None:
    site, source = fault_site, Source(config, None, NAMESPACE, None)
    tenant = {"apiVersion": "stellwerk.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": site.name}}
    site.kubectl("apply", "-f", "-", stdin=json.dumps({**tenant, "spec": {"namespaces": [site.name]}}))
    first = start(**EAGER, **UNELECTED)
    eventually(first.leads)
    pool = site.pool(nodes=2, price={"perNodeHour": "36", "currency": "EUR"})

    def is_booked(name: str, since: int) -> bool:
        stir(site, pool)
        return of_workload(source, pool, name, since)

    def is_free() -> bool:
        stir(site, pool)
        ends = {entry.uid: entry for entry in booked(read(source), pool)}
        assert {len(entry.lines) for entry in ends.values()} == {0, 1}
        return True

    site.workload("train", gpus=4)
    bound = bound_at(site, "train")
    eventually(lambda: is_booked("train", bound))
    first.kill()
    second = start(**EAGER, **UNELECTED)
    eventually(second.leads)
    site.workload("more", gpus=8)
    later = bound_at(site, "more")
    eventually(lambda: is_booked("train", later) and is_booked("more", later))
    site.delete("aiworkloads", "train")
    eventually(is_free)
    entries = booked(read(source), pool)
    check_partition(site, entries)
    begun = {line.party.workload: entry.start for entry in reversed(entries) for line in entry.lines}
    assert begun == {"train": bound, "more": later}
    shares = {(line.party.workload, line.accelerators) for entry in entries for line in entry.lines}
    assert shares == {("train", 4000), ("more", 8000)}
    check_answers(site, config, pool, entries)


def check_partition(site: Site, entries: list[Entry]) -> None:
    """From its creation on each second of each node is booked once, and all parts are its price times its time."""
    nodes = {node["metadata"]["uid"]: node for node in site.api.get("/api/v1/nodes")["items"]}
    bill = 0
    for uid in {entry.uid for entry in entries}:
        mine = [entry for entry in entries if entry.uid == uid]
        assert [one.start for one in mine[1:]] == [one.end for one in mine[:-1]], "a second is lost or doubled"
        assert mine[0].start == seconds_of(nodes[uid]["metadata"]["creationTimestamp"])
        declared = next(
            entry for entry in mine if entry.billing.price is not None
        )  # before that its price is not known
        bill += PER_HOUR * (mine[-1].end - declared.start)
    assert node_bill(entries, 0, 2**40) == {"EUR": bill}
    assert sum(one.amount for one in sums(entries, (), Question(0, 2**40, ("workload",))).values()) == bill


def check_answers(site: Site, config: Path, pool: str, entries: list[Entry]) -> None:
    """The command line and the status of the tenant say the same."""
    shown = cost(config, "show", "--by", "pool,workload", "-o", "json")
    rows = [row for row in shown["rows"] if row["pool"] == pool]
    assert {row["kind"] for row in rows} >= {"Work", "Idle"}
    assert {row["workload"] for row in rows if row["kind"] == "Work"} == {f"{site.name}/train", f"{site.name}/more"}

    def is_told() -> bool:
        status: dict[str, Any] = site.config("tenants", site.name).get("status", {})
        assert condition({"status": status}, "Accepted")["status"] == "True"
        assert condition({"status": status}, "Consistent")["reason"] == "Consistent"
        month = next(one for one in status.get("spend", ()) if (one["period"], one["currency"]) == ("Month", "EUR"))
        spent = sum(line.rate * entry.seconds for entry in entries for line in entry.lines) / HOUR / 1e6
        assert float(month["amount"]) >= round(spent, 2) > 0
        return True

    eventually(is_told)


def cost(config: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "stellwerk.cli.main", "cost", *arguments, "--kubeconfig", str(config)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


@pytest.mark.timeout(1500)
def test_a_kill_at_each_write_of_a_page_loses_and_doubles_no_second(
    fault_site: Site, proxy: FaultProxy, proxied: Path, start: Callable[..., Operator], config: Path
) -> None:
    site, source = fault_site, Source(config, None, NAMESPACE, None)
    operator = start(proxied, **EAGER, **UNELECTED)
    pool = site.pool(nodes=2, price={"perNodeHour": "36", "currency": "EUR"})
    site.workload("train", gpus=4)
    bound = bound_at(site, "train")
    for when in ("before", "committed", "after", "committed"):
        fault = proxy.inject(
            Fault(Match(write=True, path="/configmaps"), Call(lambda _: operator.kill(), when), times=1)
        )

        def is_dead(fault: Fault = fault) -> bool:
            stir(site, pool)
            return bool(fault.hits) and not operator.alive()

        eventually(is_dead)
        proxy.heal()
        operator.start()
    again = int(time.time())

    def is_booked() -> bool:
        stir(site, pool)
        return of_workload(source, pool, "train", again)

    eventually(is_booked)
    entries = booked(read(source), pool)
    check_partition(site, entries)
    mine = [(entry.start, entry.end) for entry in entries for line in entry.lines if line.party.workload == "train"]
    assert mine[0][0] == bound
    assert [start for start, _ in mine[1:]] == [end for _, end in mine[:-1]], (
        "it ran all the time, and pays for all of it"
    )
