"""At most one candidate leads at any time, and a dead one is replaced."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stellwerk.cluster.lease import now
from tests.faults.candidates import CALM, DURATION, RENEW, RETRY, Race, race
from tests.faults.rules import Answer, DropReply, Fault, Hang, Match
from tests.testbed.plugin import Bed
from tests.testbed.waiting import eventually, holds

LEASE = Match(path="/leases")
RENEWAL = Match(method="PUT", path="/leases/test$")


@pytest.fixture
def election(testbed: Bed, namespace: str) -> Iterator[Race]:
    with race(testbed.kubeconfig, namespace) as held:
        yield held


@pytest.fixture
def calm_election(testbed: Bed, namespace: str) -> Iterator[Race]:
    """For a Lease so long that it cannot lapse by a pause of the machine."""
    with race(testbed.kubeconfig, namespace, CALM) as held:
        yield held


def lease_path(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/test"


def test_one_of_three_who_start_together_leads(calm_election: Race, testbed: Bed) -> None:
    candidates = [calm_election.join(name) for name in "abc"]
    leader = eventually(lambda: [one for one in candidates if one.leads])[0]
    holds(lambda: leader.leads, seconds=2 * DURATION / 3)
    assert [one.told for one in candidates if one is not leader] == [[], []]
    lease = testbed.api.get(lease_path(calm_election.namespace))
    assert lease["spec"]["holderIdentity"] == leader.name
    assert lease["spec"]["leaseDurationSeconds"] == DURATION * CALM


def test_a_leader_who_leaves_hands_over_at_once(calm_election: Race) -> None:
    first = calm_election.join("first")
    eventually(lambda: first.leads)
    second = calm_election.join("second")
    eventually(lambda: second.elector.holder == "first")
    left_at = now()
    first.elector.stop()
    assert first.told == ["started", "stopped"]
    eventually(lambda: second.leads)
    assert second.began - left_at < DURATION * CALM / 2, "the lease was released, not waited for"


@pytest.mark.parametrize("how", ["hangs", "refused", "answers 500", "answers 403"])
def test_a_leader_cut_off_from_the_server_stops_before_the_next_one_leads(election: Race, how: str) -> None:
    first = election.join("first")
    eventually(lambda: first.leads)
    second = election.join("second")
    eventually(lambda: second.elector.holder == "first")
    cut_at = now()
    if how == "refused":
        first.proxy.refuse()
    else:
        effect = {"hangs": Hang(), "answers 500": Answer(500), "answers 403": Answer(403, "Forbidden")}[how]
        first.proxy.inject(Fault(LEASE, effect))
    eventually(lambda: second.leads)
    assert not first.leads
    assert second.began - cut_at > DURATION - RENEW
    eventually(lambda: first.told[-1] == "stopped")
    first.proxy.heal()
    eventually(lambda: first.elector.holder == "second")
    assert second.leads


def test_a_leader_whose_heart_stops_is_replaced_though_its_elector_runs(election: Race) -> None:
    first = election.join("first")
    eventually(lambda: first.leads)
    second = election.join("second")
    first.heart_beats = False
    eventually(lambda: second.leads)
    assert first.elector.alive
    first.heart_beats = True
    holds(lambda: not first.leads, seconds=RENEW)


def test_who_has_no_heartbeat_does_not_start_to_lead(election: Race) -> None:
    first = election.join("first")
    eventually(lambda: first.leads)
    first.heart_beats = False
    eventually(lambda: not first.leads)
    eventually(lambda: first.told[-1] == "stopped")
    holds(lambda: not first.leads, seconds=DURATION)


def test_short_trouble_does_not_end_a_term(calm_election: Race) -> None:
    first = calm_election.join("first")
    eventually(lambda: first.leads)
    for effect in (Answer(500), DropReply(), Answer(409, "Conflict"), Answer(429, retry_after=1)):
        fault = first.proxy.inject(Fault(RENEWAL, effect, times=1))
        eventually(lambda fault=fault: fault.hits == 1)  # type: ignore[misc]
    renewed = len(first.proxy.requests(RENEWAL))
    eventually(lambda: len(first.proxy.requests(RENEWAL)) > renewed)
    assert first.leads
    assert first.told == ["started"]


def test_a_lease_deleted_under_its_holder_does_not_make_two_leaders(election: Race, testbed: Bed) -> None:
    first = election.join("first")
    eventually(lambda: first.leads)
    second = election.join("second")
    eventually(lambda: second.elector.holder == "first")
    first.proxy.inject(Fault(LEASE, Hang()))
    testbed.api.call("DELETE", lease_path(election.namespace))
    eventually(lambda: second.leads)
    assert not first.leads


@pytest.mark.parametrize("year", [1999, 2099])
def test_a_dead_holder_is_judged_by_our_own_clock_whatever_its_own_said(
    election: Race, testbed: Bed, year: int
) -> None:
    spec = {
        "holderIdentity": "dead",
        "leaseDurationSeconds": int(DURATION),
        "renewTime": f"{year}-01-01T00:00:00.000000Z",
        "leaseTransitions": 4,
    }
    body = {"metadata": {"name": "test"}, "spec": spec}
    testbed.api.call("POST", lease_path(election.namespace).rpartition("/")[0], body)
    came_at = now()
    heir = election.join("heir")
    eventually(lambda: heir.leads)
    assert heir.began - came_at >= DURATION
    assert testbed.api.get(lease_path(election.namespace))["spec"]["leaseTransitions"] == 5


def test_who_could_not_stop_its_work_does_not_release_the_lease(election: Race, testbed: Bed) -> None:
    first = election.join("first")
    eventually(lambda: first.leads)

    def fail() -> None:
        raise RuntimeError("a write is still in flight")

    object.__setattr__(first.elector._callbacks, "on_stopped", fail)
    first.elector.stop()
    assert testbed.api.get(lease_path(election.namespace))["spec"]["holderIdentity"] == "first"
    second = election.join("second")
    came_at = now()
    eventually(lambda: second.leads)
    assert now() - came_at >= DURATION - RETRY


REPLICA = """
import sys, time
from pathlib import Path
from stellwerk.cluster.elector import Elector
from stellwerk.cluster.kubeconfig import from_kubeconfig
from stellwerk.cluster.lease import LeaseConfig, now
config = LeaseConfig(sys.argv[2], "test", "frozen", *map(float, sys.argv[3:6]))
elector = Elector(from_kubeconfig([Path(sys.argv[1])]), config)
elector.start()
while True:
    asked = now()
    leads = elector.is_leader()
    print(f"{asked:.6f} {now():.6f} {int(leads)}", flush=True)
    time.sleep(0.005)
"""


@pytest.mark.parametrize("then", ["continued", "killed"])
def test_a_frozen_leader_does_not_lead_when_it_thaws(election: Race, testbed: Bed, tmp_path: Path, then: str) -> None:
    """Like SIGSTOP and a stalled virtual machine: its threads all stand still, and its clock goes on."""
    samples = tmp_path / "samples"
    arguments = [str(testbed.kubeconfig), election.namespace, *map(str, (DURATION, RENEW, RETRY))]
    with samples.open("wb") as out, subprocess.Popen([sys.executable, "-c", REPLICA, *arguments], stdout=out) as frozen:
        try:
            eventually(lambda: samples.read_text().endswith(" 1\n"))
            heir = election.join("heir")
            eventually(lambda: heir.elector.holder == "frozen")
            frozen.send_signal(signal.SIGSTOP)
            eventually(lambda: heir.leads)
            seen = len(samples.read_text().splitlines())
            if then == "continued":
                frozen.send_signal(signal.SIGCONT)
                eventually(lambda: len(samples.read_text().splitlines()) > seen + 200)
        finally:
            frozen.kill()
    rows = [line.split() for line in samples.read_text().splitlines() if line.count(" ") == 2]
    # A sample that the stop fell into was asked before and answered after: only its question counts.
    late = [row for row in rows if float(row[0]) > heir.began and row[2] == "1"]
    assert late == []
    assert sum(row[2] == "1" for row in rows) > 0
    assert heir.leads
